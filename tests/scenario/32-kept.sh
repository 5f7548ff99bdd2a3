#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Ten days of backups: list says which of them retention keeps, until when and
# why, and status when the next one is due. Nothing is removed.
. "$(dirname "$0")/../lib/scenario.sh"

DAY=86400
plain_branch
printf 'schedule = 02:30 UTC\nzone = UTC\nkeep = 2 daily, 1 weekly\n' >>"$CONF"
init_repository

at() { # at DAYS COMMAND…: so many days ago
	local days=$1
	shift
	run timeout 60 env TRIPLICATE_CLOCK_OFFSET=-$((days * DAY)) "$TRIPLICATE" \
		-c "$CONF" --json "$@"
	[ "$1" != backup ] || id=$(json '.backup.id // empty')
}
reason() { # reason ID: "true REASON" or "false REASON"
	json '.backups[] | select(.id == "'"$1"'") | "\(.keep.keeps) \(.keep.reason)"'
}

for ((i = 9; i >= 0; i--)); do
	plain_change "day$i"
	at "$i" backup --type daily
	exits 0 "a daily backup, $i days ago"
	ids[i]=$id
done
trij list
exits 0 "list"
json_is '.backups | length' 10 "ten backups"
json_is '[.backups[] | select(.keep.keeps)] | length' 3 "three of them stay"
like "$(reason "${ids[0]}")" '^true daily 1 of 2: newest backup of 20.*always stays$' \
	"the newest is of a day"
like "$(reason "${ids[1]}")" '^true daily 2 of 2: ' "that of yesterday as well"
json_is '[.backups[] | select(.keep.reason | startswith("weekly 1 of 1: "))] | length' \
	1 "one is of a week"
json_is '[.backups[] | select(.keep.keeps | not).keep.reason | startswith("no slot: ")] | all' \
	true "the others have no slot"
json_is '[.backups[] | select(.keep.keeps).keep.until] | unique | tostring' '[null]' \
	"those that stay have no last day"
is "$(objects fra backups | wc -l)" 10 "list removes nothing"
tri list
like "$out" 'goes with the next prune: no slot: ' "list for people says so"

trij backup
manual=$(json .backup.id)
trij list production
like "$(reason "$manual")" '^true manual: kept until 20' "one made by hand has a last day"
is "$(json '.backups[0].keep.until | fromdate')" \
	"$(json '.backups[0].started | fromdate + 7 * 86400')" "a week later"
at 365 backup --type daily
doubtful=$id
trij list
like "$(reason "$doubtful")" "^true its time is in doubt: .* is not later than $manual" \
	"one that is dated back stays, and counts for nothing"
like "$(reason "${ids[0]}")" '^true daily 1 of 2: ' "the newest is still the newest"

# The day may change in between.
next() { # next SECONDS: the next half past two after then
	date -u -d "@$(((($1 - 9000) / DAY + 1) * DAY + 9000))" +%FT%TZ
}
before=$(next "$(date +%s)")
trij status
like "$(json .status.branches.production.next)" "^($before|$(next "$(date +%s)"))$" \
	"status says when the next one is due"
sed -i '/^schedule/d' "$CONF"
trij status
json_is .status.branches.production.next null "without a schedule there is no next one"

# A branch that left the configuration is kept as one that says nothing.
sed -i 's/^\[branch production\]/[branch another]/;/^keep/d' "$CONF"
trij list production
exits 0 "the branch left the configuration: list"
like "$(reason "${ids[2]}")" '^true daily 3 of 7: ' "the default policy holds"
tap_done
