#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An endpoint is down for one backup and up for the next, which has no new data:
# the next one's manifest waits there for the catch-up, and in the end that
# endpoint alone restores both.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/stop.sh"
need_postgres
make_branch
write_conf
init_repository
backup
exits 0 "a backup with all endpoints up"

# --- away while a backup begins, and back before it ends ---------------------
# It is set aside, asked now and then, and taken back: nothing is left behind.
mv "$T/ams" "$T/ams.down"
change_branch
if begin_at "backup to be committed" backup production -v; then
	ok "ams is set aside" until_true "grep -q 'set aside.*ams' '$T/err'"
	mv "$T/ams.down" "$T/ams"
	ok "and found well again" until_true "grep -q 'ams answers again' '$T/err'"
	go_on
	wait "$job"
	is $? 0 "the backup ends with all of them up to date"
	is "$(object_sums ams)" "$(object_sums fra)" "ams holds what fra holds"
else
	fail "the backup comes to its commit" "$(cat "$T/err")"
fi

mv "$T/fra" "$T/fra.down"
change_branch 2
backup
exits 3 "one with fra down"
missed=$id
json_is .backup.state complete "the quorum was met: complete"
json_is .backup.endpoints.fra.state pending "fra's copy is pending"
like "$(json '.backup.warnings | join("\n")')" fra "a warning names fra"
trij status
json_is .status.endpoints.fra.reachable false "status: fra is not reachable"
isnt "$(json .status.endpoints.fra.behind_packs)" 0 "and behind"
isnt "$(json .status.endpoints.fra.behind_bytes)" 0 "by so many bytes"
json_is '.status.endpoints.fra.behind_s | type' number "for so long"
TRIPLICATE_CLOCK_OFFSET=7200 trij status
at_least "$(json .status.endpoints.fra.behind_s)" 7000 "two hours later: longer"
json_is .status.endpoints.waw.behind_s 0 "one that has everything is not behind"
TRIPLICATE_CLOCK_OFFSET=7200 tri status
like "$out" 'fra .*not reachable.*behind by [0-9]+ packs?, .*, since 2 h' \
	"in words, too"
trij status
json_is .status.verdict at-risk "the verdict: at risk"

mv "$T/fra.down" "$T/fra"
backup
ok "the next one, with fra up again and no new data" \
	test "$status" = 0 -o "$status" = 3
next=$id

# At no moment may fra list a backup that it doesn't hold whole. As it is now,
# a bare machine with fra alone must restore all that fra lists.
cp -a "$T/fra" "$T/fra.copy"
mkdir "$T/bare"
cp "$T/restore.key" "$T/bare/"
run "$TRIPLICATE" recover --from "file://$T/fra.copy" --key "$T/bare/restore.key" \
	--state "$T/bare/state" -o "$T/bare/triplicate.conf"
exits 0 "recover from fra as it is now"
run "$TRIPLICATE" -c "$T/bare/triplicate.conf" verify --depth data
exits 0 "all that fra lists is whole"

tri sync
exits 0 "sync"
trij list
json_is '[.backups[].endpoints.fra] | unique | join(" ")' stored \
	"all backups are stored at fra"
is "$(object_sums fra)" "$(object_sums ams)" "fra holds what ams holds"

mkdir "$T/away" "$T/alone"
mv "$T/ams" "$T/waw" "$T/state" "$T/agent.key" "$T/away/"
mv "$T/restore.key" "$T/alone/"
run "$TRIPLICATE" recover --from "file://$T/fra" --key "$T/alone/restore.key" \
	--state "$T/alone/state" -o "$T/alone/triplicate.conf"
exits 0 "recover from fra alone"
for backup in "$missed" "$next"; do
	run "$TRIPLICATE" -c "$T/alone/triplicate.conf" restore "$backup" \
		--to-dir "$T/back.$backup"
	exits 0 "fra alone restores $backup"
	is "$(file_sums "$T/back.$backup/filestore")" "$(file_sums "$T/filestore/main")" \
		"with its attachments"
done
tap_done
