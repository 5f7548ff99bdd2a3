#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Three endpoints of three kinds at once: an S3 bucket (Ceph), an SFTP folder
# (OpenSSH) and a WebDAV folder (Apache), all over lines that are encrypted. A
# backup goes to each, and comes back from each alone on a bare machine; while
# one is away the others are enough, and it catches up.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/endpoints.sh
. "$TOP/tests/lib/endpoints.sh"
need_services s3 sftp webdav:apache
need_postgres
make_branch
ENDPOINTS=
write_conf 'write-quorum = 2'
cp "$CONF" "$T/none.conf"
endpoints() { # endpoints [LINES for fra]: the configuration
	{
		cat "$T/none.conf"
		fra_endpoint "${1:-}"
		ams_endpoint
		waw_endpoint
	} >"$CONF"
}
endpoints
init_repository
backup
exits 0 "a backup to S3, SFTP and WebDAV at once"
json_is '[.backup.endpoints[].state] | join(" ")' "stored stored stored" \
	"stored at each"
tri verify --depth data
exits 0 "all of it is whole at each"
sums() { # sums FOLDER
	(cd "$1" && find . -name '.tmp~' -prune -o -type f ! -path '*/.DAV/*' \
		-print0 | sort -z | xargs -0 sha256sum)
}
is "$(sums "$WEBDAV_ROOT")" "$(sums "$SFTP_ROOT")" \
	"SFTP and WebDAV hold the same objects"
trij verify --depth presence
json_is '[.verify.endpoints[] | "\(.objects) \(.bytes)"] | unique | length' 1 \
	"and S3 as many, of as many bytes"

# --- one is away -------------------------------------------------------------
endpoints "access-key = AKIANOBODYKNOWSTHIS0
secret-key-file = $S3_SECRET_KEY_FILE
ca-file = $S3_CA_FILE"
change_branch
backup
exits 3 "S3 lets us in no more: complete, an endpoint behind"
json_is .backup.endpoints.fra.state pending "and it says which"
like "$(json .backup.endpoints.fra.error)" 'endpoint fra: .*answers 403' "and why"
endpoints
tri sync
exits 0 "when it does again it catches up"
trij list
json_is '[.backups[].endpoints[]] | unique | join(" ")' stored \
	"both backups are at each"

# --- from each alone, on a bare machine --------------------------------------
for name in fra ams waw; do comes_back_from $name; done
unlike "$(cat "$T"/bare.*/triplicate.conf "$T/out" "$T/err")" \
	"$(cat "$S3_SECRET_KEY_FILE")|$(cat "$WEBDAV_PASSWORD_FILE")" \
	"no secret is written or shown"
tap_done
