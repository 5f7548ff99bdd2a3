# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # the scenarios use what is set here, and it
# uses what scenario.sh sets
# A program that is killed at a step of its work, and what must hold then. A
# round is: kill, look, run the same command again, look again; it is one test
# point. Sourced after scenario.sh, once need_postgres was called:
#     . "$(dirname "$0")/../lib/crash.sh"
# Steps are counted (base/file_step.c): with one thread a number is nearly
# always the same step, and where it is not, every number is tried all the same.
# $SOAK: full tries every step; short every STRIDE-th of them from OFFSET on.
STRIDE=${STRIDE:-29}
OFFSET=${OFFSET:-7}

problems=
problem() { # problem WHAT [WHAT WAS FOUND]
	problems+="$1${2:+: $(head -n 12 <<<"$2")}"$'\n'
}

round_begins() { problems=; }
round_ends() { # round_ends DESCRIPTION
	if [ -z "$problems" ]; then pass "$1"; else fail "$1" "$problems"; fi
}

# --- killing -----------------------------------------------------------------
# count_steps COMMAND…: sets steps to how many a whole run of it has
count_steps() {
	rm -f "$T/steps"
	TRIPLICATE_CRASH_COUNT=$T/steps run "$@"
	steps=$(cat "$T/steps" 2>/dev/null || echo 0)
}

# crash_at STEP COMMAND…: sets status, and stage to what it was killed before
crash_at() {
	local step=$1
	shift
	TRIPLICATE_CRASH_AT=$step run "$@" 2>/dev/null
	stage=$(sed -n 's/.*stopped before step [0-9]*, \(.*\), as the test.*/\1/p' \
		"$T/err")
	[ "$status" = 137 ] || problem "the run was not killed but ended with $status" "$err"
}

# hold_at STAGE COMMAND…: runs it until it waits at the stage. Sets job.
# Returns 1 when it ended without coming there.
hold_at() {
	local at=$1
	shift
	rm -f "$T/held"
	TRIPLICATE_PAUSE_AT=$at TRIPLICATE_PAUSE_FILE=$T/held "$@" \
		>"$T/out" 2>"$T/err" </dev/null &
	job=$!
	while [ ! -e "$T/held" ]; do
		kill -0 $job 2>/dev/null || return 1
		sleep 0.05
	done
}

# kill_at STAGE COMMAND…
kill_at() {
	if hold_at "$@"; then
		kill -KILL "$job"
		wait "$job" 2>/dev/null
	else
		wait "$job"
		problem "it ended with $? and never came to \"$1\"" "$(cat "$T/err")"
	fi
	rm -f "$T/held"
}

# steps_to_try COUNT: their numbers
steps_to_try() {
	if [ "${SOAK:-full}" = full ]; then seq 1 "$1"; else
		seq $((OFFSET + 1)) "$STRIDE" "$1"
	fi
}

# --- the ground --------------------------------------------------------------
# What a test may change, kept aside and put back: the folders below $T and the
# configuration; databases are templates of their own.
KEPT_PARTS="state $ENDPOINTS filestore logs agent.key restore.key triplicate.conf"
keep_ground() {
	local part
	rm -rf "$T/ground"
	mkdir "$T/ground"
	for part in $KEPT_PARTS; do
		[ ! -e "$T/$part" ] || cp -a "$T/$part" "$T/ground/"
	done
}
put_ground_back() {
	local part
	for part in $KEPT_PARTS; do
		rm -rf "${T:?}/$part"
		[ ! -e "$T/ground/$part" ] || cp -a "$T/ground/$part" "$T/"
	done
}

# copy_database FROM TO: TO becomes a copy of FROM
copy_database() {
	psql -X -q -v ON_ERROR_STOP=1 -d postgres \
		-c "DROP DATABASE IF EXISTS \"$2\" WITH (FORCE)" \
		-c "CREATE DATABASE \"$2\" TEMPLATE \"$1\"" 2>/dev/null
}

# Uploads that were cut off are removed when they are a day old.
age_uploads() {
	local endpoint
	for endpoint in $ENDPOINTS; do
		[ ! -d "$T/$endpoint/.tmp~" ] ||
			find "$T/$endpoint/.tmp~" -type f -exec touch -d '2 days ago' {} +
	done
}

# --- what must hold ----------------------------------------------------------
# Each manifest that an endpoint lists can be had from there alone, and all of
# it is intact: a machine that knows nothing but that endpoint says so.
look_at_endpoints() {
	local endpoint
	for endpoint in $ENDPOINTS; do
		[ -e "$T/$endpoint/config" ] || continue
		[ -n "$(objects "$endpoint" backups)" ] || continue
		rm -rf "$T/bare"
		mkdir "$T/bare"
		run "$TRIPLICATE" recover --from "file://$T/$endpoint" \
			--key "$T/restore.key" -o "$T/bare/triplicate.conf"
		[ "$status" = 0 ] ||
			problem "$endpoint alone: recover ended with $status" "$err"
		run "$TRIPLICATE" -c "$T/bare/triplicate.conf" verify --depth data
		[ "$status" = 0 ] ||
			problem "$endpoint alone: verify ended with $status" "$out$err"
	done
	rm -rf "$T/bare"
}

# What an Odoo would find live: one row of zeros, all in one query.
live_things() {
	sql "$1" "SELECT (SELECT count(*) FROM ir_mail_server WHERE active
			AND smtp_host NOT IN ('invalid', '127.0.0.1', 'localhost')),
		(SELECT count(*) FROM ir_mail_server WHERE smtp_pass <> ''),
		(SELECT count(*) FROM fetchmail_server WHERE active),
		(SELECT count(*) FROM payment_provider WHERE state = 'enabled'),
		(SELECT count(*) FROM ir_cron WHERE active AND id NOT IN (
			SELECT res_id FROM ir_model_data WHERE model = 'ir.cron'
			AND name = 'autovacuum_job')),
		(SELECT count(*) = 0 FROM ir_config_parameter
			WHERE key = 'database.is_neutralized')"
}
NEUTRAL='0|0|0|0|0|f'

# No database but production's own lets anyone in and holds live things. A
# hidden one may be open for a moment, while it is empty.
look_for_live_data() {
	local database
	for database in $(sql postgres "SELECT datname FROM pg_database WHERE datallowconn
		AND datname NOT IN ('postgres', 'template1', '${DB}_main')
		AND datname NOT LIKE '${DB}\_template%'"); do
		case $database in
		"${DB}"_main_replaced_*) continue ;; # what production was
		triplicate_*)
			[ "$(sql "$database" "SELECT count(*) FROM pg_class WHERE oid >= 16384" 2>/dev/null || echo 0)" = 0 ] ||
				problem "$database is open and not empty"
			;;
		*)
			[ "$(live_things "$database" 2>&1)" = "$NEUTRAL" ] ||
				problem "$database is open and live" "$(live_things "$database" 2>&1)"
			;;
		esac
	done
}

# look_into DATABASE COMMAND…: also when it is shut for a swap: a copy then
look_into() {
	local database=$1
	shift
	if [ "$(sql postgres "SELECT datallowconn FROM pg_database WHERE datname = '$database'")" = f ]; then
		copy_database "$database" "${DB}_template_look"
		"$@" "${DB}_template_look"
		sql postgres "DROP DATABASE ${DB}_template_look"
	else
		"$@" "$database"
	fi
}

# whole_database DATABASE: a checksum of its business rows and its objects
whole_database() {
	# shellcheck disable=SC2086
	row_sums "$1" $BUSINESS_TABLES 2>&1 | md5sum
	counts "$1" 2>&1
}

# Nothing of a killed job is left, and the endpoints list the same backups.
look_for_leftovers() {
	local found endpoint
	found=$(hidden_databases)
	[ -z "$found" ] || problem "hidden databases" "$found"
	found=$(sql postgres "SELECT datname FROM pg_database
		WHERE datname LIKE '${DB}\_staging\_replaced%' OR NOT datallowconn
		AND datname <> 'template0' AND datname NOT LIKE '${DB}\_main\_replaced%'")
	[ -z "$found" ] || problem "replaced or closed databases" "$found"
	found=$(find "$T/state/restores" -mindepth 1 -type d 2>/dev/null)
	[ -z "$found" ] || problem "records of restores" "$found"
	found=$(find "$T/state/replaced" -type f 2>/dev/null | wc -l)
	[ "$found" -le "$(sql postgres "SELECT count(*) FROM pg_database
		WHERE datname LIKE '${DB}\_main\_replaced%'")" ] ||
		problem "$found lists of replaced databases, more than there are"
	found=$(find "$T/state/spool" -type f 2>/dev/null)
	[ -z "$found" ] || problem "files in the spool" "$found"
	found=$(find "$T" -name ground -prune -o \( -name '.tmp-*' -o \
		-name '.triplicate-*' -o -name '*.new' \) -print)
	[ -z "$found" ] || problem "temporary files" "$found"
	for endpoint in $ENDPOINTS; do
		found=$(find "$T/$endpoint/.tmp~" -type f -mtime +0 2>/dev/null)
		[ -z "$found" ] || problem "old uploads at $endpoint" "$found"
		[ "$(objects "$endpoint" backups)" = "$(objects fra backups)" ] ||
			problem "$endpoint does not list what fra lists"
	done
}

# must_run STATUS COMMAND…: of a round
must_run() {
	local expected=$1
	shift
	run "$@"
	[ "$status" = "$expected" ] ||
		problem "${*//$T/} ended with $status, expected $expected" "$err"
}

tria=("$TRIPLICATE" -c "$CONF")
# look_at_repository LEAST MOST [ID]…: so many backups, all complete, those of
# the ids among them, at every endpoint the same, and all of it intact
look_at_repository() {
	local least=$1 most=$2 n id endpoint
	shift 2
	must_run 0 "${tria[@]}" verify --depth data
	must_run 0 "${tria[@]}" --json list
	n=$(json '.backups | length')
	{ [ "$n" -ge "$least" ] && [ "$n" -le "$most" ]; } ||
		problem "$n backups are listed, not $least to $most" "$(cat "$T/out")"
	[ "$(json '[.backups[] | select(.state == "complete")] | length')" = "$n" ] ||
		problem "not all are complete" "$(json '.backups[] | .id + " " + .state')"
	for endpoint in $ENDPOINTS; do
		[ "$(objects "$endpoint" backups | wc -l)" = "$n" ] ||
			problem "$endpoint has not $n backups" "$(objects "$endpoint" backups)"
		for id in "$@"; do
			[ -e "$T/$endpoint/backups/$id" ] || problem "$endpoint lost $id"
		done
	done
}

# A branch so small that a round takes a second.
make_small_branch() {
	SAMPLE_ROWS=60 SAMPLE_FILES=6 SAMPLE_MB=1 make_branch
}
write_crash_conf() { write_conf "jobs = 1"; }
