#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A database that isn't Odoo's, with one of everything: normalized dumps of the
# source and of its copy are identical, and so is what no dump carries.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"

# Extensions are files of the server's. One with rows of its own, which none of
# Debian's has, goes to a copy of the server: programs find their other files by
# their own place.
own_server() {
	local bin share
	[ -z "${PG_PROGRAMS:-}${PG_MAJOR:-}" ] || return
	for bin in /usr/lib/postgresql/*/bin; do :; done
	share=/usr/share/postgresql/$(basename "$(dirname "$bin")")
	[ -d "$share/extension" ] || return
	mkdir -p "$T/usr$(dirname "$bin")" "$T$share/extension"
	mkdir -p "$T$bin"
	cp "$bin"/* "$T$bin/"
	ln -s "$(dirname "$bin")/lib" "$T$(dirname "$bin")/lib"
	ln -s "$share"/* "$T$share/" 2>/dev/null
	ln -s "$share/extension"/* "$T$share/extension/"
	cat >"$T$share/extension/zoo_rows.control" <<-E
		default_version = '1.0'
		relocatable = true
	E
	cat >"$T$share/extension/zoo_rows--1.0.sql" <<-E
		CREATE TABLE zoo_rows_setting (name text PRIMARY KEY, value text);
		INSERT INTO zoo_rows_setting VALUES ('given', 'by the extension');
		CREATE SEQUENCE zoo_rows_number;
		CREATE TABLE zoo_rows_cache (i integer);
		INSERT INTO zoo_rows_cache VALUES (1);
		SELECT pg_catalog.pg_extension_config_dump('zoo_rows_setting', \$\$WHERE name <> 'given'\$\$);
		SELECT pg_catalog.pg_extension_config_dump('zoo_rows_number', '');
	E
	export PG_PROGRAMS=$T$bin
}
own_server
need_postgres
export PGUSER=postgres
source=${DB}_main
must psql -X -q -d postgres -c 'CREATE ROLE zoo_owner' -c 'CREATE ROLE zoo_reader'
must createdb --template=template0 --encoding=UTF8 --lc-collate=C --owner=odoo "$source"
must psql -X -q -d "$source" -v database="$source" -v super=on \
	-f "$TOP/tests/sample/zoo.sql" -f "$TOP/tests/sample/zoo-more.sql"
mkdir -p "$T/filestore/main"
ROLE=postgres write_conf
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = $(conninfo "${DB}_copy" postgres)
	keep-replaced = next
E
init_repository
# Somebody's temporary tables are nobody else's.
mkfifo "$T/hold"
psql -X -q -d "$source" <"$T/hold" &
exec 3>"$T/hold"
echo "CREATE TEMP TABLE animal AS SELECT 1; CREATE TEMP SEQUENCE q; CREATE TEMP VIEW v AS SELECT 1;
	\\o $T/held
	SELECT 1;" >&3
while [ ! -s "$T/held" ]; do sleep 0.2; done
backup production
exits 0 "a backup of the zoo"
exec 3>&-
json_is .backup.database.odoo_version null "it is no Odoo's"

extensions() {
	sql "$1" "SELECT extname, extversion, proname, provolatile FROM pg_extension
		LEFT JOIN pg_proc ON proname = extname ORDER BY 1, 3, 4"
}
same_zoo() { # same_zoo DATABASE DESCRIPTION
	same_whole "$source" "$1" "$2"
	is "$(extensions "$1")" "$(extensions "$source")" \
		"$2: extensions, altered functions too"
	is "$(sql "$1" "SELECT relname FROM pg_class WHERE relkind = 'i' AND NOT
		(SELECT indisvalid FROM pg_index WHERE indexrelid = pg_class.oid)")" "" \
		"$2: every index is valid"
}

tri restore production/latest --to copy --confirm copy
exits 0 "restore to a production branch"
same_zoo "${DB}_copy" "the copy"
is "$(sql "${DB}_copy" "SELECT string_agg(subname || subenabled, ' ') FROM pg_subscription
	WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())")" \
	"from_afarfalse" "the subscription sleeps"

# Nor does one that is awake keep the database that it is in from being replaced
# and dropped.
must psql -X -q -d "${DB}_copy" -c 'ALTER SUBSCRIPTION from_afar ENABLE'
for again in a "the next"; do
	tri restore production/latest --to copy --confirm copy
	exits 0 "$again restore over a database that subscribes"
done
is "$(sql postgres "SELECT count(*), count(*) FILTER (WHERE subenabled),
	count(*) FILTER (WHERE datname ~ 'replaced') FROM pg_subscription
	JOIN pg_database d ON d.oid = subdbid")" "3|0|1" \
	"the one that was awake is gone with its database"
is "$(hidden_databases)" "" "nothing hidden is left"

# --- what must not be live in a staging copy ---------------------------------
tri restore production/latest --to staging
exits 0 "restore to staging"
is "$(sql "${DB}_staging" 'SELECT count(*) FROM pg_publication')" 0 \
	"staging publishes nothing"
is "$(sql "${DB}_staging" "SELECT (SELECT count(*) FROM pg_subscription s JOIN pg_database d
	ON d.oid = subdbid WHERE datname = current_database()), (SELECT count(*) FROM pg_user_mapping),
	(SELECT count(*) FROM pg_event_trigger)")" "0|0|0" \
	"staging subscribes to nothing, knows no remote password, has no event trigger"
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
