#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The run after a crash is killed, too, while it settles what the first one
# left; then the same command works. And neutralize in place, killed at every
# step.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf
init_repository
backup
exits 0 "a backup"
first=$id
tri restore latest --to staging
exits 0 "a staging copy"
new=$(whole_database "${DB}_staging")
new_files=$(file_sums "$T/filestore/staging")
KEPT_PARTS="state $ENDPOINTS filestore"
keep_ground
restore=(env TRIPLICATE_CLOCK_OFFSET=5 "${tria[@]}" restore "$first"
	--to staging --yes)

# --- a restore, killed twice -------------------------------------------------
# Its second run settles in its first steps what the first left.
for stage in "hidden database shut" "files added" "branch shut" swapped \
	"replaced database dropped" "folder equal"; do
	must sql "${DB}_staging" "CREATE TABLE IF NOT EXISTS old_one (x int)"
	# Killed once, how many steps does the next run have?
	round_begins
	kill_at "$stage" "${restore[@]}"
	count_steps "${restore[@]}"
	round_ends "killed at \"$stage\", then not: $steps steps"
	for second in $(steps_to_try $((steps / 2))); do
		sql "${DB}_staging" "CREATE TABLE IF NOT EXISTS old_one (x int)" 2>/dev/null
		echo extra >"$T/filestore/staging/extra"
		round_begins
		kill_at "$stage" "${restore[@]}"
		at=$stage
		crash_at "$second" "${restore[@]}"
		look_for_live_data
		must_run 0 "${restore[@]}"
		[ "$(whole_database "${DB}_staging")" = "$new" ] ||
			problem "the branch is not the backup's"
		[ "$(file_sums "$T/filestore/staging")" = "$new_files" ] ||
			problem "the folder is not equal to the backup's" \
				"$(diff <(file_sums "$T/filestore/staging") <(echo "$new_files"))"
		look_for_leftovers
		round_ends "killed at \"$at\", then before step $second, $stage"
		stage=$at
	done
done

# --- a backup, killed twice --------------------------------------------------
change_branch
keep_ground
count_steps "${tria[@]}" backup
for step in $(steps_to_try "$steps"); do
	put_ground_back
	round_begins
	crash_at "$step" "${tria[@]}" backup
	at=$stage
	# It has fewer steps: what the first one stored is there.
	crash_at $(((step * 7) % (steps / 2) + 1)) "${tria[@]}" backup
	look_at_endpoints
	age_uploads
	must_run 0 "${tria[@]}" --json backup
	look_at_repository 2 4 "$first" "$(json .backup.id)"
	look_for_leftovers
	round_ends "backup, killed before step $step, $at, then before $stage"
done

# --- neutralize in place -----------------------------------------------------
must copy_database "${DB}_main" "${DB}_template"
must copy_database "${DB}_template" "${DB}_staging"
live=$(live_things "${DB}_staging")
count_steps "${tria[@]}" neutralize staging
exits 0 "neutralize, $steps steps, not killed"
for step in $(steps_to_try "$steps"); do
	copy_database "${DB}_template" "${DB}_staging"
	round_begins
	crash_at "$step" "${tria[@]}" neutralize staging
	now=$(live_things "${DB}_staging")
	[ "$now" = "$live" ] || [ "$now" = "$NEUTRAL" ] ||
		problem "it is half neutral" "$now"
	must_run 0 "${tria[@]}" neutralize staging
	[ "$(live_things "${DB}_staging")" = "$NEUTRAL" ] || problem "it is live"
	round_ends "neutralize, killed before step $step, $stage"
done
tap_done
