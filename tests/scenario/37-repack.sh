#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A pack of which little is still needed is written anew, without the restore
# key: the old one goes when every endpoint has the new one, every backup comes
# back from each endpoint alone, and a repack that is killed does no harm.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/crash.sh"
. "$TOP/tests/lib/retention.sh"
need_tools

RESTORE_KEY='' plain_branch 'prune-grace = 0s
removal-floor = 0
removal-limit = 100 %'
printf 'zone = UTC\nkeep = 2 daily\n' >>"$CONF"
sed "s|^agent-key.*|&\nrestore-key = $T/restore.key|" "$CONF" >"$T/with-key.conf"
run "$TRIPLICATE" -c "$T/with-key.conf" init
exits 0 "init"
mv "$T/restore.key" "$T/safe.key"
sed -i "s|^restore-key.*|restore-key = $T/safe.key|" "$T/with-key.conf"
packs_bytes() { find "$T/${1:-fra}/packs" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }'; }

# 24 MB that go but for an eighth, of which each of three backups has some.
rm -rf "$T/files/ab"/*
for i in {1..48}; do head -c 500000 /dev/urandom >"$T/files/ab/f$i"; done
at 9 backup --type daily
rm "$T"/files/ab/f{7..48}
at 8 backup --type daily
cp -a "$T/files" "$T/as-of.1"
first=$(json .backup.id)
rm "$T"/files/ab/f{5..6}
plain_change new
at 7 backup --type daily
exits 0 "three backups, on a host without the restore key"
cp -a "$T/files" "$T/as-of.2"
second=$(json .backup.id)
before=$(packs_bytes)
keep_ground

at 7 prune --dry-run
at 7 prune
exits 0 "a prune"
json_is '.prune.remove | length' 1 "removes the oldest"
json_is '.prune.packs_rewritten > 0' true "and writes packs anew"
json_is '[.prune.endpoints[].left] | add' 0 "and leaves nothing undone"
at 7 status
json_is '[.status.endpoints[].behind_objects] | add' 0 "every endpoint has the new ones"
at 6 prune
exits 0 "the next prune"
json_is '.prune.packs_removed > 0' true "removes the old ones"
json_is .prune.packs_rewritten 0 "and finds nothing more to write"
after=$(packs_bytes)
ok "less than a third of the bytes is left ($before, $after)" [ $((after * 3)) -lt "$before" ]
at 6 verify
exits 0 "all is whole, by hash"

back_from_each() { # back_from_each DESCRIPTION
	local endpoint
	for endpoint in $ENDPOINTS; do
		rm -rf "$T/bare" "$T/back"
		mkdir "$T/bare"
		run "$TRIPLICATE" recover --from "file://$T/$endpoint" \
			--key "$T/safe.key" -o "$T/bare/triplicate.conf"
		[ "$status" = 0 ] || problem "$1: recover from $endpoint: $status" "$err"
		run "$TRIPLICATE" -c "$T/bare/triplicate.conf" verify --depth data
		[ "$status" = 0 ] || problem "$1: verify at $endpoint: $status" "$out$err"
		run "$TRIPLICATE" -c "$T/bare/triplicate.conf" restore "$first" --to-dir "$T/back/1"
		run "$TRIPLICATE" -c "$T/bare/triplicate.conf" restore "$second" --to-dir "$T/back/2"
		diff -r "$T/as-of.1" "$T/back/1/filestore" >/dev/null 2>&1 ||
			problem "$1: $endpoint does not give the first back" "$err"
		diff -r "$T/as-of.2" "$T/back/2/filestore" >/dev/null 2>&1 ||
			problem "$1: $endpoint does not give the second back" "$err"
	done
}
round_begins
back_from_each "rewritten"
round_ends "every endpoint alone gives both backups back, on a bare machine"
is "$(objects fra packs)" "$(objects waw packs)" "endpoints hold the same packs"
# shellcheck disable=SC2086
only_needed_at $ENDPOINTS "rewritten"

# Deduplication takes the new packs, not the old ones.
plain_change another
at 5 backup --type daily
exits 0 "a backup after it"
json_is '.backup.bytes_new < 100000' true "stores what is new alone"
at 5 prune
at 5 prune
exits 0 "and prunes go on"
json_is '[.prune.packs_rewritten, .prune.packs_removed] | tostring' '[0,0]' \
	"with nothing to write and nothing to remove"

# A machine that is the writer again by what an endpoint says.
rm -rf "$T/bare"
mkdir "$T/bare"
run "$TRIPLICATE" recover --from "file://$T/ams" --key "$T/safe.key" \
	-o "$T/bare/triplicate.conf" --take-over
exits 0 "a bare machine takes over"
run "$TRIPLICATE" -c "$T/bare/triplicate.conf" --json sync
exits 0 "nothing is pending there for ever"
json_is '[.sync.endpoints[] | .behind_packs] | add' 0 "not even packs that are gone"

# --- an endpoint that goes away meanwhile --------------------------------------
put_ground_back
sed -i 's/^prune-grace.*/&\nrepack-limit = 0/' "$CONF"
at 7 prune
json_is '[(.prune.remove | length), .prune.packs_rewritten] | tostring' '[1,0]' \
	"without leave to, a prune writes nothing anew"
sed -i '/^repack-limit/d' "$CONF"
hold_at 'packs written anew' env TRIPLICATE_CLOCK_OFFSET=$((-7 * DAY)) \
	"$TRIPLICATE" -c "$CONF" --json prune || fail "it never wrote anything" "$err"
mv "$T/waw" "$T/waw.away"
rm -f "$T/held"
wait "$job"
status=$?
take_output "prune"
exits 3 "waw goes away when there is nothing to do there but to send"
json_is '.prune | "\(.packs_rewritten > 0) \(.endpoints.fra.error) \(.endpoints.waw.error | test("waw"))"' \
	"true null true" "and JSON says so"
mv "$T/waw.away" "$T/waw"
at 7 sync
exits 0 "sync"
at 6 prune
json_is '.prune.packs_removed > 0' true "then the old ones go"
is "$(objects fra packs)" "$(objects waw packs)" "everywhere"

# --- killed ------------------------------------------------------------------
put_ground_back
prune=(env TRIPLICATE_CLOCK_OFFSET=$((-7 * 86400)) "$TRIPLICATE" -c "$CONF" --json prune)
count_steps "${prune[@]}"
SOAK=short
STRIDE=${STRIDE_REPACK:-11} OFFSET=$((10#$(date +%j) % STRIDE))
for step in $(steps_to_try "$steps"); do
	put_ground_back
	round_begins
	crash_at "$step" "${prune[@]}"
	run "${prune[@]}"
	[ "$status" = 0 ] || problem "the next prune ends with $status" "$err"
	at 7 backup --type daily
	[ "$status" = 0 ] || problem "the next backup ends with $status" "$err$out"
	at 6 prune
	[ "$status" = 0 ] || problem "the prune after it ends with $status" "$err"
	run "$TRIPLICATE" -c "$T/with-key.conf" verify --depth data
	[ "$status" = 0 ] || problem "verify ends with $status" "$out$err"
	[ "$(packs_bytes)" -lt $((before / 3)) ] ||
		problem "what is not needed is still there: $(packs_bytes) of $before"
	round_ends "step $step, $stage"
done
tap_done
