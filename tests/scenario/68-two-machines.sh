#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two machines with the same keys: the one that took over writes, the other is
# stopped wherever it is, and can't gather a quorum behind the other's back.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
exits 0 "the first machine backs up"
B=$T/second
mkdir "$B"
sed "s|$T/state|$B/state|;s|$T/agent.key|$B/agent.key|" "$CONF" >"$B/from.conf"
keep_all

second() { run "$TRIPLICATE" -c "$B/triplicate.conf" --json "$@"; }
recover_second() { # recover_second [OPTION]…: branches come from the first
	run "$TRIPLICATE" -c "$B/from.conf" --json recover --from fra --from ams \
		--from waw --key "$T/restore.key" --state "$B/state" \
		-o "$B/triplicate.conf" "$@"
	sed -n '/^\[branch/,$p' "$CONF" >>"$B/triplicate.conf"
}
stopped() { # stopped WHAT
	exits 5 "$1"
	json_is .error.kind taken-over "$1: of what kind"
	like "$(json .error.message)" "$(hostname).*20[0-9][0-9]-" "$1: who, and when"
}
wait_for() { # wait_for FILE
	local i
	for ((i = 0; i < 150; i++)); do
		[ -e "$1" ] && return
		sleep 0.2
	done
	fail "the other reached its stage"
}

# --- one after the other -------------------------------------------------------
recover_second
exits 0 "the second machine recovers"
second backup
exits 8 "and is read-only"
plain_change one
backup
exits 0 "the first goes on"
second recover --take-over
exits 0 "the second takes over"
second backup
exits 0 "and writes"
like "$err" "did not know" "knowing now what the first wrote meanwhile"
second list
json_is '.backups | length' 3 "three backups"
for command in backup sync "verify --repair"; do
	# shellcheck disable=SC2086
	trij $command
	[ "$command" = sync ] || stopped "the first: $command"
	[ "$command" != sync ] || exits 5 "the first: sync"
done
rm -rf "$T/back"
tri restore latest --to-dir "$T/back"
exits 0 "the first may read"

# --- in the middle of a backup ---------------------------------------------------
for stage in "backup to be committed" "backup committed" "manifest to be sent"; do
	put_back
	recover_second
	plain_change two
	TRIPLICATE_PAUSE_AT=$stage TRIPLICATE_PAUSE_FILE=$T/paused \
		"$TRIPLICATE" -c "$CONF" --json backup >"$T/first.out" 2>"$T/first.err" &
	first=$!
	wait_for "$T/paused"
	second recover --take-over
	exits 0 "a take-over while the first waits at: $stage"
	second backup
	exits 0 "the second backs up meanwhile"
	rm -f "$T/paused"
	wait "$first"
	first=$?
	ok "the first ends, and not with a crash" [ "$first" -le 5 ]
	tri backup
	exits 5 "its next one is stopped"
	second sync
	exits 0 "sync of the second"
	second verify --depth data
	exits 0 "all that is anywhere is whole"
	id=$(jq -r '.backup.id // empty' "$T/first.out")
	if [ "$first" = 0 ] || [ "$first" = 3 ]; then
		second restore "$id" --to-dir "$T/back.first"
		exits 0 "what the first was told is stored, is"
	else
		is "$first" 5 "the first was stopped"
	fi
done

# --- in the middle of a prune ------------------------------------------------------
# What the first is about to delete, the second finds there and uses.
put_back
cp "$CONF" "$T/conf.kept"
sed -i 's/^give-up-after.*/&\nprune-grace = 0s\nremoval-floor = 0\nremoval-limit = 100 %/' "$CONF"
printf 'zone = UTC\nkeep = 1 daily\nkeep-manual = 1s\n' >>"$CONF"
head -c 3000000 /dev/urandom >"$T/old"
cp "$T/old" "$T/files/ab/old"
backup
rm "$T/files/ab/old"
backup --type daily
sleep 1.1
recover_second
TRIPLICATE_PAUSE_AT="object to be deleted" TRIPLICATE_PAUSE_FILE=$T/paused \
	"$TRIPLICATE" -c "$CONF" --json prune >"$T/first.out" 2>"$T/first.err" &
first=$!
wait_for "$T/paused"
second recover --take-over
exits 0 "a take-over while the first prunes"
cp "$T/old" "$T/files/ab/old"
second backup --type daily
at_most "$status" 3 "the second backs up what the first is about to delete"
sleep 2.1 # so long an answer to "who writes?" holds
rm -f "$T/paused"
wait "$first"
is $? 5 "the first is stopped"
second sync
exits 0 "sync of the second"
second verify --depth data
exits 0 "and has deleted nothing of it"
cp "$T/conf.kept" "$CONF"

# --- an endpoint that missed it --------------------------------------------------
put_back
mv "$T/waw" "$T/waw.away"
recover_second --take-over
exits 0 "a take-over with waw away"
mv "$T/waw.away" "$T/waw"
mv "$T/fra" "$T/fra.away"
mv "$T/ams" "$T/ams.away"
plain_change three
backup
exits 1 "the first, reaching waw alone, is not acknowledged"
json_is .backup.state pending "but pending"
mv "$T/fra.away" "$T/fra"
mv "$T/ams.away" "$T/ams"
backup
stopped "reaching all, the first"
second sync
exits 0 "the second brings waw up to date"
mv "$T/fra" "$T/fra.away"
mv "$T/ams" "$T/ams.away"
backup
stopped "now waw alone tells the first"
mv "$T/fra.away" "$T/fra"
mv "$T/ams.away" "$T/ams"
second verify --depth data
exits 0 "all is whole"

# --- a quorum of one ---------------------------------------------------------------
put_back
sed -i 's/^give-up-after.*/&\nwrite-quorum = 1/' "$CONF"
sed -i 's/^give-up-after.*/&\nwrite-quorum = 1/' "$B/from.conf"
recover_second
sed -i 's/^\[repository\]/&\nwrite-quorum = 1/' "$B/triplicate.conf"
mv "$T/waw" "$T/waw.away"
second recover --take-over
exits 1 "a writer content with any one endpoint is not stopped at two of three"
json_is .error.kind quorum "and that is said"
mv "$T/waw.away" "$T/waw"
second recover --take-over
exits 0 "but at all three"

# --- both at the very same time ------------------------------------------------------
put_back
recover_second --take-over
plain_change four
"$TRIPLICATE" -c "$CONF" backup >/dev/null 2>&1 &
first=$!
second backup
exits 0 "both at once: the second is done"
wait "$first"
is $? 5 "both at once: the first is stopped"

# Two that recover at the same time: one is the writer in the end, or the other.
put_back
recover_second
mkdir "$T/third"
sed "s|$T/state|$T/third/state|;s|$T/agent.key|$T/third/agent.key|" "$CONF" \
	>"$T/third/from.conf"
run "$TRIPLICATE" -c "$T/third/from.conf" recover --from fra --from ams --from waw \
	--key "$T/restore.key" --state "$T/third/state" -o "$T/third/triplicate.conf"
sed -n '/^\[branch/,$p' "$CONF" >>"$T/third/triplicate.conf"
"$TRIPLICATE" -c "$T/third/triplicate.conf" recover --take-over >/dev/null 2>&1 &
other=$!
second recover --take-over
wait "$other"
second backup
one=$status
run "$TRIPLICATE" -c "$T/third/triplicate.conf" backup
is "$(printf '%s\n' "$one" "$status" | sort | tr '\n' ' ')" "0 5 " \
	"two take-overs at once: one writes, the other is told"
tap_done
