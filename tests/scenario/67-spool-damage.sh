#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A pack in the spool is damaged before the last endpoint has it: it is never
# sent, it comes from an endpoint that has it, and where none has, the backup
# stays pending, says so, and the next one stores those chunks again.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
exits 0 "a backup at all endpoints"
mv "$T/fra" "$T/fra.away"
plain_change one
backup
exits 3 "one that fra waits for"
mv "$T/fra.away" "$T/fra"
keep_all

spoil() { # spoil HOW FILE OTHER
	case $1 in
	flip) flip "$2" $(($(stat -c %s "$2") / 2)) ;;
	cut) truncate -s -1 "$2" ;;
	empty) : >"$2" ;;
	swap) cp "$3" "$2" ;;
	folder) rm "$2" && mkdir "$2" ;;
	pipe) rm "$2" && mkfifo "$2" ;;
	link) mv "$2" "$2.real" && ln -s "$2.real" "$2" ;;
	delete) rm "$2" ;;
	esac
}

# Everything at an endpoint that is named by its bytes is of that name.
names_are_true() { # names_are_true ENDPOINT
	local bad
	bad=$(cd "$T/$1/packs" && find . -type f -printf '%P\n' | while read -r name; do
		[ "$(sha256sum <"$name")" = "${name##*/}  -" ] || echo "$name"
	done)
	is "$bad" "" "$what: $1 holds no pack that is not of its name"
}

for how in flip cut empty swap folder pipe link delete; do
	put_back
	mapfile -t packs < <(find "$T/state/spool/packs" -type f | sort)
	[ ${#packs[@]} -gt 0 ] || fail "the spool holds packs"
	what="$how"
	good=$(find "$T/ams/packs" -type f -size -2000k | head -n 1)
	for pack in "${packs[@]}"; do spoil $how "$pack" "$good"; done
	run timeout 60 "$TRIPLICATE" -c "$CONF" sync
	exits 0 "$what: sync takes it from an endpoint"
	names_are_true fra
	ok "$what: fra holds what ams holds" diff <(object_sums ams) <(object_sums fra)
	tri verify --depth data
	exits 0 "$what: all is whole"
done

# --- no endpoint has it --------------------------------------------------------
for how in flip cut delete; do
	put_back
	tri sync
	for endpoint in $ENDPOINTS; do mv "$T/$endpoint" "$T/$endpoint.away"; done
	plain_change two
	backup
	exits 1 "$how, nowhere else: pending"
	lost=$id
	for pack in "$T/state/spool/packs"/*; do spoil $how "$pack" -; done
	for endpoint in $ENDPOINTS; do mv "$T/$endpoint.away" "$T/$endpoint"; done
	what="$how, nowhere else"
	trij sync
	exits 3 "$what: sync brings not all"
	for endpoint in $ENDPOINTS; do
		names_are_true "$endpoint"
		ok "$what: $endpoint lists no backup that it doesn't hold" \
			test ! -e "$T/$endpoint/backups/$lost"
	done
	trij status
	json_is .status.verdict at-risk "$what: status says at-risk"
	backup
	ok "$what: the next backup is acknowledged" [ "$status" = 0 -o "$status" = 3 ]
	json_is .backup.state complete "$what: complete"
	rm -rf "$T/back"
	tri restore latest --to-dir "$T/back"
	exits 0 "$what: and restores"
	is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" "$what: right"
	trij list
	json_is '.backups[1].state' pending "$what: the lost one stays pending"
done
tap_done
