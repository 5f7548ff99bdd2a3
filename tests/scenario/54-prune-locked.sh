#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Prune and Object Lock, on a real S3 server (Ceph): a locked backup stays until
# its lock ends; one that turns out to be locked when it is deleted is told, with
# the date, and holds back its packs; what is condemned is locked no further, and
# goes when its time has come.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/bucket.sh"
. "$TOP/tests/lib/retention.sh"
need_tools
need_services s3
ENDPOINTS=
plain_branch 'prune-grace = 0s
removal-floor = 0
removal-limit = 100 %
lock-days = 1'
printf 'zone = UTC\nkeep = 1 daily\nkeep-manual = 1s\n' >>"$CONF"
cat >>"$CONF" <<-C

	[endpoint fra]
	url = $S3_LOCK_TLS_URL
	object-lock = governance
	access-key = $S3_ACCESS_KEY
	secret-key-file = $S3_SECRET_KEY_FILE
	ca-file = $S3_CA_FILE

	[endpoint ams]
	url = file://$T/ams
C
open_bucket
init_repository
mv "$T/files" "$T/others"
mkdir "$T/files"
head -c 300000 /dev/urandom >"$T/files/first"
backup
exits 0 "a backup"
first=$id
rm -r "$T/files"
mv "$T/others" "$T/files"
backup --type daily
exits 0 "another one, of other files"
second=$id
sleep 1.1 # the first one's lifetime is over
names_at_fra() { versions "" | cut -d' ' -f1 | sort; }
left_at_fra() { names_at_fra | grep -E '^(packs|index|backups)/' | comm -23 - <(objects ams | sort); }

# --- known to be locked ----------------------------------------------------------
trij prune
exits 0 "a prune, while the backup that would go is locked"
json_is '.prune.remove | length' 0 "it stays"
like "$(json ".prune.keep[] | select(.id == \"$first\") | .reason")" \
	"locked until 20.*would remove it" "for its lock, which is said with the date"
json_is '.prune.endpoints | "\(.fra.left) \(.ams.left)"' "0 0" "nothing is to be deleted"
trij list
json_is ".backups[] | select(.id == \"$first\") | .keep.reason | test(\"locked until\")" true \
	"list says so, too"

# Locks roll, but for what stays for its lock alone: else nothing would ever go.
sed -i 's/^lock-days = 1$/lock-days = 30/' "$CONF"
lock=$(locked_until "backups/$first")
backup --type daily
exits 0 "a backup with lock-days = 30"
at_least "$(locked_until "backups/$second")" $((30 * 86400 - 600)) \
	"what is kept is locked anew"
at_most "$(locked_until "backups/$first")" "$lock" "and not what the rule lets go"

# --- found to be locked ------------------------------------------------------------
# A machine that has lost its state does not know the dates.
rm -rf "$T/state"
trij prune
exits 0 "a prune that does not know of the lock"
json_is '.prune.remove | map(.id) | sort | join(" ")' "$first $second" \
	"removes the backup, and one that the rule has let go since"
json_is '.prune.endpoints.fra | "\(.locked > 0) \(.left > 2) \(.backups_removed) \(.packs_removed)"' \
	"true true 0 0" "finds it locked at fra, where all of it stays"
json_is '.prune.endpoints.ams | "\(.locked) \(.left) \(.backups_removed) \(.packs_removed > 0)"' \
	"0 0 2 true" "and not at ams, where it goes"
like "$err" "fra.*backups/20.*locked until 20[0-9][0-9]-" "a warning names the date"
is "$(left_at_fra | grep -c .)" "$(json .prune.endpoints.fra.left)" \
	"what fra has more than ams is what is left"
trij list
json_is '.backups | length' 1 "they are listed no longer"
going=$(left_at_fra)
lock=$(locked_until "backups/$first")
backup --type daily
ok "backups go on" test "$status" = 0 -o "$status" = 3
at_most "$(locked_until "backups/$first")" "$lock" "and lock no longer what is condemned"
trij prune
exits 0 "the next prune"
json_is '.prune.endpoints.fra.locked > 0' true "finds it locked still"
is "$(comm -12 <(left_at_fra) <(echo "$going"))" "$going" "and leaves it alone"
tri verify --depth data
exits 0 "all that is kept is whole"
tri restore latest --to-dir "$T/back"
ok "and comes back" diff -r "$T/files" "$T/back/filestore"

# --- when the locks end -------------------------------------------------------------
must lock_ends "" 2
sleep 2.2
trij prune
exits 0 "a prune when the locks are over"
json_is '[.prune.endpoints[] | .left, .locked] | add' 0 "nothing is left"
json_is '.prune.endpoints.fra | "\(.backups_removed > 0) \(.packs_removed > 0)"' \
	"true true" "all of it goes now"
is "$(left_at_fra)" "" "no version of it is left in the bucket"
only_needed_at ams "in the end"
tri verify --depth data
exits 0 "and what is kept is whole"
tap_done
