#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# While a backup stands at a stage, another session changes the database as a
# module upgrade would. The backup is the whole of it before or after, or fails
# and says why; the DDL always succeeds. One case for each stage and for each
# kind of DDL; tests/soak/17-busy-database.sh has all of them.
. "$(dirname "$0")/../lib/scenario.sh"
. "$(dirname "$0")/../lib/busy.sh"
need_postgres
make_world
write_conf "jobs = 1"
init_repository

# --- before the snapshot is taken: the DDL goes first ------------------------
try_ddl "tables listed" swap
is "$moment" after "what was done before the locks is in the backup"
try_ddl "tables locked" upgrade
try_ddl "snapshot exported" create-table

# --- in the snapshot, before pg_dump has its locks ---------------------------
try_ddl "snapshot taken" change-type
is "$moment" after "where pg_dump would stand behind it, the DDL goes first"
like "$said" 'starting over with a new snapshot: pg_dump stands behind .*upgrade.* for public.sale_order_line' \
	"and the log says for whom"
try_ddl "snapshot taken" create-index
try_ddl "snapshot taken" drop-sequence
like "$said" 'sequence public.ir_sequence_007 was changed, renamed or dropped' \
	"what pg_dump can't describe any more begins a new snapshot"
try_ddl "snapshot taken" replace-view
try_ddl "pg_dump started" add-column

# --- while rows are read: the DDL waits for the end of the snapshot ----------
for case in "archive read:truncate" "table to be locked:drop-column" \
	"table locked:vacuum-full" "rows read:drop-table"; do
	try_ddl "${case%:*}" "${case#*:}"
	is "$moment" before "the snapshot holds against ${case#*:}"
	[ "$case" != "table to be locked:drop-column" ] || like "$said" \
		'sale_order_line: somebody waits for it, left to the leader' \
		"the leader copies the table that the DDL waits for"
done
unlike "$said" "starting over" "without starting over"
try_ddl "table copied" swap-schemas
like "$said" 'its schema was renamed while it was read|schema (one|two) was' \
	"a table that changed its name unlocked is found out"

# --- after it: nobody waits for us -------------------------------------------
for case in "snapshot ended:upgrade" "file to be read:swap" \
	"files read:drop-table" "backup to be committed:change-type"; do
	try_ddl "${case%:*}" "${case#*:}"
	is "$waited $moment" "no before" "${case#*:} does not wait for it"
done
tap_done
