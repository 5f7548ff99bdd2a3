#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 5,000 tables with keys, indexes and sequences, against a server whose lock
# table is the default's: a backup, and a copy that is equal. 1,000 in the short
# form.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"
need_postgres
tables=5000
[ "${SOAK:-full}" = full ] || tables=1000
source=${DB}_main
must createdb --template=template0 --encoding=UTF8 --locale=C "$source"
# In batches: one transaction of this many tables would need the locks.
must psql -X -q -v ON_ERROR_STOP=1 -v n="$tables" -d "$source" <<-'E'
	SELECT format('CREATE TABLE some_table_with_a_long_name_%s (id serial PRIMARY KEY, t text, up integer REFERENCES %I);
		INSERT INTO some_table_with_a_long_name_%s (t) SELECT %L FROM generate_series(1, 3);
		CREATE INDEX ON some_table_with_a_long_name_%s (t)',
		i, 'some_table_with_a_long_name_' || CASE WHEN i % 10 = 1 THEN i ELSE i - 1 END, i, 'row of ' || i, i)
	FROM generate_series(1, :n) i \gexec
E
mkdir -p "$T/filestore/main"
write_conf
init_repository
backup production
exits 0 "a backup of $tables tables"
json_is .backup.database.tables "$tables" "all of them"
tri restore production/latest --to staging
exits 0 "restore"
same_contents "$source" "${DB}_staging" "the copy"
tap_done
