#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# How much anonymous memory each command takes, with many files, four tables of
# wide rows at once and three endpoints: printed, and under what is allowed.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/memory.sh"
need_postgres
empty_branch
many_files "${DB}_main" "$T/filestore/main" 10000
for i in 1 2 3 4; do wide_table "${DB}_main" "wide_$i" 16; done

# Under the default first, then under the least.
for limit in 256 128; do
	for endpoint in $ENDPOINTS state; do rm -rf "${T:?}/$endpoint"; done
	write_conf "memory = ${limit}M"
	init_repository
	peak backup production
	exits 0 "a backup with memory = ${limit}M"
	peak_is_at_most $limit "backup"
	peak backup production
	exits 0 "a second backup"
	peak_is_at_most $limit "second backup"
	peak restore latest --to staging --yes
	exits 0 "a restore"
	peak_is_at_most $limit "restore"
	peak verify --depth data
	exits 0 "verify"
	peak_is_at_most $limit "verify"
	peak list
	peak_is_at_most $limit "list"
	peak diff latest~1 latest
	exits 0 "diff"
	peak_is_at_most $limit "diff"
	peak find '*'
	exits 0 "find of all names"
	peak_is_at_most $limit "find"
	peak storage
	peak_is_at_most $limit "storage"
done

write_conf 'memory = 127M'
tri list
exits 2 "less than the least is refused"
like "$err" "triplicate.conf:6: memory = 127M: expected at least 128M" \
	"with the line and the least"
tap_done
