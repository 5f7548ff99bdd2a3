#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs tests, several at once, and counts what they say in TAP:
#   run-check.sh check             unit and driver tests and the fuzz targets'
#                                  corpus as built with ASan; scenarios with the
#                                  release program, those marked "ASAN: yes"
#                                  with the ASan one too
#   run-check.sh asan [SCENARIO…]  all of it with ASan
#   run-check.sh rest              what asan has more than check: the scenarios
#                                  that are not marked, with ASan
#   run-check.sh tsan              unit and driver tests with TSan
#   run-check.sh soak [FILE…]      the campaigns of tests/soak, one at a time;
#                                  or, with SOAK=short, their short forms
#   run-check.sh cover             all of it with the coverage build
# JOBS (the processors and one) run at a time. BUDGET=SECONDS: no test is begun
# later, and what is left out is named; BEGIN_AT=N begins with another one each
# time. Where there is memory for it, and TMPDIR says nothing else, tests write to
# a file system in memory: they sync what they write again and again. Reports are
# left in build/check. The last line counts: "N passed, N failed"; no test at all
# is a failure.
set -u
cd "$(dirname "$0")/.." || exit 2
mode=${1:-check}
[ $# -gt 0 ] && shift
# One more than there are processors: many a test waits for a server.
JOBS=${JOBS:-$(($(nproc 2>/dev/null || echo 2) + 1))}
UNIT_SECONDS=300
SCENARIO_SECONDS=900
SOAK_SECONDS=7200
BUDGET=${BUDGET:-}
BEGIN_AT=${BEGIN_AT:-0}
MEMORY_GB=6 # that must be free for tests to write there

export LC_ALL=C.UTF-8 TZ=UTC CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1
export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
export TSAN_OPTIONS=exitcode=99
unset TRIPLICATE TRIPLICATE_PG TRIPLICATE_CONF TRIPLICATE_CLOCK_OFFSET \
	TRIPLICATE_CRASH_AT TRIPLICATE_CRASH_COUNT TRIPLICATE_PAUSE_AT \
	TRIPLICATE_PAUSE_FILE

# --- what there is to run ----------------------------------------------------
export SOAK=${SOAK:-full}
names=()
declare -A commands=() seconds=()

add() { # add NAME SECONDS COMMAND
	names+=("$1")
	seconds[$1]=$2
	commands[$1]=$3
}

add_programs() { # add_programs VARIANT
	local source program
	for source in tests/unit/test_*.c tests/drivers/test_*.c tests/fuzz/fuzz_*.c; do
		[ -e "$source" ] || continue
		program=${source%.c}
		add "${program#tests/}" $UNIT_SECONDS "build/$1/$program"
	done
}

add_scenarios() { # add_scenarios VARIANT SUFFIX [FILE…]
	local variant=$1 suffix=$2 file name
	shift 2
	for file in "$@"; do
		[ -e "$file" ] || continue
		name=${file##*/}
		add "scenario/${name%.sh}$suffix" $SCENARIO_SECONDS \
			"env TRIPLICATE=$PWD/build/$variant/triplicate $file"
	done
}

# add_asan marked|unmarked FILE…: those that say "ASAN: yes" run with ASan in
# check, the others in rest
add_asan() {
	local which=$1 is file
	shift
	for file in "$@"; do
		is=unmarked
		! grep -q '^# ASAN: yes' "$file" 2>/dev/null || is=marked
		[ $is != "$which" ] || add_scenarios asan "+asan" "$file"
	done
}

# Scenarios first: they take longest.
scenarios=(tests/scenario/[0-9]*.sh)
[ -e cli/main.c ] || scenarios=()
case $mode in
check)
	add_scenarios release "" "${scenarios[@]}"
	add_asan marked "${scenarios[@]}"
	add_programs asan
	;;
asan)
	[ $# -gt 0 ] && scenarios=("$@")
	add_scenarios asan "+asan" "${scenarios[@]}"
	add_programs asan
	;;
rest) add_asan unmarked "${scenarios[@]}" ;;
tsan) add_programs tsan ;;
soak)
	[ "$SOAK" = short ] || JOBS=1
	SCENARIO_SECONDS=$SOAK_SECONDS
	scenarios=(tests/soak/[0-9]*.sh)
	[ $# -gt 0 ] && scenarios=("$@")
	add_scenarios release "" "${scenarios[@]}"
	add_asan marked "${scenarios[@]}"
	;;
cover)
	add_scenarios cover "" "${scenarios[@]}"
	add_programs cover
	;;
*)
	echo "usage: run-check.sh check|asan|rest|tsan|soak|cover" >&2
	exit 2
	;;
esac

# --- where they write --------------------------------------------------------
# A container's /dev/shm is often small, and runs no programs.
has_memory() {
	local free try=/dev/shm/check.$$
	[ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] || return 1
	free=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo
		df -k --output=avail /dev/shm | tail -n 1)
	[ "$(sort -n <<<"$free" | head -n 1)" -ge $((MEMORY_GB << 20)) ] || return 1
	{ printf '#!/bin/sh\n' >"$try" && chmod 700 "$try" && "$try"; } 2>/dev/null
	set -- $?
	rm -f "$try"
	return "$1"
}

# --- running -----------------------------------------------------------------
mkdir -p build
reports=$(mktemp -d build/check.XXXXXX) || exit 2
children=()
server=
scratch=
# shellcheck disable=SC2317 # called by trap
clean_up() {
	trap - EXIT INT TERM
	[ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null
	wait
	[ -z "$server" ] || tests/services/postgres.sh stop "$server"
	rm -rf build/check ${scratch:+"$scratch"}
	mv "$reports" build/check
}
trap clean_up EXIT
trap 'exit 130' INT TERM

above=${TMPDIR:-/tmp}
[ -n "${TMPDIR:-}" ] || [ "$mode:$SOAK" = soak:full ] || ! has_memory ||
	above=/dev/shm
scratch=$(mktemp -d "$above/check.XXXXXX") || exit 2
chmod 755 "$scratch" # servers run as other users
export TMPDIR=$scratch PG_TEMPLATES=$scratch/servers
mkdir "$PG_TEMPLATES"

run_one() { # run_one NAME: its report, and its exit status and time beside it
	local name=$1 report=$reports/${1//\//-} begun=$SECONDS status
	# shellcheck disable=SC2086
	timeout -k 30 "${seconds[$name]}" ${commands[$name]} \
		>"$report.tap" 2>"$report.err" </dev/null &
	# shellcheck disable=SC2064 # now, please
	trap "kill $! 2>/dev/null" TERM
	wait $!
	status=$?
	echo "$status $((SECONDS - begun))" >"$report.end"
}

# passed, failed and skipped points of a report. A program that ends badly
# without a failed point, or before its plan is done, has failed once more.
count_points() { # count_points REPORT STATUS
	awk -v status="$2" '
	/^1\.\.[0-9]+/ { split($1, plan, "\\.\\."); planned = plan[2]; whole = /# SKIP/ }
	/^(not )?ok .*# SKIP/ { skipped++; seen++; next }
	/^ok / { passed++; seen++ }
	/^not ok / { failed++; seen++ }
	END {
		if (seen < planned)
			failed += planned - seen
		if (!failed && (status != 0 || (seen == 0 && !whole)))
			failed++
		print passed + 0, failed + 0, skipped + whole + 0
	}' "$1"
}

total_passed=0 total_failed=0 total_skipped=0
report() { # report NAME: a line about it, and what went wrong
	local name=$1 report=$reports/${1//\//-} status took passed failed skipped
	read -r status took <"$report.end"
	read -r passed failed skipped < <(count_points "$report.tap" "$status")
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
	printf '%-6s %-40s %4d passed' \
		"$([ "$failed" = 0 ] && echo ok || echo FAILED)" "$name" "$passed"
	[ "$failed" = 0 ] || printf ', %d failed' "$failed"
	[ "$skipped" = 0 ] || printf ', %d skipped' "$skipped"
	printf ', %d s\n' "$took"
	[ "$skipped" = 0 ] || grep -h '# SKIP' "$report.tap" | sed 's/^/         /'
	[ "$failed" != 0 ] || return 0
	case $status in
	0 | 1) ;;
	124 | 137) echo "         took longer than ${seconds[$name]} s" ;;
	*) echo "         ended with status $status" ;;
	esac
	awk '/^not ok / { if (!/# SKIP/) { show = 1; print; next } }
		/^ok / { show = 0 } show' "$report.tap" | head -n 60 | sed 's/^/         /'
	tail -n 25 "$report.err" | sed 's/^/       | /'
}

# Unit tests may use a server, and find it by libpq's own variables.
if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
	environment=$(tests/services/postgres.sh start) || exit 1
	eval "$environment"
	server=$TRIPLICATE_PG
	unset TRIPLICATE_PG
	tests/services/postgres.sh role "$server" odoo || exit 1
fi

began=$SECONDS
left_out=()
declare -A running=()
first=$((${#names[@]} > 0 ? BEGIN_AT % ${#names[@]} : 0))
for name in "${names[@]:first}" "${names[@]:0:first}"; do
	if [ -n "$BUDGET" ] && [ $((SECONDS - began)) -ge "$BUDGET" ]; then
		left_out+=("$name")
		continue
	fi
	while [ ${#running[@]} -ge "$JOBS" ]; do
		wait -n -p ended "${!running[@]}"
		report "${running[$ended]}"
		unset "running[$ended]"
		children=("${!running[@]}")
	done
	run_one "$name" &
	running[$!]=$name
	children=("${!running[@]}")
done
while [ ${#running[@]} -gt 0 ]; do
	wait -n -p ended "${!running[@]}"
	report "${running[$ended]}"
	unset "running[$ended]"
	children=("${!running[@]}")
done

[ ${#left_out[@]} = 0 ] ||
	echo "left out, the time was over: ${left_out[*]}"
[ $((total_passed + total_failed)) -gt 0 ] || {
	echo "no test was run"
	total_failed=1
}
echo "took $((SECONDS - began)) s; $total_skipped skipped"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
