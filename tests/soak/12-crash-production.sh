#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A restore over production is killed at every step, the backup before it too.
# Production is the old one or the new one; whichever job comes next, a backup
# or the same restore, opens it again.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf
init_repository
backup
exits 0 "a backup"
first=$id
new=$(whole_database "${DB}_main")
new_files=$(file_sums "$T/filestore/main")
change_branch
sql "${DB}_main" "CREATE TABLE old_one (x int)"
old=$(whole_database "${DB}_main")
must copy_database "${DB}_main" "${DB}_template"
KEPT_PARTS="state $ENDPOINTS filestore"
keep_ground
# The clock goes ahead, so that what the folder holds is older than the swap.
restore=(env TRIPLICATE_CLOCK_OFFSET=5 "${tria[@]}" restore "$first"
	--to production --confirm production)

before() {
	local database
	put_ground_back
	for database in $(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE '${DB}\_main%'"); do
		sql postgres "DROP DATABASE \"$database\" WITH (FORCE)"
	done
	copy_database "${DB}_template" "${DB}_main"
}
look_at_production() {
	local now
	now=$(look_into "${DB}_main" whole_database)
	[ "$now" = "$old" ] || [ "$now" = "$new" ] ||
		problem "production is neither the old one nor the new one" "$now"
}
look_after() {
	[ "$(whole_database "${DB}_main")" = "$new" ] ||
		problem "production is not the backup's" "$(whole_database "${DB}_main")"
	[ -z "$(comm -23 <(sort <<<"$new_files") <(file_sums "$T/filestore/main" | sort))" ] ||
		problem "a file of the backup is missing"
	[ "$(sql postgres "SELECT count(*) > 0 FROM pg_database WHERE datname LIKE '${DB}\_main\_replaced%'")" = t ] ||
		problem "what was replaced is not kept"
	look_for_live_data
	look_for_leftovers
	look_at_repository 2 4 "$first"
}

before
count_steps "${restore[@]}"
exits 0 "a restore over production of $steps steps that is not killed"
round_begins
look_after
round_ends "leaves nothing"
for step in $(steps_to_try "$steps"); do
	before
	round_begins
	crash_at "$step" "${restore[@]}"
	look_at_production
	look_for_live_data
	# Every other time a backup comes first: production must be open for it.
	if [ $((step / STRIDE % 2)) = 1 ]; then
		must_run 0 "${tria[@]}" backup production
		look_at_production
		look_for_leftovers
	fi
	must_run 0 "${restore[@]}"
	look_after
	round_ends "step $step, $stage"
done
tap_done
