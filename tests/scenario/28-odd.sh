#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Odd names, shapes and values, in a database whose own name is odd and whose
# settings would have every session read and write otherwise: all of it comes
# back, and so do the settings.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"
need_postgres
export PGUSER=postgres
# What a connection string can hold: percent signs for what a line can't.
uri() { # uri DATABASE
	echo "postgresql:///$(printf %s "$1" | jq -sRr @uri)?host=$PGHOST&port=$PGPORT&user=odoo"
}
odd="${DB} 'o\"dd\\"$'\n'"name -x \$é"
source="${DB}_main"
role='r "ö\ le'\'''
must psql -X -q -d postgres -c "CREATE ROLE \"r \"\"ö\\ le'\"" -c "GRANT \"r \"\"ö\\ le'\" TO odoo"
must createdb --template=template0 --encoding=UTF8 --lc-collate=C --lc-ctype=C.UTF-8 --owner=odoo "$odd"
must psql -X -q -U odoo -d "$odd" -f "$TOP/tests/sample/odd.sql"
must psql -X -q -d "$odd" -v name="$odd" -v role="$role" <<-'E'
	ALTER TABLE public.times OWNER TO :"role";
	ALTER DATABASE :"name" SET DateStyle = 'SQL, DMY';
	ALTER DATABASE :"name" SET IntervalStyle = sql_standard;
	ALTER DATABASE :"name" SET TimeZone = 'Asia/Kathmandu';
	ALTER DATABASE :"name" SET search_path = pg_temp, 's1', "dot.dot";
	ALTER DATABASE :"name" SET default_transaction_read_only = on;
	ALTER DATABASE :"name" SET statement_timeout = '100ms';
	ALTER DATABASE :"name" SET lock_timeout = '1ms';
	ALTER DATABASE :"name" SET idle_in_transaction_session_timeout = '50ms';
	ALTER DATABASE :"name" SET row_security = off;
	ALTER DATABASE :"name" SET bytea_output = escape;
	ALTER DATABASE :"name" SET standard_conforming_strings = off;
	ALTER DATABASE :"name" SET backslash_quote = off;
	ALTER DATABASE :"name" SET escape_string_warning = off;
	ALTER DATABASE :"name" SET xmloption = document;
	ALTER DATABASE :"name" SET extra_float_digits = -15;
	ALTER DATABASE :"name" SET client_encoding = latin1;
	ALTER DATABASE :"name" SET default_transaction_isolation = serializable;
	ALTER DATABASE :"name" SET default_tablespace = '';
	ALTER DATABASE :"name" SET check_function_bodies = on;
	ALTER DATABASE :"name" SET transform_null_equals = on;
	ALTER DATABASE :"name" SET array_nulls = off;
	ALTER DATABASE :"name" SET lc_monetary = 'C';
	ALTER DATABASE :"name" SET session_replication_role = replica;
	ALTER DATABASE :"name" SET enable_seqscan = off;
	ALTER DATABASE :"name" SET quote_all_identifiers = on;
	ALTER DATABASE :"name" SET "my.odd" = E'it''s \\ "odd"\n';
	ALTER ROLE odoo IN DATABASE :"name" SET work_mem = '5MB';
	ALTER ROLE odoo IN DATABASE :"name" SET role = 'odoo';
	ALTER ROLE :"role" IN DATABASE :"name" SET search_path = '"', 'a b';
	COMMENT ON DATABASE :"name" IS E'o\\d''d';
E
mkdir -p "$T/filestore/main"
write_conf
# \n and quotes can't stand in a line; an URI says them otherwise.
sed -i "s|^database = .*_main$|database = \"$(uri "$odd" | sed 's/&/\\&/g')\"|" "$CONF"
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = "$(uri "$odd 2")"
E
init_repository
backup production
exits 0 "a backup"
is "$(json .backup.database.name)" "$odd" "of a database with a name in two lines"
must psql -X -q -d postgres -c 'ALTER ROLE odoo SUPERUSER'
tri restore production/latest --to copy --confirm copy
exits 0 "restore to a production branch"
must psql -X -q -d postgres -c 'ALTER ROLE odoo NOSUPERUSER'

# Read both without the settings that would disturb the comparing.
calm='-c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0'
calm+=' -c search_path=public -c standard_conforming_strings=on -c backslash_quote=on'
calm+=' -c bytea_output=hex -c DateStyle=ISO -c IntervalStyle=postgres -c TimeZone=UTC -c quote_all_identifiers=off'
calm+=' -c session_replication_role=origin -c client_encoding=UTF8 -c array_nulls=on'
# Without sequential scans all is dear, and so compiled before it is run.
calm+=' -c enable_seqscan=on'
settings() { # settings DATABASE
	psql -X -At -d postgres -v name="$1" <<-'E'
		SELECT setrole::regrole, unnest(setconfig) FROM pg_db_role_setting s
		JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = :'name' ORDER BY 1, 2;
		SELECT pg_get_userbyid(datdba), datacl, shobj_description(oid, 'pg_database')
		FROM pg_database WHERE datname = :'name'
	E
}
is "$(settings "$odd 2")" "$(settings "$odd")" "settings, owner, privileges, comment"
at_least "$(settings "$odd 2" | wc -l)" 30 "all of them"
dump() { pg_dump "$1" | grep -aEv '^(--|\\(un)?restrict)'; }
PGOPTIONS=$calm dump "$odd" >"$T/dump.a"
PGOPTIONS=$calm dump "$odd 2" >"$T/dump.b"
ok "pg_dump of source and copy, rows and all, is the same" diff -q "$T/dump.a" "$T/dump.b"
at_least "$(grep -c '^COPY' "$T/dump.a")" 90 "of some ninety tables"
PGOPTIONS=$calm same_contents "$odd" "$odd 2" "odd"

# --- a staging copy, plain files ---------------------------------------------
tri restore production/latest --to staging
exits 0 "restore to staging, as a plain role"
PGOPTIONS=$calm same_contents "$odd" "${DB}_staging" "staging"
tri restore production/latest --to-dir "$T/plain"
exits 0 "restore --to-dir"
must createdb --template=template0 --encoding=UTF8 --lc-collate=C --lc-ctype=C.UTF-8 "${DB}_plain"
run psql -X -q -d "${DB}_plain" -f "$T/plain/database/restore.sql"
exits 0 "psql -f restore.sql"
PGOPTIONS=$calm same_contents "$odd" "${DB}_plain" "from plain files"
is "$(find "$T/plain/database" -mindepth 1 ! -type f)" "" "no name became a folder"

# --- every byte, in a database that has no encoding ---------------------------
must createdb --template=template0 --encoding=SQL_ASCII --locale=C "$source"
{
	echo "CREATE TABLE bytes (i serial, t text, \"u\" text); COPY bytes (t, u) FROM stdin;"
	for byte in $(seq 1 255); do
		printf -v o '%03o' "$byte"
		printf 'a\\%so\t\\%s\n' "$o" "$o"
	done
	echo '\.'
} >"$T/bytes.sql"
must env PGCLIENTENCODING=SQL_ASCII psql -X -q -v ON_ERROR_STOP=1 -d "$source" -f "$T/bytes.sql"
sed -i "0,/^database = \"postgresql/s|^database = \"postgresql.*|database = $(conninfo "$source" postgres)|" "$CONF"
backup production
exits 0 "a backup of all bytes"
tri restore production/latest --to staging --yes
exits 0 "restore to staging"
bytes() { sql "$1" "SELECT i, encode(textsend(t), 'hex'), encode(textsend(u), 'hex') FROM public.bytes ORDER BY i"; }
is "$(PGOPTIONS="$calm -c client_encoding=SQL_ASCII" bytes "${DB}_staging" | md5sum)" "$(bytes "$source" | md5sum)" "every byte is the same"
is "$(bytes "$source" | tail -n 1)" "255|61ff6f|ff" "up to the last"
tap_done
