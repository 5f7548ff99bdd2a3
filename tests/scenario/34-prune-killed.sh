#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A prune is killed at each of its steps: what every endpoint lists can be had
# from there alone, the next prune finishes the work, and all is as if the first
# had. Some backups go with it, packs that were condemned before go, too.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/crash.sh"
# All of them take minutes: here every ninth, from another one each day of the
# year; tests/soak/34-prune-killed.sh is all of them.
if [ "${EVERY_STEP:-no}" = no ]; then
	SOAK=short STRIDE=9 OFFSET=$((10#$(date +%j) % 9))
fi

DAY=86400
plain_branch 'prune-grace = 36h'
printf 'zone = UTC\nkeep = 3 daily\n' >>"$CONF"
init_repository
at() { # at DAYS COMMAND…: so many days ago
	local days=$1
	shift
	run timeout 60 env TRIPLICATE_CLOCK_OFFSET=-$((days * DAY)) "$TRIPLICATE" \
		-c "$CONF" --json "$@"
}
for i in 9 8 7 6 5 4; do
	rm -f "$T"/files/cd/*
	plain_change "day$i"
	at "$i" backup --type daily
done
at 4 prune # three go; their packs are condemned
exits 0 "a prune before"
for i in 3 2; do
	plain_change "day$i"
	at "$i" backup --type daily
done
keep_ground
prune=(env TRIPLICATE_CLOCK_OFFSET=$((-2 * DAY)) "$TRIPLICATE" -c "$CONF" --json prune)
count_steps "${prune[@]}"
exits 0 "one that is not killed has $steps steps"
json_is '[(.prune.remove | length > 1), .prune.packs_removed > 1] | tostring' \
	'[true,true]' "it removes backups, and packs that were condemned before"
# Entries are more after two runs; an upload that was cut off lies in .tmp~ for a
# day.
lasting() { objects "$1" | grep -v '^audit\|^\.tmp~'; }
end=$(for i in $ENDPOINTS; do lasting "$i"; done)

for step in $(steps_to_try "$steps"); do
	put_ground_back
	round_begins
	crash_at "$step" "${prune[@]}"
	look_at_endpoints
	run "${prune[@]}"
	[ "$status" = 0 ] || problem "the next prune ends with $status" "$err"
	found=$(for i in $ENDPOINTS; do lasting "$i"; done)
	[ "$found" = "$end" ] ||
		problem "another end" "$(diff <(echo "$end") <(echo "$found"))"
	[ "$(objects fra audit)" = "$(objects waw audit)" ] ||
		problem "entries differ" "$(diff <(objects fra audit) <(objects waw audit))"
	[ -z "$(numbers_taken_twice)" ] || problem "a fork of the audit chain"
	run "$TRIPLICATE" -c "$CONF" verify --depth data
	[ "$status" = 0 ] || problem "verify ends with $status" "$out$err"
	round_ends "step $step, $stage"
done
plain_change after
backup
exits 0 "and backups go on"
tap_done
