#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What prune answers: the keys of its document, a dry run that changes nothing
# anywhere, and the exit status of everything that stops it.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/crash.sh"
. "$TOP/tests/lib/retention.sh"
. "$TOP/tests/lib/wrong.sh"

plain_branch 'prune-grace = 0s
removal-floor = 0
removal-limit = 100 %'
printf 'zone = UTC\nkeep = 2 daily\n' >>"$CONF"
wrong "no repository yet" 4 not-found "init" prune
init_repository
for i in 6 5 4 3; do
	rm -f "$T"/files/cd/*
	plain_change "day$i"
	at $i backup --type daily
	exits 0 "a backup of $i days ago"
done

# The document
types='{ dry_run: "boolean", keep: "array", remove: "array", packs_removed: "number",
	packs_rewritten: "number", bytes_freed: "number" }'
has_keys() { # has_keys DESCRIPTION
	json_is ".prune as \$p | $types | to_entries | map(select(.value != (\$p[.key] | type)) | .key) | join(\" \")" \
		"" "$1: every key, each of its type"
	json_is '[.prune.keep[], .prune.remove[]] | map(select((.id | type) != "string" or
		(.reason | length) < 5 or .branch != "production")) | length' 0 \
		"$1: every backup with its id, reason and branch"
}

# --- nothing but the truth -----------------------------------------------------
world_is_as_it_was() { # world_is_as_it_was DESCRIPTION
	world >"$T/world.after"
	ok "$1" diff "$T/world.before" "$T/world.after"
}
tri prune --dry-run # the first to come may have to open what was not closed
world >"$T/world.before"
trij prune --dry-run
exits 0 "a dry run"
world_is_as_it_was "changes nothing, at no endpoint and not here"
json_is .prune.dry_run true "it says that it is one"
json_is '.prune | "\(.keep | length) \(.remove | length) \(.packs_removed > 0) \(.bytes_freed > 0)"' \
	"2 2 true true" "and what would go"
has_keys "of a dry run"
planned=$(json '.prune | [.keep, .remove]' -c)
packs=$(json .prune.packs_removed)
trij prune --dry-run --at "$(date -u -d '+40 days' +%F)"
exits 0 "one of a later day"
trij prune --dry-run --force
exits 0 "one by force"
tri -q prune --dry-run
exits 0 "a quiet one"
world_is_as_it_was "nor do these"

# --- carried out -----------------------------------------------------------------
trij prune
exits 0 "a prune"
has_keys "of a prune"
is "$(json '.prune | [.keep, .remove]' -c)" "$planned" "it did what was shown"
json_is .prune.packs_removed "$packs" "to as many packs"
json_is '.prune.endpoints | map_values(keys) | [.[]] | unique | length' 1 \
	"and each endpoint has its own"
json_is '.prune.endpoints.ams | "\(.reached) \(.backups_removed) \(.left) \(.locked) \(.error)"' \
	"true 2 0 0 null" "what came of one"
trij prune
json_is '.prune | "\(.remove | length) \(.packs_removed) \(.bytes_freed)"' "0 0 0" \
	"another one has nothing to do"
tri prune
like "$out" "^keep +20[0-9T]+Z-[0-9a-f]+ +production: daily 1 of 2" "for people: reasons"
like "$out" "freed 0 packs" "and a sum"

# --- what stops it ---------------------------------------------------------------
world_holds
wrong "--at without --dry-run" 2 usage "dry-run" prune --at 2040-01-01
wrong "a day that is none" 2 usage "2027-01-15" prune --dry-run --at 2027-02-30
wrong "a day that is over" 2 usage "after now" prune --dry-run --at 2001-01-01
wrong "a day without a value" 2 usage "--at" prune --dry-run --at
wrong "an unknown option" 2 usage "nearest|unknown" prune --dryrun
wrong "a word too many" 2 usage "prune" prune production
cp "$CONF" "$T/good.conf"
WORLD_HOLDS=
sed -i 's/^keep = .*/keep = 2 daily, 3 fortnightly/' "$CONF"
wrong "a policy that means nothing" 2 config "keep" prune
cp "$T/good.conf" "$CONF"
mv "$T/agent.key" "$T/other.key"
wrong "no key" 6 key "agent.key" prune
mv "$T/other.key" "$T/agent.key"
chmod 644 "$T/agent.key"
wrong "a key that others can read" 6 key "agent.key" prune
chmod 600 "$T/agent.key"

# Another one, and being stopped
plain_change more
at 2 backup --type daily
hold_at 'swept' "$TRIPLICATE" -c "$CONF" prune || fail "it never came to its sweep"
trij prune
exits 5 "while another prune is under way"
json_is .error.kind busy "of what kind"
trij prune --dry-run
exits 0 "a dry run goes all the same"
plain_change even-more
at 1 backup --type daily
exits 0 "and so does a backup"
kill -INT "$job"
wait "$job"
is $? 130 "interrupted, it ends with 130"
rm -f "$T/held"
trij prune
exits 0 "and the next one finishes"
json_is '[.prune.endpoints[].left] | add' 0 "all of it"

# A repository that was only recovered
mkdir "$T/bare"
must "$TRIPLICATE" recover --from "file://$T/fra" --key "$T/restore.key" \
	-o "$T/bare/triplicate.conf"
world >"$T/world.before"
wrong_case "a repository that is read-only here" 8 refused "take-over|read-only" \
	"$TRIPLICATE" -c "$T/bare/triplicate.conf" --json prune
run "$TRIPLICATE" -c "$T/bare/triplicate.conf" --json prune --dry-run
exits 0 "may be asked what would go"
tap_done
