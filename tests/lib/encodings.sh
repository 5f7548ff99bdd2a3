# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# A branch for each of some encodings, backed up and restored. Sourced after
# scenario.sh and whole.sh.

# "name text", both as hex: characters outside ASCII in an encoding, of each of
# some scripts the first few that it has. No conversion leads to SQL_ASCII, which
# takes any bytes, nor from UTF8 to MULE_INTERNAL.
encoding_sample() { # encoding_sample ENCODING
	case $1 in
	SQL_ASCII) echo 80ffe9f48fbe80fe c3a941f48fbe80f48fbfbfff80 ;;
	MULE_INTERNAL) sql postgres "SELECT encode(convert('\\xe9e8', 'LATIN1', 'MULE_INTERNAL'), 'hex')
		|| ' ' || encode(convert('\\xc3a9c4', 'LATIN2', 'MULE_INTERNAL')
		|| convert('\\xb0a1b0a2', 'EUC_JP', 'MULE_INTERNAL'), 'hex')" ;;
	*) sql postgres "SET client_min_messages = error; DO \$\$
		DECLARE lead integer; at integer; n integer; found bytea := ''; one bytea; name bytea; BEGIN
		FOREACH lead IN ARRAY '{161,224,256,901,1040,1488,1575,3585,7840,12353,19968,44032,63744}'::integer[] LOOP
			n := 0;
			FOR at IN lead .. lead + 60 LOOP
				EXIT WHEN n = 4;
				BEGIN
					one := convert_to(chr(at), '$1');
					CONTINUE WHEN convert_from(one, '$1') <> chr(at);
					found := found || one;
					n := n + 1;
				EXCEPTION WHEN others THEN NULL; END;
			END LOOP;
			IF found <> '' THEN name := coalesce(name, found); END IF;
		END LOOP;
		PERFORM set_config('sample.hex', encode(name, 'hex') || ' ' || encode(found, 'hex'), false);
	END \$\$; SELECT current_setting('sample.hex')" ;;
	esac
}

# Text of a hex string
unhex() {
	local i
	for ((i = 0; i < ${#1}; i += 2)); do printf '%b' "\\x${1:i:2}"; done
}

# What a database of an encoding has: names of every kind that restore deals
# with itself, and text. $1 is short enough for a name, $2 is more.
encoding_sql() {
	cat <<-E
		CREATE ROLE "r$1";
		ALTER DATABASE :"DBNAME" OWNER TO "r$1";
		CREATE SCHEMA "s$1" AUTHORIZATION "r$1";
		CREATE TYPE "s$1"."e$1" AS ENUM ('a', 'l$1');
		CREATE TABLE "s$1"."t$1" ("c$1" serial PRIMARY KEY, "m$1" text, e "s$1"."e$1");
		CREATE TABLE public.other ("k$1" integer REFERENCES "s$1"."t$1", t text);
		CREATE TABLE "t$1 2" (t text);
		INSERT INTO "s$1"."t$1" ("m$1", e) VALUES ('$2', 'l$1'), (E'$2\\\\n\\n$2', 'a');
		INSERT INTO other SELECT 1, '$2';
		INSERT INTO "t$1 2" VALUES ('$1');
		CREATE INDEX "i$1" ON "s$1"."t$1" ("m$1") WHERE "m$1" <> '$2';
		CREATE VIEW "v$1" AS SELECT "c$1" AS "x$1" FROM "s$1"."t$1" WHERE "m$1" = '$2';
		CREATE MATERIALIZED VIEW "w$1" AS SELECT "m$1" FROM "s$1"."t$1";
		CREATE SEQUENCE "q$1";
		SELECT nextval('"q$1"') \\g /dev/null
		CREATE FUNCTION "f$1"("p$1" text) RETURNS text LANGUAGE sql AS 'SELECT ''$2''::text';
		COMMENT ON TABLE "s$1"."t$1" IS '$2';
		COMMENT ON DATABASE :"DBNAME" IS 'd$2';
		ALTER TABLE "s$1"."t$1" OWNER TO "r$1";
		GRANT SELECT ON "t$1 2" TO "r$1";
		GRANT CONNECT ON DATABASE :"DBNAME" TO "r$1";
		ALTER DATABASE :"DBNAME" SET "my.text" = 'v$1';
		ALTER ROLE "r$1" IN DATABASE :"DBNAME" SET search_path = "s$1", public;
		SELECT lo_from_bytea(9, '\\xff00') \\g /dev/null
	E
}

# One branch, encoding by encoding. The maintenance database is of the same
# encoding: in one of another, the server can't be told of such a role.
source=${DB}_main copy=${DB}_copy
encodings_branch() {
	mkdir -p "$T/filestore/main"
	ROLE=postgres write_conf
	cat >>"$CONF" <<-E

		[branch copy]
		stage = production
		database = $(conninfo "$copy" postgres)
		maintenance-database = ${MAINTENANCE:-${DB}_maintenance}
	E
	init_repository
}

encoding_make() { # encoding_make ENCODING
	local hex
	hex=$(encoding_sample "$1")
	name=$(unhex "${hex% *}")
	must createdb --template=template0 --encoding="$1" --locale=C "$source"
	must createdb --template=template0 --encoding="$1" --locale=C "${DB}_maintenance"
	encoding_sql "$name" "$(unhex "${hex#* }")" >"$T/make.sql"
	must env PGCLIENTENCODING="$1" \
		psql -X -q -v ON_ERROR_STOP=1 -d "$source" -f "$T/make.sql"
}

encoding_drop() { # encoding_drop ENCODING
	local database
	for database in "$source" "$copy" "${DB}_staging"; do
		sql postgres "DROP DATABASE IF EXISTS \"$database\""
	done 2>/dev/null
	must env PGCLIENTENCODING="$1" \
		psql -X -q -d "${DB}_maintenance" -c "DROP ROLE \"r$name\""
	sql postgres "DROP DATABASE \"${DB}_maintenance\""
}

encodings_try() { # encodings_try ENCODING…
	local encoding
	for encoding in "$@"; do
		encoding_make "$encoding"
		backup production
		exits 0 "$encoding: a backup"
		tri restore production/latest --to copy --confirm copy
		exits 0 "$encoding: restore to a production branch"
		same_whole "$source" "$copy" "$encoding"
		encoding_also "$encoding"
		encoding_drop "$encoding"
	done
}

# Other ways out: a staging copy, plain files, one table.
encoding_also() { # encoding_also ENCODING
	tri restore production/latest --to staging --yes
	exits 0 "$1: restore to staging"
	same_contents "$source" "${DB}_staging" "$1, staging"
	rm -rf "$T/plain"
	tri restore production/latest --to-dir "$T/plain"
	exits 0 "$1: restore --to-dir"
	must createdb --template=template0 --encoding="$1" --locale=C "${DB}_plain"
	run psql -X -q -v owner=postgres -d "${DB}_plain" -f "$T/plain/database/restore.sql"
	exits 0 "$1: psql -f restore.sql"
	same_contents "$source" "${DB}_plain" "$1, from plain files"
	sql postgres "DROP DATABASE \"${DB}_plain\""
}
