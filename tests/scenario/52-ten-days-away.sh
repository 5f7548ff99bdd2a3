#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An endpoint is away for ten daily backups, more than the spool keeps for it,
# and comes back: the next backup brings it up to date by itself. Two are away:
# backups are pending, whole in the spool, and become complete without a look
# at the source, which is gone by then.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
export SAMPLE_ROWS=600 SAMPLE_FILES=10 SAMPLE_MB=1
make_branch
write_conf 'spool-limit = 32M'
init_repository
DAY=86400

day() { # day N [OPTION of backup…]: the backup of that day, after its work
	local n=$1
	shift
	change_branch "$n"
	head -c 5000000 /dev/urandom >"$T/filestore/main/day$n"
	TRIPLICATE_CLOCK_OFFSET=$((n * DAY)) trij backup --type daily "$@"
	id=$(json '.backup.id // empty')
}

must "$TRIPLICATE" -c "$CONF" backup --type daily
mv "$T/waw" "$T/waw.away"
for n in {1..10}; do
	day "$n"
	[ "$status $(json .backup.state)" = "3 complete" ] ||
		fail "the backup of day $n" "exit $status: $err"
done
exits 3 "after ten days: complete, an endpoint behind"
TRIPLICATE_CLOCK_OFFSET=$((10 * DAY)) trij status
at_most "$(json .status.spool.bytes)" $((32 << 20)) "the spool kept to its limit"
at_least "$(json .status.endpoints.waw.behind_bytes)" $((50 * 1000000)) \
	"waw lacks more than the spool holds"
at_least "$(json .status.endpoints.waw.behind_s)" $((9 * DAY)) "since nine days"

mv "$T/waw.away" "$T/waw"
day 11
exits 0 "the next backup finds it back, and all endpoints are up to date"
is "$(object_sums waw)" "$(object_sums fra)" "it holds the same objects as the others"
is "$(object_sums ams)" "$(object_sums fra)" "and so does the third"
trij list
json_is '[.backups[] | .endpoints.waw] | group_by(.) | map("\(.[0]) \(length)") | join(", ")' \
	"stored 12" "all twelve backups are stored there"
TRIPLICATE_CLOCK_OFFSET=$((11 * DAY)) trij status
json_is .status.spool.bytes 0 "nothing is left in the spool"

# --- two are away ------------------------------------------------------------
mv "$T/ams" "$T/ams.away"
mv "$T/waw" "$T/waw.away"
for n in 12 13; do
	day "$n"
	exits 1 "day $n with two endpoints away: the quorum is missed"
	json_is .error.kind quorum "and that is the error"
	json_is .backup.state pending "the backup is pending"
done
tri verify --depth data --endpoint fra
exits 0 "all that is at fra is whole"
# shellcheck disable=SC2086
rows=$(row_sums "${DB}_main" $BUSINESS_TABLES)
files=$(file_sums "$T/filestore/main")
dropdb --force "${DB}_main"
mv "$T/filestore" "$T/filestore.gone"
mv "$T/ams.away" "$T/ams"
mv "$T/waw.away" "$T/waw"
tri sync
exits 0 "both are back, database and files are gone: sync"
trij list
json_is '[.backups[] | .state] | unique | join(" ")' complete \
	"all backups are complete now"
is "$(object_sums ams)" "$(object_sums fra)" "ams holds what fra holds"
is "$(object_sums waw)" "$(object_sums fra)" "waw holds what fra holds"
rm -rf "$T/fra"
mkdir -p "$T/filestore"
tri restore "$id" --to staging --yes
ok "the newest comes back without fra" test "$status" = 0 -o "$status" = 3
# shellcheck disable=SC2086
is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" "$rows" "with its rows"
is "$(file_sums "$T/filestore/staging")" "$files" "and its files"
tap_done
