#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The story of Triplicate in two minutes: a small Odoo-like branch is backed up
# to three endpoints; a day passes; one endpoint is destroyed and a second one
# damaged; from what is left comes a neutralized staging copy; the endpoints are
# healed, and an audit proves the record of it all. Nothing outside one temporary
# folder is touched, and a PostgreSQL server runs only as long as this script.
# KEEP=1 keeps everything; V=1 shows the commands' own output.
set -u
umask 022
TOP=$(cd "$(dirname "$0")/.." && pwd)
TRIPLICATE=${TRIPLICATE:-$TOP/build/triplicate}
export LC_ALL=C.UTF-8 TZ=UTC
unset TRIPLICATE_CONF
[ -x "$TRIPLICATE" ] || {
	echo "demo: build it first: make" >&2
	exit 2
}

W=$(mktemp -d "${TMPDIR:-/tmp}/triplicate-demo.XXXXXX") || exit 1
chmod 755 "$W"
CONF=$W/triplicate.conf
server=
began=$SECONDS

# shellcheck disable=SC2317 # called by trap
clean_up() {
	local status=$?
	trap - EXIT INT TERM
	if [ "${KEEP:-0}" = 1 ]; then
		echo
		echo "Kept: $W (configuration, keys, endpoints)"
		[ -z "$server" ] || {
			echo "The server runs on; to talk to it, and to stop it:"
			echo "    . $server/env"
			echo "    $TOP/tests/services/postgres.sh stop $server"
		}
	else
		[ -z "$server" ] || "$TOP/tests/services/postgres.sh" stop "$server"
		rm -rf "$W"
	fi
	exit "$status"
}
trap clean_up EXIT
trap 'echo; echo "demo: interrupted, cleaning up" >&2; exit 130' INT TERM

# --- telling -----------------------------------------------------------------
bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
step=0
chapter() {
	step=$((step + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
}
tell() { printf '   %s\n' "$*"; }
broken() {
	printf '\ndemo: %s\n' "$*" >&2
	tail -n 20 "$W/err" >&2
	head -c 2000 "$W/out" >&2
	exit 1
}
size() { numfmt --to=iec-i --suffix=B --format='%.1f' "$1"; }
bytes_at() {
	find "$W/$1" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%d", n }'
}

# may STATUSES COMMAND…: runs the program; its exit status must be one of them
may() {
	local expected=$1 status
	shift
	printf '   $ triplicate %s\n' "$*"
	"$TRIPLICATE" -c "$CONF" --json "$@" >"$W/out" 2>"$W/err" </dev/null
	status=$?
	[ "${V:-0}" = 0 ] || sed 's/^/     | /' "$W/err" "$W/out"
	case " $expected " in
	*" $status "*) ;;
	*) broken "triplicate $* ended with $status" ;;
	esac
	answer=$status
}
get() { jq -r "$1" "$W/out"; }
sql() { psql -X -Atq -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

# One line for the rows of some tables: the same rows give the same line
rows_of() {
	local table
	for table in product_template sale_order sale_order_line account_move \
		account_move_line res_company ir_attachment device_log; do
		sql "$1" "SELECT '$table', count(*), sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint) FROM $table t"
	done
}
files_of() {
	(cd "$1" && find . -type f -not -path './checklist/*' -print0 | sort -z |
		xargs -0 sha1sum)
}
prove() { # prove TEXT COMMAND…
	local text=$1
	shift
	if "$@" >/dev/null 2>"$W/err"; then tell "✓ $text"; else
		broken "not so: $text"
	fi
}
same() { [ "$1" = "$2" ] && [ -n "$1" ]; }

# --- 1 -----------------------------------------------------------------------
chapter "A throw-away PostgreSQL server, and an Odoo-like branch"
environment=$("$TOP/tests/services/postgres.sh" start) || exit 1
eval "$environment"
server=$TRIPLICATE_PG
"$TOP/tests/services/postgres.sh" role "$server" odoo || exit 1
PATH=$PG_BIN:$PATH
export PGUSER=odoo
mkdir -p "$W/filestore" "$W/logs"
"$TOP/tests/sample/make-sample.sh" acme "$W/filestore/acme" "$W/logs" || exit 1
tell "$("$PG_BIN/postgres" --version), run by an unprivileged user, in $server"
tell "database acme: $(sql acme 'SELECT pg_size_pretty(pg_database_size(current_database()))'), $(sql acme "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)") tables, $(sql acme 'SELECT count(*) FROM account_move_line') journal items; owned by a plain role"
tell "filestore: $(find "$W/filestore/acme" -type f -not -path '*/checklist/*' | wc -l) attachments, $(size "$(bytes_at filestore/acme)"); logs: $(size "$(bytes_at logs)")"

# --- 2 -----------------------------------------------------------------------
chapter "Three endpoints (three folders here; three data centers later)"
cat >"$CONF" <<E
[repository]
state = $W/state
agent-key = $W/agent.key
restore-key = $W/restore.key
give-up-after = 2s

[endpoint fra]
url = file://$W/fra
[endpoint ams]
url = file://$W/ams
[endpoint waw]
url = file://$W/waw

[branch production]
stage = production
database = host=$PGHOST port=$PGPORT user=odoo dbname=acme
filestore = $W/filestore/acme
logs = $W/logs/*.log*

[branch staging]
stage = staging
database = host=$PGHOST port=$PGPORT user=odoo dbname=acme_staging
filestore = $W/filestore/acme_staging
base-url = https://staging.acme.example
E
may 0 init
tell "keys: agent.key stays with the host, restore.key belongs in a safe"

# --- 3 -----------------------------------------------------------------------
chapter "The first backup"
empty=$(bytes_at fra)
may 0 backup
first=$(get .backup.id)
first_bytes=$(($(bytes_at fra) - empty))
read_bytes=$(get .backup.bytes_read)
tell "$(get '.backup | "\(.state) in \(.seconds * 10 | round / 10) s: \(.database.tables) tables, \(.database.rows) rows, \(.files.count) files"')"
tell "attachments: $(get '.backup.attachments | "\(.referenced) referenced, \(.present) present, \(.missing) missing, \(.orphaned) orphaned"')"
tell "read $(size "$read_bytes"), stored $(size "$first_bytes") at each endpoint"

# --- 4 -----------------------------------------------------------------------
chapter "A day's work, and the second backup"
"$TOP/tests/sample/change-sample.sh" acme "$W/filestore/acme" "$W/logs" || exit 1
before=$(bytes_at fra)
may 0 backup --type daily
second=$(get .backup.id)
second_bytes=$(($(bytes_at fra) - before))
tell "stored $(size "$second_bytes") at each endpoint: $(awk -v a="$second_bytes" -v b="$first_bytes" 'BEGIN { printf "%.1f %%", a / b * 100 }') of the first"
tell "two backups of $(size $((read_bytes * 2))) fit in $(size $((first_bytes + second_bytes))): $(awk -v a=$((read_bytes * 2)) -v b=$((first_bytes + second_bytes)) 'BEGIN { printf "%.1f : 1", a / b }')"

# --- 5 -----------------------------------------------------------------------
chapter "Disaster: fra is destroyed, ams is damaged"
rm -rf "$W/fra"
tell "fra: rm -rf"
packs=$(find "$W/ams/packs" -type f -size +64k | sort)
flipped=$(head -n 1 <<<"$packs")
cut=$(tail -n 1 <<<"$packs")
printf 'X' | dd of="$flipped" bs=1 seek=$(($(stat -c %s "$flipped") / 2)) conv=notrunc status=none
tell "ams: one byte changed in the middle of pack ${flipped##*/}"
if [ "$cut" != "$flipped" ]; then
	truncate -s -1000 "$cut"
	tell "ams: the last 1,000 bytes cut off pack ${cut##*/}"
fi

# --- 6 -----------------------------------------------------------------------
chapter "A neutralized staging copy, from what is left"
may "0 3" restore latest --to staging
tell "restored $(get .restore.backup) in $(get '.restore.seconds * 10 | round / 10') s: $(get '.restore.database | "\(.tables) tables, \(.rows) rows"'), $(get .restore.files.count) files"
get '.restore.endpoints | to_entries[] | "\(.key): \(.value.bytes_fetched) bytes fetched"' |
	while read -r line; do tell "from $line"; done
get '.restore.warnings[]' | head -n 6 | while read -r line; do tell "! $line"; done
tell "neutralization: $(get '[.restore.neutralization.rules[] | select(.state == "applied")] | length') rules applied, $(get '[.restore.neutralization.proof[] | select(.ok)] | length') checks of $(get '.restore.neutralization.proof | length') hold"
prove "the business's rows are the source's (own checksums of 8 tables)" \
	same "$(rows_of acme_staging)" "$(rows_of acme)"
prove "every attachment is the source's, byte for byte" \
	same "$(files_of "$W/filestore/acme_staging")" "$(files_of "$W/filestore/acme")"
prove "no mail server leads anywhere (acme: $(sql acme 'SELECT count(*) FROM ir_mail_server WHERE active') live)" \
	same "$(sql acme_staging "SELECT count(*) FROM ir_mail_server WHERE active AND smtp_host <> 'invalid'")" 0
prove "no mailbox is fetched" \
	same "$(sql acme_staging 'SELECT count(*) FROM fetchmail_server WHERE active')" 0
prove "no scheduled action but the vacuum is active (acme: $(sql acme 'SELECT count(*) FROM ir_cron WHERE active'))" \
	same "$(sql acme_staging "SELECT count(*) FROM ir_cron WHERE active AND id NOT IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND name = 'autovacuum_job')")" 0
prove "no payment provider is live, no key is left" \
	same "$(sql acme_staging "SELECT count(*) FROM payment_provider WHERE state = 'enabled' OR stripe_secret_key IS NOT NULL")" 0
prove "it has an identity of its own: $(sql acme_staging "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")" \
	test "$(sql acme_staging "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")" != \
	"$(sql acme "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")"

# --- 7 -----------------------------------------------------------------------
chapter "Healing"
may "0 3 7" verify
tell "verify says $answer: $(get '[.verify.endpoints | to_entries[] | "\(.key): \(.value.damaged | length) damaged, \(.value.missing | length) missing"] | join("; ")')"
may 0 verify --repair --endpoint ams
healed=$(get '[.verify.endpoints[].repaired | length] | add')
tell "healed from another endpoint: $healed objects"
may 0 init
may 0 sync
tell "sync: $(get '[.sync.endpoints | to_entries[] | "\(.key) +\(.value.packs) packs"] | join(", ")')"
may 0 verify --depth data
tell "every chunk at every endpoint decrypted, expanded and checked: $(get '[.verify.endpoints | to_entries[] | "\(.key) \(.value.objects) objects"] | join(", ")')"
for endpoint in ams waw; do
	prove "$endpoint holds what fra holds" diff -r "$W/fra" "$W/$endpoint"
done

# --- 8 -----------------------------------------------------------------------
chapter "What is kept, and the proof of it"
may 0 prune --dry-run --at "$(date -u -d '+1 year' +%F)"
tell "in a year, with a backup a day: $(get '.prune.keep | "\(length) are kept, the oldest of \(map(.id)[0][:8])"')"
get '.prune.keep[] | "\(.id[:8]) \(.reason)"' | sed -n '1p;4p;$p' |
	while read -r line; do tell "$line"; done
may "0 3" audit --format html -o "$W/audit.html"
tell "$(get '.audit.sentence')"
"$TRIPLICATE" -c "$CONF" key show | sed -n '/BEGIN/,/END/p' >"$W/signing.pem"
prove "the report's signature holds, by openssl and the public key alone" \
	openssl pkeyutl -verify -pubin -inkey "$W/signing.pem" -rawin \
	-in "$W/audit.html" -sigfile "$W/audit.html.sig"

# --- 9 -----------------------------------------------------------------------
chapter "Are we safe?"
may "0 3" status --check
tell "$(get '.status | .verdict + (if (.reasons | length) > 0 then ": " + (.reasons | join("; ")) else "" end)')"

cat <<E

${bold}In short${plain}
   backups          $first, $second
   first            $(size "$first_bytes") stored of $(size "$read_bytes") read
   second           $(size "$second_bytes") stored
   lost and healed  one endpoint of three, and $healed damaged objects at another
   took             $((SECONDS - began)) s
E
