# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Comparing databases to the last property, for the scenarios about kinds of
# objects. Sourced after scenario.sh.

# whole DATABASE: pg_dump's text with owners, privileges, comments and settings,
# without the name and without what differs from dump to dump
whole() {
	pg_dump --schema-only --create "$1" |
		grep -aEv '^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config|$)' |
		sed "s/$1/NAME/g"
}

# contents DATABASE: rows, sequences, large objects, counts
contents() {
	row_sums "$1" && sequence_values "$1" && large_objects "$1" && counts "$1"
}

# same_contents A B DESCRIPTION
same_contents() {
	contents "$1" >"$T/contents.a" 2>&1 || echo failed >>"$T/contents.a"
	contents "$2" >"$T/contents.b" 2>&1
	ok "$3: rows, sequences, large objects, counts" \
		diff -a "$T/contents.a" "$T/contents.b"
}

# same_whole A B DESCRIPTION
same_whole() {
	whole "$1" >"$T/whole.a"
	[ -s "$T/whole.a" ] || echo nothing >"$T/whole.a"
	whole "$2" >"$T/whole.b"
	ok "$3: schema, owners, privileges, comments, settings" \
		diff -a "$T/whole.a" "$T/whole.b"
	same_contents "$@"
}
