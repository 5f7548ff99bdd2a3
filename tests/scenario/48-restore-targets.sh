#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where files are restored to: a folder behind a link, none yet, one in which
# something stands in the way, can't be changed, or is being written by a
# running Odoo; and a restore that is undone while Odoo shares its files.
. "$(dirname "$0")/../lib/scenario.sh"
ENDPOINTS=fra
SAMPLE_ROWS=200 SAMPLE_FILES=12 SAMPLE_MB=1
export SAMPLE_ROWS SAMPLE_FILES SAMPLE_MB
need_postgres
make_branch
write_conf "jobs = 1"
init_repository
backup
exits 0 "a backup"
src=$T/filestore/main
to=$T/filestore/staging
some=$(cd "$src" && find . -path "./??/*" -type f -printf "%P\n" | sort | head -n 1)
last=$(cd "$src" && find . -path "./??/*" -type f -printf "%P\n" | sort | tail -n 1)
outside=$T/outside
mkdir "$outside"
echo secret >"$outside/${some#*/}"
outside_sums=$(file_sums "$outside")

files() { trij restore latest --to staging --only filestore --yes; }
equal() { # equal DESCRIPTION
	is "$(file_sums "$to")" "$(file_sums "$src")" "$1"
}
same_outside() { is "$(file_sums "$outside")" "$outside_sums" "$1"; }

# held STAGE COMMAND…: restore ARGUMENTS, standing still while a command runs
held() {
	local stage=$1 tries=0
	shift
	TRIPLICATE_PAUSE_AT=$stage TRIPLICATE_PAUSE_FILE=$T/pause \
		"$TRIPLICATE" -c "$CONF" --json restore latest \
		--to staging --yes "${arguments[@]}" >"$T/out" 2>"$T/err" </dev/null &
	job=$!
	until [ -e "$T/pause" ] || [ $((tries += 1)) = 300 ]; do
		sleep 0.2
	done
	[ -e "$T/pause" ] || fail "the restore reaches the stage \"$stage\""
	"$@"
	rm -f "$T/pause"
	wait $job 2>/dev/null
	status=$?
	err=$(cat "$T/err")
}

# --- what the folder is ------------------------------------------------------
sed "s|$to|$T/not/there/yet|" "$CONF" >"$T/deep.conf"
run "$TRIPLICATE" -c "$T/deep.conf" --json restore latest --to staging --only filestore --yes
exits 0 "a folder whose parents are missing is made"
is "$(file_sums "$T/not/there/yet")" "$(file_sums "$src")" "and filled"
mkdir "$T/elsewhere"
ln -s "$T/elsewhere" "$to"
files
exits 0 "a folder that the operator has put behind a link"
equal "is filled"
ok "the link stays" test -L "$to"
files
json_is .restore.files.fetched 0 "twice: the second time fetches no file"
json_is .restore.bytes_fetched 0 "nor a byte"
rm "$to"
if [ "$(id -u)" = 0 ] && chown 65534 "$T/elsewhere"; then
	mkdir "$to" && chown 65534 "$to"
	files
	exits 0 "a folder that belongs to another: root fills it"
	is "$(stat -c %U "$to")" nobody "and leaves it its owner"
else
	skip "not root" "a folder that belongs to another: root fills it"
	files
fi

# --- in the way --------------------------------------------------------------
rm -r "${to:?}/${some%/*}"
ln -s "$outside" "$to/${some%/*}"
files
exits 8 "a link where a folder should be is refused"
like "$err$(cat "$T/out")" "${some%/*} is a link" "and named"
same_outside "nothing is written through it"
rm "$to/${some%/*}"
mkdir -p "$T/plain2"
ln -s "$outside" "$T/plain2/filestore"
tri restore latest --to-dir "$T/plain2" --only filestore
exits 8 "likewise in a folder of plain files"
same_outside "nothing is written there"
mkdir -p "$to/${some%/*}"
ln -s "$outside/${some#*/}" "$to/$some"
rm -f "$to/$last"
mkfifo "$to/$last"
files
exits 0 "a link and a pipe where files should be"
equal "are replaced by the files"
same_outside "and not written through"
sleep 1.1 # what is as young as the restore would be left alone
mkdir -p "$to/checklist/ab"
touch "$to/checklist/ab/mark" "$to/extra"
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' "$to/zocket"
ln -s "$outside" "$to/link"
sleep 1.1
files
exits 0 "marks, a file, a socket and a link that the backup lacks"
equal "go"
is "$(find "$to" -mindepth 1 -maxdepth 1 | wc -l)" \
	"$(find "$src" -mindepth 1 -maxdepth 1 -not -name checklist | wc -l)" "all of them"
same_outside "what the link led to stays"
rm "$to/$some"
mkdir -p "$to/$some/in"
files
exits 8 "a folder where a file should be is refused"
ok "and left" test -d "$to/$some/in"
rm -r "${to:?}/$some"

# --- what can't be changed ---------------------------------------------------
echo extra >"$to/immutable"
if chattr +i "$to/immutable" 2>/dev/null; then
	sleep 1.1
	files
	exits 3 "a file that can't be removed"
	like "$(json '.restore.warnings | join("\n")')" "immutable" "is named"
	chattr -i "$to/immutable"
	sleep 1.1 # that was a change of it
	files
	exits 0 "and goes when it can be"
	equal "then all is equal"
	echo other >"$to/$some"
	chattr +i "$to/$some"
	files
	exits 3 "a file that can't be replaced"
	like "$(json '.restore.warnings | join("\n")')" "${some#*/}" "is named"
	chattr -i "$to/$some"
		files
	exits 0 "and is replaced when it can be"
	equal "then all is equal again"
	is "$(find "$to" -name '.triplicate-*' | wc -l)" 0 "without leftovers"
else
	skip "no immutable files here" "a file that can't be removed"
	rm "$to/immutable"
fi

# --- a running Odoo ----------------------------------------------------------
arguments=(--only filestore)
new=ab/ab0123456789abcdef0123456789abcdef012345
odoo_writes() {
	sleep 1.1
	mkdir -p "$to/${new%/*}"
	echo new >"$to/$new"
	rm -f "$to/$last"
}
held "files to be removed" odoo_writes
exits 0 "Odoo adds a file and removes another meanwhile"
ok "what it added stays" test -f "$to/$new"
rm "$to/$new"
rm "$to/$some"
held "file to be placed" rm -r "${to:?}/${last%/*}"
exits 0 "a folder goes while files are placed"
equal "and is there in the end"

# --- undone, while files are shared ------------------------------------------
tri restore latest --to staging --yes
exits 0 "a staging branch"
rm "$to/$some" "$to/$last"
sql "${DB}_staging" "DELETE FROM ir_attachment WHERE store_fname IN ('$some', '$last')"
before=$(file_sums "$to")
share() { # a row for the file, as Odoo would write it: no file, since one is there
	sql "${DB}_staging" "INSERT INTO ir_attachment (name, type, store_fname, file_size, checksum)
		VALUES ('shared', 'binary', '$some', $(stat -c %s "$src/$some"), '${some#*/}')"
}
share_and_interrupt() {
	share
	kill -INT $job
}
share_and_kill() {
	share
	kill -KILL $job
}
arguments=()
held "files added" share_and_interrupt
exits 130 "a restore that is interrupted after it added files"
ok "leaves the one that the live database names by now" cmp "$src/$some" "$to/$some"
ok "and takes the other back" test ! -e "$to/$last"
rm -f "$to/$some"
is "$(file_sums "$to")" "$before" "all else is as it was"
sql "${DB}_staging" "DELETE FROM ir_attachment WHERE name = 'shared'"
held "files added" share_and_kill
printf '\n[branch other]\nstage = development\nfilestore = %s\n' "$T/other" >>"$CONF"
tri restore latest --to other --only filestore --yes
exits 0 "after a kill the next restore cleans up"
ok "and leaves what is shared" cmp "$src/$some" "$to/$some"
ok "and takes the rest back" test ! -e "$to/$last"
is "$(hidden_databases)" "" "no hidden database is left"

# --- an attachment that is changed while it is read --------------------------
touch "$src/$some"
TRIPLICATE_PAUSE_AT="file to be read" TRIPLICATE_PAUSE_FILE=$T/pause \
	"$TRIPLICATE" -c "$CONF" --json backup production >"$T/out" 2>"$T/err" </dev/null &
job=$!
tries=0
until [ -e "$T/pause" ] || [ $((tries += 1)) = 300 ]; do
	sleep 0.2
done
flip "$src/$some" 0
rm -f "$T/pause"
wait $job
status=$?
exits 3 "an attachment that is changed while it is read"
json_is .backup.state degraded "makes the backup degraded"
json_is .backup.attachments.mismatched 1 "it is counted as not what its name says"
tri restore "$(json .backup.id)" --to-dir "$T/changed" --only filestore
ok "and stored as it is" cmp "$src/$some" "$T/changed/filestore/$some"
tap_done
