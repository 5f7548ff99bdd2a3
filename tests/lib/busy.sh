# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # scenarios use what is set here, and set it
# A backup that is held at a stage (base/stage.h) while another session changes
# the database, and the question whether what was stored is one moment of it.
# Sourced after scenario.sh.

BACKUP_LIMIT=${BACKUP_LIMIT:-120} # seconds after which a backup hangs
DDL_LIMIT=100                     # looks, 0.2 s apart

# --- a backup in the background ----------------------------------------------
# start_backup STAGE [ARGUMENT…]: returns when it has come there, or has ended
start_backup() {
	local stage=$1
	shift
	rm -f "$T/pause"
	TRIPLICATE_PAUSE_AT=$stage TRIPLICATE_PAUSE_FILE=$T/pause \
		timeout -k 5 "$BACKUP_LIMIT" "$TRIPLICATE" -c "$CONF" --json -v \
		backup production "$@" >"$T/out" 2>"$T/err" </dev/null &
	job=$!
	while [ ! -e "$T/pause" ] && kill -0 "$job" 2>/dev/null; do
		sleep 0.1
	done
	[ -e "$T/pause" ] || fail "the backup comes to the stage \"$stage\"" \
		"$(tail -n 5 "$T/err" "$T/out")"
}

# Lets it go on, and waits for its end: sets status, out, err, and said, which
# later runs leave alone.
end_backup() {
	rm -f "$T/pause"
	wait "$job"
	status=$?
	take_output "backup"
	said=$err
	[ "$status" != 124 ] || fail "the backup ends" \
		"it hung for $BACKUP_LIMIT s: $(tail -n 5 "$T/err")"
}

# --- another session ---------------------------------------------------------
# start_ddl SQL: runs it in ${DB}_main, and returns when it is done or waits;
# $waited is yes or no
start_ddl() {
	local i
	waited=no
	PGAPPNAME=upgrade psql -X -q -v ON_ERROR_STOP=1 -d "${DB}_main" \
		-c "$1" >"$T/ddl.out" 2>&1 </dev/null &
	ddl=$!
	for ((i = 0; i < DDL_LIMIT; i++)); do
		kill -0 "$ddl" 2>/dev/null || return 0
		if waits_for_lock upgrade; then
			waited=yes
			return 0
		fi
		sleep 0.1
	done
	fail "the DDL is done, or waits for a lock" "$1"
}

# waits_for_lock NAME: does a session of that application_name?
waits_for_lock() {
	[ "$(sql postgres "SELECT count(*) FROM pg_stat_activity
		WHERE application_name = '$1' AND wait_event_type = 'Lock'")" != 0 ]
}

# Waits for its end. It must succeed: a backup may delay it, never break it.
end_ddl() {
	wait "$ddl" && return 0
	fail "production's DDL succeeds" "$(cat "$T/ddl.out")"
}

# --- the world that changes --------------------------------------------------
# A few tables, of which the twins are the largest and so the first to be copied
# and sale_order_line comes next; no Odoo's, so that a copy comes back as it was. A folder of files and
# a log make the later stages.
make_world() {
	mkdir -p "$T/filestore/main" "$T/logs"
	echo "a line" >"$T/logs/odoo.log"
	must createdb --template=template0 "${DB}_world"
	psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -d "${DB}_world" <<-'S'
		CREATE FUNCTION mark() RETURNS text VOLATILE LANGUAGE plpgsql
		    AS $$ BEGIN RETURN 'marked'; END $$;
		CREATE TABLE partner (id serial PRIMARY KEY, name text);
		INSERT INTO partner (name) SELECT 'partner ' || i FROM generate_series(1, 50) i;
		CREATE TABLE sale_order (id serial PRIMARY KEY, name text,
		    partner_id int REFERENCES partner, line_count int);
		INSERT INTO sale_order (name, partner_id, line_count)
		    SELECT 'SO' || i, 1 + i % 50, 4 FROM generate_series(1, 200) i;
		CREATE TABLE sale_order_line (id serial PRIMARY KEY,
		    order_id int REFERENCES sale_order, qty int, note text);
		INSERT INTO sale_order_line (order_id, qty, note)
		    SELECT 1 + i % 200, i, repeat(md5(i::text), 4)
		    FROM generate_series(1, 800) i;
		CREATE TABLE old_table (id int, text text);
		INSERT INTO old_table SELECT i, 'old ' || i FROM generate_series(1, 20) i;
		CREATE VIEW sale_report AS SELECT partner_id, count(*) AS n
		    FROM sale_order GROUP BY 1;
		CREATE SEQUENCE ir_sequence_007;
		SELECT setval('ir_sequence_007', 41);
		CREATE SCHEMA one;
		CREATE SCHEMA two;
		CREATE TABLE one.twin AS SELECT i, repeat('one', 40) AS name
		    FROM generate_series(1, 1500) i;
		CREATE TABLE two.twin AS SELECT i, repeat('two', 40) AS name
		    FROM generate_series(1, 1500) i;
	S
	mkdir "$T/after"
	state_of "${DB}_world" >"$T/before"
}

# Everything of a database, in a text.
state_of() {
	schema "$1"
	row_sums "$1"
	sequence_values "$1"
}

fresh_world() {
	dropdb --force --if-exists "${DB}_main" 2>/dev/null
	must createdb --template="${DB}_world" "${DB}_main"
	date +%s.%N >"$T/filestore/main/file" # one to be read each time
}

DDLS='add-column drop-column change-type truncate create-index vacuum-full
drop-table swap create-table upgrade replace-view drop-sequence swap-schemas'

ddl_sql() { # ddl_sql NAME
	case $1 in
	add-column) echo "ALTER TABLE sale_order_line ADD COLUMN extra text DEFAULT mark()" ;;
	drop-column) echo "ALTER TABLE sale_order_line DROP COLUMN note" ;;
	change-type) echo "ALTER TABLE sale_order_line ALTER COLUMN qty TYPE numeric(12, 2)" ;;
	truncate) echo "TRUNCATE sale_order_line" ;;
	create-index) echo "CREATE INDEX fresh_index ON sale_order_line (qty)" ;;
	vacuum-full) echo "VACUUM FULL sale_order_line" ;;
	drop-table) echo "DROP TABLE sale_order_line" ;;
	create-table) echo "CREATE TABLE fresh_table AS SELECT i, mark() FROM generate_series(1, 100) i" ;;
	drop-sequence) echo "DROP SEQUENCE ir_sequence_007" ;;
	replace-view)
		cat <<-'S'
			BEGIN;
			CREATE TABLE fresh_table AS SELECT 1 AS partner_id, 2::bigint AS n;
			CREATE OR REPLACE VIEW sale_report AS SELECT * FROM fresh_table;
			COMMIT
		S
		;;
	swap-schemas)
		cat <<-'S'
			BEGIN;
			ALTER SCHEMA one RENAME TO three;
			ALTER SCHEMA two RENAME TO one;
			ALTER SCHEMA three RENAME TO two;
			COMMIT
		S
		;;
	swap)
		cat <<-'S'
			BEGIN;
			CREATE TABLE line_new (LIKE sale_order_line INCLUDING ALL);
			INSERT INTO line_new SELECT id, order_id, qty + 1, note FROM sale_order_line;
			ALTER SEQUENCE sale_order_line_id_seq OWNED BY line_new.id;
			DROP TABLE sale_order_line;
			ALTER TABLE line_new RENAME TO sale_order_line;
			COMMIT
		S
		;;
	upgrade)
		cat <<-'S'
			BEGIN;
			DROP VIEW sale_report;
			CREATE TABLE sale_tag (id serial PRIMARY KEY, name text);
			INSERT INTO sale_tag (name) VALUES ('new');
			ALTER TABLE sale_order ADD COLUMN tag_id int REFERENCES sale_tag;
			UPDATE sale_order SET tag_id = 1, line_count = 5;
			INSERT INTO sale_order_line (order_id, qty, note) SELECT id, 0, 'section' FROM sale_order;
			ALTER TABLE sale_order_line ALTER COLUMN note SET NOT NULL;
			CREATE INDEX ON sale_order (tag_id);
			DROP TABLE old_table;
			DROP SEQUENCE ir_sequence_007;
			CREATE SEQUENCE ir_sequence_008;
			CREATE VIEW sale_report AS SELECT partner_id, tag_id, count(*) AS n
			    FROM sale_order GROUP BY 1, 2;
			COMMIT
		S
		;;
	esac
}

# The state after a DDL, made once: $T/after/NAME
after() {
	[ -e "$T/after/$1" ] && return
	fresh_world
	sql "${DB}_main" "$(ddl_sql "$1")"
	state_of "${DB}_main" >"$T/after/$1"
}

# is_one_moment DDL WHAT: the newest backup, restored, is the whole world before
# or after the DDL; $moment says which
is_one_moment() {
	run "$TRIPLICATE" -c "$CONF" --json restore production/latest --to staging --yes
	[ "$status" = 0 ] || {
		fail "$2: the copy restores" "$(tail -n 5 "$T/err")"
		return
	}
	state_of "${DB}_staging" >"$T/copy"
	moment=neither
	cmp -s "$T/copy" "$T/after/$1" && moment=after
	cmp -s "$T/copy" "$T/before" && moment=before
	[ $moment != neither ] || fail "$2: the copy is one moment" \
		"$(diff "$T/before" "$T/copy" | head -n 12)
$(diff "$T/after/$1" "$T/copy" | head -n 12)"
}

# try_ddl STAGE DDL: one case, one point
try_ddl() {
	local stage=$1 name=$2 failed=$tap_failed
	after "$name"
	fresh_world
	start_backup "$stage"
	start_ddl "$(ddl_sql "$name")"
	end_backup
	end_ddl
	moment="failed, saying why"
	if [ "$status" = 0 ]; then
		is_one_moment "$name" "$name at \"$stage\""
	else
		like "$status $(json .error.message)" \
			'^1 .*(sale_order_line|sale_report|old_table|ir_sequence_007|schema|tables were made)' \
			"$name at \"$stage\": a failure says why"
	fi
	[ "$tap_failed" != "$failed" ] || pass "$name at \"$stage\": $moment"
}
