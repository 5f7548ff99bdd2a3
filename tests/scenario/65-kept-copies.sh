#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a restore replaces: dropped at once, kept until the next one, or for some
# days; its files stay as long as it does. A failed restore changes nothing.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
sed -i "s|^filestore = $T/filestore/staging|&\nkeep-replaced = next|" "$CONF"
init_repository
backup
exits 0 "a backup"
first=$id
kept() { sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE '${DB}_staging_replaced%'"; }
restore() { trij restore "$1" --to staging --yes; }

restore "$first"
exits 0 "the first restore"
is "$(kept)" 0 "replaces nothing"
must psql -X -q -d "${DB}_staging" -c "UPDATE res_partner SET name = 'mine' WHERE id = 7"

# An attachment that only the old copy needs
mine=$(printf 'only mine' | sha1sum | cut -c1-40)
mkdir -p "$T/filestore/staging/${mine:0:2}"
printf 'only mine' >"$T/filestore/staging/${mine:0:2}/$mine"
must psql -X -q -d "${DB}_staging" -c "INSERT INTO ir_attachment (name, type, store_fname, checksum, file_size)
	VALUES ('mine', 'binary', '${mine:0:2}/$mine', '$mine', 9)"
sleep 1.1

change_branch
backup
second=$id
restore "$second"
exits 0 "the second restore"
is "$(kept)" 1 "keeps what it replaced"
old=$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE '${DB}_staging_replaced%'")
is "$(PGUSER=postgres psql -X -Atq -d postgres -c "ALTER DATABASE \"$old\" ALLOW_CONNECTIONS true" \
	-c "\\c \"$old\"" -c 'SELECT name FROM res_partner WHERE id = 7')" mine \
	"as it was"
ok "with its attachment" test -e "$T/filestore/staging/${mine:0:2}/$mine"

restore "$second"
exits 0 "the third restore"
is "$(kept)" 1 "lets the first go and keeps the second"
isnt "$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE '${DB}_staging_replaced%'")" \
	"$old" "which is another one"
ok "the attachment that only the first needed is gone" \
	test ! -e "$T/filestore/staging/${mine:0:2}/$mine"

sed -i '/^keep-replaced/d' "$CONF"
restore "$second"
exits 0 "a restore that keeps nothing"
is "$(kept)" 0 "leaves none"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
	"and the files are the backup's"

# --- a restore that fails ----------------------------------------------------
before=$(row_sums "${DB}_staging")
oid=$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_staging'")
files=$(file_sums "$T/filestore/staging")
for endpoint in $ENDPOINTS; do mv "$T/$endpoint" "$T/$endpoint.away"; done
rm -rf "$T"/state/*cache*
restore "$second"
ok "with no endpoint there a restore fails" test "$status" != 0 -a "$status" != 3
for endpoint in $ENDPOINTS; do mv "$T/$endpoint.away" "$T/$endpoint"; done
is "$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_staging'")" "$oid" \
	"the branch is the same database"
is "$(row_sums "${DB}_staging")" "$before" "with the same rows"
is "$(file_sums "$T/filestore/staging")" "$files" "and the same files"
is "$(hidden_databases)" "" "and nothing is left behind"

# --- sessions at the target are closed ---------------------------------------
psql -X -q -d "${DB}_staging" -c 'SELECT pg_sleep(60)' >/dev/null 2>&1 &
user=$!
sleep 0.5
restore "$second"
exits 0 "somebody's session at staging is no reason to refuse"
wait $user
isnt $? 0 "it is ended"
tap_done
