#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Files that vanish, grow, shrink, are replaced or changed at each stage of a
# backup, each on purpose; and what the branch's plain user can't read.
. "$(dirname "$0")/../lib/scenario.sh"
ENDPOINTS=fra
src=$T/source
mkdir "$src" "$T/logs"
cat >"$CONF" <<-E
	[repository]
	state = $T/state
	agent-key = $T/agent.key
	restore-key = $T/restore.key
	jobs = 1

	[endpoint fra]
	url = file://$T/fra

	[branch files]
	stage = development
	filestore = $src
	logs = $T/logs/*.log

	[branch copy]
	stage = development
	filestore = $T/copy
E
init_repository

# held STAGE COMMAND…: a backup that stands still at a stage while the command
# runs; a hang is ended and shows as status 124
held() {
	local stage=$1 job i
	shift
	TRIPLICATE_PAUSE_AT=$stage TRIPLICATE_PAUSE_FILE=$T/pause \
		timeout 60 "$TRIPLICATE" -c "$CONF" --json backup files \
		>"$T/out" 2>"$T/err" </dev/null &
	job=$!
	for i in $(seq 150); do
		[ -e "$T/pause" ] && break
		sleep 0.2
	done
	[ -e "$T/pause" ] || fail "the backup reaches the stage \"$stage\""
	"$@"
	rm -f "$T/pause"
	wait $job
	status=$?
	err=$(cat "$T/err")
}
back() {
	rm -rf "$T/plain"
	tri restore latest --to-dir "$T/plain"
}
fresh() { # fresh: the source as it was
	rm -rf "$src" && mkdir -p "$src/a" "$src/b"
	echo one >"$src/a/one"
	echo two >"$src/a/two"
	echo three >"$src/b/three"
	head -c 9000000 /dev/zero | openssl enc -aes-128-ctr -nosalt -K "$(printf %032x $RANDOM)" \
		-iv 00000000000000000000000000000000 >"$src/big"
	echo log >"$T/logs/odoo.log"
}
clean_state() { # clean_state DESCRIPTION
	exits 0 "$1"
	json_is .backup.state complete "$1: complete"
}

# --- vanishing ---------------------------------------------------------------
fresh
held "folder listed" rm -r "$src/a"
clean_state "a whole folder vanishes after it was listed"
back
is "$(cd "$T/plain/filestore" && echo *)" "b big" "what was left is in it"
fresh
held "file to be opened" rm "$src/a/one"
clean_state "a file vanishes before it is opened"
back
is "$(cd "$T/plain/filestore" && echo a/*)" "a/two" "it is left out"
fresh
held "file to be read" rm "$src/a/one"
clean_state "a file vanishes after it was opened"
back
is "$(cat "$T/plain/filestore/a/one")" one "what was opened is stored"

# --- replaced ----------------------------------------------------------------
replace() { echo "another one" >"$src/new" && mv "$src/new" "$src/a/one"; }
fresh
held "file to be read" replace
clean_state "a file is replaced by another after it was opened"
back
is "$(cat "$T/plain/filestore/a/one")" one "the old one is stored, whole"
tri backup files
back
is "$(cat "$T/plain/filestore/a/one")" "another one" "the next backup has the new one"
swap_for() { rm "$src/a/one" && "$@" "$src/a/one"; }
fresh
held "file to be opened" swap_for mkfifo
clean_state "a file becomes a pipe before it is opened"
fresh
echo secret >"$T/secret"
held "file to be opened" swap_for ln -s "$T/secret"
clean_state "a file becomes a link to another place"
back
is "$(grep -rl secret "$T/plain" | wc -l)" 0 "which is not followed"
swap_folder() { mv "$src/b" "$T/b.away" && ln -s "$T" "$src/b"; }
fresh
held "folder listed" swap_folder
back
is "$(grep -rl secret "$T/plain" | wc -l)" 0 \
	"nor is a link that takes a folder's place"
rm -rf "$T/b.away"

# --- growing, shrinking, changing in place -----------------------------------
fresh
held "part of a file read" truncate -s 5000000 "$src/big"
clean_state "a file is cut while it is read"
back
ok "it is read again, and stored as it is now" cmp "$src/big" "$T/plain/filestore/big"
fresh
held "part of a file read" sh -c "echo more >>'$src/big'"
clean_state "a file grows while it is read"
back
ok "it is read again" cmp "$src/big" "$T/plain/filestore/big"
overwrite() { printf XXXX | dd of="$src/big" bs=1 seek=100 conv=notrunc status=none; }
fresh
held "part of a file read" overwrite
clean_state "a file is changed in place behind the reader"
back
ok "it is read again" cmp "$src/big" "$T/plain/filestore/big"
sneak() { touch -r "$src/big" "$T/time" && overwrite && touch -r "$T/time" "$src/big"; }
fresh
held "part of a file read" sneak
back
ok "even when its time is set back" cmp "$src/big" "$T/plain/filestore/big"

# One that never stands still: by name it claims to be what it isn't at the end.
fresh
(while [ ! -e "$T/enough" ]; do echo grows >>"$src/a/two"; done) &
writer=$!
run timeout 60 "$TRIPLICATE" -c "$CONF" --json backup files
touch "$T/enough"
wait $writer
exits 0 "a file that grows for ever ends the backup all the same"
back
size=$(stat -c %s "$T/plain/filestore/a/two")
ok "a beginning of it is stored" cmp -n "$size" "$src/a/two" "$T/plain/filestore/a/two"

# --- logs --------------------------------------------------------------------
many_lines() { seq 700000; }
rotate() { mv "$T/logs/odoo.log" "$T/logs/odoo.log.1" && echo new >"$T/logs/odoo.log"; }
cut_off() { truncate -s 100 "$T/logs/odoo.log"; }
take_away() { rm "$T/logs/odoo.log"; }
for how in rotate cut_off take_away; do
	fresh
	rm "$src/big"
	many_lines >"$T/logs/odoo.log"
	cp "$T/logs/odoo.log" "$T/log.before"
	held "part of a file read" $how
	clean_state "the log meets: $how"
	back
	size=$(stat -c %s "$T/plain/logs/odoo.log")
	at_least "$size" 4000000 "$how: what was read of it is stored"
	ok "$how: unchanged" cmp -n "$size" "$T/log.before" "$T/plain/logs/odoo.log"
	rm -f "$T"/logs/*
done

# --- what a plain user can't read --------------------------------------------
as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && as true 2>/dev/null; then
	fresh
	mkdir "$src/shut" && echo in >"$src/shut/in" && chmod 700 "$src/shut"
	echo own >"$src/own" && chmod 600 "$src/own"
	mkdir "$src/tight" && echo in >"$src/tight/in"
	touch -d '2001-02-03 UTC' "$src/tight/in" "$src/tight"
	chown -R 65534:65534 "$T/state" "$T/fra" "$T"/*.key "$src/tight"
	chmod 500 "$src/tight"
	chmod 755 "$src"
	run as "$TRIPLICATE" -c "$CONF" --json backup files
	exits 1 "a plain user's backup that can't read a file and a folder"
	json_is .backup.state incomplete "is incomplete"
	like "$(json '.backup.warnings | join("\n")')" 'shut.*Permission' "the folder is named"
	like "$(json '.backup.warnings | join("\n")')" 'own.*Permission' "and the file"
	chmod 755 "$src/shut" && chmod 644 "$src/own"
	run as "$TRIPLICATE" -c "$CONF" --json backup files
	exits 0 "with the rights it is complete"
	mkdir "$T/user" && chown 65534 "$T/user"
	run as "$TRIPLICATE" -c "$CONF" --json restore latest --to-dir "$T/user/plain"
	exits 0 "the plain user restores files of others"
	like "$(json '.restore.warnings | join("\n")')" 'only root' "with a remark"
	is "$(stat -c '%U %a' "$T/user/plain/filestore/own")" "nobody 644" "they are his"
	is "$(stat -c '%a %Y' "$T/user/plain/filestore/tight")" "500 $(stat -c %Y "$src/tight")" \
		"a folder that nobody may write to is filled first, and has its time"
	ok "and its file" cmp "$src/tight/in" "$T/user/plain/filestore/tight/in"
	tri restore latest --to copy --yes
	exits 0 "root restores them"
	is "$(stat -c '%U %U' "$T/copy/tight/in" "$T/copy/own" | tr '\n' ' ')" "nobody nobody root root " \
		"to whom they belonged, by name"
else
	skip "not root" "a plain user's backup that can't read a file and a folder"
fi

# --- deep, and over file systems ---------------------------------------------
fresh
deep=$src
for i in $(seq 60); do deep=$deep/d; done
mkdir -p "$deep" && echo deep >"$deep/file"
(cd "$src/a" && for i in $(seq 15); do d=$(printf '%0250d' "$i"); mkdir "$d" && cd -P "$d" || exit; done && echo long >"$(printf '%0250d' 99)")
run "$TRIPLICATE" -c "$CONF" --json backup files
clean_state "60 folders in folders, and a path of 4,000 bytes"
back
exits 0 "come back"
is "$(find "$T/plain/filestore" -type f -printf . | wc -c)" 6 "all of them"
ok "with their bytes" diff -r "$src/d" "$T/plain/filestore/d"
trij restore latest --to copy --yes
exits 0 "into a branch too"
is "$(find "$T/copy" -type f -printf . | wc -c)" 6 "all of them"
mkdir -p "$src/$(printf 'e/%.0s' $(seq 200))"
(cd "$src/a" && for i in $(seq 16); do d=$(printf '%0250d' "$i"); mkdir -p "$d"; cd -P "$d" || exit; done; echo beyond >file)
run timeout 60 "$TRIPLICATE" -c "$CONF" --json backup files
exits 1 "paths that are too deep, or over 4,096 bytes, make a backup incomplete"
like "$(json '.backup.warnings | join("\n")')" "can't be read" "and are named"
(cd "$src" && rm -rf e a)

mkdir -p "$src/mounted" "$T/mount.a"
if mount -t tmpfs none "$T/mount.a" 2>/dev/null; then
	echo other >"$T/mount.a/file"
	mount --bind "$T/mount.a" "$src/mounted"
	trij backup files
	clean_state "another file system mounted in the filestore"
	umount "$src/mounted"
	back
	is "$(cat "$T/plain/filestore/mounted/file")" other "is part of it"
else
	skip "no mount" "another file system mounted in the filestore"
fi
tap_done
