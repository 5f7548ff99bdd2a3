#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A million files in one folder (50,000 in the short form): memory stays under
# the ceiling whatever their number, what is unchanged isn't read again, and
# all of them come back. Prints times and peaks.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/memory.sh
. "$TOP/tests/lib/memory.sh"
ENDPOINTS=fra
count=1000000
[ "${SOAK:-full}" = short ] && count=50000
CEILING=256
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
mkdir -p "$src/many"
# shellcheck disable=SC2016 # it is perl that expands
must perl -e 'for my $i (1 .. $ARGV[1]) {
	open(my $out, ">", "$ARGV[0]/file-$i") or die "file-$i: $!";
	print $out "contents of file $i, which are its own\n";
	close($out) or die "file-$i: $!";
}' "$src/many" "$count"
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }

# measured WHAT COMMAND…: exits with 0, under the ceiling
measured() {
	local what=$1 begun=$SECONDS
	shift
	peak "$@"
	exits 0 "$what"
	echo "# $what: $count files in $((SECONDS - begun)) s"
	peak_is_at_most $CEILING "$what"
}

measured "the first backup" backup files
json_is .backup.files.count "$count" "has every file"
json_is .backup.files.new "$count" "all of them new"
read_first=$(json .backup.bytes_read)
measured "the second backup" backup files
json_is .backup.files.new 0 "has nothing new"
json_is .backup.chunks_new 0 "stores no chunk"
json_is .backup.bytes_read "$read_first" "accounts for all of them"
measured "a restore" restore latest --to copy --yes
json_is .restore.files.fetched "$count" "fetches every file"
is "$(sums "$T/copy")" "$(sums "$src")" "and all are the same"
measured "a second restore" restore latest --to copy --yes
json_is .restore.files.fetched 0 "fetches none"
measured "verify --depth data" verify --depth data
run "$TOP/tests/lib/peak.pl" "$T/peak" "$TRIPLICATE" -c "$CONF" show latest --files
peak=$((($(cat "$T/peak") + 1023) / 1024))
peak_is_at_most $CEILING "show --files"
is "$(grep -c '^  file  ' "$T/out")" "$count" "names every file"

# --- most of them go ---------------------------------------------------------
before=$(du -sk "$T/state" | cut -f1)
find "$src/many" -name 'file-*[1-9]' -delete
left=$(find "$src/many" -type f -printf . | wc -c)
measured "a backup after nine of ten files went" backup files
json_is .backup.files.count "$left" "has those that are left"
measured "a restore of it" restore latest --to copy --yes
is "$(sums "$T/copy")" "$(sums "$src")" "removes what went"
# as_text WHAT COMMAND…: for people, whose lists are not kept
as_text() {
	local what=$1
	shift
	run "$TOP/tests/lib/peak.pl" "$T/peak" "$TRIPLICATE" -c "$CONF" "$@"
	exits 0 "$what"
	peak=$((($(cat "$T/peak") + 1023) / 1024))
	peak_is_at_most $CEILING "$what"
}
as_text "diff with what was there before" diff -v latest~1 latest
is "$(grep -c '^- file' "$T/out")" $((count - left)) "names every file that went"
measured "find of one name" find file-10
json_is '.find.matches[0].backups | length' 3 "in three backups"
peak find 'file-*'
exits 3 "find of more than it keeps: cut, and said"
peak_is_at_most $CEILING "find of more than it keeps"
as_text "storage" storage
echo "# local state: $before KiB before, $(du -sk "$T/state" | cut -f1) KiB after"
tap_done
