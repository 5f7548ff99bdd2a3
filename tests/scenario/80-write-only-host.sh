#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With the restore key kept elsewhere, the host goes on making, verifying and
# healing backups, but can't read one.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
init_repository
mkdir "$T/safe"
mv "$T/restore.key" "$T/safe/"
RESTORE_KEY='' write_conf

backup
exits 0 "backup without the restore key"
before=$(bytes_at fra)
change_branch
backup
exits 0 "and the next one"
at_most $(($(bytes_at fra) - before)) $((before / 2)) \
	"which finds what is known already"
trij list
exits 0 "list"
json_is '.backups | length' 2 "lists both"
trij show latest
exits 0 "show"
json_is .backup.id "$id" "shows the summary"
tri verify --depth presence
exits 0 "verify --depth presence"
tri verify --depth hash
exits 0 "verify --depth hash"
pack=$(objects fra packs | head -n 1)
flip "$T/fra/packs/$pack" 100
tri verify
exits 7 "verify finds damage"
tri verify --repair
exits 0 "verify --repair heals it"
ok "it is healed" cmp "$T/fra/packs/$pack" "$T/ams/packs/$pack"
mv "$T/waw" "$T/waw.away"
change_branch 2
backup
exits 3 "backup with an endpoint down"
mv "$T/waw.away" "$T/waw"
tri sync
exits 0 "sync"
is "$(object_sums waw)" "$(object_sums ams)" "brings it up to date"
tri status
exits 0 "status"
tri key show
exits 0 "key show"

# --- what needs the key ------------------------------------------------------
needs_key() {
	tri "$@"
	exits 6 "$*: needs the restore key"
	like "$err" 'restore[ -]key' "$*: and says so"
}
needs_key restore latest --to staging
needs_key restore latest --to-dir "$T/plain"
needs_key restore latest --to staging --dry-run
needs_key show latest --files
needs_key show latest --tables
needs_key verify --depth data
needs_key diff latest~1 latest
needs_key find sale_order
tri pin latest
exits 0 "pin does not need it"
tri unpin latest
exits 0 "nor unpin"
tri storage
exits 0 "nor storage"
ok "nothing was restored" test ! -e "$T/plain"
is "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '${DB}_staging'")" 0 \
	"nowhere"

# --- retention does not ------------------------------------------------------
later() { # later DAYS COMMAND…
	local days=$1
	shift
	TRIPLICATE_CLOCK_OFFSET=$((days * 86400)) trij "$@"
}
later 8 prune --dry-run
exits 0 "prune --dry-run"
json_is '.prune.remove | length' 2 "two backups have had their time"
later 8 prune
exits 0 "prune"
json_is '.prune.remove | length' 2 "removes them"
json_is '.prune.waiting.packs > 0' true "and knows what nobody needs now"
later 11 prune
exits 0 "when the grace is over"
json_is '.prune.packs_removed > 0' true "that goes, too"
json_is '[.prune.endpoints[].left] | add' 0 "everywhere"
is "$(objects waw packs)" "$(objects ams packs)" "endpoints hold the same"
later 11 audit
exits 0 "audit"
json_is '.audit.ok' true "all is well"
trij list
json_is '.backups | length' 1 "one backup is left"

# --- with it, all that was made in between is whole --------------------------
RESTORE_KEY="restore-key = $T/safe/restore.key" write_conf
tri verify --depth data
exits 0 "with the key, all of it is good"
trij restore latest --to staging
exits 0 "and restores"
# shellcheck disable=SC2086
is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
	"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "with the rows"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
	"and the attachments"
tap_done
