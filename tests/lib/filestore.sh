# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Files in the layout of Odoo's filestore, made the same each time from a seed.
# Sourced, not run.

# bytes_of KIND BYTES SEED: noise (incompressible), text or zero, on stdout
bytes_of() {
	case $1 in
	noise)
		head -c "$2" /dev/zero | openssl enc -aes-128-ctr -nosalt \
			-iv 00000000000000000000000000000000 \
			-K "$(printf '%032x' "$3")"
		;;
	zero) head -c "$2" /dev/zero ;;
	text)
		awk -v n="$2" -v x="$3" 'BEGIN {
			split("invoice order partner amount due paid shipped the of and total line tax date", w)
			while (made < n) {
				s = ""
				for (k = 0; k < 12; k++) {
					x = (x * 16807 + 7) % 2147483647
					s = s w[1 + x % 14] (k % 4 ? " " : " " x " ")
				}
				s = substr(s "\n", 1, n - made)
				printf "%s", s
				made += length(s)
			}
		}'
		;;
	esac
}

# filestore_keep FILESTORE FILE SHA1: moves a file to the place of its name, and
# leaves the marker that Odoo leaves for its garbage collection
filestore_keep() {
	local aa=${3:0:2}
	mkdir -p "$1/$aa" "$1/checklist/$aa"
	chmod 644 "$2"
	mv "$2" "$1/$aa/$3"
	: >"$1/checklist/$aa/$3"
}
