#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two commands at once: what reads goes on beside everything, what writes is
# told who holds the repository and since when, and a holder that was killed
# holds nothing.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
exits 0 "a backup"
first=$id
plain_change one

hold() { # hold STAGE COMMAND…: runs it in the background up to a stage
	local stage=$1 i
	shift
	rm -f "$T/paused"
	TRIPLICATE_PAUSE_AT=$stage TRIPLICATE_PAUSE_FILE=$T/paused \
		"$TRIPLICATE" -c "$CONF" "$@" >"$T/held.out" 2>"$T/held.err" &
	held=$!
	for ((i = 0; i < 150; i++)); do
		[ -e "$T/paused" ] && return
		sleep 0.2
	done
	fail "$1 reached: $stage"
}
let_go() { # let_go STATUS WHAT
	rm -f "$T/paused"
	wait "$held"
	is $? "$1" "$2"
}
busy() { # busy WHAT COMMAND…
	local what=$1
	shift
	trij "$@"
	exits 5 "$what"
	json_is .error.kind busy "$what: of what kind"
	like "$(json .error.message)" "process $held, since 20[0-9][0-9]-" \
		"$what: by whom, and since when"
}

for stage in "files read" "manifest to be sent"; do
	hold "$stage" backup
	busy "a backup at \"$stage\" and a backup" backup
	busy "a backup and sync" sync
	busy "a backup and repair" verify --repair
	busy "a backup and a take-over" recover --take-over
	trij list
	exits 0 "a backup and list"
	json_is '.backups[-1].id' "$first" "which knows what there was"
	tri status
	exits 0 "a backup and status"
	tri verify
	exits 0 "a backup and verify"
	rm -rf "$T/back"
	tri restore "$first" --to-dir "$T/back"
	exits 0 "a backup and restore"
	let_go 0 "the backup ends as if alone"
	tri sync
	exits 0 "sync afterwards"
	tri verify --depth data
	exits 0 "all is whole"
	plain_change "$((RANDOM))"
done
is "$(numbers_taken_twice)" "" "no number was taken twice"

# --- a holder that was killed ----------------------------------------------------
hold "backup to be committed" backup
kill -9 "$held"
wait "$held" 2>/dev/null
rm -f "$T/paused"
backup
exits 0 "a backup that was killed holds nothing"
tri verify --depth data
exits 0 "all is whole"

# --- many at once, none held ------------------------------------------------------
pids=()
for ((i = 0; i < 4; i++)); do
	"$TRIPLICATE" -c "$CONF" backup >/dev/null 2>&1 &
	pids+=($!)
	"$TRIPLICATE" -c "$CONF" list >/dev/null 2>&1 &
	pids+=($!)
	"$TRIPLICATE" -c "$CONF" verify --depth presence >/dev/null 2>&1 &
	pids+=($!)
	"$TRIPLICATE" -c "$CONF" restore "$first" --to-dir "$T/many.$i" >/dev/null 2>&1 &
	pids+=($!)
done
statuses=
for pid in "${pids[@]}"; do
	wait "$pid"
	statuses+="$? "
done
is "$(tr ' ' '\n' <<<"$statuses" | grep -Evc '^(0|3|5|)$')" 0 \
	"sixteen at once: each works, or is told that another does ($statuses)"
tri sync
tri verify --depth data
exits 0 "and all is whole"
is "$(numbers_taken_twice)" "" "no number was taken twice by them"

# Lost state is rebuilt by one of several that find it so.
rm -rf "$T/state"
pids=()
for ((i = 0; i < 4; i++)); do
	"$TRIPLICATE" -c "$CONF" list >"$T/list.$i" 2>&1 &
	pids+=($!)
done
statuses=
for pid in "${pids[@]}"; do
	wait "$pid"
	statuses+="$? "
done
is "$(tr ' ' '\n' <<<"$statuses" | grep -Evc '^(0|5|)$')" 0 \
	"four that find no state: it is rebuilt, or another does it ($statuses)"
tri list
exits 0 "and then it is there"
tap_done
