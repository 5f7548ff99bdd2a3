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

# contents DATABASE: rows, sequences, large objects, counts. As row_sums, but
# names may hold newlines.
contents() {
	psql -X -At -q -v ON_ERROR_STOP=1 -d "$1" <<-'E' &&
		SET extra_float_digits = 3;
		SELECT format('SELECT %L, count(*), coalesce(sum((''x'' || substr(md5(to_jsonb(t)::text), 1,
			15))::bit(60)::bigint), 0) FROM %I.%I t',
			n.nspname || '.' || c.relname, n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND n.nspname !~ '^(pg_|information_schema)'
		UNION ALL SELECT format('SELECT %L, last_value, is_called FROM %I.%I',
			n.nspname || '.' || c.relname, n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S'
		ORDER BY 1 \gexec
	E
		large_objects "$1" && counts "$1"
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
