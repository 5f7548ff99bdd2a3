#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An object of an endpoint has become empty, a folder, a link or a pipe: nothing
# hangs or follows it, verify names it, a restore takes another endpoint,
# another machine recovers from what is left, and repair heals what it may.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
plain_change one
backup
exits 0 "two backups"
keep_all

one_of() { # one_of KIND: the newest object's name
	if [ "$1" = config ]; then echo config; else
		objects fra "$1" | tail -n 1 | sed "s|^|$1/|"
	fi
}
turn() { # turn HOW NAME
	local file=$T/fra/$2
	case $1 in
	empty) : >"$file" ;;
	folder) rm "$file" && mkdir "$file" ;;
	link) mv "$file" "$T/moved" && ln -s "$T/moved" "$file" ;;
	loop) rm "$file" && ln -s "$(basename "$file")" "$file" ;;
	pipe) rm "$file" && mkfifo "$file" ;;
	esac
}
quick() { run timeout 60 "$TRIPLICATE" -c "$CONF" --json "$@"; }

# The short form takes two kinds that are read in different ways.
kinds='config writers packs index backups audit'
[ "${SOAK:-full}" = full ] || kinds='packs backups'
for kind in $kinds; do
	for how in empty folder link loop pipe; do
		put_back
		what="$kind: $how"
		name=$(one_of "$kind")
		turn "$how" "$name"
		quick verify
		exits 7 "$what: verify"
		like "$(json '.verify.endpoints.fra | (.damaged + .missing)[]')" "$name" \
			"$what: names it"
		rm -rf "$T/back" "$T/bare"
		quick restore latest --to-dir "$T/back"
		exits 0 "$what: restore"
		is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" \
			"$what: is right"
		run timeout 60 "$TRIPLICATE" recover --from "file://$T/fra" \
			--key "$T/restore.key" --state "$T/bare/state" \
			-o "$T/bare/triplicate.conf"
		ok "$what: recover ends with a word ($status)" \
			grep -qE '^(0|1|3|4|7)$' <<<"$status"
		quick verify --repair
		ok "$what: repair ends with a word ($status)" \
			grep -qE '^(0|1|7)$' <<<"$status"
		if [ "$status" = 0 ]; then
			ok "$what: and is healed" cmp "$T/fra/$name" "$T/ams/$name"
		else
			rm -rf "${T:?}/fra/$name"
			quick verify --repair
			exits 0 "$what: healed when what stands there is taken away"
		fi
	done
done

tap_done
