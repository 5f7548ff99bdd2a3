#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The first day: init, a backup, a look at it, a neutralized staging copy.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf

# --- init --------------------------------------------------------------------
tri init
exits 0 "init"
is "$(stat -c %a "$T/agent.key" "$T/restore.key" | tr '\n' ' ')" "600 600 " \
	"the key files are for their owner alone"
like "$out" "recovery kit|restore key" "the recovery kit is printed"
for endpoint in $ENDPOINTS; do
	ok "$endpoint has the signed config" test -s "$T/$endpoint/config"
done
cp "$T/restore.key" "$T/restore.key.first"
trij init
exits 0 "init again changes nothing"
ok "and keeps the keys" cmp "$T/restore.key" "$T/restore.key.first"
json_is '.init.endpoints | keys | join(" ")' "ams fra waw" \
	"and answers for each endpoint"
repository=$(json .init.repository)

# --- backup ------------------------------------------------------------------
backup --comment "the first one"
exits 0 "backup of the only production branch"
like "$id" '^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$' "the id"
json_is .backup.state complete "the backup is complete"
json_is .backup.branch production "of branch production"
json_is .backup.type manual "of type manual"
json_is .backup.database.name "${DB}_main" "the database's name"
json_is .backup.database.odoo_version 17.0 "Odoo's version"
is "$(json .backup.database.rows)" \
	"$(row_sums "${DB}_main" | awk -F'|' '$1 !~ /partner_totals/ { n += $2 } END { print n }')" \
	"all rows are counted"
json_is .backup.attachments.missing 0 "no attachment is missing"
is "$(json .backup.attachments.orphaned)" 6 "the sample's orphans are counted"
is "$(json .backup.attachments.referenced)" \
	"$(sql "${DB}_main" 'SELECT count(DISTINCT store_fname) FROM ir_attachment')" \
	"each referenced file is counted once"
json_is '[.backup.endpoints[].state] | unique | join(" ")' stored \
	"it is stored at all endpoints"
is "$(objects fra | sed '/^audit/d;/^writers/d')" \
	"$(objects ams | sed '/^audit/d;/^writers/d')" \
	"two endpoints hold the same objects"
is "$(objects fra backups | wc -l)" 1 "one manifest"
ok "packs are named by their contents" bash -c \
	"cd '$T/fra/packs' && find . -type f -printf '%f  %p\n' | sha256sum -c --quiet"
unlike "$(strings -n 8 "$T"/fra/backups/* 2>/dev/null || cat "$T"/fra/backups/*)" \
	"production|${DB}|partner" "the manifest gives no name away"

# --- list, show, status ------------------------------------------------------
trij list
exits 0 "list"
json_is '.backups | length' 1 "lists one backup"
json_is '.backups[0] | [.id, .branch, .state, .comment] | join(" ")' \
	"$id production complete the first one" "with its facts"
json_is '.backups[0].keep | [.until, .keeps, .reason] | map(tostring) | join(" ")' \
	"null true the newest whole backup stays: none counts" \
	"and why it is kept"
tri list
like "$out" "$id" "list for people names it"
like "$out" "the newest whole backup stays: none counts" "and says why it is kept"
trij show latest
exits 0 "show latest"
json_is .backup.id "$id" "is that backup"
trij show "${id:0:10}" --tables
exits 0 "show by a prefix of its id, with the tables"
is "$(json '.backup.tables[] | select(.name == "account_move_line") | .rows')" \
	"$(sql "${DB}_main" 'SELECT count(*) FROM account_move_line')" \
	"the rows of a table"
trij show latest --files
is "$(json '.backup.files | length')" "$(json .backup.files -c | jq length)" \
	"show --files lists files"
trij status
exits 0 "status"
unlike "$(json .status.verdict)" unsafe "the verdict isn't unsafe"
json_is '[.status.endpoints[].reachable] | unique | join(" ")' true \
	"all endpoints are reachable"
trij version
exits 0 "version"
trij key show
exits 0 "key show"
like "$out" "$repository" "names the repository"
unlike "$out$err" "$(tail -n 1 "$T/restore.key" | cut -c1-32)" \
	"and no secret"

# --- verify ------------------------------------------------------------------
for depth in presence hash data; do
	trij verify --depth $depth
	exits 0 "verify --depth $depth"
	json_is .verify.ok true "finds nothing at depth $depth"
done

# --- a neutralized staging copy ----------------------------------------------
trij restore latest --to staging
exits 0 "restore to staging" || exit 1
json_is .restore.neutralized true "it is neutralized"
json_is '[.restore.neutralization.proof[] | select(.ok | not)] | length' 0 \
	"and every check of the proof holds"
# shellcheck disable=SC2086
is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
	"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "the business's rows are the same"
is "$(neutral_facts "${DB}_staging" | awk '$2 != 0')" "" \
	"nothing in it leads outside"
isnt "$(sql "${DB}_staging" "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")" \
	"$(sql "${DB}_main" "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")" \
	"it has an identity of its own"
is "$(sql "${DB}_staging" "SELECT value FROM ir_config_parameter WHERE key = 'database.is_neutralized'")" \
	true "it says that it is neutralized"
is "$(counts "${DB}_staging")" "$(counts "${DB}_main")" \
	"tables, indexes, constraints, sequences, views are all there"
is "$(sequence_values "${DB}_staging" | grep -v '^public.*_id_seq')" \
	"$(sequence_values "${DB}_main" | grep -v '^public.*_id_seq')" \
	"the sequences stand where they stood"
is "$(large_objects "${DB}_staging")" "$(large_objects "${DB}_main")" \
	"the large objects are the same"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
	"the attachments are the same, byte for byte"
is "$(hidden_databases)" "" "no hidden database is left behind"
is "$(sql postgres "SELECT pg_get_userbyid(datdba) || ' ' || datallowconn FROM pg_database WHERE datname = '${DB}_staging'")" \
	"odoo true" "Odoo's role owns it and can connect"
trij neutralize staging --check
exits 0 "neutralize --check finds it neutralized"

# --- a credential that no rule knows ------------------------------------------
must psql -X -q -d "${DB}_main" -c "INSERT INTO ir_config_parameter (key, value)
	VALUES ('acme.api.token', 'not-to-be-printed')"
backup
exits 0 "a backup with a credential that no rule knows"
trij restore latest --to staging --yes
exits 3 "restoring it: something to look at"
like "$(json '.restore.unknown_modules // .restore.neutralization.unknown_modules | tostring')$(json '.restore.warnings | join(" ")')" \
	"acme.api.token" "which is named"
unlike "$(cat "$T/out" "$T/err")" not-to-be-printed "and not shown"
must psql -X -q -d "${DB}_main" -c "DELETE FROM ir_config_parameter WHERE key = 'acme.api.token'"
backup

# --- and over it again -------------------------------------------------------
must psql -X -q -d "${DB}_staging" -c 'CREATE TABLE left_over (x int)'
tri restore latest --to staging
exits 8 "off a terminal a staging branch that exists is not replaced"
ok "and is as it was" sql "${DB}_staging" "SELECT * FROM left_over"
tri restore latest --to staging --yes
exits 0 "with --yes it is"
is "$(sql "${DB}_staging" "SELECT to_regclass('left_over') IS NULL")" t \
	"and nothing of the old one is left"
tap_done
