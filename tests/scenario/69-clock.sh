#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The clock is a year off, back or ahead, between backups and set right again:
# the newest is the one that was made last, nothing waits for a year to pass,
# and what retention can't count is said.
. "$(dirname "$0")/../lib/scenario.sh"

YEAR=31536000
plain_branch
init_repository
backup
exits 0 "a backup"
first=$id
keep_all

at() { # at SECONDS COMMAND…: with the clock off by so many
	local offset=$1
	shift
	run timeout 60 env TRIPLICATE_CLOCK_OFFSET="$offset" "$TRIPLICATE" -c "$CONF" \
		--json "$@"
	[ "$1" != backup ] || id=$(json '.backup.id // empty')
}
ids() { json '[.backups[].id] | join(" ")'; }
uncounted() {
	like "$(json '.backup.warnings | join("\n")')" "retention won't count it" "$1"
}

# --- back ------------------------------------------------------------------------
plain_change one
at -$YEAR backup
exits 0 "a year back: a backup, without waiting"
uncounted "a year back: a warning says that it won't be counted"
second=$id
ok "a year back: its id says so, too" [ "${second%%T*}" -lt "${first%%T*}" ]
trij list
is "$(ids)" "$second $first" "a year back: list has it first, as it was made last"
rm -rf "$T/back"
tri restore latest --to-dir "$T/back"
exits 0 "a year back: restore latest"
is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" "is of that one"
at -$YEAR status
exits 0 "a year back: status"
trij status
json_is .status.verdict at-risk "set right: another one is young enough"
plain_change two
backup
exits 0 "set right: the next backup"
is "$(json '.backup.warnings | length')" 0 "set right: which counts again"
trij list
is "$(ids)" "$id $second $first" "set right: in order"
trij status
json_is '.status.verdict' at-risk "set right: as before"
tri verify --depth data
exits 0 "all is whole"

# --- ahead -----------------------------------------------------------------------
put_back
plain_change one
at $YEAR backup
exits 0 "a year ahead: a backup"
ahead=$id
at $YEAR status
exits 0 "a year ahead: status"
trij status
json_is .status.verdict at-risk "set right: not safe by a backup of next year"
like "$(json '.status.reasons | join("\n")')" "in the future" "set right: says why"
plain_change two
run timeout 60 "$TRIPLICATE" -c "$CONF" --json backup
id=$(json '.backup.id // empty')
exits 0 "set right: the next backup does not wait for a year"
uncounted "set right: and says that retention won't count it"
trij list
is "$(ids)" "$id $ahead $first" "set right: list has it first"
rm -rf "$T/back"
tri restore latest --to-dir "$T/back"
is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" \
	"set right: latest is the one made last"
tri sync
exits 0 "sync"
tri verify
exits 0 "all is whole"

put_back
at $((3 * 86400)) status
json_is .status.verdict unsafe "a clock three days ahead: the newest is too old"

# --- who writes --------------------------------------------------------------------
# A take-over is known by its number, not by its time.
put_back
mkdir "$T/second"
sed "s|$T/state|$T/second/state|;s|$T/agent.key|$T/second/agent.key|" "$CONF" \
	>"$T/second/from.conf"
run env TRIPLICATE_CLOCK_OFFSET=-$YEAR "$TRIPLICATE" -c "$T/second/from.conf" \
	recover --from ams --from fra --from waw --key "$T/restore.key" \
	--state "$T/second/state" -o "$T/second/triplicate.conf" --take-over
exits 0 "a take-over by a machine that is a year behind"
backup
exits 5 "stops the other all the same"
put_back
rm -rf "$T/state"
at -$YEAR backup
exits 0 "state lost and the clock a year back: it goes on"
plain_change three
backup
exits 0 "and on, when it is set right"
is "$(numbers_taken_twice)" "" "no number is taken twice"
tap_done
