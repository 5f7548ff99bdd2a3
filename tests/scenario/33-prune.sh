#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Forty days of daily backups, pruned every day: what stays is what the rule
# says, comes back byte for byte, and nothing else is left at any endpoint.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/retention.sh"
need_tools

DAYS=40
plain_branch 'prune-grace = 36h'
printf 'schedule = 02:30 UTC\nzone = UTC\nkeep = 4 daily, 2 weekly, 1 monthly\n' \
	>>"$CONF"
init_repository

same_everywhere() { # same_everywhere WHAT
	is "$(objects fra packs)" "$(objects ams packs)" "$1: the same packs at ams"
	is "$(objects fra packs)" "$(objects waw packs)" "$1: and at waw"
	is "$(objects fra backups index)" "$(objects waw backups index)" \
		"$1: and the same backups and index objects"
}

failed=0
for ((i = DAYS; i >= 0; i--)); do
	plain_change "day$i"
	at "$i" backup --type daily
	[ "$status" = 0 ] || failed=$((failed + 1))
	id=$(json .backup.id)
	cp -a "$T/files" "$T/as-of.$id"
	at "$i" prune
	[ "$status" = 0 ] || failed=$((failed + 1))
done
is "$failed" 0 "$((DAYS + 1)) backups and as many prunes"
trij list
json_is '.backups | length' 7 "seven are left: four days, two weeks, one month"
json_is '[.backups[] | select(.keep.keeps)] | length' 7 "each has its reason"
kept=$(json '.backups[].id')
is "$(objects fra backups | wc -l)" 7 "and no more at an endpoint"
same_everywhere "after the last prune"
for id in $kept; do
	rm -rf "$T/back"
	tri restore "$id" --to-dir "$T/back"
	exits 0 "restore of $id"
	ok "byte for byte" diff -r "$T/as-of.$id" "$T/back/filestore"
done

# When the grace is over, what is left is what is needed.
run env TRIPLICATE_CLOCK_OFFSET=$((3 * DAY)) "$TRIPLICATE" -c "$CONF" --json prune
exits 0 "a prune when the grace is over"
json_is .prune.waiting.packs 0 "no pack waits"
same_everywhere "then"
# shellcheck disable=SC2086
only_needed_at $ENDPOINTS "then"
trij verify --depth data
exits 0 "all that is kept is whole at every endpoint"
trij prune
json_is .prune.packs_removed 0 "nothing is left to do"

# --- what is shown and not done ----------------------------------------------
before=$(objects fra backups packs)
trij prune --dry-run
exits 0 "a dry run"
json_is .prune.dry_run true "says so"
json_is '.prune.keep | length' 7 "and what it would keep"
trij prune --dry-run --at "$(date -u -d '+60 days' +%F)"
exits 0 "a day in two months"
json_is '.prune.keep | length' 7 "seven will be there"
json_is '[.prune.keep[].id | select(endswith("-expected"))] | length > 4' true \
	"most of them are still to be made"
json_is '[.prune.remove[].id] | length > 3' true "and what is here will mostly be gone"
is "$(objects fra backups packs)" "$before" "nothing is removed by that"
tri prune --at 2040-01-01
exits 2 "--at without --dry-run"
tri prune --dry-run --at yesterday
exits 2 "a time that is none"
tri prune --dry-run --at 2001-01-01
exits 2 "a time that is over"

# --- the limits --------------------------------------------------------------
sed -i 's/^keep = .*/keep = 1 daily/' "$CONF"
trij prune
exits 8 "a policy that lets most go at once"
json_is .error.kind refused "is refused"
like "$(json .error.message)" 'removal-limit' "by the limit"
like "$(json .error.hint)" -- '--force' "and --force is named"
is "$(objects fra backups packs)" "$before" "nothing was removed"
trij prune --dry-run --force
exits 0 "what it would do"
json_is '.prune.remove | length' 6 "six would go"
trij prune --force
exits 0 "by force"
is "$(objects ams backups | wc -l)" 1 "one is left"
trij list
json_is '.backups[0].keep.reason | test("always stays")' true "the newest one"

tap_done
