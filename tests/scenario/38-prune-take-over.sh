#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Another machine takes over, and the first one prunes: afterwards, and while its
# prune stands at each of its steps. It deletes nothing any more that the new
# writer may count on, and says who stopped it.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/crash.sh"
. "$TOP/tests/lib/retention.sh"
need_tools

plain_branch 'prune-grace = 0s'
printf 'zone = UTC\nkeep = 1 daily\nkeep-manual = 1s\n' >>"$CONF"
sed -i 's/^prune-grace.*/&\nremoval-floor = 0\nremoval-limit = 100 %/' "$CONF"
init_repository
# File "old" is in a pack that only one backup needs, which goes; the new writer's
# backup has it again. Of what came before it an eighth is needed: a thin pack.
old=$T/old
mv "$T/files" "$T/others"
mkdir -p "$T/files"
for i in {1..8}; do head -c 400000 /dev/urandom >"$T/files/t$i"; done
backup
cp "$T/files/t1" "$T/others/"
rm -r "$T/files"
mkdir -p "$T/files/ab"
head -c 3000000 /dev/urandom >"$old"
cp "$old" "$T/files/ab/old"
backup
first=$id
rm -r "$T/files"
mv "$T/others" "$T/files"
backup --type daily
exits 0 "three backups"
sleep 1.1 # the lifetime of the first ones is over
B=$T/second
mkdir "$B"
sed "s|$T/state|$B/state|;s|$T/agent.key|$B/agent.key|" "$CONF" >"$B/from.conf"
second() { run "$TRIPLICATE" -c "$B/triplicate.conf" --json "$@"; }
run "$TRIPLICATE" -c "$B/from.conf" --json recover --from fra --from ams --from waw \
	--key "$T/restore.key" --state "$B/state" -o "$B/triplicate.conf"
exits 0 "a second machine recovers"
sed -n '/^\[branch/,$p' "$CONF" >>"$B/triplicate.conf"
sed -i 's/^\[repository\]/&\nprune-grace = 0s\nremoval-floor = 0\nremoval-limit = 100 %/' \
	"$B/triplicate.conf"
second prune
exits 8 "read-only, it may not prune"
json_is .error.kind refused "which is refused"
keep_all

prune=("$TRIPLICATE" -c "$CONF" --json prune)
all_sums() {
	local endpoint
	for endpoint in $ENDPOINTS; do object_sums "$endpoint"; done
}
stopped() { # stopped WHAT: the last run
	exits 5 "$1: it is stopped"
	json_is .error.kind taken-over "$1: of what kind"
	like "$(json .error.message)" "$(hostname).*20[0-9][0-9]-" "$1: by whom, and when"
	is "$(all_sums)" "$before" "$1: nothing is written or deleted anywhere"
}
# No endpoint changes any more but the one whose thread is held.
at_rest() {
	local was now
	was=$(all_sums)
	for _ in {1..50}; do
		sleep 0.5
		now=$(all_sums)
		[ "$now" != "$was" ] || return 0
		was=$now
	done
}

# --- afterwards ----------------------------------------------------------------
second recover --take-over
exits 0 "the second takes over"
before=$(all_sums)
run "${prune[@]}"
stopped "a prune of the first"
run "${prune[@]}" --dry-run
stopped "a dry run, too"
tri list
like "$out" "$first" "and it has not noted that a backup went"
put_back
mv "$T/waw" "$T/waw.away"
second recover --take-over
exits 0 "a take-over that waw misses"
mv "$T/waw.away" "$T/waw"
before=$(all_sums)
run "${prune[@]}"
stopped "a prune of the first, whom waw would let"

# --- meanwhile -----------------------------------------------------------------
for stage in 'backup removed' 'before the sweep' 'swept' 'before the repack' \
	'packs written anew' 'object to be deleted'; do
	put_back
	hold_at "$stage" "${prune[@]}" || fail "it never came to: $stage" "$err"
	at_rest
	second recover --take-over
	exits 0 "$stage: the second takes over"
	cp "$old" "$T/files/ab/old"
	second backup --type daily # 3: packs are missing where the prune was
	ok "$stage: and makes a backup of what was to go" \
		test "$status" = 0 -o "$status" = 3
	[ "$stage" != 'object to be deleted' ] || sleep 2.2 # it asks so often
	before=$(all_sums)
	: >"$T/out" # which both have written to
	rm -f "$T/held"
	wait "$job"
	status=$?
	take_output "$stage"
	stopped "$stage"
	run "${prune[@]}"
	stopped "$stage: and its next one"
	problems=
	look_at_endpoints
	is "$problems" "" "$stage: each endpoint alone has all that it lists"
	rm -rf "$T/back"
	second restore latest --to-dir "$T/back"
	ok "$stage: the new backup comes back" diff -r "$T/files" "$T/back/filestore"
	if [ "$stage" = 'object to be deleted' ]; then # its entries are out
		second prune
		exits 8 "$stage: the second asks who removed what"
		second prune --force
	else
		second prune
	fi
	exits 0 "$stage: the second prunes"
	second prune # what was written anew stood in for old packs
	exits 0 "$stage: and once more"
	second list
	json_is '.backups | length' 1 "$stage: one backup is left"
	# shellcheck disable=SC2086
	only_needed_at $ENDPOINTS "$stage"
	second verify --depth data
	exits 0 "$stage: and is whole"
	is "$(numbers_taken_twice)" "" "$stage: no number of the audit log is taken twice"
done
tap_done
