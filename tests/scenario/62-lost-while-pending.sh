#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Local state is lost while an endpoint still waits for a backup, or all do: the
# endpoint is filled from the others, and what only the spool holds is used.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
exits 0 "a backup at all endpoints"
plain_change one
mv "$T/fra" "$T/fra.away"
backup
exits 3 "one while fra is away"
missed=$id
keep_all

for part in . db/data.mdb spool; do
	put_back
	rm -rf "$T/state/$part" 2>/dev/null
	[ "$part" != . ] || rm -rf "$T/state"
	what="state/$part"
	trij list
	ok "$what: list" [ "$status" = 0 ]
	is "$(json '.backups[0].id')" "$missed" "$what: the backup is known"
	trij status
	json_is .status.verdict at-risk "$what: fra is away, so it is at risk"
	mv "$T/fra.away" "$T/fra"
	tri sync
	exits 0 "$what: sync when fra is back"
	ok "$what: fra holds what ams holds" diff <(object_sums ams) <(object_sums fra)
	tri verify --depth data
	exits 0 "$what: all is whole"
done

# --- rebuilt from what is older and what is newer ----------------------------
put_back
rm -rf "$T/state" "$T/waw"
mv "$T/fra.away" "$T/fra"
trij list
is "$(json '.backups[0].id')" "$missed" \
	"of an endpoint that is behind and one that is not, the newer counts"
mkdir "$T/waw"
tri sync
exits 0 "a third, empty one is filled"
ok "waw holds what ams holds" diff <(object_sums ams) <(object_sums waw)
ok "fra holds what ams holds" diff <(object_sums ams) <(object_sums fra)

# An endpoint that was away when state was rebuilt has what no other has.
put_back
mv "$T/ams" "$T/ams.away"
mv "$T/waw" "$T/waw.away"
mv "$T/fra.away" "$T/fra"
rm -rf "$T/state"
trij list
json_is '.backups | length' 1 "rebuilt from fra alone, which missed one: one backup"
tri backup
exits 1 "writing waits for a quorum"
like "$err" "take-over needs 2 endpoints" "and says so"
mv "$T/ams.away" "$T/ams"
plain_change two
backup
exits 3 "with ams back it goes on"
like "$err" "ams holds [0-9]+ objects that this machine did not know" \
	"ams's backup is taken in"
mv "$T/waw.away" "$T/waw"
tri sync
exits 0 "all three"
trij list
is "$(json '[.backups[].id] | .[0:2] | join(" ")')" "$id $missed" \
	"three backups, in order"
json_is '.backups | length' 3 "none is lost"
tri verify --depth data
exits 0 "and all is whole"

# --- only the spool has it ---------------------------------------------------
put_back
mv "$T/ams" "$T/ams.away"
plain_change three
backup
exits 1 "at one endpoint of three: pending, not acknowledged"
rm -rf "$T/state/db"
mv "$T/ams.away" "$T/ams"
mv "$T/fra.away" "$T/fra"
mv "$T/waw" "$T/waw.away"
backup
exits 3 "its database is gone: the next backup"
at_most "$(json .backup.bytes_new)" 20000 "stores no file again that the spool holds"
mv "$T/waw.away" "$T/waw"
tri sync
exits 0 "sync"
tri verify --depth data
exits 0 "and all is whole"
tri restore latest --to-dir "$T/back"
is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" "and right"
tap_done
