#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bad networks, in short: a proxy in front of an S3, an SFTP and a WebDAV server
# refuses, cuts, stalls and changes connections. tests/soak/59-bad-network.sh is
# the long form.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/bad-network.sh"
start_bad_network
plain_branch 'write-quorum = 2'
SOURCE=$T/files
changes=0
change() {
	changes=$((changes + 1))
	plain_change "change$changes"
}
add_endpoints
init_repository
backup
exits 0 "a backup over three lines without faults"

VERIFY_EACH=no
bad_backup fra no 'http 503 100 2'
bad_backup ams yes 'refuse'
bad_backup waw no 'flip-up 30000 100 1'
bad_backup ams no 'stall-up 20000 100 1'
bad_restore waw yes 'flip-down 200000'
bad_restore fra yes 'truncate-down 20000'
bad_restore ams no 'reset-down 30000 100 1'
all_is_well
tap_done
