#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Entries of the audit log that remove backups, and that this machine did not
# write: a thief has the agent key and may put. Nothing goes before a person has
# looked; few removals, as another writer's, are carried out.
. "$(dirname "$0")/../lib/scenario.sh"

DAY=86400
plain_branch 'prune-grace = 0s'
printf 'zone = UTC\nkeep = 7 daily\n' >>"$CONF"
init_repository
for ((i = 7; i >= 1; i--)); do
	plain_change "day$i"
	run env TRIPLICATE_CLOCK_OFFSET=-$((i * DAY)) "$TRIPLICATE" -c "$CONF" --json \
		backup --type daily
done
exits 0 "seven daily backups"
trij list
pinned=$(json '.backups[3].id')
tri pin "$pinned"
exits 0 "one is pinned"

# Keys, state and endpoints, copied; what a prune writes there comes back.
steal() { # steal KEEP: entries of a prune by that policy go to fra
	rm -rf "$T/thief"
	mkdir "$T/thief"
	cp -a "$T/state" "$T/fra" "$T/ams" "$T/waw" "$T/agent.key" "$T/restore.key" "$T/thief/"
	sed "s|$T/|$T/thief/|g; s|^keep = .*|keep = $1|; s|^filestore.*|filestore = $T/files|" \
		"$CONF" >"$T/thief/triplicate.conf"
	run "$TRIPLICATE" -c "$T/thief/triplicate.conf" --json prune --force
	exits 0 "the thief removes $(json '.prune.remove | length')"
	cp -n "$T/thief/fra/audit/"* "$T/fra/audit/"
}
sums() { for i in $ENDPOINTS; do object_sums "$i"; done | grep -v ' ./audit/'; }

before=$(sums)
steal '1 daily'
trij prune
exits 8 "many removals that were not made here are refused"
json_is .error.kind refused "as such"
like "$(json .error.message)" 'did not write remove 5 backups' "and counted"
like "$(json .error.hint)" 'another machine' "and says what to look at"
trij list
json_is '.backups | length' 7 "all are listed still"
backup --type daily
is "$(sums | grep -cF -f <(echo "$before"))" "$(wc -l <<<"$before")" \
	"and lie at every endpoint, after a backup too"
trij restore "$pinned" --to-dir "$T/back"
exits 0 "and can be restored"
trij audit
exits_not=$status
ok "the audit does not call that well" [ "$exits_not" != 0 ]
trij prune --force
exits 0 "by force they are carried out"
trij list
json_is '[.backups[].id | select(. == "'"$pinned"'")] | length' 1 "but for what the thief left"
tap_done
