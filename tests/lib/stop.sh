# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # the scenarios use what is set here
# A job in the background that is stopped by a signal, and what must be true
# then. Sourced after scenario.sh.
LIMIT_MS=5000 # two seconds are promised; a busy machine has others to serve
slowest=0     # of all stops so far
sleeping=     # processes that stand still for the test
trap 'wake; scenario_end' EXIT

now_ms() { date +%s%3N; }

# until_true COMMAND…: evaluated until it is true, for half a minute
until_true() {
	local i
	for ((i = 0; i < 150; i++)); do
		eval "$*" 2>/dev/null && return 0
		sleep 0.2
	done
	return 1
}

# begin COMMAND…: in the background and a session of its own, with standard input
# from $INPUT; sets $job.
begin() {
	rm -f "$T/paused"
	setsid "$TRIPLICATE" -c "$CONF" "$@" >"$T/out" 2>"$T/err" \
		<"${INPUT:-/dev/null}" &
	job=$!
}

# begin_at STAGE COMMAND…: begins, and waits until it stands at that stage
begin_at() {
	local i
	export TRIPLICATE_PAUSE_AT=$1 TRIPLICATE_PAUSE_FILE=$T/paused
	shift
	begin "$@"
	unset TRIPLICATE_PAUSE_AT TRIPLICATE_PAUSE_FILE
	for ((i = 0; i < 300; i++)); do
		[ -e "$T/paused" ] && return 0
		kill -0 "$job" 2>/dev/null || break
		sleep 0.1
	done
	kill "$job" 2>/dev/null
	wait "$job"
	return 1
}
go_on() { rm -f "$T/paused"; }

# Processes of the job's session but itself, one "PID NAME" a line
members() {
	local file line
	for file in /proc/[0-9]*/stat; do
		{ read -r line <"$file"; } 2>/dev/null || continue
		name=${line#*(}
		# shellcheck disable=SC2086
		set -- ${line##*) }
		[ "$4" = "$job" ] && [ "$1" != Z ] && [ "${line%% *}" != "$job" ] &&
			echo "${line%% *} ${name%%)*}"
	done
	return 0
}
# children NAME: their ids
children() { members | awk -v name="$1" '$2 == name { print $1 }'; }

# Server processes that our job talks to, in databases like $1
backends() {
	sql postgres "SELECT pid FROM pg_stat_activity
		WHERE application_name = 'triplicate' AND datname LIKE '$1'"
}
sessions() {
	sql postgres "SELECT count(*) FROM pg_stat_activity WHERE
		application_name = 'triplicate' OR application_name LIKE 'pg\_%'"
}

# end_it SIGNAL WHAT: the job ends in time, with 130, and so do its children
end_it() {
	local begun took
	begun=$(now_ms)
	kill -"$1" "$job"
	wait "$job"
	status=$?
	took=$(($(now_ms) - begun))
	[ $took -le $slowest ] || slowest=$took
	if grep -Eq 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$T/err"; then
		fail "the sanitizers found something at: $2" \
			"$(grep -E -A 15 'Sanitizer|runtime error:' "$T/err")"
	fi
	if [ $status = 130 ] && [ $took -le $LIMIT_MS ]; then
		pass "$2: $1 ends it with 130, in $took ms"
	else
		fail "$2: $1 ends it with 130, in time" \
			"exit $status after $took ms: $(tail -n 5 "$T/err")"
	fi
	is "$(members)" "" "$2: no child stays behind"
}

# freeze PIDS WHAT: those stand still, the job goes on and is stopped
freeze() {
	if [ -z "$1" ]; then
		fail "$2" "nobody is there to stand still"
		kill "$job"
		wait "$job"
		return
	fi
	sleeping=$1
	# shellcheck disable=SC2086
	kill -STOP $sleeping
	go_on
	sleep 0.7
	end_it INT "$2"
	wake
}
wake() {
	local pid
	for pid in $sleeping; do kill -CONT "$pid" 2>/dev/null; done
	sleeping=
}
