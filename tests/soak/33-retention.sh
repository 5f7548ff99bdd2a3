#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 140 days of daily backups of a database and a filestore that change each day,
# pruned each day, under the policy of a production branch: after every prune
# exactly the days are left that the rule's words say (tests/lib/retention.sh has
# them once more); in the end fourteen, each comes back byte for byte, every
# endpoint holds the same and nothing that no backup needs, and the audit finds
# all slots filled. Then some days under libfaketime, where there is one.
# SOAK=short: 30 days of a smaller policy.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/retention.sh"
need_tools
need_postgres
if [ "${SOAK:-full}" = short ]; then
	days=30 keep='4 daily, 2 weekly, 1 monthly' slots=(4 2 1) faked=11
else
	days=140 keep='7 daily, 4 weekly, 3 monthly' slots=(7 4 3) faked=20
fi
nslots=$((slots[0] + slots[1] + slots[2])) # all filled from the 132nd day on
left=$(keepers $days "${slots[@]}" | wc -l)
export SAMPLE_ROWS=300 SAMPLE_FILES=8 SAMPLE_MB=1

new_repository() { # new_repository KEEP
	rm -rf "$T/state" "$T/agent.key" "$T/restore.key" "$T/as-of"
	for endpoint in $ENDPOINTS; do rm -rf "${T:?}/$endpoint"; done
	write_conf
	sed -i "/^stage = production/a schedule = 02:30 UTC\nzone = UTC\nkeep = $1" "$CONF"
}

# --- a day -------------------------------------------------------------------
# Each day begins at the same time of day as the campaign did, however long the
# days before it took, and lasts as long as what is done in it.
begun=$(date +%s)
day_begins() { # day_begins DAYS-AGO
	offset=$((begun - $1 * DAY - $(date +%s)))
}
now() { # now COMMAND…: on that day
	run timeout 120 "${clock[@]}" "$TRIPLICATE" -c "$CONF" --json "$@"
}
by_offset() { clock=(env "TRIPLICATE_CLOCK_OFFSET=$offset"); }
by_faketime() { clock=(faketime -f "${offset}s"); }

# Everything of the branch, in files: what pg_dump says, what COPY says of each
# table, the filestore, the logs.
keep_as_of() { # keep_as_of FOLDER
	mkdir -p "$1/rows"
	dump "${DB}_main" >"$1/dump"
	sql "${DB}_main" "SELECT format('\copy %I.%I %s TO ''%s/%s''', nspname,
		relname, (SELECT '(' || string_agg(quote_ident(attname), ', '
			ORDER BY attnum) || ')' FROM pg_attribute
			WHERE attrelid = c.oid AND attnum > 0
			AND NOT attisdropped AND attgenerated = ''), '$1/rows', c.oid)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind = 'r' AND nspname !~ '^(pg_|information_schema)'" |
		psql -X -q -v ON_ERROR_STOP=1 -d "${DB}_main" -f - || return 1
	cp -a "$T/filestore/main" "$1/filestore"
	rm -rf "$1/filestore/checklist"
	cp -a "$T/logs" "$1/logs"
}
# dump DATABASE: schema and rows, without what differs from dump to dump; its
# lines are sorted, since rows lie as they come
dump() {
	pg_dump --no-owner "$1" |
		grep -Ev '^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config|$)' |
		sort
}
file_contents() { (cd "$1" && find . -type f -exec md5sum {} + | sort -k 2); }
contents() { md5sum "$@" | cut -d' ' -f1 | sort; }

bad=      # what went wrong in days, a line each
changes=0 # days of work so far
live_a_day() { # live_a_day DAYS-AGO DAYS-OF-HISTORY SLOT…
	local ago=$1 history=$2 kept id
	shift 2
	day_begins "$ago"
	"$set_clock"
	changes=$((changes + 1))
	must change_branch $changes
	rm -rf "$T/as-of/now"
	must keep_as_of "$T/as-of/now"
	now backup production --type daily
	[ "$status" = 0 ] || bad+="day $ago: backup ends with $status: $err"$'\n'
	id=$(json '.backup.id // "none"')
	mv "$T/as-of/now" "$T/as-of/$id"
	now prune
	[ "$status" = 0 ] || bad+="day $ago: prune ends with $status: $err"$'\n'
	now list
	kept=$(BEGUN=$((begun - ago * DAY)) keepers "$history" "$@")
	[ "$(days_listed)" = "$kept" ] ||
		bad+="day $ago: $(days_listed | tr '\n' ' ')are left, not $kept"$'\n'
	for id in "$T/as-of"/*; do
		grep -q "${id##*/}" "$T/out" || rm -rf "$id"
	done
}

# --- what is left ------------------------------------------------------------
# comes_back ID: from all endpoints, into files and into a new database
comes_back() {
	local was=$T/as-of/$1 back=$T/back
	rm -rf "$back"
	dropdb --if-exists "${DB}_back"
	must createdb --template=template0 --encoding=UTF8 --lc-collate=C "${DB}_back"
	"${clock[@]}" "$TRIPLICATE" -c "$CONF" restore "$1" --to-dir "$back" \
		>"$T/out" 2>"$T/err" || return 1
	file_contents "$was/filestore" >"$T/files.was"
	file_contents "$back/filestore" | diff "$T/files.was" - || return 1
	file_contents "$was/logs" >"$T/logs.was"
	file_contents "$back/logs" | diff "$T/logs.was" - || return 1
	contents "$was"/rows/* >"$T/rows.was"
	contents "$back"/database/*.copy | diff "$T/rows.was" - || return 1
	psql -X -q -d "${DB}_back" -f "$back/database/restore.sql" >"$T/sql" 2>&1 || {
		cat "$T/sql"
		return 1
	}
	dump "${DB}_back" | diff "$was/dump" -
}

# all_is_as_it_should WHAT: now that the grace is over for everything
all_is_as_it_should() {
	local id first=${ENDPOINTS%% *}
	at -3 prune
	exits 0 "$1: a prune when the grace is over"
	json_is '.prune.remove | length' 0 "$1: no backup goes with it"
	json_is .prune.waiting.packs 0 "$1: no pack waits"
	json_is '[.prune.endpoints[].left] | add' 0 "$1: and nothing is still to be deleted"
	# shellcheck disable=SC2086
	only_needed_at $ENDPOINTS "$1"
	# shellcheck disable=SC2086
	same_at $ENDPOINTS "$1"
	tri verify --depth data
	exits 0 "$1: all of it is whole"
	for id in $(cd "$T/as-of" && ls); do
		ok "$1: $id comes back byte for byte" comes_back "$id"
	done
	rm -rf "$T/bare"
	mkdir "$T/bare"
	run "$TRIPLICATE" recover --from "file://$T/$first" --key "$T/restore.key" \
		-o "$T/bare/triplicate.conf"
	exits 0 "$1: a bare machine recovers from $first"
	run "$TRIPLICATE" -c "$T/bare/triplicate.conf" --json list
	is "$(days_listed)" "$days_left" "$1: and lists the same days"
	run "$TRIPLICATE" -c "$T/bare/triplicate.conf" verify --depth data
	exits 0 "$1: which are whole there"
}

must make_branch
new_repository "$keep"
set_clock=by_offset
day_begins $((days - 1))
by_offset
now init
exits 0 "a repository, $days days ago"
for ((i = days - 1; i >= 0; i--)); do
	live_a_day "$i" $((days - i)) "${slots[@]}"
done
is "$bad" "" "$days days of backups and prunes: after each, what the rule says is left"
now list
days_left=$(days_listed)
json_is '.backups | length' "$left" "$left are left"
json_is '[.backups[] | select(.state == "complete" and .keep.reason != "")] | length' \
	"$left" "each complete, and with its reason"
is "$(find "$T/as-of" -mindepth 1 -maxdepth 1 | wc -l)" "$left" "those whose days were kept"
now audit --format json
exits 0 "the audit of today"
json_is .audit.ok true "all is well"
json_is '.audit.branches.production | "\(.present) of \(.expected)"' \
	"$left of $nslots" "$left of $nslots slots are filled"
json_is '.audit.branches.production.missing | map(select(.young | not)) | length' 0 \
	"none is missing but for youth"
json_is '[.audit.endpoints[].whole] | unique | join(" ")' "$left" \
	"and all are whole at every endpoint"
all_is_as_it_should "in the end"

# --- under libfaketime ---------------------------------------------------------
if ! command -v faketime >/dev/null; then
	skip "faketime is not installed" "days under libfaketime"
	tap_done
	exit
fi
set_clock=by_faketime
new_repository '3 daily, 1 weekly'
day_begins $((faked - 1))
by_faketime
now init
exits 0 "libfaketime: a repository, $faked days ago"
for ((i = faked - 1; i > 0; i--)); do
	live_a_day "$i" $((faked - i)) 3 1 0
done
is "$bad" "" "libfaketime: $((faked - 1)) days of backups and prunes"

# What waits for a time, and what is locked
mv "$T/waw" "$T/waw.away"
live_a_day 0 "$faked" 3 1 0
is "$(grep -c 'ends with 3: .*waw' <<<"$bad")" 2 \
	"libfaketime: a day with waw away ends in time, and says so"
is "$(grep -vc 'ends with 3: .*waw\|^$\|^ *hint:' <<<"$bad")" 0 \
	"libfaketime: and nothing else is wrong"
mv "$T/waw.away" "$T/waw"
TRIPLICATE_PAUSE_AT='files read' TRIPLICATE_PAUSE_FILE=$T/held \
	"${clock[@]}" "$TRIPLICATE" -c "$CONF" backup production --type daily \
	>"$T/first.out" 2>"$T/first.err" &
first=$!
for ((i = 0; i < 150; i++)); do
	[ -e "$T/held" ] && break
	sleep 0.2
done
now backup production
exits 5 "libfaketime: two backups at once: the second is refused"
now prune
exits 0 "libfaketime: a prune beside a backup"
rm -f "$T/held"
wait "$first"
is $? 0 "libfaketime: the backup goes on and ends"
id=$(grep -o '[0-9]*T[0-9]*Z-[0-9a-f]*' "$T/first.out" | head -n 1)
mkdir -p "$T/as-of"
must keep_as_of "$T/as-of/$id"
now prune
exits 0 "libfaketime: one behind it"
now list
days_left=$(days_listed)
for id in "$T/as-of"/*; do
	grep -q "${id##*/}" "$T/out" || rm -rf "$id"
done
now audit --format json
exits 0 "libfaketime: the audit"
json_is .audit.ok true "libfaketime: all is well"
json_is '.audit.branches.production | "\(.present) of \(.expected)"' "4 of 4" \
	"libfaketime: all slots are filled"
all_is_as_it_should "libfaketime"
tap_done
