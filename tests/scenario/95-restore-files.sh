#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Parts of a backup: plain files, one table, a plan, standard input.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
cat >>"$CONF" <<-E

	[branch scratch]
	stage = development
E
init_repository
backup
exits 0 "a backup"
db=${DB}_main

# --- plain files -------------------------------------------------------------
tri restore latest --to-dir "$T/plain"
exits 0 "restore --to-dir"
is "$(file_sums "$T/plain/filestore")" "$(file_sums "$T/filestore/main")" \
	"the attachments"
is "$(cd "$T/plain/logs" && find . -type f -print0 | xargs -0 cat | md5sum)" \
	"$(cd "$T/logs" && find . -type f -print0 | xargs -0 cat | md5sum)" "the logs"
for file in restore.sql pre-data.sql data.sql post-data.sql; do
	ok "database/$file" test -s "$T/plain/database/$file"
done
createdb --template=template0 --encoding=UTF8 --lc-collate=C "${DB}_plain"
run psql -X -q -v ON_ERROR_STOP=1 -d "${DB}_plain" -f "$T/plain/database/restore.sql"
exits 0 "psql -f restore.sql"
same_database "$db" "${DB}_plain" "from plain files"
tri restore latest --to-dir "$T/plain"
exits 0 "again into the same folder: what is equal stays"
echo changed >>"$T/plain/database/data.sql"
tri restore latest --to-dir "$T/plain"
isnt "$status" 0 "a file that differs is not overwritten"
like "$err" 'data\.sql' "and is named"

# --- a selection -------------------------------------------------------------
some=$(sql "$db" "SELECT min(store_fname) FROM ir_attachment WHERE file_size > 1000")
tri restore latest --to-dir "$T/one" "filestore/$some"
exits 0 "one attachment"
is "$(cd "$T/one" && find . -type f)" "./filestore/$some" "and nothing else"
ok "it is the one" cmp "$T/one/filestore/$some" "$T/filestore/main/$some"
tri restore latest --to-dir "$T/logs.only" --only logs
exits 0 "--only logs"
is "$(ls "$T/logs.only")" logs "restores only logs"
tri restore latest --to-dir "$T/nothing" filestore/no/such
exits 4 "a path that selects nothing"

# --- only, into a branch -----------------------------------------------------
trij restore latest --to staging --only filestore
exits 0 "--only filestore"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
	"restores the files"
is "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '${DB}_staging'")" 0 \
	"and no database"
rm -rf "$T/filestore/staging"
trij restore latest --to staging --only database
exits 0 "--only database"
json_is .restore.neutralized true "is neutralized"
ok "and brings no file" test ! -e "$T/filestore/staging"

# --- logs, into a dated folder beside the branch's own -----------------------
mkdir "$T/staging.logs"
echo "staging's own" >"$T/staging.logs/odoo.log"
sed "s|^filestore = $T/filestore/staging|&\nlogs = $T/staging.logs/*.log|" "$CONF" >"$CONF.logs"
run "$TRIPLICATE" -c "$CONF.logs" restore latest --to staging --only logs --yes
exits 0 "--only logs into a branch"
is "$(cat "$T/staging.logs/odoo.log")" "staging's own" "leaves its own logs alone"
is "$(find "$T" -path "$T/staging.logs*" -name 'odoo-server.log*' -print0 | sort -z | xargs -0 cat | md5sum)" \
	"$(find "$T/logs" -type f -print0 | sort -z | xargs -0 cat | md5sum)" \
	"and puts the backup's beside them"

# --- files: only what is missing is fetched, what is too much goes -----------
tri restore latest --to staging --yes
exits 0 "the whole of it"
rm "$T/filestore/staging/$some"
mkdir -p "$T/filestore/staging/00"
extra=00/0000000000000000000000000000000000000000
echo extra >"$T/filestore/staging/$extra"
sleep 1.1 # what is as young as the restore may be of the new database
trij restore latest --to staging --yes --only filestore
exits 0 "a staging filestore that differs by two files"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
	"becomes equal"
is "$(json .restore.files.fetched)" 1 "one file was fetched"
at_most "$(json .restore.bytes_fetched)" $((4 << 20)) "not all of them"

# --- one table ---------------------------------------------------------------
must psql -X -q -d "${DB}_staging" -c 'DELETE FROM account_move_line'
trij restore latest --to staging --table account_move_line
exits 0 "--table"
schema=$(sql "${DB}_staging" "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restored\_%'")
like "$schema" '^restored_' "goes into a schema of its own"
is "$(sql "${DB}_staging" "SELECT count(*) FROM account_move_line")" 0 \
	"never over the live table"
is "$(row_sums "${DB}_staging" "$schema.account_move_line" | cut -d'|' -f2-)" \
	"$(row_sums "$db" public.account_move_line | cut -d'|' -f2-)" "the rows are there"

# --- a plan ------------------------------------------------------------------
before=$(sql postgres 'SELECT count(*) FROM pg_database')
trij restore latest --to staging --dry-run
exits 0 "--dry-run"
at_least "$(json .plan.bytes)" 1 "counts bytes"
at_least "$(json .plan.objects)" 1 "and objects"
like "$(json '.plan.overwrites | join("\n")')" "${DB}_staging" \
	"and says what would be overwritten"
is "$(sql postgres 'SELECT count(*) FROM pg_database')" "$before" "and does nothing"

# --- standard input ----------------------------------------------------------
bytes_from() { awk 'BEGIN { for (i = 0; i < 300000; i++) print "line", i, i * 7919 % 1000003 }'; }
bytes_from >"$T/stream"
"$TRIPLICATE" -c "$CONF" --json backup scratch --stdin export.txt \
	<"$T/stream" >"$T/out" 2>"$T/err"
status=$?
exits 0 "backup --stdin of a branch that has nothing else"
stream=$(json .backup.id)
tri restore "$stream" --to-dir "$T/stream.back"
exits 0 "and back"
ok "byte for byte" cmp "$T/stream" "$T/stream.back/streams/export.txt"
: | "$TRIPLICATE" -c "$CONF" --json backup scratch --stdin empty \
	>"$T/out" 2>"$T/err"
is $? 0 "an empty stream is one too"
tri restore "$(json .backup.id)" --to-dir "$T/empty.back"
ok "and comes back empty" test -e "$T/empty.back/streams/empty" -a ! -s "$T/empty.back/streams/empty"
"$TRIPLICATE" -c "$CONF" --json backup scratch --stdin ../x </dev/null >"$T/out" 2>"$T/err"
is $? 2 "a stream's name is no path"
"$TRIPLICATE" -c "$CONF" --json backup production --stdin extra.txt \
	<"$T/stream" >"$T/out" 2>"$T/err"
is $? 0 "beside database and filestore"
tri restore production/latest --to-dir "$T/both" streams
ok "it is there" cmp "$T/stream" "$T/both/streams/extra.txt"
tap_done
