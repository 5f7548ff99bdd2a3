#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Restores of parts are killed at every step: into plain files, single tables,
# the filestore alone, the logs alone. The same command then does it.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf
sed -i "s|^filestore = $T/filestore/staging|&\nlogs = $T/staging-logs/*.log|" "$CONF"
mkdir "$T/staging-logs"
init_repository
backup
exits 0 "a backup"
tri restore latest --to staging
exits 0 "a staging copy"
KEPT_PARTS=filestore
keep_ground
staging=$(whole_database "${DB}_staging")

# try_all WHAT COMMAND…: "before" each round, "look" at its end
try_all() {
	local step what=$1
	shift
	before
	count_steps "$@"
	exits 0 "$what: $steps steps, not killed"
	round_begins
	look
	round_ends "$what: as it should be"
	for step in $(steps_to_try "$steps"); do
		before
		round_begins
		crash_at "$step" "$@"
		look_for_live_data
		must_run 0 "$@"
		look
		look_for_leftovers
		round_ends "$what: step $step, $stage"
	done
}
same() { # same A B WHAT
	[ "$1" = "$2" ] || problem "$3" "$(diff <(echo "$1") <(echo "$2"))"
}

# --- into plain files --------------------------------------------------------
before() { rm -rf "$T/files"; }
look() { same "$(file_sums "$T/files")" "$whole" "other files"; }
tri restore latest --to-dir "$T/files"
exits 0 "plain files"
whole=$(file_sums "$T/files")
try_all "into a folder" "${tria[@]}" restore latest --to-dir "$T/files"

# --- single tables -----------------------------------------------------------
schemas() {
	sql "${DB}_staging" "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restored\_%'"
}
drop_schemas() {
	local schema
	for schema in $(schemas); do
		sql "${DB}_staging" "DROP SCHEMA $schema CASCADE" 2>/dev/null
	done
}
before() { drop_schemas; }
# A run that was killed after its commit leaves its tables, which are whole.
look() {
	local schema table
	[ -n "$(schemas)" ] || problem "no schema with the tables"
	for schema in $(schemas); do
		for table in res_company sale_order; do
			same "$(row_sums "${DB}_staging" "$schema.$table" | sed 's/^[^.]*\.//')" \
				"$(row_sums "${DB}_main" "public.$table" | sed 's/^[^.]*\.//')" \
				"the rows of $schema.$table"
		done
	done
}
try_all "two tables" "${tria[@]}" restore latest --to staging \
	--table sale_order --table res_company
drop_schemas
round_begins
same "$(whole_database "${DB}_staging")" "$staging" "the live tables changed"
round_ends "single tables: the live ones are untouched"

# --- the filestore alone -----------------------------------------------------
before() {
	local file
	file=$(cd "$T/filestore/main" && find . -type f | sort | head -n 1)
	mkdir -p "$T/filestore/staging"
	echo extra >"$T/filestore/staging/extra"
	echo other >"$T/filestore/staging/$file"
	file=$(cd "$T/filestore/main" && find . -type f | sort | sed -n 2p)
	rm -f "$T/filestore/staging/$file"
}
look() {
	same "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
		"the folder is not equal to the backup's"
	same "$(whole_database "${DB}_staging")" "$staging" "the database changed"
}
try_all "the filestore alone" env TRIPLICATE_CLOCK_OFFSET=5 "${tria[@]}" \
	restore latest --to staging --only filestore --yes

# --- the logs alone ----------------------------------------------------------
before() { rm -rf "$T/staging-logs"/*; }
look() {
	local folder
	[ -n "$(ls -A "$T/staging-logs")" ] || problem "no folder with the logs"
	for folder in "$T/staging-logs"/* "$T/staging-logs"/.[!.]*; do
		[ -e "$folder" ] || continue
		same "$(cd "$folder" && find . -type f -exec sha1sum {} + | sort | awk '{print $1}')" \
			"$logs" "$folder does not hold the logs"
	done
}
logs=$(find "$T/logs" -type f -exec sha1sum {} + | sort | awk '{print $1}')
try_all "the logs alone" "${tria[@]}" restore latest --to staging --only logs --yes
tap_done
