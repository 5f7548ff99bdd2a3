#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the source had and the target lacks: a tablespace, a role, a locale, a
# collation, an extension. Each is named; what can go on without it goes on.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"
need_postgres
export PGUSER=postgres
source=${DB}_main
space=$T/space
mkdir "$space"
chown --reference="$TRIPLICATE_PG/data" "$space"
must psql -X -q -d postgres -c "CREATE TABLESPACE \"ta'ble s\" LOCATION '$space'" \
	-c 'CREATE ROLE gone' -c 'ALTER ROLE gone SET work_mem = "9MB"'
must createdb --template=template0 --encoding=UTF8 --lc-collate=C "$source"
must psql -X -q -v ON_ERROR_STOP=1 -d "$source" -c "CREATE TABLE t (i integer) TABLESPACE \"ta'ble s\"" \
	-c 'INSERT INTO t SELECT generate_series(1, 9)' -c 'ALTER TABLE t OWNER TO gone' \
	-c "CREATE INDEX t_i ON t (i) TABLESPACE \"ta'ble s\"" \
	-c "CREATE MATERIALIZED VIEW m TABLESPACE \"ta'ble s\" AS SELECT * FROM t" \
	-c 'GRANT SELECT ON m TO gone' -c "ALTER ROLE gone IN DATABASE \"$source\" SET work_mem = '8MB'"
mkdir -p "$T/filestore/main"
ROLE=postgres write_conf
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = $(conninfo "${DB}_copy" postgres)
E
init_repository
backup production
exits 0 "a backup with a tablespace"
tri restore production/latest --to copy --confirm copy
exits 0 "restore where it is there"
same_whole "$source" "${DB}_copy" "the copy"
is "$(sql "${DB}_copy" "SELECT string_agg(tablespace, ',') FROM pg_tables WHERE tablename = 't'")" \
	"ta'ble s" "the table is in its tablespace"
sql postgres "DROP DATABASE \"${DB}_copy\""

# --- tablespace and role are not there ----------------------------------------
row_sums "$source" >"$T/before"
sql postgres "DROP DATABASE \"$source\""
must psql -X -q -d postgres -c "DROP TABLESPACE \"ta'ble s\"" -c 'DROP ROLE gone'
tri restore production/latest --to copy --confirm copy
exits 0 "restore where neither tablespace nor role is"
like "$err" "tablespace ta'ble s is not here" "the tablespace is named"
like "$err" 'role gone .*no such role' "so is the role"
ok "the rows are all there" diff "$T/before" <(row_sums "${DB}_copy")

# --- a locale, a collation, an extension of another system ---------------------
# What a source on another system has can't be made here, so the source's catalog
# is told that it was: this much of it pg_dump reads without using it.
pretend() { # pretend SQL
	must createdb --template=template0 --encoding=UTF8 --lc-collate=C "$source"
	must psql -X -q -v ON_ERROR_STOP=1 -d "$source" -c 'SET allow_system_table_mods = on' \
		-c 'CREATE TABLE kept (i integer)' -c "$1"
	backup production
	exits 0 "a backup that tells of what isn't here"
}
before=$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_copy'")
untouched() {
	is "$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_copy'")" "$before" \
		"$1: the branch is as it was"
	is "$(hidden_databases)" "" "$1: nothing is left"
	sql postgres "DROP DATABASE \"$source\""
}
pretend "CREATE COLLATION far (locale = 'C'); CREATE TABLE c (t text COLLATE far);
	UPDATE pg_collation SET collcollate = 'xx_YY.utf8', collctype = 'xx_YY.utf8' WHERE collname = 'far'"
tri restore production/latest --to copy --confirm copy
exits 1 "a collation that the target's system lacks"
like "$err" 'xx_YY' "its locale is named"
untouched collation

pretend "CREATE EXTENSION hstore; UPDATE pg_extension SET extname = 'from_afar' WHERE extname = 'hstore'"
tri restore production/latest --to copy --confirm copy
exits 1 "an extension that the target lacks"
like "$err" 'does not have extension from_afar' "it is named"
like "$err" 'install the package' "with what to do"
untouched extension

tap_done
