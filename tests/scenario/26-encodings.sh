#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Databases of other encodings, with names and text outside ASCII: each comes
# back byte by byte, also where no text of it can be UTF-8. tests/soak has all
# encodings; here are those that differ in kind.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"
. "$TOP/tests/lib/encodings.sh"
need_postgres
export PGUSER=postgres
encodings_branch
encodings_try SQL_ASCII EUC_JP MULE_INTERNAL

# --- a role that the maintenance database has no way to name -------------------
encoding_make LATIN1
backup production
exits 0 "LATIN1: a backup"
sed -i '/^maintenance-database/d' "$CONF"
tri restore production/latest --to copy --confirm copy
exits 0 "LATIN1: restore by way of a UTF8 database"
same_contents "$source" "$copy" LATIN1
is "$(schema "$copy" | md5sum)" "$(schema "$source" | md5sum)" "LATIN1: the schema"
is "$(sql "$copy" "SELECT encode(textsend(pg_get_userbyid(relowner)::text), 'hex')
	FROM pg_class WHERE relname ~ '^t' AND relkind = 'r' ORDER BY relname COLLATE \"C\" LIMIT 1")" \
	72a1a2a3a4 "LATIN1: a role's table is that role's"
tri show production/latest --tables
like "$out" 't\\xa1\\xa2\\xa3\\xa4' "LATIN1: names that are no UTF-8 are shown escaped"
tap_done
