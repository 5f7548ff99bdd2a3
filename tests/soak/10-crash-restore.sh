#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A restore into a staging branch is killed at every step. The branch is whole,
# the old one or the new one, and neutral; the same command then does it.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf
init_repository
backup
exits 0 "a backup"
tri restore latest --to staging
exits 0 "a staging copy"
new=$(whole_database "${DB}_staging")
# The old branch is told from the new one by a table.
must sql "${DB}_staging" "CREATE TABLE old_one (x int); DELETE FROM device_log"
old=$(whole_database "${DB}_staging")
must copy_database "${DB}_staging" "${DB}_template"
restore=(env TRIPLICATE_CLOCK_OFFSET=5 "${tria[@]}" restore latest
	--to staging --yes)

# The staging branch as it was before, its folder unlike the backup's: a file
# too many, one too few, one that differs.
before_restore() {
	local file
	copy_database "${DB}_template" "${DB}_staging"
	mkdir -p "$T/filestore/staging"
	echo extra >"$T/filestore/staging/extra"
	touch -d '1 hour ago' "$T/filestore/staging/extra"
	file=$(cd "$T/filestore/main" && find . -type f | sort | head -n 1)
	echo other >"$T/filestore/staging/$file"
	file=$(cd "$T/filestore/main" && find . -type f | sort | sed -n 2p)
	rm -f "$T/filestore/staging/$file"
}

look_at_branch() {
	local now
	now=$(look_into "${DB}_staging" whole_database)
	[ "$now" = "$old" ] || [ "$now" = "$new" ] ||
		problem "the branch is neither the old one nor the new one" "$now"
}

look_after() {
	[ "$(whole_database "${DB}_staging")" = "$new" ] ||
		problem "the branch is not the backup's" "$(whole_database "${DB}_staging")"
	[ "$(file_sums "$T/filestore/staging")" = "$(file_sums "$T/filestore/main")" ] ||
		problem "the folder is not equal to the backup's" \
			"$(diff <(file_sums "$T/filestore/staging") <(file_sums "$T/filestore/main"))"
	look_for_live_data
	look_for_leftovers
}

before_restore
count_steps "${restore[@]}"
exits 0 "a restore of $steps steps that is not killed"
round_begins
look_after
round_ends "leaves nothing"
for step in $(steps_to_try "$steps"); do
	before_restore
	round_begins
	crash_at "$step" "${restore[@]}"
	look_at_branch
	look_for_live_data
	must_run 0 "${restore[@]}"
	look_after
	round_ends "step $step, $stage"
done
round_begins
look_at_repository 1 1
round_ends "the repository is as before"
tap_done
