#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A backup is held against retention and let go: once, at every endpoint, while
# a backup runs, and on the machine that recovers.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
exits 0 "a backup"
first=$id
plain_change one
backup
second=$id
entries() { objects "${1:-fra}" audit | wc -l; }
pinned() { # ids of those that list says are pinned
	"$TRIPLICATE" -c "$CONF" --json list |
		jq -r '[.backups[] | select(.pinned) | .id] | join(" ")'
}
is "$(pinned)" "" "none is pinned at first"

# --- there and back -----------------------------------------------------------
before=$(entries)
trij pin "$first"
exits 0 "pin"
json_is .pin.backup "$first" "says which"
json_is '.pin | "\(.branch) \(.pinned) \(.changed)"' "production true true" "and what it did"
json_is '.pin.endpoints | [.[]] | unique | join(" ")' stored "everywhere"
is "$(pinned)" "$first" "list says that it is pinned"
tri list
is "$(grep -c '  pinned' <<<"$out")" 1 "for people, too"
tri show "$first"
like "$out" '^  pinned' "and show"
for endpoint in $ENDPOINTS; do
	is "$(entries "$endpoint")" $((before + 1)) "$endpoint has the entry"
done
tri pin "$first"
exits 0 "again"
like "$out" "already" "it says that it was"
trij pin "$first"
json_is .pin.changed false "in JSON as well"
is "$(entries)" $((before + 1)) "and nothing was written"

trij unpin "${first:0:16}"
exits 0 "unpin, by the beginning of the id"
json_is '.unpin | "\(.backup) \(.pinned) \(.changed)"' "$first false true" "says what it did"
is "$(pinned)" "" "none is pinned now"
tri unpin "$first"
exits 0 "again"
like "$out" "not pinned already" "it says that it was not"
is "$(entries)" $((before + 2)) "and nothing was written"

tri pin latest --comment 'before the move; "quoted"'
exits 0 "pin latest, with a comment"
trij show latest
json_is '.backup | "\(.id) \(.pinned) \(.comment)"' \
	"$second true before the move; \"quoted\"" "show has both"
is "$(entries)" $((before + 4)) "two entries for it"
tri verify --depth data
exits 0 "all is whole"

# --- while a backup runs ------------------------------------------------------
plain_change two
TRIPLICATE_PAUSE_AT="files read" TRIPLICATE_PAUSE_FILE=$T/paused \
	"$TRIPLICATE" -c "$CONF" --json backup >"$T/held.out" 2>"$T/held.err" &
held=$!
for ((i = 0; i < 150; i++)); do
	[ -e "$T/paused" ] && break
	sleep 0.2
done
ok "a backup stands still" test -e "$T/paused"
before=$(entries)
tri pin "$first"
exits 0 "pin meanwhile"
for endpoint in $ENDPOINTS; do
	is "$(entries "$endpoint")" $((before + 1)) "$endpoint has it already"
done
rm -f "$T/paused"
wait "$held"
is $? 0 "the backup ends well"
is "$(pinned)" "$second $first" "two are pinned"
is "$(numbers_taken_twice)" "" "no number was taken twice"

# --- an endpoint that is away --------------------------------------------------
mv "$T/waw" "$T/waw.away"
trij unpin "$second"
exits 3 "unpin with an endpoint away"
json_is '.unpin.endpoints | "\(.fra) \(.ams) \(.waw)"' "stored stored pending" "says where it is not"
like "$err" "waw.*next command" "and when it will be"
is "$(pinned)" "$first" "it is done"
mv "$T/waw.away" "$T/waw"
tri sync
exits 0 "sync brings it there"
is "$(objects waw audit)" "$(objects fra audit)" "waw has all entries"

# --- a state of yesterday ------------------------------------------------------
cp -a "$T/state" "$T/state.yesterday"
must "$TRIPLICATE" -c "$CONF" unpin "$first"
must "$TRIPLICATE" -c "$CONF" pin "$second"
rm -rf "$T/state"
mv "$T/state.yesterday" "$T/state"
tri pin "$second"
exits 0 "pin by a machine whose state was put back from yesterday"
is "$(numbers_taken_twice)" "" "no number is taken twice"
is "$(pinned)" "$second" "and what the endpoints knew better holds"

# --- a machine that has lost its state ----------------------------------------
rm -rf "$T/state"
tri pin "$first"
exits 0 "pin by a machine that lost its state"
is "$(pinned)" "$second $first" "which knows of the others again"
is "$(numbers_taken_twice)" "" "no number is taken twice"
tri verify
exits 0 "all is whole"

# --- another machine -----------------------------------------------------------
B=$T/second
mkdir "$B"
sed "s|$T/state|$B/state|;s|$T/agent.key|$B/agent.key|" "$CONF" >"$B/from.conf"
must "$TRIPLICATE" -c "$B/from.conf" recover --from ams --from fra --from waw \
	--key "$T/restore.key" --state "$B/state" -o "$B/triplicate.conf"
second() { run "$TRIPLICATE" -c "$B/triplicate.conf" --json "$@"; }
second list
is "$(json '[.backups[] | select(.pinned) | .id] | join(" ")')" "$second $first" \
	"a recovered machine knows what is pinned"
before=$(object_sums fra)
for command in pin unpin; do
	second $command "$first"
	exits 8 "but its repository is read-only: $command"
	json_is .error.kind refused "$command: of what kind"
	like "$(json .error.hint)" "take-over" "$command: and what to do"
done
is "$(object_sums fra)" "$before" "nothing was written"
second recover --take-over
exits 0 "it takes over"
before=$(object_sums fra)
trij unpin "$first"
exits 5 "then the first machine may not"
json_is .error.kind taken-over "of what kind"
is "$(object_sums fra)" "$before" "and wrote nothing"
is "$(pinned)" "$second $first" "nor here"
second unpin "$first"
exits 0 "the second may"
second verify
exits 0 "all is whole"
tap_done
