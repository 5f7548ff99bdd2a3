#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Keys: what is shown, what is never shown, passphrase slots come and go.
. "$(dirname "$0")/../lib/scenario.sh"
write_conf
init_repository
secret=$(grep -oE '[A-Za-z0-9+/=_-]{40,}' "$T/restore.key" | tail -n 1)
ok "the restore key holds a secret" test -n "$secret"

for words in "key show" "key kit" "status" "list" "version"; do
	# shellcheck disable=SC2086
	tri $words
	exits 0 "$words"
	[ "$words" = "key kit" ] || unlike "$out$err" "$secret" "$words prints no secret"
done
tri key kit
like "$out" "$(head -n 1 <<<"$secret" | cut -c1-8)|restore" "the kit is about the restore key"

# --- slots -------------------------------------------------------------------
echo "short" >"$T/weak"
chmod 600 "$T/weak"
tri key add-passphrase --passphrase-file "$T/weak"
exits 8 "a weak passphrase is refused"
is "$(objects fra keys | wc -l)" 0 "and no slot made"
tri key add-passphrase --passphrase-file "$T/weak" --force
exits 0 "with --force it is taken"
head -c 24 /dev/urandom | base64 >"$T/strong"
chmod 600 "$T/strong"
TRIPLICATE_PASSPHRASE_FILE=$T/strong tri key add-passphrase second
exits 0 "a strong one, named by the environment"
trij key show
json_is '.key.slots | length' 2 "key show lists both slots"
for endpoint in $ENDPOINTS; do
	is "$(objects "$endpoint" keys | wc -l)" 2 "$endpoint holds both"
done
head -c 24 /dev/urandom | base64 >"$T/newer"
chmod 600 "$T/newer"
tri key add-passphrase second --passphrase-file "$T/newer"
exits 0 "another passphrase in its place"
for endpoint in $ENDPOINTS; do
	mkdir "$T/bare"
	run "$TRIPLICATE" recover --from "file://$T/$endpoint" \
		--passphrase-file "$T/strong" -o "$T/bare/triplicate.conf"
	exits 6 "$endpoint: the old one opens nothing any more"
	run "$TRIPLICATE" recover --from "file://$T/$endpoint" \
		--passphrase-file "$T/newer" -o "$T/bare/triplicate.conf"
	exits 0 "$endpoint: the new one does"
	rm -rf "$T/bare"
done
tri key remove "$(objects fra keys | head -n 1)"
exits 0 "key remove"
for endpoint in $ENDPOINTS; do
	is "$(objects "$endpoint" keys | wc -l)" 1 "$endpoint holds one"
done
tri key remove nonesuch
exits 4 "a slot that isn't there"
tri verify
exits 0 "verify doesn't miss the one that went"

# --- where keys may be -------------------------------------------------------
before=$(cat "$T/agent.key" "$T/restore.key" | md5sum)
tri init
is "$(cat "$T/agent.key" "$T/restore.key" | md5sum)" "$before" \
	"init never writes over keys"
chmod 640 "$T/restore.key"
tri restore latest --to-dir "$T/x"
exits 6 "a restore key that others may read is refused"
like "$err" "restore\.key.*(mode|0600|chmod)|chmod" "and how to mend it is said"
tap_done
