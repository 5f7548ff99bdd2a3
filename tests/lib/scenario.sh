# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034 # the scenarios use what is set here
# What every scenario has: a folder and a PostgreSQL server of its own, so that
# several may run at once; a sample branch, a configuration with three local
# endpoints, and the command line under test. Sourced first:
#     . "$(dirname "$0")/../lib/scenario.sh"
# Set TRIPLICATE to test another build of the program, KEEP=1 to keep $T.
set -u
umask 022
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
NAME=$(basename "$0" .sh)
TRIPLICATE=${TRIPLICATE:-$TOP/build/triplicate}
ENDPOINTS='fra ams waw'
export LC_ALL=C.UTF-8 TZ=UTC
export ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1
export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
export TSAN_OPTIONS=exitcode=99
unset TRIPLICATE_CONF TRIPLICATE_PASSPHRASE_FILE TRIPLICATE_CLOCK_OFFSET \
	TRIPLICATE_CRASH_AT TRIPLICATE_CRASH_COUNT TRIPLICATE_PAUSE_AT \
	TRIPLICATE_PAUSE_FILE PGPASSWORD PGSERVICE PGOPTIONS
# A server that the caller has is not ours to look at.
[ -n "${TRIPLICATE_PG:-}" ] || unset PGHOST PGPORT PGUSER PGDATABASE

[ -x "$TRIPLICATE" ] || {
	echo "Bail out! $TRIPLICATE is not built" >&2
	exit 2
}
T=$(mktemp -d "${TMPDIR:-/tmp}/$NAME.XXXXXX") || exit 2
chmod 755 "$T"
CONF=$T/triplicate.conf
OWN_PG=
SERVICES= # that run, each as start_services was told

# --- beginning and end -------------------------------------------------------
scenario_end() {
	local status=$? folder service
	trap - EXIT
	for folder in "$T"/mount.*; do
		[ -d "$folder" ] && umount "$folder" 2>/dev/null
	done
	[ -z "$OWN_PG" ] || "$TOP/tests/services/postgres.sh" stop "$OWN_PG"
	for service in $SERVICES; do
		"$TOP/tests/services/${service%:*}.sh" stop "$T/${service#*:}"
	done
	if [ "${KEEP:-0}" = 1 ]; then echo "# kept $T"; else
		chmod -R u+w "$T" 2>/dev/null
		rm -rf "$T" "$T.kept"
	fi
	exit $status
}
trap scenario_end EXIT
trap 'exit 130' INT TERM

# A server of our own, or the one that tests/services/postgres.sh was asked for.
need_postgres() {
	if [ -z "${TRIPLICATE_PG:-}" ]; then
		"$TOP/tests/services/postgres.sh" start >"$T/pg.env" || {
			echo "Bail out! no PostgreSQL"
			exit 2
		}
		# shellcheck source=/dev/null
		. "$T/pg.env"
		OWN_PG=$TRIPLICATE_PG
		"$TOP/tests/services/postgres.sh" role "$OWN_PG" odoo
	fi
	PATH=$PG_BIN:$PATH
	export PGHOST PGPORT PGUSER=odoo PGDATABASE=postgres PATH
	export PGAPPNAME=scenario
}

# start_services SCRIPT…: servers of tests/services, all at once, each in a
# folder $T/SCRIPT. webdav:nginx is webdav.sh with WEBDAV_SERVER=nginx, in
# $T/nginx. Their exports are in $T/FOLDER.env; one that is not installed has
# none, and $T/FOLDER.said says why.
start_services() {
	local service name status starting=()
	for service in "$@"; do
		name=${service#*:}
		WEBDAV_SERVER=$name "$TOP/tests/services/${service%:*}.sh" start \
			"$T/$name" >"$T/$name.env" 2>"$T/$name.said" &
		starting+=("$!")
	done
	for service in "$@"; do
		name=${service#*:}
		wait "${starting[0]}"
		status=$?
		starting=("${starting[@]:1}")
		if [ $status = 0 ]; then
			SERVICES+=" $service"
			continue
		fi
		rm -f "$T/$name.env"
		[ $status = 77 ] || fail "$name starts" "$(cat "$T/$name.said")"
	done
}

# need_services SCRIPT…: all of them, with their exports
need_services() {
	local service
	start_services "$@"
	[ "$tap_failed" = 0 ] || exit 1
	for service in "$@"; do
		[ -e "$T/${service#*:}.env" ] ||
			skip_all "$(tail -n 1 "$T/${service#*:}.said")"
		# shellcheck source=/dev/null
		. "$T/${service#*:}.env"
	done
}

# Names of databases begin with this.
DB="s${NAME%%-*}_$$"

# Hidden databases that a restore has left behind; there should be none.
hidden_databases() {
	sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'triplicate\_%'"
}

conninfo() { # conninfo DATABASE [ROLE]
	echo "host=${PGHOST:-/nowhere} port=${PGPORT:-1} user=${2:-odoo} dbname=$1"
}

# A small branch: database ${DB}_main, $T/filestore/main, $T/logs.
make_branch() {
	mkdir -p "$T/filestore" "$T/logs"
	SAMPLE_ROWS=${SAMPLE_ROWS:-5000} SAMPLE_FILES=${SAMPLE_FILES:-60} \
		SAMPLE_MB=${SAMPLE_MB:-8} "$TOP/tests/sample/make-sample.sh" \
		"${DB}_main" "$T/filestore/main" "$T/logs" || {
		echo "Bail out! no sample branch"
		exit 2
	}
}

change_branch() { # change_branch [DAY]
	"$TOP/tests/sample/change-sample.sh" "${DB}_main" "$T/filestore/main" \
		"$T/logs" "${1:-1}"
}

# The configuration: write_conf [LINES for [repository]]. The write-only host
# leaves restore-key out: RESTORE_KEY= write_conf. ROLE=postgres for a superuser.
write_conf() {
	local endpoint role=${ROLE:-odoo}
	cat >"$CONF" <<-E
		[repository]
		state = $T/state
		agent-key = $T/agent.key
		${RESTORE_KEY-restore-key = $T/restore.key}
		give-up-after = 1s
		${1:-}
	E
	for endpoint in $ENDPOINTS; do
		printf '\n[endpoint %s]\nurl = file://%s\n' "$endpoint" "$T/$endpoint"
	done >>"$CONF"
	cat >>"$CONF" <<-E

		[branch production]
		stage = production
		database = $(conninfo "${DB}_main" "$role")
		filestore = $T/filestore/main
		logs = $T/logs/*.log*

		[branch staging]
		stage = staging
		database = $(conninfo "${DB}_staging" "$role")
		filestore = $T/filestore/staging
	E
}

# A branch of files alone, which needs no server: $T/files, and its
# configuration; plain_branch [LINES for [repository]].
plain_branch() {
	local endpoint i
	mkdir -p "$T/files/ab" "$T/files/cd"
	for ((i = 1; i <= 30; i++)); do
		head -c $((i * 4000)) /dev/urandom >"$T/files/ab/f$i"
	done
	cat >"$CONF" <<-E
		[repository]
		state = $T/state
		agent-key = $T/agent.key
		${RESTORE_KEY-restore-key = $T/restore.key}
		give-up-after = 1s
		${1:-}
	E
	for endpoint in $ENDPOINTS; do
		printf '\n[endpoint %s]\nurl = file://%s\n' "$endpoint" "$T/$endpoint"
	done >>"$CONF"
	printf '\n[branch production]\nstage = production\nfilestore = %s\n' \
		"$T/files" >>"$CONF"
}

plain_change() { # plain_change NAME: a file more
	head -c 50000 /dev/urandom >"$T/files/cd/$1"
}

# All that is in $T, kept and put back, so that many cases begin alike.
keep_all() {
	rm -rf "$T.kept"
	cp -a "$T" "$T.kept"
}
put_back() {
	find "$T" -mindepth 1 -delete
	cp -a "$T.kept/." "$T/"
}

# --- running the program -----------------------------------------------------
# run COMMAND…: sets status, out and err (first 64 KiB of each).
runs=0
run() {
	runs=$((runs + 1))
	"$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	take_output "${*//$T/}"
}

# What the run, of which only the words are given, wrote: into out and err.
take_output() {
	out=$(head -c 65536 "$T/out" | tr -d '\0')
	err=$(head -c 65536 "$T/err" | tr -d '\0')
	if grep -Eq '(ERROR: (Address|Leak)|WARNING: Thread)Sanitizer|runtime error:' "$T/err"; then
		fail "the sanitizers found something in: $1" \
			"$(grep -E -A 15 'Sanitizer|runtime error:' "$T/err")"
	fi
}

tri() { run "$TRIPLICATE" -c "$CONF" "$@"; }
trij() { run "$TRIPLICATE" -c "$CONF" --json "$@"; }

# exits STATUS DESCRIPTION, of the last run
exits() {
	if [ "$status" = "$1" ]; then pass "$2"; else
		fail "$2" "exit $status, expected $1
$(tail -n 12 "$T/err")
$(head -c 1500 "$T/out")"
	fi
}

# json FILTER [jq options]: of the last run's document
json() {
	local filter=$1
	shift
	jq -r "$@" "$filter" "$T/out" 2>&1
}

# json_is FILTER EXPECTED DESCRIPTION
json_is() { is "$(json "$1")" "$2" "$3"; }

# A backup that must succeed; its id is in $id.
backup() {
	trij backup "$@"
	id=$(json '.backup.id // empty')
}

# must COMMAND…: preparation without which nothing else makes sense
must() {
	local output
	output=$("$@" 2>&1) || {
		fail "preparation: ${*//$T/}" "$output"
		tap_done
		exit 1
	}
}

init_repository() {
	tri init
	[ "$status" = 0 ] || {
		fail "init" "exit $status: $err"
		tap_done
		exit 1
	}
}

# --- looking at endpoints ----------------------------------------------------
# Objects of an endpoint, one name a line; objects ENDPOINT [FOLDER]
objects() {
	[ -d "$T/$1/${2:-.}" ] &&
		(cd "$T/$1" && find "${2:-.}" -type f -printf '%P\n' | sort)
}
object_sums() {
	(cd "$T/$1" 2>/dev/null && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}
# Audit entries of one epoch and number, anywhere: a fork of the chain.
numbers_taken_twice() {
	find "$T"/*/audit -type f -name '[0-9]*' -printf '%f\n' 2>/dev/null |
		sort -u | cut -d- -f1,2 | uniq -d
}
bytes_at() {
	find "$T/$1" -type f -printf '%s\n' 2>/dev/null |
		awk '{ n += $1 } END { printf "%d\n", n }'
}

# flip FILE OFFSET: changes one bit of one byte
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	printf '%b' "\\x$(printf '%02x' $((byte ^ 1)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# --- comparing databases and folders -----------------------------------------
sql() { # sql DATABASE QUERY
	psql -X -At -q -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

database_exists() {
	[ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ]
}

# schema DATABASE: pg_dump's text without what differs from dump to dump
schema() {
	pg_dump --schema-only --no-owner "$1" |
		grep -Ev '^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config|$)'
}

# row_sums DATABASE [TABLE…]: a line a table, "name rows checksum"; rows and
# columns in whatever order they lie. All tables, or those that are named.
row_sums() {
	local database=$1 list
	shift
	if [ $# -gt 0 ]; then
		list=$(printf "%s\n" "$@")
	else
		list=$(sql "$database" "SELECT format('%I.%I', n.nspname, c.relname)
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND n.nspname !~ '^(pg_|information_schema)'
			ORDER BY 1")
	fi
	while IFS= read -r table; do
		[ -n "$table" ] || continue
		printf '%s\n' "SELECT '${table//\'/\'\'}', count(*), coalesce(sum(('x' || substr(md5(to_jsonb(t)::text), 1, 15))::bit(60)::bigint), 0) FROM $table t;"
	done <<<"$list" |
		psql -X -At -q -v ON_ERROR_STOP=1 -c 'SET extra_float_digits = 3' \
			-d "$database" -f -
}

sequence_values() {
	sql "$1" "SELECT format('SELECT %L, last_value, is_called FROM %I.%I;',
		n.nspname || '.' || c.relname, n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' ORDER BY n.nspname, c.relname" |
		psql -X -At -q -v ON_ERROR_STOP=1 -d "$1" -f -
}

large_objects() {
	sql "$1" "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid"
}

counts() { # tables, indexes, constraints, sequences, views
	sql "$1" "SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n
		ON n.oid = relnamespace WHERE relkind = k
		AND nspname !~ '^(pg_|information_schema)')
		FROM unnest('{r,p,i,I,S,v,m}'::\"char\"[]) k" | tr '\n' ' '
	sql "$1" "SELECT count(*) FROM pg_constraint"
}

# The files of a folder with their contents, markers left out
file_sums() {
	(cd "$1" && find . -type f -not -path './checklist/*' -print0 | sort -z |
		xargs -0 -r sha1sum)
}

# same_database A B DESCRIPTION: all of it
same_database() {
	schema "$1" >"$T/schema.a"
	schema "$2" >"$T/schema.b"
	ok "$3: the schema" diff "$T/schema.a" "$T/schema.b"
	row_sums "$1" >"$T/rows.a"
	row_sums "$2" >"$T/rows.b"
	ok "$3: the rows of all $(wc -l <"$T/rows.a") tables" \
		diff "$T/rows.a" "$T/rows.b"
	is "$(sequence_values "$2" | md5sum)" "$(sequence_values "$1" | md5sum)" \
		"$3: the sequences' values"
	is "$(large_objects "$2")" "$(large_objects "$1")" "$3: the large objects"
	is "$(counts "$2")" "$(counts "$1")" \
		"$3: the counts of tables, indexes, constraints, sequences, views"
}

# Tables that neutralization of the sample leaves alone
BUSINESS_TABLES='product_template sale_order sale_order_line account_move
account_move_line res_company ir_module_module ir_model ir_sequence ir_attachment
device_log'

# neutral_facts DATABASE: what an Odoo server would find live there; all zero.
# Tables that an Odoo lacks count as zero.
neutral_facts() {
	local what table query
	while read -r what table query; do
		[ -n "$what" ] || continue
		if [ "$(sql "$1" "SELECT to_regclass('$table') IS NOT NULL")" = t ]; then
			echo "$what $(sql "$1" "SELECT count(*) FROM $table WHERE $query")"
		else
			echo "$what 0"
		fi
	done <<-'E'
		mail-servers ir_mail_server active AND smtp_host NOT IN ('invalid', '127.0.0.1', 'localhost')
		mail-passwords ir_mail_server coalesce(smtp_pass, '') <> ''
		fetchmail fetchmail_server active
		crons ir_cron active AND id NOT IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND name = 'autovacuum_job')
		payment payment_provider state = 'enabled'
		carriers delivery_carrier active AND delivery_type NOT IN ('fixed', 'base_on_rule')
		iap iap_account account_token NOT LIKE '%+disabled'
		oauth auth_oauth_provider enabled
		outgoing-mail mail_mail state = 'outgoing'
		outgoing-sms sms_sms state = 'outgoing'
		jobs queue_job state IN ('pending', 'enqueued', 'started', 'wait_dependencies')
		websites website domain IS NOT NULL
	E
}
