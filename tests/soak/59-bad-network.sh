#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bad networks: each fault that the proxy knows, at an S3, an SFTP and a WebDAV
# server, while a backup is made and while one is restored, once and for ever;
# then dice. Last a database is restored over such lines. SOAK=short tries every
# fifth of these cases, at one kind of server, by turns.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/bad-network.sh"
start_bad_network
need_postgres
SAMPLE_MB=4 make_branch
write_conf 'write-quorum = 2'
SOURCE=$T/filestore/main
changes=0
change() {
	changes=$((changes + 1))
	must change_branch $changes
}
add_endpoints
init_repository
backup
exits 0 "a backup over three lines without faults"

turn=0
# each FUNCTION MAY-FAIL RULE…: at each endpoint; in the short form every fifth
# case, at one
each() {
	local endpoint all=(fra ams waw)
	turn=$((turn + 1))
	if [ "${SOAK:-full}" = short ]; then
		[ $((turn % 5)) = 0 ] || return 0
		all=("${all[turn / 5 % 3]}")
	fi
	for endpoint in "${all[@]}"; do
		"$1" "$endpoint" "${@:2}"
	done
}

# --- a backup ----------------------------------------------------------------
# What comes once, or twice, the retries get over.
each bad_backup no 'refuse 0 100 2'
each bad_backup no 'delay 300'
for n in 0 3000 60000; do
	each bad_backup no "reset-up $n 100 1"
	each bad_backup no "truncate-up $n 100 1"
	each bad_backup no "stall-up $n 100 1"
done
for n in 0 200 3000; do
	each bad_backup no "reset-down $n 100 1"
	each bad_backup no "truncate-down $n 100 1"
	each bad_backup no "stall-down $n 100 1"
done
bad_backup fra no 'http 503 100 3'
bad_backup waw no 'http 503 100 3'
bad_backup fra no 'http 429 100 2'
# A changed bit of a name or a signature is not always worth another try.
for n in 40 1000 2345 30000 60000; do
	each bad_backup yes "flip-up $n 100 1"
	each bad_backup yes "flip-down $n 100 1"
done
# What never ends sets the endpoint aside.
bad_backup fra yes 'http 503'
bad_backup waw yes 'http 500'
each bad_backup yes 'refuse'
each bad_backup yes 'reset-up 20000'
each bad_backup yes 'reset-down 200'
each bad_backup yes 'stall-up 20000'
each bad_backup yes 'stall-down 200'
each bad_backup yes 'truncate-up 20000'
each bad_backup yes 'flip-up 20000'
each bad_backup yes 'slow-up 200000'
each bad_backup yes 'slow-down 100000'

# --- a restore ---------------------------------------------------------------
each bad_restore no 'refuse 0 100 2'
for n in 0 200 100000; do
	each bad_restore no "reset-down $n 100 1"
	each bad_restore no "truncate-down $n 100 1"
	each bad_restore no "stall-down $n 100 1"
done
for n in 200 5000 100000 500000; do
	each bad_restore yes "flip-down $n 100 1"
	each bad_restore yes "flip-up $((n / 10)) 100 1"
done
bad_restore fra yes 'http 503'
bad_restore waw no 'http 503 100 2'
each bad_restore yes 'refuse'
each bad_restore yes 'reset-down 100000'
each bad_restore yes 'stall-down 100000'
each bad_restore yes 'stall-up 500'
each bad_restore yes 'truncate-down 100000'
each bad_restore yes 'flip-down 100000'
each bad_restore yes 'slow-down 500000'

# --- dice --------------------------------------------------------------------
if [ "${SOAK:-full}" != short ]; then
	for _ in 1 2 3; do
		each bad_backup yes 'refuse 0 10' 'reset-up 20000 10' \
			'reset-down 2000 10' 'flip-up 25000 10' 'truncate-down 500 10'
		each bad_restore yes 'refuse 0 10' 'reset-down 20000 10' \
			'flip-down 50000 20' 'stall-down 30000 10'
	done
fi
all_is_well

# --- a database, over three bad lines ----------------------------------------
rules fra 'reset-down 50000 30' 'flip-down 100000 30'
rules ams 'reset-down 50000 30' 'stall-down 100000 10'
rules waw 'truncate-down 50000 30' 'flip-down 100000 30'
in_time -c "$CONF" restore latest --to staging --yes
exits 0 "restore of the database over three bad lines"
# shellcheck disable=SC2086
is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
	"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "the rows"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$SOURCE")" "the attachments"
tap_done
