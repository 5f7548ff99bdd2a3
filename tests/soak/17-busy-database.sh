#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ASAN: yes
# Every kind of DDL at every stage of a backup (tests/scenario/17 has one of
# each). The short form takes every fifth case, which still meets each stage and
# each kind.
. "$(dirname "$0")/../lib/scenario.sh"
. "$(dirname "$0")/../lib/busy.sh"
need_postgres
make_world
write_conf "jobs = 1"
init_repository

every=5
[ "${SOAK:-short}" != full ] || every=1
case=0
while IFS= read -r stage; do
	for ddl in $DDLS; do
		[ $((case++ % every)) = 0 ] && try_ddl "$stage" "$ddl"
	done
done <<-'S'
	tables listed
	tables locked
	snapshot exported
	snapshot taken
	pg_dump started
	archive read
	table to be locked
	table locked
	table copied
	rows read
	snapshot ended
	file to be read
	files read
	logs to be read
	backup to be committed
	backup committed
	manifest to be sent
S
tap_done
