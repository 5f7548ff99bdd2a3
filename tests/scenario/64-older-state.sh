#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Local state put back from yesterday's snapshot of the machine: numbers, chains
# and marks have gone back, and the endpoints know better. It is noticed, what
# was made since is taken in, no number is taken twice, nothing is lost.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
first=$id
plain_change one
mv "$T/fra" "$T/fra.away"
backup
exits 3 "yesterday: two backups, the second not yet at fra"
second=$id
mv "$T/fra.away" "$T/fra"
cp -a "$T/state" "$T/state.yesterday"
cp "$T/state/db/data.mdb" "$T/data.yesterday"
plain_change two
backup
third=$id
tri restore latest --to-dir "$T/back"
plain_change three
backup
fourth=$id
exits 0 "today: two more, and a restore; everything is delivered"
keep_all

# Two manifests or entries of one number would be a fork of a chain.
no_fork() {
	is "$(numbers_taken_twice)" "" "$1: no number is taken twice"
}

goes_on() { # goes_on WHAT
	plain_change five
	backup
	exits 0 "$1: a backup"
	like "$err" "objects that this machine did not know|was rebuilt from the endpoints: 4 backups" \
		"$1: what is newer is noticed"
	trij list
	is "$(json '[.backups[].id] | join(" ")')" \
		"$id $fourth $third $second $first" "$1: all are known, in order"
	no_fork "$1"
	tri sync
	exits 0 "$1: sync"
	tri verify --depth data
	exits 0 "$1: all is whole"
	trij status
	json_is '.status.endpoints | [.[].behind_packs] | add' 0 "$1: none is behind"
	rm -rf "$T/back"
	tri restore "$third" --to-dir "$T/back"
	exits 0 "$1: a backup that state had forgotten is restored"
}

put_back
rm -rf "$T/state"
cp -a "$T/state.yesterday" "$T/state"
trij status
json_is .status.verdict at-risk "the whole folder: status sees it"
like "$(json '.status.reasons | join("\n")')" "holds 2 backups that this machine does not know" \
	"and says what"
goes_on "the whole folder"

put_back
cp "$T/data.yesterday" "$T/state/db/data.mdb"
goes_on "the database alone"

put_back
rm -rf "$T/state"
cp -a "$T/state.yesterday" "$T/state"
tri sync
exits 0 "sync instead of a backup"
like "$err" "holds [0-9]+ objects that this machine did not know" "notices it too"
trij list
is "$(json '.backups[0].id')" "$fourth" "and knows the newest"

# --- only one endpoint is there to tell --------------------------------------
put_back
rm -rf "$T/state"
cp -a "$T/state.yesterday" "$T/state"
mv "$T/ams" "$T/ams.away"
mv "$T/waw" "$T/waw.away"
plain_change five
backup
exits 1 "one endpoint tells: pending"
trij list
is "$(json '[.backups[].id] | join(" ")')" "$id $fourth $third $second $first" \
	"after those that it told of"
mv "$T/ams.away" "$T/ams"
mv "$T/waw.away" "$T/waw"
tri sync
exits 0 "the others come back"
no_fork "in the end"
tri verify
exits 0 "and all is whole"
tap_done
