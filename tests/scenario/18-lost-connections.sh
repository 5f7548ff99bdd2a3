#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A session of a backup is ended by the server, pg_dump is killed, the server
# crashes, at each stage where that matters: the backup fails at once and says
# why, or does without; the next one is complete.
. "$(dirname "$0")/../lib/scenario.sh"
. "$(dirname "$0")/../lib/busy.sh"
need_postgres
make_world
fresh_world
# More than a pipe holds, so that pg_dump is still at work when we come.
sql "${DB}_main" "SELECT lo_from_bytea(0, convert_to(repeat('large', 100000), 'UTF8'))" >"$T/oid"
sql "${DB}_main" "DO \$d\$ BEGIN EXECUTE 'COMMENT ON TABLE partner IS ' ||
	quote_literal(repeat('long', 50000)); END \$d\$"
write_conf "jobs = 1"
init_repository

# The backend of the session that came Nth: the leader is the first, then the
# watcher, then pg_dump, or the one that copies
backend() {
	sql postgres "SELECT pid FROM pg_stat_activity
		WHERE application_name = 'triplicate' ORDER BY backend_start LIMIT 1 OFFSET $1"
}
end_session() {
	[ "$(sql postgres "SELECT pg_terminate_backend($(backend "$1"))")" = t ] ||
		fail "session $1 is there, to be ended"
}
kill_pg_dump() { # the child of the program, which timeout started
	kill -KILL "$(pgrep -x pg_dump -P "$(pgrep -P "$job")")" ||
		fail "pg_dump runs, to be killed"
}

# lose STAGE WHAT STATUS MESSAGE COMMAND…
lose() {
	local stage=$1 what=$2 expected=$3 message=$4
	shift 4
	date +%s.%N >"$T/filestore/main/file"
	start_backup "$stage"
	"$@"
	end_backup
	is "$status" "$expected" "$what at \"$stage\": exit $expected"
	[ "$expected" = 0 ] || like "$(json .error.message)" "$message" \
		"$what at \"$stage\": says so"
}
next_is_complete() {
	backup
	json_is .backup.state complete "the next backup is complete"
}

lost='connection that held the snapshot was lost: .*(terminating connection|closed the connection)'
lose "tables listed" "the leader ended" 1 'terminating connection|closed the connection' end_session 0
lose "tables locked" "the leader ended" 1 'terminating connection|closed the connection' end_session 0
next_is_complete
for stage in "snapshot taken" "pg_dump started" "table to be locked" \
	"table locked" "rows read"; do
	lose "$stage" "the leader ended" 1 "$lost" end_session 0
done
next_is_complete
end_leader_seen() { # and leaves the watcher time to see it
	end_session 0
	sleep 1
}
lose "snapshot ended" "the leader ended" 0 '' end_leader_seen
lose "table locked" "a copying session ended" 1 \
	'table [a-z_.]*: .*(terminating connection|closed the connection)' end_session 2
lose "pg_dump started" "pg_dump's session ended" 1 \
	'pg_dump: .*(terminating connection|closed the connection)' end_session 2
lose "pg_dump started" "pg_dump killed" 1 'pg_dump: .*(signal|kill)' kill_pg_dump
next_is_complete

# --- the watcher -------------------------------------------------------------
# It connects anew, and goes on watching.
end_watcher() {
	local i new old
	old=$(backend 1)
	end_session 1
	for ((i = 0; i < 50; i++)); do
		new=$(backend 1)
		[ -n "$new" ] && [ "$new" != "$old" ] && return
		sleep 0.2
	done
	fail "the watcher comes back"
}
lose "snapshot taken" "the watcher ended" 0 '' end_watcher
like "$said" "can't see who waits for us: .*(terminating|closed the connection)" \
	"and the log says so"

# --- with Odoo's attachments ---------------------------------------------------
# The second session is the guard then, and the leader has their list until the
# last file was read.
must sql "${DB}_main" "
	CREATE TABLE ir_module_module (name text, state text, latest_version text);
	INSERT INTO ir_module_module VALUES ('base', 'installed', '17.0.1.3');
	CREATE TABLE ir_attachment (id int, store_fname text, file_size int);"
for stage in "tables locked" "table locked" "file to be read"; do
	lose "$stage" "the guard ended" 0 '' end_session 1
done
lose "file to be read" "the leader ended" 1 \
	'(list of attachments|which held).*' end_session 0
lose "files read" "the leader ended" 1 \
	'(list of attachments|which held).*' end_session 0
next_is_complete

# --- the whole server --------------------------------------------------------
crash() { "$TOP/tests/services/postgres.sh" crash "$OWN_PG"; }
if [ -n "$OWN_PG" ]; then
	gone='terminating connection|closed the connection|Connection refused|No such file'
	for stage in "tables locked" "snapshot taken" "table locked" "rows read"; do
		lose "$stage" "a crash of the server" 1 "$gone" crash
	done
	lose "files read" "a crash of the server" 1 "$gone" crash
	lose "logs to be read" "a crash of the server" 0 '' crash
	next_is_complete
else
	skip "the server is not our own" "a crash of the server"
fi
tap_done
