#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs each fuzz target for some seconds, several at once: run-fuzz.sh [SECONDS]
# It starts from tests/fuzz/corpus/NAME and keeps what it finds in build/fuzz.
# An input that breaks a target is kept as build/fuzz/found/NAME-…: copy it to
# tests/fuzz/corpus/NAME when it is mended, and it stays so.
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
mkdir -p build/fuzz/found

children=()
# shellcheck disable=SC2317 # called by trap
clean_up() {
	trap - EXIT INT TERM
	[ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null
	wait
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fuzz_one() {
	local name=$1
	local grown=build/fuzz/corpus/$name kept=tests/fuzz/corpus/$name
	mkdir -p "$grown"
	[ -d "$kept" ] || kept=
	# shellcheck disable=SC2086
	timeout -k 10 $((seconds + 120)) "build/fuzz/tests/fuzz/fuzz_$name" \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-max_len=65536 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/found/$name-" "$grown" $kept \
		>"build/fuzz/$name.log" 2>&1 </dev/null &
	# shellcheck disable=SC2064 # now, please
	trap "kill $! 2>/dev/null" TERM
	wait $!
}

failed=0 ran=0
report() {
	local name=$1 status=$2
	if [ "$status" = 0 ]; then
		echo "ok     fuzz/$name $(sed -n 's/stat::number_of_executed_units: */runs: /p' "build/fuzz/$name.log")"
	else
		failed=$((failed + 1))
		echo "FAILED fuzz/$name, status $status"
		grep -v '^#' "build/fuzz/$name.log" | tail -n 40 | sed 's/^/       | /'
	fi
}

declare -A running=()
reap() {
	local ended status
	wait -n -p ended "${!running[@]}"
	status=$?
	report "${running[$ended]}" $status
	unset "running[$ended]"
	children=("${!running[@]}")
}
for source in tests/fuzz/fuzz_*.c; do
	[ -e "$source" ] || continue
	while [ ${#running[@]} -ge "$JOBS" ]; do reap; done
	name=${source##*/fuzz_}
	fuzz_one "${name%.c}" &
	running[$!]=${name%.c}
	children=("${!running[@]}")
	ran=$((ran + 1))
done
while [ ${#running[@]} -gt 0 ]; do reap; done
[ $ran -gt 0 ] || echo "there is no fuzz target"
echo "fuzz: $ran targets, $failed broken"
[ $failed = 0 ] && [ $ran -gt 0 ]
