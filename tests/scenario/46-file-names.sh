#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whatever a file may be called and whatever it may be: names of any bytes, deep
# paths, links, pipes, sockets, devices, holes, strange modes. All that is a
# file comes back byte for byte, nothing is opened that would block or be
# followed, and no name drives a terminal.
# shellcheck disable=SC2016 # names hold what a shell would expand
. "$(dirname "$0")/../lib/scenario.sh"
ENDPOINTS=fra
src=$T/source
cat >"$CONF" <<-E
	[repository]
	state = $T/state
	agent-key = $T/agent.key
	restore-key = $T/restore.key

	[endpoint fra]
	url = file://$T/fra

	[branch files]
	stage = development
	filestore = $src

	[branch copy]
	stage = development
	filestore = $T/copy
E
init_repository

# listing FOLDER: every entry with what a restore brings back, NUL between them
listing() {
	(cd "$1" && find . -mindepth 1 -not -type p -not -type s -not -type c \
		-printf '%P|%y|%l|' \( -type l -printf '\0' -o \
		-type d -printf '%m %t\0' -o -printf '%m %s %t\0' \) | sort -z)
}
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z | tr -d '\0'); }
put() { printf 'contents of %s' "$1" >"$src/$1"; }

# --- names -------------------------------------------------------------------
mkdir -p "$src/sub"
newline=$'sub/two\nlines' tab=$'tab\tbed' escape=$'esc\033[31mred\033]0;title\a'
latin=$'caf\xe9 \xff\xfe' c1=$'c1\xc2\x9b31m' delete=$'del\x7f'
long=$(printf '%255s' '' | tr ' ' n)
for name in "$newline" "$tab" "$escape" "$latin" "$c1" "$delete" "$long" \
	-rf --help 'a b  c ' ' lead' 'quote"s'\'' $(id) `id` ;&|' 'back\slash' \
	'*' '?[x]' .hidden ... 'ünï' $'sub/\001' '.triplicate-0123456789abcdef-7' \
	'.tmp-0011223344556677' 'x.copy' C:; do
	put "$name"
done
mkdir "$src/.triplicate-00" "$src/"$'folder\nof lines' "$src/empty"
put '.triplicate-00/in it'
put $'folder\nof lines/\\x41'
mkdir "$src/sessions" && put sessions/secret-session
mkdir -p "$src/checklist/ab" && put checklist/ab/mark
mkdir "$src/sub/sessions" && put sub/sessions/kept

# --- kinds -------------------------------------------------------------------
mkdir "$T/outside"
echo secret >"$T/outside/file"
ln -s sub/sessions/kept "$src/link-to-file"
ln -s sub "$src/link-to-folder"
ln -s "$T/outside" "$src/link-out"
ln -s "$T/outside/file" "$src/link-to-outside-file"
ln -s ../../../../../../etc/passwd "$src/link-up"
ln -s nowhere "$src/dangling"
ln -s loop "$src/loop"
ln -s $'odd\n\xff' "$src/odd-target"
ln "$src/x.copy" "$src/hard"
mkfifo "$src/pipe" "$src/sub/pipe"
ok "a socket is made" perl -MIO::Socket::UNIX -e \
	'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' "$src/socket"
specials=3
if mknod "$src/null" c 1 5 2>/dev/null; then specials=4; fi # zero: without end
truncate -s 40M "$src/sparse"
echo end >>"$src/sparse"
: >"$src/zero-bytes"
put mode-000 && chmod 000 "$src/mode-000"
put mode-0400 && chmod 0400 "$src/mode-0400"
put mode-0777 && chmod 0777 "$src/mode-0777"
put setuid && chmod 4755 "$src/setuid"
mkdir "$src/sticky" && chmod 1777 "$src/sticky"
mkdir "$src/closed" && put closed/in && chmod 0500 "$src/closed"
touch -d '1999-12-31 23:59:59.123456789 UTC' "$src/mode-0777"
touch -d '1901-01-01 UTC' "$src/setuid"
touch -d '2200-01-01 UTC' "$src/mode-0400"
[ "$(id -u)" = 0 ] || rm -f "$src/mode-000"

touch -d '2020-01-01 UTC' "$src/sub" "$src/folder"*
run timeout 60 "$TRIPLICATE" -c "$CONF" --json backup files
exits 0 "a backup of all of it"
json_is .backup.state complete "is complete"
is "$(json '.backup.warnings | map(select(test("left out"))) | length')" $specials \
	"each pipe, socket and device is named as left out"
is "$(json .backup.files.count)" \
	"$(find "$src" -type f -not -path "$src/sessions/*" -not -path "$src/checklist/*" -printf . | wc -c)" \
	"every regular file is counted"

# --- back, into a branch -----------------------------------------------------
rm "$src/pipe" "$src/sub/pipe" "$src/socket"
rm -f "$src/null"
touch -d '2020-01-01 UTC' "$src/sub"
rm -r "$src/sessions" "$src/checklist"
trij restore latest --to copy --yes
exits 0 "a restore of all of it"
sums "$src" >"$T/sums.a"
sums "$T/copy" >"$T/sums.b"
ok "every file has its name and its bytes" cmp "$T/sums.a" "$T/sums.b"
chmod 0755 "$src/setuid" "$src/sticky"
chmod 0777 "$src/sticky"
listing "$src" | tr '\0\n' '\n@' >"$T/list.a"
listing "$T/copy" | tr '\0\n' '\n@' >"$T/list.b"
ok "links, modes and times are those of the source; setuid and sticky are not" \
	diff "$T/list.a" "$T/list.b"
is "$(stat -c %h "$T/copy/hard")" 1 "a hard link comes back as a file of its own"
trij restore latest --to copy --yes
exits 0 "the same again"
json_is .restore.files.fetched 0 "fetches no file"
json_is .restore.bytes_fetched 0 "and not a byte"

# --- back, into a folder -----------------------------------------------------
cd "$T" || exit
tri restore latest --to-dir bare
exits 0 "into a folder by its bare name"
sums "$T/bare/filestore" >"$T/sums.c"
ok "which is one of the folder that we are in" cmp "$T/sums.a" "$T/sums.c"
rm -r bare
tri restore latest --to-dir "$T/plain"
exits 0 "plain files"
sums "$T/plain/filestore" >"$T/sums.c"
ok "are the same" cmp "$T/sums.a" "$T/sums.c"
listing "$T/plain/filestore" | tr '\0\n' '\n@' >"$T/list.c"
ok "with their links, modes and times" diff "$T/list.a" "$T/list.c"
for name in "$newline" "$latin" "$escape" -rf ' lead' '.triplicate-00'; do
	rm -rf "$T/one"
	tri restore latest --to-dir "$T/one" "filestore/$name"
	exits 0 "by its path: $(printf %q "$name")"
	ok "byte for byte" diff -r "$src/$name" "$T/one/filestore/$name"
done

# --- names on a terminal and in JSON -----------------------------------------
tri show latest --files
exits 0 "show --files"
is "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <"$T/out" | wc -c)" 0 \
	"prints no control character"
is "$(LC_ALL=C grep -c $'\xc2[\x80-\x9f]' "$T/out")" 0 "nor one of the second range"
ok "nor what is not UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null "$T/out"
is "$(grep -ac '^  file  ' "$T/out")" "$(find "$src" -type f -printf . | wc -c)" "a line a file"
for name in "$newline" "$latin" "$escape" 'back\slash'; do
	at=$(printf %s "$name" | LC_ALL=C sed 's/\\/\\\\/g' | sed -z 's/\n/\\n/g' |
		LC_ALL=C sed 's/\x1b/\\x1b/g; s/\x07/\\x07/g; s/\xe9/\\xe9/g; s/\xff/\\xff/g; s/\xfe/\\xfe/g')
	ok "escaped, without loss: $at" grep -qF -e " $at " "$T/out"
done
trij show latest --files
is "$(json '[.backup.files[] | select(.path == "sub/two\nlines")] | length')" 1 \
	"JSON has a name with a newline as it is"
is "$(json '.backup.files[] | select(.path_hex) | select(.kind == "file") | .path_hex')" \
	"$(printf %s "$latin" | od -An -tx1 -v | tr -d ' \n')" \
	"and the bytes of a name that is not UTF-8"
tap_done
