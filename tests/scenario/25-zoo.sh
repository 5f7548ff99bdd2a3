#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A database that isn't Odoo's, with one of everything: normalized dumps of the
# source and of its copy are identical, and so is what no dump carries.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
export PGUSER=postgres
source=${DB}_main
must psql -X -q -d postgres -c 'CREATE ROLE zoo_owner' -c 'CREATE ROLE zoo_reader'
must createdb --template=template0 --encoding=UTF8 --lc-collate=C --owner=odoo "$source"
must psql -X -q -d "$source" -v database="$source" -f "$TOP/tests/sample/zoo.sql"
mkdir -p "$T/filestore/main"
ROLE=postgres write_conf
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = $(conninfo "${DB}_copy" postgres)
E
init_repository
backup production
exits 0 "a backup of the zoo"
json_is .backup.database.odoo_version null "it is no Odoo's"

# Owners, privileges, comments and settings included; the name is another.
whole() { # whole DATABASE
	pg_dump --schema-only --create "$1" |
		grep -Ev '^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config|$)' |
		sed "s/$1/NAME/g"
}
same_zoo() { # same_zoo DATABASE DESCRIPTION
	ok "$2: schema, owners, privileges, comments, settings" \
		diff <(whole "$source") <(whole "$1")
	same_database "$source" "$1" "$2"
	is "$(sql "$1" "SELECT extname, extversion, proname, provolatile FROM pg_extension
		LEFT JOIN pg_proc ON proname = extname ORDER BY 1, 3, 4")" \
		"$(sql "$source" "SELECT extname, extversion, proname, provolatile FROM pg_extension
		LEFT JOIN pg_proc ON proname = extname ORDER BY 1, 3, 4")" \
		"$2: extensions, altered functions too"
	is "$(sql "$1" "SELECT relname FROM pg_class WHERE relkind = 'i' AND NOT
		(SELECT indisvalid FROM pg_index WHERE indexrelid = pg_class.oid)")" "" \
		"$2: every index is valid"
}

tri restore production/latest --to copy --confirm copy
exits 0 "restore to a production branch"
same_zoo "${DB}_copy" "the copy"

# --- what must not be live in a staging copy ---------------------------------
tri restore production/latest --to staging
exits 0 "restore to staging"
is "$(sql "${DB}_staging" 'SELECT count(*) FROM pg_publication')" 0 \
	"staging publishes nothing"
ok "staging's rows are the source's" \
	diff <(row_sums "$source") <(row_sums "${DB}_staging")

# --- plain files -------------------------------------------------------------
tri restore production/latest --to-dir "$T/plain"
exits 0 "restore --to-dir"
must createdb --template=template0 --encoding=UTF8 --lc-collate=C "${DB}_plain"
run psql -X -q -v owner=postgres -d "${DB}_plain" -f "$T/plain/database/restore.sql"
exits 0 "psql -f restore.sql"
same_database "$source" "${DB}_plain" "from plain files"

tri verify --depth data
exits 0 "all of it is whole at every endpoint"
tap_done
