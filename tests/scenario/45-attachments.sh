#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the source itself lacks or has damaged is found, named and stored as
# such; a sudden mass of missing files makes a backup that never counts.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
init_repository
backup
exits 0 "a backup with everything there"
good=$id

file_of() { # a file with a row, by its place in the list
	sql "${DB}_main" "SELECT DISTINCT store_fname FROM ir_attachment
		WHERE file_size BETWEEN 1000 AND 100000 ORDER BY 1 LIMIT 1 OFFSET $1"
}
main=$T/filestore/main

# --- one missing, one damaged ------------------------------------------------
gone=$(file_of 1)
bad=$(file_of 2)
mv "$main/$gone" "$T/gone"
cp -p "$main/$bad" "$T/bad"
flip "$main/$bad" 500
backup
exits 3 "with one file missing and one damaged"
degraded=$id
json_is .backup.state degraded "the backup is degraded"
json_is '.backup.attachments | [.missing, .mismatched] | join(" ")' "1 1" \
	"both are counted"
like "$(json '.backup.warnings | join("\n")')" "lacks 1 attachment" \
	"and there is a warning"
trij status
json_is .status.verdict at-risk "the branch is at risk"
trij status --check
exits 3 "status --check says so"
trij show latest
json_is .backup.id "$degraded" "a degraded backup is the latest"

trij restore "$degraded" --to staging
ok "it restores" test "$status" = 0 -o "$status" = 3
is "$(file_sums "$T/filestore/staging" | grep -c "${gone#*/}")" 0 \
	"without the missing file"

# --- mended at the source ----------------------------------------------------
mv "$T/gone" "$main/$gone"
cp -p "$T/bad" "$main/$bad"
backup --reread
exits 0 "mended at the source, a backup is complete again"

# --- a mass of them ----------------------------------------------------------
mkdir "$T/lost"
for i in $(seq 0 24); do
	name=$(sql "${DB}_main" "SELECT DISTINCT store_fname FROM ir_attachment
		WHERE store_fname IS NOT NULL ORDER BY 1 LIMIT 1 OFFSET $i")
	mkdir -p "$T/lost/${name%/*}"
	mv "$main/$name" "$T/lost/$name"
done
backup
exits 1 "with 25 files newly missing"
json_is .backup.state incomplete "the backup is incomplete"
incomplete=$id
trij show latest
isnt "$(json .backup.id)" "$incomplete" "and is not the latest"
trij list
is "$(json ".backups[] | select(.id == \"$incomplete\") | .state")" incomplete \
	"list shows it"
trij restore "$incomplete" --to staging --yes
exits 3 "restoring it by its id works, with a warning"
cp -a "$T/lost/." "$main/"

# --- the filestore isn't there at all ----------------------------------------
mv "$main" "$T/away"
backup
exits 1 "with the filestore gone"
like "$err$(cat "$T/out")" "$main" "the message names it"
mv "$T/away" "$main"

# --- a table that can't be read ----------------------------------------------
must psql -X -q -d "${DB}_main" -c 'CREATE TABLE closed (x int)'
PGUSER=postgres must psql -X -q -d "${DB}_main" \
	-c 'ALTER TABLE closed OWNER TO postgres'
backup
exits 1 "with a table that our role can't read"
like "$err$(cat "$T/out")" closed "the message names the table"
PGUSER=postgres must psql -X -q -d "${DB}_main" -c 'DROP TABLE closed'

trij verify "$good" --depth data
exits 0 "the first backup is as good as ever"
tap_done
