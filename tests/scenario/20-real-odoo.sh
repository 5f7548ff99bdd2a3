#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Real Odoo databases: dump into PostgreSQL, filestore in place, back up,
# restore, compare. ODOO_DUMPS names the folder they are in.
. "$(dirname "$0")/../lib/scenario.sh"
DUMPS=${ODOO_DUMPS:-$TOP/../shared/odoo}
[ -e "$DUMPS/16.0.dump" ] || [ -e "$DUMPS/17.0.dump" ] || [ -e "$DUMPS/18.0.dump" ] ||
	skip_all "no Odoo dumps here"
need_postgres
superuser() { PGUSER=postgres psql -X -q -v ON_ERROR_STOP=1 "$@"; }

# The source as Odoo itself has it: owned by a plain role, both extensions made
# by a superuser, unaccent() altered where indexes need it.
make_source() {
	local version=$1 database=$2
	superuser -d postgres -c "CREATE DATABASE $database OWNER odoo TEMPLATE template0 ENCODING UTF8"
	superuser -d "$database" -c 'CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent'
	[ "$version" != 18.0 ] || superuser -d "$database" \
		-c 'ALTER FUNCTION public.unaccent(text) IMMUTABLE'
	pg_restore --no-owner --no-comments --exit-on-error --jobs=2 -d "$database" \
		"$DUMPS/$version.dump"
}

make_filestore() {
	local version=$1 folder=$2
	mkdir -p "$folder"
	case $version in
	17.0)
		unzip -q "$DUMPS/17.0-backup.zip" 'filestore/*' -d "$folder.zip" &&
			cp -a "$folder.zip/filestore/." "$folder/" &&
			rm -r "$folder.zip"
		;;
	*) tar -C "$folder" --zstd -xf "$DUMPS/$version-filestore.tar.zst" ;;
	esac
}

conf_of() { # conf_of ROLE
	local endpoint
	cat >"$CONF" <<-E
		[repository]
		state = $T/state
		agent-key = $T/agent.key
		restore-key = $T/restore.key
	E
	for endpoint in $ENDPOINTS; do
		printf '[endpoint %s]\nurl = file://%s\n' "$endpoint" "$T/$endpoint"
	done >>"$CONF"
	cat >>"$CONF" <<-E
		[branch production]
		stage = production
		database = $(conninfo "$source" "$1")
		filestore = $T/filestore/main
		[branch copy]
		stage = production
		database = $(conninfo "$source"_copy "$1")
		filestore = $T/filestore/copy
		[branch staging]
		stage = staging
		database = $(conninfo "$source"_staging "$1")
		filestore = $T/filestore/staging
		owner = odoo
	E
}

# The tables that neutralization changes in these databases; all others must be
# as they were.
changed_tables="
auth_oauth_provider base_automation bus_bus delivery_carrier
fetchmail_server google_calendar_credentials iap_account ir_act_server
ir_config_parameter ir_cron ir_cron_trigger ir_mail_server ir_ui_view
mail_mail mail_message_schedule mail_partner_device mail_push_device
mail_template microsoft_calendar_credentials payment_provider
res_partner res_users res_users_settings website
"

compare_staging() {
	local version=$1 a b
	schema "$source" >"$T/schema.a"
	schema "${source}_staging" >"$T/schema.b"
	ok "$version: staging has the source's schema" diff "$T/schema.a" "$T/schema.b"
	row_sums "$source" >"$T/rows.a"
	row_sums "${source}_staging" >"$T/rows.b"
	# shellcheck disable=SC2086
	printf 'public.%s|\n' $changed_tables >"$T/changed"
	a=$(grep -vFf "$T/changed" "$T/rows.a")
	b=$(grep -vFf "$T/changed" "$T/rows.b")
	ok "$version: the $(wc -l <<<"$a") tables that aren't neutralized are the same" \
		diff <(echo "$a") <(echo "$b")
	is "$(counts "${source}_staging")" "$(counts "$source")" \
		"$version: staging has all tables, indexes, constraints, sequences, views"
	is "$(neutral_facts "${source}_staging" | awk '$2 != 0')" "" \
		"$version: nothing in staging leads outside"
	is "$(file_sums "$T/filestore/staging" | md5sum)" \
		"$(file_sums "$T/filestore/main" | md5sum)" \
		"$version: every attachment in staging, byte for byte"
}

round_trip() { # round_trip VERSION ROLE
	local version=$1 role=$2
	source=${DB}_${version%.0}
	rm -rf "$T"/{state,agent.key,restore.key,fra,ams,waw,filestore}
	must make_source "$version" "$source"
	must make_filestore "$version" "$T/filestore/main"
	conf_of "$role"
	init_repository
	trij backup production
	exits 0 "$version as $role: backup"
	json_is .backup.database.odoo_version "$version" "$version: its version is known"
	json_is '.backup.attachments | [.missing, .mismatched, .orphaned] | join(" ")' \
		"0 0 10" "$version: its attachments are proven"

	tri restore production/latest --to staging
	[ "$version:$role" != 18.0:odoo ] || unaccent_refusal
	[ "$status" = 3 ] && status=0 # credential-like columns unknown to us
	exits 0 "$version as $role: restore to staging"
	is "$(sql "${source}_staging" "SELECT DISTINCT pg_get_userbyid(relowner)
		FROM pg_class WHERE relnamespace = 'public'::regnamespace")" odoo \
		"$version as $role: Odoo's role owns all of it"
	compare_staging "$version"
	tri restore production/latest --to copy --confirm copy
	exits 0 "$version as $role: restore to a production branch"
	same_database "$source" "${source}_copy" "$version"
	is "$(file_sums "$T/filestore/copy" | md5sum)" \
		"$(file_sums "$T/filestore/main" | md5sum)" \
		"$version: every attachment, byte for byte"
	for database in "$source" "${source}_staging" "${source}_copy"; do
		superuser -d postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" 2>/dev/null
	done
}

# A plain owner can't alter unaccent(): it must be said before work starts.
unaccent_refusal() {
	like "$err" 'unaccent.*IMMUTABLE|IMMUTABLE.*unaccent' \
		"18.0 as odoo: says what a superuser has to do"
	like "$err" 'superuser' "18.0 as odoo: and that it takes one"
	if database_exists "${source}_staging"; then
		fail "18.0 as odoo: before anything is made"
	else
		pass "18.0 as odoo: before anything is made"
	fi
	is "$(hidden_databases)" "" "18.0 as odoo: and nothing is left behind"

	# What it says is typed as it stands.
	local advice
	advice=$(sed -n 's/.*A superuser has to, once: \(createdb .*\)/\1/p' "$T/err" | head -n 1)
	PGUSER=postgres run bash -c "$advice"
	exits 0 "18.0 as odoo: a superuser types the two commands"
	tri restore production/latest --to staging
}

for version in 16.0 17.0 18.0; do
	if [ -e "$DUMPS/$version.dump" ]; then round_trip $version odoo; else
		skip "no dump of $version" "$version as odoo"
	fi
done
if [ -e "$DUMPS/18.0.dump" ]; then round_trip 18.0 postgres; fi
tap_done
