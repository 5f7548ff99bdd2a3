#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The database of local state is cut, overwritten, or no file at all: that is
# seen before any of it is believed, it is set aside, and rebuilt from the
# endpoints. No command crashes, hangs, or wants a step by hand.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
first=$id
plain_change one
backup
exits 0 "two backups"
second=$id
keep_all
data=$T/state/db/data.mdb
bytes=$(stat -c %s "$data")
pages=$((bytes / 4096))

junk() { # junk FIRST-PAGE PAGES
	dd if=/dev/urandom of="$data" bs=4096 seek="$1" count="$2" conv=notrunc \
		status=none
}

heals() { # heals WHAT FIRST-COMMAND…
	local what=$1
	shift
	trij "$@"
	exits 0 "$what: $1 goes on"
	like "$err" "local state is damaged: .*rebuilt from the endpoints: 2 backups" \
		"$what: and says what it did"
	ok "$what: the old one is kept" compgen -G "$T/state/db.damaged-*"
	trij list
	is "$(json '[.backups[].id][-2:] | join(" ")')" "$second $first" \
		"$what: both backups are known"
	unlike "$err" "damaged" "$what: said once"
	plain_change two
	backup
	exits 0 "$what: the next backup needs no other step"
	tri sync
	tri verify
	exits 0 "$what: all is whole"
}

for length in 0 1 4096 8192 $((bytes / 2)) $((bytes - 4096)) $((bytes - 1)); do
	put_back
	truncate -s $length "$data"
	heals "cut to $length of $bytes bytes" list
done
put_back
junk 0 1
heals "rubbish in the first page" status
put_back
junk 0 2
heals "in both first pages" verify
put_back
junk 2 $((pages - 2))
heals "in all others" backup
put_back
junk 0 "$pages"
heals "in all" sync
put_back
junk $((pages / 2)) 8
heals "in eight pages in the middle" list
put_back
dd if=/dev/zero of="$data" bs=4096 count="$pages" conv=notrunc status=none
heals "zeros" list
put_back
rm "$data"
mkdir "$data"
heals "a folder in its place" backup
put_back
rm "$data"
mkfifo "$data"
heals "a pipe in its place" list
put_back
head -c 20000 /dev/urandom >"$T/state/db/lock.mdb"
tri list
exits 0 "rubbish in the lock file is no matter"
put_back
echo rubbish >"$T/state/db/clean"
tri list
exits 0 "nor in the mark of a clean end"
unlike "$err" "damaged" "the database is looked through, and sound"
put_back
mv "$data" "$T/elsewhere"
ln -s "$T/elsewhere" "$data"
backup
exits 0 "a link to it works"

# --- a program that was killed leaves a database that is looked through --------
put_back
env TRIPLICATE_CRASH_AT=40 "$TRIPLICATE" -c "$CONF" backup >/dev/null 2>&1
ok "killed: no mark is left" test ! -s "$T/state/db/clean"
tri list
exits 0 "killed: list"
unlike "$err" "damaged" "killed: nothing is damaged by it"
ok "killed: it is marked again" test -s "$T/state/db/clean"
tri backup
exits 0 "killed: and the next backup"

# --- what is not damage --------------------------------------------------------
put_back
as=()
if [ "$(id -u)" = 0 ]; then
	chown -R nobody "$T"
	as=(setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups)
fi
chmod a-w "$data"
run "${as[@]}" "$TRIPLICATE" -c "$CONF" list
exits 1 "read-only: no damage, and nothing is rebuilt"
like "$err" "ermission denied" "it says what it is"
chmod u+w "$data"
run "${as[@]}" "$TRIPLICATE" -c "$CONF" list
exits 0 "writable again, it goes on"
if [ "$(id -u)" = 0 ]; then
	chown root "$data"
	chmod 600 "$data"
	run "${as[@]}" "$TRIPLICATE" -c "$CONF" backup
	exits 1 "of another user: no damage either"
	like "$err" "ermission denied" "and it says so"
	chown nobody "$data"
	run "${as[@]}" "$TRIPLICATE" -c "$CONF" backup
	exits 0 "its owner goes on"
else
	skip "needs root" "a database of another user"
fi
ok "nothing was set aside" test -z "$(compgen -G "$T/state/db.damaged-*")"
tap_done
