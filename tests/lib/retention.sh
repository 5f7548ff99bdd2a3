# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # the scenarios use what is set here, and it
# uses what scenario.sh sets
# Days that lie in the past, what the rule says of them, and the question whether
# an endpoint holds what its backups need and nothing else. Sourced after
# scenario.sh.
DAY=86400

# at DAYS COMMAND…: so many days ago, or, with a minus, from now
at() {
	local days=$1
	shift
	run timeout "${AT_SECONDS:-60}" env \
		TRIPLICATE_CLOCK_OFFSET=$((-days * DAY)) "$TRIPLICATE" \
		-c "$CONF" --json "$@"
}

# --- endpoints ---------------------------------------------------------------
NEEDED=$TOP/build/release/tests/tools/needed
need_tools() {
	[ -x "$NEEDED" ] || skip_all "tests/tools is not built: make services"
}

# Packs and index objects that an endpoint's backups need, and those it holds
needed_at() { "$NEEDED" "$T/agent.key" "$T/$1" | sort -u; }
held_at() {
	(cd "$T/$1" && find packs index -type f | sort)
}

# only_needed_at ENDPOINT… WHAT: each lists nothing that no backup of its own needs,
# and all that one does
only_needed_at() {
	local what=${!#} endpoint
	for endpoint in "${@:1:$#-1}"; do
		is "$(held_at "$endpoint")" "$(needed_at "$endpoint")" \
			"$what: $endpoint holds what its backups need, and no more"
	done
}

# same_at ENDPOINT… WHAT: the same objects with the same bytes at all of them
same_at() {
	local what=${!#} first=$1 endpoint
	for endpoint in "${@:2:$#-2}"; do
		is "$(object_sums "$endpoint")" "$(object_sums "$first")" \
			"$what: $endpoint holds what $first does"
	done
}

# --- the rule ----------------------------------------------------------------
# keepers DAYS DAILY WEEKLY MONTHLY: what is left, a date a line, newest first,
# after one backup on each of DAYS days up to today, pruned each day. Written
# from the rule's words (DESIGN 3.7) and nothing else. BEGUN: today's time.
keepers() {
	perl -MPOSIX=strftime -e '
		my ($days, @slots) = @ARGV;
		my @left;	# day numbers, newest first
		my $today = int(($ENV{BEGUN} // time) / 86400);
		my $name = sub { strftime($_[1], gmtime($_[0] * 86400)) };
		# The newest periods of those before $before, but for periods
		# that hold a kept day; of each the newest, or the oldest, day.
		my $take = sub {
			my ($n, $format, $oldest, $before, $kept) = @_;
			my %taken = map { $name->($_, $format) => 1 } keys %$kept;
			my (%of, @order);
			for my $day (grep { $_ < $before } @left) {
				my $period = $name->($day, $format);
				next if $taken{$period};
				push @order, $period unless exists $of{$period};
				$of{$period} = $day
				    if $oldest || !exists $of{$period};
			}
			return map { $of{$_} } @order[0 .. ($n < @order ? $n : @order) - 1];
		};
		my $oldest_of = sub { (sort { $a <=> $b } keys %{$_[0]})[0] };
		for my $day ($today - $days + 1 .. $today) {
			unshift @left, $day;
			my %kept = map { $_ => 1 } @left[0 .. ($slots[0] < @left ? $slots[0] : @left) - 1];
			$kept{$_} = 1 for $take->($slots[1], "%G-%V", 0, $oldest_of->(\%kept), \%kept);
			$kept{$_} = 1 for $take->($slots[2], "%Y-%m", 1, $oldest_of->(\%kept), \%kept);
			@left = grep { $kept{$_} } @left;
		}
		print $name->($_, "%F"), "\n" for @left;
	' "$@"
}

# The days of the backups that the last run listed, newest first
days_listed() { json '.backups[].started[:10]'; }
