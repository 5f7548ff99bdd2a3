#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Kill -9 where it matters most: a restore at each of its stages, one after the
# other without a rest; sync, repair and recover at some of their steps. No
# manual step is needed after any of them. (tests/soak kills at every step.)
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
restore=(env TRIPLICATE_CLOCK_OFFSET=5 "${tria[@]}" restore "$first"
	--to staging --yes)

# --- a restore, at each stage ------------------------------------------------
# Killed runs follow each other: each settles what the one before it left.
for stage in "hidden database made" "hidden database shut" "schema made" \
	"rows done" "post-data done" checked neutralized proven "files added" \
	"branch shut" swapped "replaced database dropped" \
	"replaced databases swept" "folder equal" "restore record removed"; do
	sql "${DB}_staging" "CREATE TABLE IF NOT EXISTS old_one (x int)" 2>/dev/null
	echo extra >"$T/filestore/staging/extra"
	old=$(whole_database "${DB}_staging")
	round_begins
	kill_at "$stage" "${restore[@]}"
	now=$(look_into "${DB}_staging" whole_database)
	[ "$now" = "$old" ] || [ "$now" = "$new" ] ||
		problem "the branch is neither the old one nor the new one" "$now"
	look_for_live_data
	[ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE 'triplicate\_%'")" -le 1 ] ||
		problem "more hidden databases than one" "$(hidden_databases)"
	round_ends "a restore killed at \"$stage\": whole, and neutral"
done

# --- the next job is another one ---------------------------------------------
sql "${DB}_staging" "CREATE TABLE IF NOT EXISTS old_one (x int)" 2>/dev/null
kill_at "branch shut" "${restore[@]}"
tri list
exits 0 "with a branch that is shut, list works"
trij status
like "$(json '.status.reasons[]')" "restore into staging was interrupted" \
	"and status tells why it is"
backup production
exits 0 "a backup comes next"
second=$id
is "$(sql postgres "SELECT datallowconn FROM pg_database WHERE datname = '${DB}_staging'")" t \
	"it opens the branch again"
trij status
unlike "$(json '.status.reasons[]')" interrupted "and status tells of it no more"
round_begins
look_for_leftovers
round_ends "nothing is left of the restore"
round_begins
must_run 0 "${restore[@]}"
[ "$(whole_database "${DB}_staging")" = "$new" ] || problem "another database"
[ "$(file_sums "$T/filestore/staging")" = "$(file_sums "$T/filestore/main")" ] ||
	problem "other files"
look_for_leftovers
round_ends "the restore itself then works, and leaves nothing"

# --- not we but one of our sessions is killed --------------------------------
# The server's process of one of the hidden database's sessions, and the psql
# that feeds another; it fails, and the branch is as it was.
before=$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_staging'")
for victim in server client; do
	round_begins
	if hold_at "schema made" "${restore[@]}"; then
		if [ $victim = server ]; then
			psql -X -q -d postgres -c "SELECT pg_terminate_backend(pid)
				FROM pg_stat_activity WHERE datname LIKE 'triplicate\_%'" >/dev/null
		else
			cat /proc/"$job"/task/*/children | xargs -r kill -KILL
		fi
		rm -f "$T/held"
		wait "$job"
		status=$?
		[ "$status" = 1 ] || problem "it ended with $status" "$(cat "$T/err")"
	else problem "it never came to that stage" "$(cat "$T/err")"; fi
	[ "$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_staging'")" = "$before" ] ||
		problem "the branch was replaced"
	look_for_leftovers
	round_ends "a restore whose $victim is killed fails, and leaves nothing"
done

# --- the rest: some steps of each --------------------------------------------
KEPT_PARTS="state $ENDPOINTS"
keep_ground
rm -rf "$T/ground/waw" "$T/ground/ams/backups/$first"
try_some() { # try_some COMMAND…: at a tenth, a half and nine tenths of it
	local tenth
	put_ground_back
	count_steps "$@"
	for tenth in 1 5 9; do
		put_ground_back
		round_begins
		crash_at $((steps * tenth / 10)) "$@"
		age_uploads
		must_run 0 "$@"
		must_run 0 "${tria[@]}" verify --repair
		look_at_repository 2 2 "$first" "$second"
		look_for_leftovers
		round_ends "${*: -2}, killed before \"$stage\""
	done
}
try_some "${tria[@]}" -q sync
flip "$(find "$T/ground/fra/packs" -type f | sort | head -n 1)" 100
try_some "${tria[@]}" verify --repair
bare=$T/machine
for tenth in 2 6 9; do
	round_begins
	recover=("$TRIPLICATE" recover --from "file://$T/fra" \
		--key "$T/restore.key" -o "$bare/triplicate.conf")
	rm -rf "$bare"
	count_steps "${recover[@]}"
	rm -rf "$bare"
	crash_at $((steps * tenth / 10)) "${recover[@]}"
	must_run 0 "${recover[@]}"
	must_run 0 "$TRIPLICATE" -c "$bare/triplicate.conf" verify --depth data
	round_ends "recover, killed before \"$stage\""
done
tap_done
