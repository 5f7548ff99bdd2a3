#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Sources and servers that aren't as they should be: no such database, a wrong
# password, a server that goes away, pg_dump missing or breaking, filestores and
# logs that can't be read. Each is exit 1 with its kind and a hint; no backup is
# made of it (or an incomplete one, where that is the rule), endpoints and
# sources stay as they were, and the next backup works.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/wrong.sh
. "$TOP/tests/lib/wrong.sh"
need_postgres
SAMPLE_ROWS=2000 SAMPLE_FILES=20 SAMPLE_MB=2 make_branch
write_conf
cp "$CONF" "$T/good.conf"
init_repository
backup
exits 0 "a good backup"
# A failed try is in the audit log, and leaves packs in the spool for the next
# one; no manifest of it is anywhere.
WORLD_ALSO_WITHOUT='-o -path */state -o -path */audit -o -name triplicate.conf'
world_holds

root_sql() { # as the server's superuser
	PGUSER=postgres sql "$@"
}

# with SED-SCRIPT: the good configuration, edited
with() { sed "$1" "$T/good.conf" >"$CONF"; }

# no_backup DESCRIPTION KIND PATTERN
no_backup() { wrong "$1" 1 "$2" "$3" backup; }

# --- the server --------------------------------------------------------------
with "s|dbname=${DB}_main|dbname=no_such_database|"
no_backup "no such database" database 'no_such_database.*dbname'
with "s|port=$PGPORT|port=1|"
no_backup "nothing at the port" database "port|:1: "
with "s|host=$PGHOST|host=$T/nowhere|"
no_backup "no such socket" database "nowhere.*running"
with "s|host=$PGHOST|host=no-such-host.invalid|"
no_backup "no such host" database "no-such-host.invalid"
with "s|user=odoo|user=nobody_here|"
no_backup "no such role" permission "nobody_here.*user and password"
must root_sql postgres "CREATE ROLE locked LOGIN PASSWORD 'right'"
with "s|host=$PGHOST|host=127.0.0.1|; s|user=odoo|user=locked|"
no_backup "no password" permission "password.*pgpass"
with "s|host=$PGHOST|host=127.0.0.1|; s|user=odoo|user=locked password=hunter2|"
no_backup "a wrong password" permission "password.*pgpass"
unlike "$(strings -a "$T/state/db/data.mdb" | grep hunter2)" hunter2 \
	"and it is not in the audit log"
must root_sql postgres "CREATE ROLE reader LOGIN"
with "s|user=odoo|user=reader|"
# That is there and can't be read: an incomplete backup, which says so.
trij backup
is "$(wrong_answer 1 source incomplete)" "" "a role that may not read: 1 source"
json_is .backup.state incomplete "a role that may not read: incomplete"
like "$err" "can't be read.*GRANT SELECT" "a role that may not read: what to grant"
must root_sql postgres "ALTER DATABASE ${DB}_main ALLOW_CONNECTIONS false"
with ""
WORLD_HOLDS=
no_backup "a database that takes no connections" database "${DB}_main.*not currently accepting"
must root_sql postgres "ALTER DATABASE ${DB}_main ALLOW_CONNECTIONS true"
world_holds

# --- the server goes away ----------------------------------------------------
# at STAGE COMMAND…: the backup stands still at the stage while COMMAND runs
at() {
	local stage=$1 paused=$T/world.paused i
	shift
	TRIPLICATE_PAUSE_AT=$stage TRIPLICATE_PAUSE_FILE=$paused \
		"$TRIPLICATE" -c "$CONF" --json "${JOB[@]}" >"$T/out" 2>"$T/err" </dev/null &
	job=$!
	for ((i = 0; i < 150; i++)); do
		[ -e "$paused" ] && break
		kill -0 "$job" 2>/dev/null || break
		sleep 0.2
	done
	[ -e "$paused" ] || fail "the stage '$stage' was never reached" "$(cat "$T/err")"
	"$@" >"$T/world.stage" 2>&1
	rm -f "$paused"
	wait "$job"
	status=$?
	err=$(head -c 65536 "$T/err")
}

# gone DESCRIPTION KIND PATTERN: the last run's answer, and the world
gone() {
	local found
	found=$(wrong_answer 1 "$2" "$3")
	world >"$T/world.after"
	cmp -s "$T/world.before" "$T/world.after" || found="$found
changed: $(diff "$T/world.before" "$T/world.after" | head -n 6)"
	if [ -z "$found" ]; then pass "$1"; else
		fail "$1" "$found
it said: $(head -n 4 <<<"$err")"
	fi
}

our_sessions="SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
crash_server() {
	local pid
	read -r pid _ <"$TRIPLICATE_PG/pid"
	kill -QUIT "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
}
start_server() {
	local i
	must env -C / runuser -u "$(stat -c %U "$TRIPLICATE_PG/data")" -- \
		"$PG_BIN/pg_ctl" -D "$TRIPLICATE_PG/data" -s -l "$TRIPLICATE_PG/sock/log" start
	# as tests/services/postgres.sh writes it, so that it can stop it
	read -r i <"$TRIPLICATE_PG/data/postmaster.pid"
	echo "$i $(sed 's/.*) //' "/proc/$i/stat" | cut -d' ' -f20)" >"$TRIPLICATE_PG/pid"
}

JOB=(backup)
for stage in "snapshot exported" "table locked" "table copied" "archive read"; do
	at "$stage" root_sql postgres "$our_sessions"
	gone "sessions ended by an administrator at: $stage" database "terminat|closed|connection|administrator"
done

# --- pg_dump -----------------------------------------------------------------
# The system's own programs are hidden in a name space of our own; PATH then has
# the only ones.
mkdir "$T/bin" "$T/empty"
WORLD_HOLDS=
hidden_bin() { # hidden_bin COMMAND…: where only $T/bin has a pg_dump
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -m bash -c 'for d in /usr/lib/postgresql; do
		[ ! -d "$d" ] || mount --bind "$0" "$d" || exit 99; done
		PATH=$1; shift; exec "$@"' "$T/empty" "$T/bin" "$@"
}
fake_dump() { # fake_dump VERSION SCRIPT
	# shellcheck disable=SC2016 # the program that is written does
	printf '#!/bin/bash\nPATH=/usr/bin:/bin\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) %s"; exit; fi\n%s\n' "$1" "$2" >"$T/bin/pg_dump"
	chmod 755 "$T/bin/pg_dump"
}
real=$PG_BIN/pg_dump
major=$(sql postgres 'SHOW server_version_num')
major=$((major / 10000))
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null &&
	hidden_bin /bin/true; then
	cp -a "$(dirname "$real")" "$T/real"
	no_dump() { # no_dump DESCRIPTION PATTERN
		wrong_case "$1" 1 database "$2" hidden_bin "$TRIPLICATE" -c "$CONF" --json backup
	}
	no_dump "no pg_dump" "no pg_dump for PostgreSQL $major.*postgresql-client-$major"
	fake_dump 9.6.24 'exit 1'
	no_dump "a pg_dump too old" "no pg_dump for PostgreSQL $major.*postgresql-client-$major"
	printf 'not a program' >"$T/bin/pg_dump"
	no_dump "a pg_dump that is no program" "no pg_dump for PostgreSQL"
	fake_dump "$major.1" 'echo "pg_dump: error: something is rotten" >&2; exit 1'
	no_dump "a pg_dump that fails" "something is rotten"
	fake_dump "$major.1" "'$T/real/pg_dump' \"\$@\" | head -c 20000; echo 'pg_dump: error: half way' >&2; exit 1"
	no_dump "a pg_dump that fails half way" "half way"
	fake_dump "$major.1" "'$T/real/pg_dump' \"\$@\" | head -c 20000; exit 0"
	no_dump "a pg_dump that stops half way and says that all is well" "pg_dump"
	fake_dump "$major.1" 'kill -9 $$'
	no_dump "a pg_dump that is killed" "pg_dump.*(signal|kill)"
	fake_dump "$major.1" 'exit 0'
	no_dump "a pg_dump that says nothing" "pg_dump"
	fake_dump "$major.1" "head -c 100000 /dev/urandom"
	no_dump "a pg_dump that writes junk" "pg_dump"
	rm "$T/bin/pg_dump"
else
	skip "needs root and mount name spaces" "pg_dump missing, too old, failing"
fi

# --- filestore and logs ------------------------------------------------------
with "s|/filestore/main|/filestore/none|"
no_backup "no filestore" source "filestore/none.*mounted"
with "s|= $T/filestore/main|= $T/good.conf|"
no_backup "a file as filestore" source "good.conf.*filestore"
with "s|^logs = .*|logs = $T/logs/*.none|"
WORLD_HOLDS=
tri backup
exits 0 "no log matches: a backup"
like "$err" 'logs = .*\*\.none.*match' "and a warning"
with ""
# Root reads all: the program runs as another user.
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups)
	chown -R nobody "$T"
	one=$(find "$T/filestore/main" -mindepth 2 -type f | sort | head -n 1)
	folder=$(find "$T/filestore/main" -mindepth 1 -maxdepth 1 -type d -name '[0-9a-f][0-9a-f]' | sort | tail -n 1)
	incomplete() { # incomplete WHAT PATTERN: an unreadable part of the source
		run "${as[@]}" "$TRIPLICATE" -c "$CONF" --json backup
		found=$(wrong_answer 1 source "incomplete.*($2)")
		[ "$(json .backup.state)" = incomplete ] || found="$found
state $(json .backup.state)"
		grep -q "$2" <<<"$(json '.backup.warnings[]')" ||
			found="$found
no warning names it: $(json '.backup.warnings[]')"
		if [ -z "$found" ]; then pass "$1: incomplete"; else
			fail "$1: incomplete" "$found
it said: $err"
		fi
	}
	touch "$one" # else it is known, and not read
	chown root "$one" && chmod 600 "$one"
	incomplete "an unreadable file" "${one##*/}"
	chown nobody "$one"
	chown root "$folder" && chmod 700 "$folder"
	incomplete "an unreadable sub-folder" "${folder##*/}"
	chown nobody "$folder"
	log=$(find "$T/logs" -type f | sort | head -n 1)
	chown root "$log" && chmod 600 "$log"
	incomplete "an unreadable log" "${log##*/}"
	chown nobody "$log"
	chown root "$T/filestore/main" && chmod 700 "$T/filestore/main"
	wrong_case "an unreadable filestore" 1 source "filestore/main.*denied" \
		"${as[@]}" "$TRIPLICATE" -c "$CONF" --json backup
	chown nobody "$T/filestore/main"
	chmod 755 "$T/filestore/main"
	run "${as[@]}" "$TRIPLICATE" -c "$CONF" --json backup
	exits 0 "as it was again: a good backup"
	chown -R root "$T"
else
	skip "needs root to be another user" "files that may not be read"
fi

# --- restores ----------------------------------------------------------------
# What fails leaves the target as it was, and no hidden database.
tri restore latest --to staging --yes
exits 0 "a staging branch"
rm -f "$T/out" "$T/err"
WORLD_ALSO_WITHOUT='-o -path */state -o -path */audit -o -name triplicate.conf'
staging_before=$(row_sums "${DB}_staging" | md5sum)
world_holds
JOB=(restore latest --to staging --yes)
for stage in schema tables indexes neutralize swap; do
	at "phase $stage" root_sql postgres "$our_sessions"
	gone "a restore whose sessions are ended at: $stage" database "terminat|closed|connection|server"
	is "$(hidden_databases)" "" "and no hidden database stays"
done
is "$(row_sums "${DB}_staging" | md5sum)" "$staging_before" \
	"the staging branch is as it was"

# an extension that the target's server lacks: one that is in the catalog alone
must root_sql "${DB}_main" "SET allow_system_table_mods = on;
	INSERT INTO pg_extension SELECT 99999, 'no_such_extension', 10, 'public'::regnamespace, true, '1.0', NULL, NULL"
WORLD_HOLDS=
backup
exits 0 "a backup of a database with an extension that no other server has"
must root_sql "${DB}_main" "SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE extname = 'no_such_extension'"
wrong "an extension that the target lacks" 1 database "no_such_extension.*package" restore "$id" --to staging --yes

# --- the server crashes ------------------------------------------------------
if [ -n "$OWN_PG" ] && [ "$(id -u)" = 0 ]; then
	WORLD_NO_SERVER=1
	world_holds
	JOB=(backup)
	at "table copied" crash_server
	gone "the server crashes while rows are read" database "closed|connection|server|shut"
	no_backup "and is down" database "running"
	start_server
	JOB=(restore latest~1 --to staging --yes)
	world_holds
	at "phase tables" crash_server
	gone "the server crashes while rows are restored" database "closed|connection|server|shut"
	wrong "and is down" 1 database "running" restore latest~1 --to staging --yes
	start_server
	WORLD_NO_SERVER=
	is "$(row_sums "${DB}_staging" | md5sum)" "$staging_before" \
		"the staging branch is as it was"
	tri restore latest~1 --to staging --yes
	exits 0 "and can be replaced"
	is "$(hidden_databases)" "" "and no hidden database stays"
	tri backup
	exits 0 "and a backup works"
else
	skip "needs a server of its own, and root" "a server that crashes"
fi
tap_done
