#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Endpoints that miss prunes: away, put back to an older copy, new, taken out of
# the configuration and put in again, and ones that let nothing be deleted. No
# backup that was removed comes back, none that is kept is lost, and in the end
# all hold the same.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/crash.sh"
. "$TOP/tests/lib/endpoints.sh"
. "$TOP/tests/lib/retention.sh"
need_tools

plain_branch 'prune-grace = 0s
removal-floor = 0
removal-limit = 100 %'
printf 'zone = UTC\nkeep = 2 daily\n' >>"$CONF"
init_repository

# A day's work, a backup, a prune; what the day before had alone goes with it.
live() { # live DAYS-AGO STATUS DESCRIPTION
	rm -f "$T"/files/cd/*
	plain_change "day$1"
	at "$1" backup --type daily
	exits "$2" "$3: a backup"
	id=$(json .backup.id)
	at "$1" prune
	exits "$2" "$3: a prune"
}
# in_the_end WHAT ENDPOINT…: in the days that follow, and with nothing new
in_the_end() {
	local what=$1 days
	shift
	for days in 15 13 11; do # a day, and what is gone is forgotten
		at $days prune
		[ "$status" = 0 ] || fail "$what: a prune later" "$err"
	done
	json_is '[.prune.endpoints[].left] | add' 0 "$what: nothing is left to be deleted"
	json_is '.prune.packs_removed' 0 "$what: and nothing turns up"
	trij list
	is "$(json '.backups[].id')" "$kept" "$what: the two that were kept are there, and no other"
	same_at "$@" "$what"
	only_needed_at "$@" "$what"
	tri verify --depth data
	exits 0 "$what: all is whole"
	rm -rf "$T/back"
	tri restore latest --to-dir "$T/back"
	ok "$what: the newest comes back" diff -r "$T/files" "$T/back/filestore"
}
two_days() { # two_days STATUS DESCRIPTION: of each of which a backup is removed
	live 17 "$1" "$2"
	kept=$id
	live 16 "$1" "$2"
	kept=$id$'\n'$kept
}

for i in 20 19 18; do live $i 0 "$i days ago"; done
keep_ground

# --- away --------------------------------------------------------------------
for first in prune sync "backup --type daily"; do
	put_ground_back
	mv "$T/waw" "$T/waw.away"
	two_days 3 "waw is away"
	json_is '.prune.endpoints | "\(.fra.reached) \(.waw.reached)"' "true false" \
		"and JSON says which"
	like "$(json .prune.endpoints.waw.error)" "waw" "with the reason"
	json_is '.prune.endpoints | "\(.fra.left) \(.waw.left > 3)"' "0 true" \
		"and how much is still to go there"
	mv "$T/waw.away" "$T/waw"
	# shellcheck disable=SC2086
	at 16 $first
	ok "waw is back, and the first is: $first" test "$status" = 0 -o "$status" = 3
	case $first in # which takes the day's place
	backup*) kept=$(json .backup.id)$'\n'${kept#*$'\n'} ;;
	esac
	at 16 sync
	exits 0 "sync"
	in_the_end "waw was away, first: $first" fra ams waw
done

# The first one that a lost state is rebuilt from missed the removals.
put_ground_back
mv "$T/fra" "$T/fra.away"
two_days 3 "fra is away"
mv "$T/fra.away" "$T/fra"
rm -rf "$T/state"
trij list
is "$(json '.backups[].id')" "$kept" \
	"local state is lost, and rebuilt with an endpoint that missed two prunes"
at 16 sync
exits 0 "sync"
in_the_end "fra was away, and state lost" fra ams waw

# --- all of them ---------------------------------------------------------------
put_ground_back
for i in $ENDPOINTS; do mv "$T/$i" "$T/$i.away"; done
at 17 prune
exits 1 "no endpoint answers"
json_is .error.kind network "of what kind"
like "$(json .error.message)" "no endpoint answers" "and that is said"
trij list
json_is '.backups | length' 2 "nothing is removed"
for i in $ENDPOINTS; do mv "$T/$i.away" "$T/$i"; done

# --- an older copy -------------------------------------------------------------
put_ground_back
cp -a "$T/fra" "$T/fra.old"
two_days 0 "a copy of fra was put aside"
rm -rf "$T/fra"
mv "$T/fra.old" "$T/fra"
at 16 prune
ok "a prune with fra as it was two prunes ago" test "$status" = 0 -o "$status" = 3
at 16 sync
ok "sync" test "$status" = 0 -o "$status" = 3
in_the_end "fra was rolled back" fra ams waw

# --- new, out and in again -----------------------------------------------------
put_ground_back
sed -i "s|^\[branch production\]|[endpoint ber]\nurl = file://$T/ber\n\n&|" "$CONF"
at 17 prune
exits 3 "a fourth endpoint that is not there yet"
like "$(json .prune.endpoints.ber.error)" "ber" "is named"
at 17 init
exits 0 "init makes it"
two_days 0 "with a new endpoint"
at 16 sync
exits 0 "sync"
in_the_end "a new endpoint" fra ams waw ber

put_ground_back
rm -rf "$T/ber"
cp "$CONF" "$T/with-waw.conf"
awk '/^\[/ { skip = $0 == "[endpoint waw]" } !skip' "$T/with-waw.conf" >"$CONF"
two_days 0 "without waw in the configuration"
at 15 prune
exits 0 "a day later, when all is forgotten"
cp "$T/with-waw.conf" "$CONF"
at 15 prune
ok "waw is in the configuration again" test "$status" = 0 -o "$status" = 3
at 15 sync
exits 0 "sync"
in_the_end "waw was out of the configuration" fra ams waw

# --- a manifest that nobody can read -------------------------------------------
put_ground_back
before=$(for i in $ENDPOINTS; do object_sums "$i"; done)
junk=backups/20260101T000000Z-deadbeef
head -c 3000 /dev/urandom >"$T/ams/$junk"
rm -f "$T"/files/cd/*
at 17 prune --force
exits 8 "an endpoint lists what can't be read"
like "$(json .error.message)" "ams.*deadbeef" "endpoint and backup are named"
rm "$T/ams/$junk"
is "$(for i in $ENDPOINTS; do object_sums "$i"; done)" "$before" "nothing was deleted anywhere"
cp "$T/ams/config" "$T/ams/$junk"
at 17 verify --repair
exits 0 "verify --repair takes it away"
at 17 prune
exits 0 "and the next prune goes on"

# --- nothing may be deleted ------------------------------------------------------
start_services sftp
if [ ! -e "$T/sftp.env" ]; then
	skip "$(tail -n 1 "$T/sftp.said")" "a login that may not delete"
	tap_done
	exit
fi
# shellcheck source=/dev/null
. "$T/sftp.env"
put_ground_back
must keeper_key
far() { # far LINE…: of an endpoint at the SFTP server
	{
		printf '\n[endpoint far]\nurl = %s\nknown-hosts = %s\n' "$SFTP_URL" \
			"$SFTP_KNOWN_HOSTS"
		printf '%s\n' "$@" ''
		cat "$T/with-waw.conf"
	} | awk '/^\[repository\]/ { r = 1 } /^\[/ && $0 != "[repository]" { r = 0 }
		r { head = head $0 "\n"; next } { tail = tail $0 "\n" }
		END { printf "%s%s", head, tail }' >"$CONF"
}
far "identity = $T/keeper"
at 18 init
exits 0 "an endpoint whose login may write, and not delete"
at 18 sync
exits 0 "sync"
rm -f "$T"/files/cd/*
plain_change day17
at 17 backup --type daily
exits 0 "a backup"
at 17 prune
exits 3 "a prune"
like "$err" 'far.*(delete-access-key|delete-identity|delete-user)' \
	"and what to set is named"
json_is '.prune.endpoints | "\(.fra.left) \(.fra.error) \(.far.left > 0) \(.far.backups_removed)"' \
	"0 null true 0" "all others are pruned, and that one is not"
like "$(json .prune.endpoints.far.error)" "far" "its error is in JSON"
at 17 backup --type daily
exits 0 "backups go on"
far "identity = $T/keeper" "delete-identity = $SFTP_STRANGER"
at 17 prune
exits 3 "a login for deleting that is not let in"
json_is '.prune.endpoints.far.left > 0' true "deletes nothing"
far "identity = $T/keeper" "delete-identity = $SFTP_IDENTITY"
at 17 prune
exits 0 "with a login that may"
json_is '[.prune.endpoints[].left] | add' 0 "the next prune finishes"
objects_of() { (cd "$1" && find . -type f -not -path './.tmp~/*' -print0 | sort -z | xargs -0 sha256sum); }
is "$(objects_of "$SFTP_ROOT")" "$(objects_of "$T/fra")" "and it holds what the others do"
tap_done
