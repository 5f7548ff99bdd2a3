#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Prune beside a backup and beside a restore: neither waits for the other, and
# what either counts on stays. The race for a pack that begins to go is driven
# to each of its ends; then both run as they come, again and again.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/crash.sh"
. "$TOP/tests/lib/retention.sh"
need_tools

plain_branch 'prune-grace = 0s'
printf 'zone = UTC\nkeep = 1 daily\nkeep-manual = 1s\n' >>"$CONF"
sed -i 's/^prune-grace.*/&\nremoval-floor = 0\nremoval-limit = 100 %/' "$CONF"
init_repository

# A backup whose only known chunk is in a pack that only an old backup needs:
# file "old" in the first, "other" in the second, "old" again in the third.
old=$T/old
head -c 3000000 /dev/urandom >"$old"
ready() {
	rm -rf "$T/files" && mkdir -p "$T/files/ab"
	cp "$old" "$T/files/ab/old"
	backup
	first=$id
	rm "$T/files/ab/old"
	head -c 100000 /dev/urandom >"$T/files/ab/other"
	backup --type daily
	rm "$T/files/ab/other"
	cp "$old" "$T/files/ab/old"
	sleep 1.1 # the first one's lifetime is over
}
backup=("$TRIPLICATE" -c "$CONF" --json backup --type daily)
prune=("$TRIPLICATE" -c "$CONF" --json prune)

removes() { # removes ID DESCRIPTION
	json_is 'any(.prune.remove[]; .id == "'"$1"'")' true "$2"
}
removes_not() { # removes_not ID DESCRIPTION
	json_is 'any(.prune.remove[]; .id == "'"$1"'")' false "$2"
}
# Packs at fra that file "old" fits into.
large_packs() { find "$T/fra/packs" -size +2500k | wc -l; }

# A job that hold_at has stopped goes on, and ends well.
goes_on() { # goes_on DESCRIPTION
	rm -f "$T/held"
	wait "$job"
	status=$?
	take_output "$1"
	exits 0 "$1"
}
whole() { # whole DESCRIPTION
	local endpoint
	trij verify --depth data
	exits 0 "$1: all is whole"
	for endpoint in $ENDPOINTS; do
		rm -rf "$T/back"
		only "$endpoint" >"$T/only.conf"
		run "$TRIPLICATE" -c "$T/only.conf" restore latest --to-dir "$T/back"
		ok "$1: $endpoint alone gives the newest back" \
			diff -r "$T/files" "$T/back/filestore"
	done
}
# The configuration with that endpoint alone.
only() {
	awk -v at="[endpoint $1]" '/^\[/ { skip = /^\[endpoint / && $0 != at }
		!skip' "$CONF"
}

# --- the race for a pack -----------------------------------------------------
ready
hold_at 'chunk known' "${backup[@]}" || fail "it never came to a known chunk" "$err"
run "${prune[@]}"
exits 0 "a prune while a backup has found a chunk, and not claimed its pack"
json_is '[any(.prune.remove[]; .id == "'"$first"'"), .prune.packs_removed > 0] | tostring' \
	'[true,true]' "the pack goes"
is "$(large_packs)" 0 "it is gone"
goes_on "the backup stores the chunk again"
whole "the prune was first"

ready
hold_at 'pack claimed' "${backup[@]}" || fail "it never came to a claim" "$err"
run "${prune[@]}"
exits 0 "a prune while a backup has claimed the pack"
removes "$first" "the old backup goes"
is "$(large_packs)" 1 "the pack stays"
goes_on "the backup uses it"
whole "the backup was first"

for stage in 'backup removed' 'before the sweep' 'swept' 'object to be deleted'; do
	ready
	hold_at "$stage" "${prune[@]}" || fail "it never came to: $stage" "$err"
	run "${backup[@]}"
	exits 0 "a backup while a prune stands at: $stage"
	goes_on "the prune goes on: $stage"
	whole "a backup in between ($stage)"
done

# --- a restore ---------------------------------------------------------------
ready
rm -rf "$T/back"
hold_at 'backup claimed' "$TRIPLICATE" -c "$CONF" --json restore "$first" \
	--to-dir "$T/back" || fail "no restore" "$err"
run "${prune[@]}"
exits 0 "a prune while a restore runs"
removes "$first" "removes the backup that is being restored"
run "$TRIPLICATE" -c "$CONF" list
unlike "$out" "$first" "it is listed no longer"
goes_on "the restore ends well"
ok "and gave all of it back" cmp "$old" "$T/back/filestore/ab/old"
run "${prune[@]}"
json_is '.prune.packs_removed > 0' true "then its packs go"
run "$TRIPLICATE" -c "$CONF" restore "$first" --to-dir "$T/back2"
exits 4 "and it can be restored no longer"

# --- a pin -------------------------------------------------------------------
# Two or more are to go; the newest of them is pinned after the prune has
# decided, and before its turn.
ready
backup
newest=$id
sleep 1.1
hold_at 'backup removed' "${prune[@]}" || fail "no prune" "$err"
run "$TRIPLICATE" -c "$CONF" --json pin "$newest"
exits 0 "a pin while a prune removes backups"
goes_on "the prune goes on"
removes_not "$newest" "what was pinned meanwhile does not go"
trij list
json_is 'any(.backups[]; .id == "'"$newest"'" and .pinned)' true "it is there, and pinned"
run "$TRIPLICATE" -c "$CONF" --json unpin "$newest"
run "${prune[@]}"
removes "$newest" "unpinned, it goes"

# --- as they come ------------------------------------------------------------
end=$((SECONDS + ${BESIDE_SECONDS:-12}))
(while [ $SECONDS -lt $end ]; do
	"${prune[@]}" >"$T/prune.out" 2>"$T/prune.err"
	case $? in
	0 | 3) ;;
	*) cat "$T/prune.err" >>"$T/prunes.failed" ;;
	esac
done) &
pruner=$!
rounds=0 bad=
while [ $SECONDS -lt $end ]; do
	rounds=$((rounds + 1))
	case $((rounds % 3)) in
	0) cp "$old" "$T/files/ab/old" ;;
	1) rm -f "$T/files/ab/old" ;;
	2) head -c 200000 /dev/urandom >"$T/files/ab/other" ;;
	esac
	run "${backup[@]}"
	[ "$status" = 0 ] || bad+="backup: $status: $err"$'\n'
	rm -rf "$T/back"
	run "$TRIPLICATE" -c "$CONF" restore latest --to-dir "$T/back"
	[ "$status" = 0 ] || bad+="restore: $status: $err"$'\n'
	diff -r "$T/files" "$T/back/filestore" >/dev/null 2>&1 ||
		bad+="round $rounds: the restored files differ"$'\n'
done
wait $pruner
is "$bad" "" "$rounds backups and restores beside prunes that never end"
is "$(cat "$T/prunes.failed" 2>/dev/null)" "" "and every prune ended well"
whole "in the end"
trij prune
trij prune
json_is '[.prune.endpoints[].left] | add' 0 "nothing is left to be deleted"
is "$(objects fra)" "$(objects waw)" "and endpoints hold the same"
# shellcheck disable=SC2086
only_needed_at $ENDPOINTS "in the end"
tap_done
