#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The most anonymous memory of each long command, printed and under `memory`,
# with what a large branch has much of: files, wide rows, tables, backups. Then
# under a control group's limit of memory and 64 MiB, where there can be one.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/memory.sh"
if [ "${SOAK:-full}" = short ]; then
	FILES=40000 WIDE=300 TABLES=1000 BACKUPS=40
else
	FILES=200000 WIDE=2048 TABLES=5000 BACKUPS=500
fi
PG_CONF='max_locks_per_transaction = 1024'
export PG_CONF
need_postgres

begin_anew() { # begin_anew [LINES for [repository]]
	local folder
	for folder in $ENDPOINTS state filestore logs plain; do
		rm -rf "${T:?}/$folder"
	done
	dropdb --if-exists --force "${DB}_main" 2>/dev/null
	dropdb --if-exists --force "${DB}_staging" 2>/dev/null
	empty_branch
	write_conf "${1:-}"
	init_repository
}

# measure WHAT LIMIT: every long command, on what the branch has
measure() {
	local command
	for command in "backup production" "backup production" \
		"restore latest --to staging --yes" \
		"restore latest --to-dir $T/plain" "verify --depth data" sync; do
		# shellcheck disable=SC2086
		peak $command
		exits 0 "$1: ${command//$T\//}"
		peak_is_at_most "$2" "$1: ${command//$T\//}"
	done
	rm -rf "$T/plain"
}

begin_anew
many_files "${DB}_main" "$T/filestore/main" $FILES
measure "$FILES files" 256

begin_anew
wide_table "${DB}_main" wide $WIDE
measure "a table of $WIDE MiB" 256

# libpq holds a row whole, and gives a copy of it.
begin_anew
sql "${DB}_main" "CREATE TABLE huge AS SELECT i AS id,
	repeat(md5(i::text), 3 << 20) AS body FROM generate_series(1, 3) i"
measure "rows of 96 MiB" $((256 + 2 * 96))

begin_anew
many_tables "${DB}_main" $TABLES
measure "$TABLES tables" 256

# Backups whose facts are large: 2,000 foreign keys each
begin_anew
sql "${DB}_main" "CREATE TABLE a (id int PRIMARY KEY)"
sql "${DB}_main" "CREATE TABLE b (id int)"
sql "${DB}_main" "DO \$\$ BEGIN FOR i IN 1 .. 2000 LOOP
	EXECUTE format('ALTER TABLE b ADD CONSTRAINT foreign_key_number_%s
		FOREIGN KEY (id) REFERENCES a', i); END LOOP; END \$\$"
failed=0
for ((i = 0; i < BACKUPS; i++)); do
	tri -q backup production
	[ "$status" = 0 ] || failed=$((failed + 1))
done
is $failed 0 "$BACKUPS backups of 2,000 foreign keys each"
for command in "backup production" list status "show latest" \
	"restore latest --to-dir $T/plain" "verify --depth data"; do
	# shellcheck disable=SC2086
	peak $command
	exits 0 "$BACKUPS backups: ${command//$T\//}"
	peak_is_at_most 256 "$BACKUPS backups: ${command//$T\//}"
done
peak list
peak_is_at_most 16 "a list of $BACKUPS backups does not hold their facts"

# --- under a limit ---------------------------------------------------------------
begin_anew 'memory = 128M'
many_files "${DB}_main" "$T/filestore/main" $((FILES / 4))
for i in 1 2 3 4; do
	wide_table "${DB}_main" "wide_$i" $((WIDE / 8))
done
measure "all of it, with the least memory" 128

# limited MIB COMMAND…: in a group that may use so much; unlimited otherwise
group=
limited() {
	local most=$1
	shift
	(
		echo "$BASHPID" >"$group/cgroup.procs" || exit 99
		echo $((most << 20)) >"$group/$limit_file" || exit 99
		exec "$@"
	)
}
find_group() {
	local root
	for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
		group=$root/triplicate-test.$$
		mkdir "$group" 2>/dev/null || continue
		for limit_file in memory.limit_in_bytes memory.max; do
			[ -w "$group/$limit_file" ] && return 0
		done
		rmdir "$group"
	done
	return 1
}
if ! is_release; then
	skip "the sanitizers take memory of their own" "under a control group's limit"
elif find_group; then
	for command in "backup production --reread" \
		"restore latest --to staging --yes" "verify --depth data"; do
		# shellcheck disable=SC2086
		run limited $((128 + 64)) "$TRIPLICATE" -c "$CONF" $command
		exits 0 "$((128 + 64)) MiB of a control group: $command"
	done
	rmdir "$group"
else
	skip "no control group for memory can be made here" \
		"under a control group's limit"
fi
tap_done
