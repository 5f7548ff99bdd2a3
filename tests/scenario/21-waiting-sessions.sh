#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Who waits for whom: a backup gives way to a session that waits for it longer
# than yield-to-ddl; it waits for one that holds a table, without holding any
# itself and without filling the server's log; nobody is failed by a deadlock.
. "$(dirname "$0")/../lib/scenario.sh"
. "$(dirname "$0")/../lib/busy.sh"
need_postgres
make_world
write_conf "jobs = 1
yield-to-ddl = 2s"
init_repository
fresh_world
must sql "${DB}_main" "
	CREATE TABLE ir_module_module (name text, state text, latest_version text);
	INSERT INTO ir_module_module VALUES ('base', 'installed', '17.0.1.3');
	CREATE TABLE ir_attachment (id int, store_fname text, file_size int);"

# until TEXT: waits until the running backup says so
until_it_says() {
	local i
	for ((i = 0; i < 150; i++)); do
		grep -Eq "$1" "$T/err" && return
		sleep 0.2
	done
	fail "the backup says $1" "$(grep -v debug: "$T/err")"
}

# --- they wait for us ---------------------------------------------------------
start_backup "table locked"
start_ddl "ALTER TABLE sale_order_line ADD COLUMN first int"
is "$waited" yes "an ALTER TABLE waits for the snapshot"
until_it_says "giving way to session"
end_backup
end_ddl
exits 1 "after yield-to-ddl the backup gives way"
like "$(json .error.message)" \
	'gave way after [0-9]+ s \(yield-to-ddl\): session [0-9]+ \(role odoo, upgrade\) for public.sale_order_line' \
	"and says to whom"
at_most "$(json .error.message | grep -oE 'after [0-9]+ s' | tr -dc 0-9)" 6 \
	"within yield-to-ddl and a few seconds"
like "$(json .error.hint)" "yield-to-ddl" "and how to change that"
backup
exits 0 "the next backup is complete"

# Of the guard: only ir_attachment is held while files are read.
date >"$T/filestore/main/file"
start_backup "file to be read"
start_ddl "ALTER TABLE ir_attachment ADD COLUMN second int"
is "$waited" yes "an ALTER TABLE of ir_attachment waits for the guard"
until_it_says "gave ir_attachment free: session [0-9]+ \(role odoo, upgrade\)"
end_ddl
pass "which lets go after yield-to-ddl, and goes on"
end_backup
exits 0 "the backup is complete"

# --- we wait for them ---------------------------------------------------------
# Three hundred tables, one of them held: each LOCK that fails would be written
# to the server's log whole.
must sql "${DB}_main" "DO \$d\$ BEGIN FOR i IN 1..300 LOOP
	EXECUTE format('CREATE TABLE one_of_three_hundred_tables_%s (i int)', i);
	END LOOP; END \$d\$"
hold() { # hold SQL: in a transaction of a session of its own; returns when it has
	PGAPPNAME=upgrade psql -X -q -v ON_ERROR_STOP=1 -d "${DB}_main" -c "$1" \
		>"$T/ddl.out" 2>&1 </dev/null &
	ddl=$!
	for ((i = 0; i < 50; i++)); do
		[ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ] &&
			return
		sleep 0.2
	done
	fail "another session holds a table" "$(cat "$T/ddl.out")"
}
server_log() { wc -c <"$TRIPLICATE_PG/log"; }
hold "BEGIN; LOCK TABLE partner; SELECT pg_sleep(600)"
[ -z "$OWN_PG" ] || before=$(server_log)
trij -v backup production
[ -z "$OWN_PG" ] || after=$(server_log)
exits 1 "with a table held for longer than we wait there is no snapshot"
like "$(json .error.message)" \
	'another session holds public.partner \(session [0-9]+, role odoo\)' \
	"and the message says who holds what"
like "$err" 'waiting for public.partner \(session' "so did the log, before"
if [ -n "$OWN_PG" ]; then
	at_most $((after - before)) 4096 "the server's log stays short"
else
	skip "the server is not our own" "the server's log stays short"
fi
sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE wait_event = 'PgSleep'" >"$T/null"
wait "$ddl"

# One that holds a table and then wants another: whoever waited here with locks
# in hand would make a deadlock, and the server might fail the upgrade.
hold "BEGIN; ALTER TABLE partner ADD COLUMN third int; SELECT pg_sleep(2);
	ALTER TABLE old_table ADD COLUMN third int; COMMIT"
trij backup production
exits 0 "a backup that finds a table held waits for it"
end_ddl
is "$(sql "${DB}_main" "SELECT count(*) FROM pg_attribute WHERE attname = 'third'")" 2 \
	"and the one that held it, and wanted more, got it"
unlike "$(cat "$TRIPLICATE_PG/log" 2>/dev/null)" "deadlock" "without a deadlock"
tap_done
