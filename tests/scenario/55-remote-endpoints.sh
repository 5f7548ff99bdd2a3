#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Endpoints of other kinds at once: a folder, an SFTP server (OpenSSH), a WebDAV
# server (Apache, over TLS). One backup goes to all, and comes back from each
# alone; one that is away catches up. Wrong credentials are told for what they
# are.
. "$(dirname "$0")/../lib/scenario.sh"
for service in sftp webdav; do
	"$TOP/tests/services/$service.sh" start "$T/$service" >"$T/$service.env" ||
		skip_all "no $service server"
	# shellcheck source=/dev/null
	. "$T/$service.env"
	SERVICES+=" $service"
done
need_postgres
make_branch
ENDPOINTS=fra
write_conf 'write-quorum = 2'

sftp_endpoint() { # sftp_endpoint [LINES instead of identity and known hosts]
	printf '\n[endpoint ams]\nurl = %s\n%s\n' "$SFTP_URL" \
		"${1:-identity = $SFTP_IDENTITY
known-hosts = $SFTP_KNOWN_HOSTS}"
}
webdav_endpoint() { # webdav_endpoint [LINES instead of password and authority]
	printf '\n[endpoint waw]\nurl = %s\nuser = %s\ntimeout = 5s\n%s\n' \
		"$WEBDAV_TLS_URL" "$WEBDAV_USER" \
		"${1:-password-file = $WEBDAV_PASSWORD_FILE
ca-file = $WEBDAV_CA_FILE}"
}
cp "$CONF" "$T/local.conf"
{
	sftp_endpoint
	webdav_endpoint
} >>"$CONF"
init_repository
backup
exits 0 "a backup to a folder, an SFTP and a WebDAV server"
json_is '[.backup.endpoints[].state] | unique | join(" ")' stored "stored at each"
tri verify --depth data
exits 0 "all of it is whole at each"
at_fra=$(object_sums fra)
is "$(cd "$SFTP_ROOT" && find . -name '.tmp~' -prune -o -type f -print0 | sort -z |
	xargs -0 sha256sum)" "$at_fra" "the SFTP server holds the same objects"
is "$(cd "$WEBDAV_ROOT" && find . -name '.tmp~' -prune -o -type f ! -path '*/.DAV/*' \
	-print0 | sort -z | xargs -0 sha256sum)" "$at_fra" \
	"the WebDAV server holds the same objects"

# --- from each alone, on a bare machine --------------------------------------
comes_back_from() { # comes_back_from NAME OPTIONS…: recover's
	local name=$1
	shift
	mkdir "$T/bare.$name"
	run "$TRIPLICATE" recover "$@" --key "$T/restore.key" \
		-o "$T/bare.$name/triplicate.conf"
	exits 0 "recover from $name"
	cat >>"$T/bare.$name/triplicate.conf" <<-C

		[branch staging]
		stage = staging
		database = $(conninfo "${DB}_staging")
		filestore = $T/bare.$name/filestore
	C
	run "$TRIPLICATE" -c "$T/bare.$name/triplicate.conf" restore latest \
		--to staging --yes
	exits 0 "restore from $name alone"
	# shellcheck disable=SC2086
	is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
		"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "$name: the rows"
	is "$(file_sums "$T/bare.$name/filestore")" \
		"$(file_sums "$T/filestore/main")" "$name: the attachments"
	dropdb --force "${DB}_staging" 2>/dev/null
}
comes_back_from sftp --from "$SFTP_URL" --identity "$SFTP_IDENTITY" \
	--known-hosts "$SFTP_KNOWN_HOSTS"
comes_back_from webdav --from "$WEBDAV_TLS_URL" --user "$WEBDAV_USER" \
	--password-file "$WEBDAV_PASSWORD_FILE" --ca-file "$WEBDAV_CA_FILE"

# --- one is away for a day ---------------------------------------------------
mv "$SFTP_ROOT" "$SFTP_ROOT.away"
change_branch
backup
exits 3 "the SFTP folder is gone: complete, an endpoint behind"
json_is .backup.endpoints.ams.state pending "and it says which"
mv "$SFTP_ROOT.away" "$SFTP_ROOT"
tri sync
exits 0 "when it is back it catches up"
is "$(cd "$SFTP_ROOT" && find backups -type f | wc -l)" 2 "and holds both backups"

# --- what may be wrong -------------------------------------------------------
wrongly() { # wrongly NAME PATTERN SFTP-LINES WEBDAV-LINES
	{
		cat "$T/local.conf"
		sftp_endpoint "$3"
		webdav_endpoint "$4"
	} >"$CONF"
	tri verify --depth presence --endpoint "$1"
	isnt "$status" 0 "$1: $2: not taken"
	like "$err" "endpoint $1: .*($2)" "$1: $2"
}
cp "$SFTP_KNOWN_HOSTS" "$T/others"
sed -i "s| AAAA.*| $(cut -d' ' -f2 "$SFTP_STRANGER.pub")|" "$T/others"
wrongly ams 'does not let' "identity = $SFTP_STRANGER
known-hosts = $SFTP_KNOWN_HOSTS" ''
wrongly ams 'another host key' "identity = $SFTP_IDENTITY
known-hosts = $T/others" ''
wrongly ams 'host key of .* is not known' "identity = $SFTP_IDENTITY
known-hosts = /dev/null" ''
wrongly ams 'another host key' "identity = $SFTP_IDENTITY
host-key = SHA256:AAAA" ''
echo wrong >"$T/wrong"
wrongly waw "answers 401" "" "password-file = $T/wrong
ca-file = $WEBDAV_CA_FILE"
wrongly waw 'certificate is not to be trusted' '' \
	"password-file = $WEBDAV_PASSWORD_FILE"
unlike "$err$out" "$(cat "$WEBDAV_PASSWORD_FILE")" "no password is shown"

# --- the drivers' own contract -----------------------------------------------
suite() { # suite WHAT VARIABLE=VALUE…
	local what=$1 output
	shift
	if output=$(env CMOCKA_MESSAGE_OUTPUT=TAP "$@" \
		"$TOP/build/asan/tests/drivers/test_remote" 2>&1) &&
		grep -q '^ok 31 ' <<<"$output"; then
		pass "$what keeps the storage contract"
	else
		fail "$what keeps the storage contract" "$(grep -A 5 '^not ok' <<<"$output")"
	fi
}
if [ -x "$TOP/build/asan/tests/drivers/test_remote" ]; then
	suite SFTP REMOTE_IS_LOOSE=1 REMOTE_URL="$SFTP_URL" \
		REMOTE_IDENTITY="$SFTP_IDENTITY" REMOTE_HOST_KEY="$SFTP_HOST_KEY"
	suite WebDAV REMOTE_IS_LOOSE=1 REMOTE_URL="$WEBDAV_TLS_URL" \
		REMOTE_USER="$WEBDAV_USER" \
		REMOTE_PASSWORD_FILE="$WEBDAV_PASSWORD_FILE" \
		REMOTE_CA_FILE="$WEBDAV_CA_FILE"
else
	skip "it is not built" "the storage contract"
fi
tap_done
