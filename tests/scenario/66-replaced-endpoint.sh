#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An endpoint's folder is another one than it was: another repository's, an old
# copy of itself, empty, away, a file, read-only, full of rubbish. What is not
# ours is never written to; what is ours is filled again; the others go on.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
cp -a "$T/fra" "$T/fra.first"
backup
plain_change one
backup
exits 0 "two backups"
cp -a "$T/fra" "$T/fra.old"
plain_change two
backup
exits 0 "and a third"
must "$TRIPLICATE" -c "$CONF" restore latest --to-dir "$T/proof"
# another repository
mkdir "$T/other"
sed "s|$T/|$T/other/|g" "$CONF" >"$T/other/triplicate.conf"
must "$TRIPLICATE" -c "$T/other/triplicate.conf" init
keep_all

others_go_on() { # others_go_on WHAT VERIFY-STATUS: fra is out of order
	plain_change three
	backup
	exits 3 "$1: a backup meets its quorum without"
	json_is .backup.endpoints.fra.state pending "$1: fra waits"
	like "$(json '.backup.warnings | join("\n")')" fra "$1: a warning names it"
	trij status
	json_is .status.verdict at-risk "$1: status says at-risk"
	json_is .status.endpoints.fra.reachable false "$1: fra is not reachable"
	trij verify
	exits "${2:-3}" "$1: verify looks at the others"
	rm -rf "$T/back"
	tri restore latest --to-dir "$T/back"
	exits 0 "$1: restore takes the others"
	is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" \
		"$1: and is right"
}

filled_again() { # filled_again WHAT
	tri sync
	exits 0 "$1: sync"
	ok "$1: fra holds what ams holds" diff <(object_sums ams) <(object_sums fra)
	tri verify --depth data
	exits 0 "$1: all is whole"
}

# --- another repository's ------------------------------------------------------
rm -rf "$T/fra"
cp -a "$T/other/fra" "$T/fra"
object_sums fra >"$T/sums"
others_go_on "another repository"
tri sync
exits 6 "another repository: sync refuses it"
like "$err$out" "another repository" "another repository: and says why"
tri verify --repair --endpoint fra
exits 6 "another repository: repair refuses it"
tri init
exits 8 "another repository: so does init"
ok "another repository: nothing there was touched" \
	diff "$T/sums" <(object_sums fra)

# --- an old copy of itself -----------------------------------------------------
put_back
rm -rf "$T/fra"
mv "$T/fra.old" "$T/fra"
trij verify
exits 7 "an old copy: verify misses what it held"
at_least "$(json '.verify.endpoints.fra.missing | length')" 3 "an old copy: and names it"
plain_change three
backup
exits 0 "an old copy: the next backup"
json_is .backup.endpoints.fra.state stored "an old copy: fills it again"
filled_again "an old copy"

put_back
rm -rf "$T/fra"
mv "$T/fra.first" "$T/fra"
filled_again "a copy of the first day"

# --- empty, away, a file -------------------------------------------------------
put_back
rm -rf "$T/fra"
mkdir "$T/fra"
others_go_on "empty" 7 # all that it held is missing
is "$(find "$T/fra" -type f | wc -l)" 0 "empty: a backup puts nothing there"
filled_again "empty"

put_back
rm -rf "$T/fra"
others_go_on "away"
ok "away: a backup makes no folder" test ! -e "$T/fra"
filled_again "away"

put_back
rm -rf "$T/fra"
echo "a note" >"$T/fra"
others_go_on "a file"
is "$(cat "$T/fra")" "a note" "a file: it stays as it is"
tri sync
exits 3 "a file: sync leaves it alone, too"
is "$(cat "$T/fra")" "a note" "a file: still"

# --- read-only -----------------------------------------------------------------
put_back
mkdir "$T/mount.fra"
if [ "$(id -u)" = 0 ] && mount --bind "$T/fra" "$T/mount.fra" 2>/dev/null &&
	mount -o remount,bind,ro "$T/mount.fra" 2>/dev/null; then
	sed -i "s|file://$T/fra|file://$T/mount.fra|" "$CONF"
	plain_change three
	backup
	exits 3 "read-only file system: the quorum is met"
	like "$(json '.backup.endpoints.fra.error')" "ead-only" "read-only: and why fra waits"
	rm -rf "$T/back"
	tri restore latest --to-dir "$T/back"
	exits 0 "read-only: restore"
	umount "$T/mount.fra"
	sed -i "s|file://$T/mount.fra|file://$T/fra|" "$CONF"
	filled_again "read-only"
else
	umount "$T/mount.fra" 2>/dev/null
	skip "needs root and mount" "a read-only file system"
fi

# --- rubbish -------------------------------------------------------------------
put_back
for name in packs/zz/rubbish packs/00/"$(printf '%064d' 0)" index/rubbish \
	index/1-99-0011223344556677 backups/20260101T000000Z-00000000 \
	backups/rubbish audit/1-99-0011223344556677 writers/rubbish keys/rubbish \
	"a name with spaces" $'new\nline' lost+found/x; do
	mkdir -p "$(dirname "$T/fra/$name")"
	head -c 300 /dev/urandom >"$T/fra/$name"
done
mkdir "$T/fra/index/folder"
ln -s /etc/passwd "$T/fra/backups/20260102T000000Z-00000000"
mkfifo "$T/fra/backups/20260103T000000Z-00000000" "$T/fra/audit/pipe"
plain_change three
run timeout 60 "$TRIPLICATE" -c "$CONF" --json backup
exits 0 "rubbish there: a backup"
for command in list status sync "restore latest --to-dir $T/back"; do
	# shellcheck disable=SC2086
	run timeout 60 "$TRIPLICATE" -c "$CONF" $command
	exits 0 "rubbish there: ${command%% *}"
done
run "$TRIPLICATE" recover --from "file://$T/fra" --key "$T/restore.key" \
	--state "$T/bare/state" -o "$T/bare/triplicate.conf"
exits 3 "rubbish there: recover goes around it"
run "$TRIPLICATE" -c "$T/bare/triplicate.conf" restore latest --to-dir "$T/bare/back"
exits 0 "rubbish there: and restores"
is "$(file_sums "$T/bare/back/filestore")" "$(file_sums "$T/files")" \
	"rubbish there: the right files"
trij verify
exits 7 "rubbish there: verify"
json_is '.verify.endpoints.fra | (.missing + .damaged) | length' 0 \
	"rubbish there: all that is ours is whole"
json_is '.verify.endpoints.fra.foreign | length' 9 "rubbish there: it is named"
tri verify --repair
exits 0 "rubbish there: and removed"
tri verify
exits 0 "rubbish there: nothing of it is left"
ok "rubbish there: what stands in no place of ours is others' business" \
	test -e "$T/fra/a name with spaces" -a -e "$T/fra/lost+found/x" \
	-a -h "$T/fra/backups/20260102T000000Z-00000000"
# --- no endpoint at all ----------------------------------------------------------
put_back
for endpoint in $ENDPOINTS; do mv "$T/$endpoint" "$T/$endpoint.away"; done
trij verify
exits 1 "verify that reaches no endpoint fails"
json_is .verify.ok false "and does not say that all is well"
like "$(json .error.message)" "nothing was verified" "but that nothing was verified"
mv "$T/ams.away" "$T/ams"
trij verify
exits 3 "one that reaches one of three is done, with something to look at"
json_is .verify.ok true "and that one is well"
tap_done
