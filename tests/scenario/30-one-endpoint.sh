#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# One endpoint is enough: with the other two and all local state gone, a bare
# machine restores from each with only restore.key, or only a passphrase.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
init_repository
backup
exits 0 "a backup"
first=$id
change_branch
backup
exits 0 "another one, after a day's work"

head -c 24 /dev/urandom | base64 >"$T/passphrase"
chmod 600 "$T/passphrase"
tri key add-passphrase --passphrase-file "$T/passphrase"
exits 0 "a passphrase slot"
for endpoint in $ENDPOINTS; do
	is "$(objects "$endpoint" keys | wc -l)" 1 "$endpoint holds the slot"
done

# Everything local goes away, and the endpoints with it.
mkdir "$T/away"
mv "$T/state" "$T/agent.key" "$T/restore.key" "$CONF" "$T/fra" "$T/ams" "$T/waw" \
	"$T/away/"

bare() { # bare ENDPOINT: a bare machine in $B
	B=$T/bare.$1
	rm -rf "$B"
	mkdir "$B"
	cp -a "$T/away/$1" "$T/$1"
}

staging_of_bare() {
	cat >>"$B/triplicate.conf" <<-E

		[branch staging]
		stage = staging
		database = $(conninfo "${DB}_staging")
		filestore = $B/filestore
	E
}

restores_whole() { # restores_whole ENDPOINT HOW
	staging_of_bare
	run "$TRIPLICATE" -c "$B/triplicate.conf" restore latest --to staging --yes
	exits 0 "from $1 with only $2: restore"
	# shellcheck disable=SC2086
	is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
		"$(row_sums "${DB}_main" $BUSINESS_TABLES)" \
		"from $1 with only $2: the rows"
	is "$(file_sums "$B/filestore")" "$(file_sums "$T/filestore/main")" \
		"from $1 with only $2: the attachments"
	dropdb --force "${DB}_staging" 2>/dev/null
}

for endpoint in $ENDPOINTS; do
	bare "$endpoint"
	cp "$T/away/restore.key" "$B/restore.key"
	cd "$B" || exit 1
	run "$TRIPLICATE" recover --json --from "file://$T/$endpoint" \
		--key "$B/restore.key" --state "$B/state" -o "$B/triplicate.conf"
	exits 0 "recover from $endpoint with only restore.key"
	json_is .recover.backups 2 "from $endpoint: both backups are known"
	json_is .recover.newest "$id" "from $endpoint: and the newest"
	ok "from $endpoint: the agent key is beside the configuration" \
		test "$(stat -c %a "$B/agent.key")" = 600
	restores_whole "$endpoint" restore.key
	if [ "$endpoint" = ams ]; then
		run "$TRIPLICATE" -c "$B/triplicate.conf" restore "$first" \
			--to-dir "$B/plain" database
		exits 0 "from $endpoint: the earlier backup too"
		run "$TRIPLICATE" -c "$B/triplicate.conf" verify --depth data
		exits 0 "from $endpoint: verify at depth data"
		run "$TRIPLICATE" -c "$B/triplicate.conf" sync
		exits 8 "what recover leaves is read-only"
	fi

	bare "$endpoint"
	cp "$T/passphrase" "$B/passphrase"
	run "$TRIPLICATE" recover --from "file://$T/$endpoint" \
		--passphrase-file "$B/passphrase" --state "$B/state" \
		-o "$B/triplicate.conf"
	exits 0 "recover from $endpoint with only a passphrase"
	ok "from $endpoint: the restore key was unwrapped" \
		test "$(stat -c %a "$B/restore.key")" = 600
	restores_whole "$endpoint" "a passphrase"
	rm -rf "${T:?}/$endpoint"
done

# --- what must not work ------------------------------------------------------
bare waw
echo "not the passphrase at all 1234567890" >"$B/passphrase"
run "$TRIPLICATE" recover --from "file://$T/waw" --passphrase-file "$B/passphrase" \
	--state "$B/state" -o "$B/triplicate.conf"
exits 6 "a wrong passphrase opens nothing"
cp "$T/away/restore.key" "$B/restore.key"
echo "# mine" >"$B/triplicate.conf"
run "$TRIPLICATE" recover --from "file://$T/waw" --key "$B/restore.key" \
	--state "$B/state" -o "$B/triplicate.conf"
exits 8 "recover doesn't overwrite a configuration"
is "$(cat "$B/triplicate.conf")" "# mine" "which stays as it was"
rm "$B/triplicate.conf"

# --- taking over -------------------------------------------------------------
cd "$T" || exit 1
rm -rf "${T:?}"/waw
cp -a "$T/away/." "$T/"
write_conf
B=$T/second
mkdir "$B"
cp "$T/restore.key" "$B/"
sed "s|$T/state|$B/state|;s|$T/agent.key|$B/agent.key|;s|$T/restore.key|$B/restore.key|" \
	"$CONF" >"$B/from.conf"
run "$TRIPLICATE" -c "$B/from.conf" recover --from ams --key "$B/restore.key" \
	--state "$B/state" -o "$B/triplicate.conf" --take-over
exits 0 "another machine takes over"
tri backup
exits 5 "the first machine is stopped by it"
like "$err" "took .*over|taken over" "and is told why"
tap_done
