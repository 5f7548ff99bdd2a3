#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Endpoints of other kinds at once: a folder, an SFTP server (OpenSSH), a WebDAV
# server (Apache, over TLS). One backup goes to all, and comes back from each
# alone; one that is away catches up. Wrong credentials are told for what they
# are.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/endpoints.sh
. "$TOP/tests/lib/endpoints.sh"
need_services sftp webdav:apache
need_postgres
make_branch
ENDPOINTS=fra
write_conf 'write-quorum = 2'

cp "$CONF" "$T/local.conf"
{
	ams_endpoint
	waw_endpoint
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
comes_back_from ams
comes_back_from waw

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
		ams_endpoint "$3"
		waw_endpoint "$4"
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

tap_done
