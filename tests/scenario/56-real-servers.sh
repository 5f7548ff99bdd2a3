#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The drivers against real servers: for S3 Ceph's RADOS gateway and OpenStack
# Swift, OpenSSH, and for WebDAV Apache, nginx and rclone. Each keeps the storage contract, and tells
# what goes wrong as what it is: wrong secrets, hosts, certificates, a missing
# place, one that can't be written, a full disk, a dead line, a wrong clock.
. "$(dirname "$0")/../lib/scenario.sh"
DRIVERS=$TOP/build/asan/tests/drivers
AT_ONCE=4
for program in test_remote test_remote_errors; do
	[ -x "$DRIVERS/$program" ] ||
		skip_all "$program is not built (make tests VARIANT=asan)"
done
start_services s3 s3-swift sftp webdav:apache webdav:nginx webdav:rclone

# --- running: some at a time, reports in order -------------------------------
names=()
begin() { # begin POINTS WHAT PROGRAM VARIABLE=VALUE…
	local points=$1 what=$2 program=$3 report=$T/report.${#names[@]}
	shift 3
	names+=("$points:$what")
	while [ "$(jobs -rp | wc -l)" -ge "$AT_ONCE" ]; do wait -n; done
	{
		env CMOCKA_MESSAGE_OUTPUT=TAP "$@" "$DRIVERS/$program" >"$report" 2>&1
		echo $? >"$report.status"
	} &
}
suite() { # suite SERVER VARIABLE=VALUE…
	local server=$1
	shift
	begin 31 "$server keeps the storage contract" test_remote \
		REMOTE_IS_LOOSE=1 "$@"
}
errors() { # errors POINTS SERVER VARIABLE=VALUE…
	local points=$1 server=$2
	shift 2
	begin "$points" "$server: failures are told as what they are" \
		test_remote_errors "$@"
}
report() {
	local i points what found
	wait
	for i in "${!names[@]}"; do
		points=${names[i]%%:*} what=${names[i]#*:}
		found=$(grep -c '^ok ' "$T/report.$i")
		if [ "$(cat "$T/report.$i.status")" = 0 ] &&
			[ "$found" = "$points" ]; then
			pass "$what ($points points)"
		else
			fail "$what" "$found of $points points
$(grep -E -A 8 '^not ok|^ERROR|Sanitizer' "$T/report.$i")"
		fi
	done
}

# use FOLDER: the exports of a server that runs
use() {
	if [ ! -e "$T/$1.env" ]; then
		[ "$tap_failed" != 0 ] ||
			skip "$(tail -n 1 "$T/$1.said")" "the drivers on $1"
		return 1
	fi
	unset WEBDAV_DIGEST_URL WEBDAV_FULL_URL SFTP_FULL_URL
	# shellcheck source=/dev/null
	. "$T/$1.env"
}

# Where there is a small disk to fill, that is a point more.
small_disk() {
	[ -n "$1" ] || skip "needs root, and mounts" "a full disk of $2" >&3
	[ -z "$1" ] || echo 1
}
exec 3>&1

if use s3; then
	owner=("REMOTE_ACCESS_KEY=$S3_ACCESS_KEY"
		"REMOTE_SECRET_KEY_FILE=$S3_SECRET_KEY_FILE")
	others=("REMOTE_FULL_URL=$S3_QUOTA_URL"
		"REMOTE_FULL_ACCESS_KEY=$S3_QUOTA_ACCESS_KEY"
		"REMOTE_FULL_SECRET_KEY_FILE=$S3_QUOTA_SECRET_KEY_FILE"
		"REMOTE_WRITER_ACCESS_KEY=$S3_WRITER_ACCESS_KEY"
		"REMOTE_WRITER_SECRET_KEY_FILE=$S3_WRITER_SECRET_KEY_FILE")
	tls=("REMOTE_URL=$S3_TLS_URL" "REMOTE_CA_FILE=$S3_CA_FILE")
	suite "S3" "REMOTE_URL=$S3_URL" "${owner[@]}"
	suite "S3 over TLS" "${tls[@]}" "${owner[@]}"
	suite "S3 with the bucket in the host's name" \
		"REMOTE_URL=$S3_VIRTUAL_URL" REMOTE_ADDRESSING=virtual "${owner[@]}"
	errors 7 "S3" "REMOTE_URL=$S3_URL" "${owner[@]}" "${others[@]}"
	errors 10 "S3 over TLS" "${tls[@]}" "${owner[@]}" "${others[@]}"
fi
if use s3-swift; then
	owner=("REMOTE_ACCESS_KEY=$SWIFT_ACCESS_KEY"
		"REMOTE_SECRET_KEY_FILE=$SWIFT_SECRET_KEY_FILE")
	tls=("REMOTE_CA_FILE=$SWIFT_CA_FILE")
	suite "S3 by Swift" "REMOTE_URL=$SWIFT_URL" "${owner[@]}"
	suite "S3 by Swift over TLS, with versions" \
		"REMOTE_URL=$SWIFT_VERSIONS_URL" "${tls[@]}" "${owner[@]}"
	errors 9 "S3 by Swift over TLS" "REMOTE_URL=$SWIFT_TLS_URL" "${tls[@]}" \
		"${owner[@]}" "REMOTE_FULL_URL=$SWIFT_QUOTA_URL"
fi
if use sftp; then
	suite SFTP "REMOTE_URL=$SFTP_URL" "REMOTE_IDENTITY=$SFTP_IDENTITY" \
		"REMOTE_HOST_KEY=$SFTP_HOST_KEY"
	full=$(small_disk "${SFTP_FULL_URL:-}" SFTP)
	errors $((7 + full)) SFTP "REMOTE_URL=$SFTP_URL" \
		"REMOTE_IDENTITY=$SFTP_IDENTITY" "REMOTE_STRANGER=$SFTP_STRANGER" \
		"REMOTE_KNOWN_HOSTS=$SFTP_KNOWN_HOSTS" \
		"REMOTE_READONLY_URL=$SFTP_READONLY_URL" \
		"REMOTE_FULL_URL=${SFTP_FULL_URL:-}"
fi
for server in apache nginx rclone; do
	use $server || continue
	login=("REMOTE_USER=$WEBDAV_USER"
		"REMOTE_PASSWORD_FILE=$WEBDAV_PASSWORD_FILE")
	tls=("REMOTE_URL=$WEBDAV_TLS_URL" "REMOTE_CA_FILE=$WEBDAV_CA_FILE")
	suite "WebDAV by $server over TLS" "${tls[@]}" "${login[@]}"
	full=$(small_disk "${WEBDAV_FULL_URL:-}" $server)
	errors $((8 + full)) "WebDAV by $server over TLS" "${tls[@]}" \
		"${login[@]}" "REMOTE_READONLY_URL=$WEBDAV_READONLY_URL" \
		"REMOTE_FULL_URL=${WEBDAV_FULL_URL:-}"
	[ -n "${WEBDAV_DIGEST_URL:-}" ] || continue
	suite "WebDAV by $server with Digest" "REMOTE_URL=$WEBDAV_DIGEST_URL" \
		"${login[@]}"
	errors 4 "WebDAV by $server with Digest" "REMOTE_URL=$WEBDAV_DIGEST_URL" \
		"${login[@]}"
done
report
tap_done
