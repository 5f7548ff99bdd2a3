#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The floors of DESIGN section 4: who may include whom, and which file may know
# which library. Prints each line that breaks a rule; fails when there is one.
set -u
cd "$(dirname "$0")/../.." || exit 2

# What a folder may include of ours. backupd's backup code and restore never
# include each other.
may_include() {
	case $1 in
	base) echo base ;;
	storage-drivers) echo base storage-drivers ;;
	repository) echo base storage-drivers repository ;;
	retention) echo base storage-drivers repository retention ;;
	restore) echo base storage-drivers repository restore ;;
	backupd) echo base storage-drivers repository retention backupd ;;
	cli) echo base storage-drivers repository retention restore backupd cli ;;
	tests/*) echo base storage-drivers repository retention restore \
		backupd cli "$1" ;;
	esac
}

# External headers, and the files that may include them. Tests may include any,
# and cli/cmd_version.c, which prints the libraries' versions.
libraries='
zstd.h          repository/(compress|delta)\.c
zdict.h         repository/(compress|delta)\.c
sodium.h        base/(secret|random)\.c|repository/(keys|keys_[a-z_]+|slot|seal|chunk)\.c|storage-drivers/sigv4\.c
lmdb.h          repository/(state|index)(_[a-z_]+)?\.[ch]
jansson.h       base/json\.c
openssl/.*      base/hash\.c
libpq-fe.h      base/pg\.h
libpq/.*        base/pg(_[a-z_]+)?\.c
archive.h       restore/[a-z_]+\.c
archive_entry.h restore/[a-z_]+\.c
curl/.*         storage-drivers/(http|address|webdav_page)\.c|backupd/notify[a-z_]*\.c
libssh2.*       storage-drivers/sftp\.h
microhttpd.h    backupd/[a-z_]+\.c
qrencode.h      cli/[a-z_]+\.c
expat.h         storage-drivers/xml\.c
'

bad=0
complain() {
	echo "$1: $2"
	bad=1
}

# FILE:LINE:NAME of every #include "NAME" below a folder
ours() {
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$@" /dev/null |
		sed -E 's/^([^:]*:[0-9]+):[^"]*"([^"]*)".*/\1:\2/'
}

theirs() {
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' "$@" /dev/null |
		sed -E 's/^([^:]*:[0-9]+):[^<]*<([^>]*)>.*/\1:\2/'
}

check_folder() {
	local folder=$1 allowed file line name at
	local -a files=()
	for file in "$folder"/*.c "$folder"/*.h; do
		[ -e "$file" ] && files+=("$file")
	done
	[ ${#files[@]} = 0 ] && return
	allowed=" $(may_include "$folder") "
	while IFS=: read -r file line name; do
		at=$file:$line
		case $name in
		*..*) complain "$at" "\"$name\": from the top of the tree, please" ;;
		esac
		[ -e "$name" ] ||
			complain "$at" "\"$name\" is no file, seen from the top"
		case $allowed in
		*" ${name%/*} "*) ;;
		*) complain "$at" "$folder/ may not include ${name%/*}/" ;;
		esac
		case $name:$folder in
		storage-drivers/store_drop.h:retention) ;;
		storage-drivers/store_drop.h:storage-drivers) ;;
		storage-drivers/store_drop.h:tests/*) ;;
		storage-drivers/store_drop.h:*)
			complain "$at" "store_drop.h is for retention/ and tests/"
			;;
		esac
	done < <(ours "${files[@]}")
	case $folder in tests/*) return ;; esac
	while IFS=: read -r file line name; do
		check_library "$file" "$line" "$name"
	done < <(theirs "${files[@]}")
}

check_library() {
	local header files
	[ "$1" = cli/cmd_version.c ] && return
	while read -r header files; do
		[ -z "$header" ] && continue
		[[ $3 =~ ^$header$ ]] || continue
		[[ $1 =~ ^($files)$ ]] ||
			complain "$1:$2" "<$3> is only for $files"
	done <<<"$libraries"
}

for folder in base storage-drivers repository retention restore backupd cli \
	tests/unit tests/drivers tests/fuzz tests/services tests/tools; do
	check_folder "$folder"
done
exit $bad
