#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A backup is killed at every step. Whatever an endpoint lists can be had from
# it alone; the same command then works, and nothing acknowledged is lost.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf
init_repository
backup
exits 0 "a backup"
first=$id
change_branch
KEPT_PARTS="state $ENDPOINTS"
keep_ground

count_steps "${tria[@]}" backup
exits 0 "a second one of $steps steps that is not killed"
for step in $(steps_to_try "$steps"); do
	put_ground_back
	round_begins
	crash_at "$step" "${tria[@]}" backup
	look_at_endpoints
	age_uploads
	must_run 0 "${tria[@]}" --json backup
	look_at_repository 2 3 "$first" "$(json .backup.id)"
	look_for_leftovers
	round_ends "step $step, $stage"
done
tap_done
