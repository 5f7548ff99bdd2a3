#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The zoo as a plain role sees it, one that may make databases and no more, as
# Odoo's is: all that it can own comes back; what it can't read makes the backup
# incomplete, and is named with what to do.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"
need_postgres
super() { psql -X -q -v ON_ERROR_STOP=1 -U postgres "$@"; }
source=${DB}_main
must super -d postgres -c 'CREATE ROLE zoo_owner' -c 'CREATE ROLE zoo_reader' \
	-c 'GRANT zoo_owner TO odoo'
must createdb --template=template0 --encoding=UTF8 --lc-collate=C "$source"
must psql -X -q -d "$source" -v database="$source" -v super=off \
	-f "$TOP/tests/sample/zoo.sql" -f "$TOP/tests/sample/zoo-more.sql"
mkdir -p "$T/filestore/main"
write_conf
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = $(conninfo "${DB}_copy")
E
init_repository
backup production
exits 0 "a backup of the zoo by its owner"
tri restore production/latest --to copy --confirm copy
exits 0 "restore to a production branch"
same_whole "$source" "${DB}_copy" "the copy"
tri restore production/latest --to staging
exits 0 "restore to staging"
same_contents "$source" "${DB}_staging" "staging"
tri restore production/latest --to-dir "$T/plain"
exits 0 "restore --to-dir"
must createdb --template=template0 --encoding=UTF8 --lc-collate=C "${DB}_plain"
run psql -X -q -d "${DB}_plain" -f "$T/plain/database/restore.sql"
exits 0 "psql -f restore.sql"
same_contents "$source" "${DB}_plain" "from plain files"

# --- what the owner can't read -----------------------------------------------
# Row security hides rows from the owner as well, when forced.
must psql -X -q -d "$source" -c 'ALTER TABLE zoo.keeper FORCE ROW LEVEL SECURITY'
backup production
exits 1 "rows that row security hides: the backup fails"
json_is .backup.state incomplete "it is incomplete"
like "$(json '.error.message, .error.hint, .backup.warnings[]')" \
	'zoo\.keeper .*row security.*BYPASSRLS' "it names the table, and what is needed"
tri restore "$id" --to staging --yes
exits 3 "it can be restored by its id, and says that it isn't whole"
like "$err$out" 'zoo\.keeper' "naming the table"
is "$(sql "${DB}_staging" 'SELECT count(*) FROM zoo.animal')" \
	"$(sql "$source" 'SELECT count(*) FROM zoo.animal')" "the other tables have their rows"
must super -d postgres -c 'ALTER ROLE odoo BYPASSRLS'
backup production
exits 0 "with BYPASSRLS the backup is whole"
tri restore "$id" --to copy --confirm copy
exits 0 "and so is a copy"
same_whole "$source" "${DB}_copy" "with BYPASSRLS"

# A table, a schema, a sequence and a large object of somebody else's
must super -d "$source" -c 'CREATE TABLE public.hers (id serial, secret text)' \
	-c "INSERT INTO public.hers (secret) VALUES ('x')" \
	-c 'CREATE SCHEMA closed CREATE TABLE inner_one (i int)' \
	-c 'GRANT SELECT ON closed.inner_one TO odoo' \
	-c "SELECT lo_from_bytea(80000, 'x')" -c 'CREATE SEQUENCE public.her_number'
backup production
exits 1 "tables of somebody else's: the backup fails"
json_is .backup.state incomplete "it is incomplete"
warnings=$(json '.error.message, .error.hint, .backup.warnings[]')
like "$warnings" 'public\.hers .*GRANT SELECT' "it names the table, and what to do"
like "$warnings" 'closed\.inner_one ' "a table in a schema that is closed"
like "$warnings" 'sequence public\.her_number ' "a sequence"
like "$warnings" 'large object' "a large object"
trij list
json_is '[.backups[] | select(.branch == "production" and .state == "complete")] | length' 2 \
	"the good backups are still the ones that count"
tap_done
