#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Object Lock on a real S3 server (Ceph): what a backup needs can't be deleted by
# anyone before its time, the owner of the bucket included; what somebody
# deletes or overwrites over it is found, healed from that endpoint alone, and
# restored on a bare machine; dates roll.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/bucket.sh"
need_postgres
need_services s3
export SAMPLE_ROWS=600 SAMPLE_FILES=10 SAMPLE_MB=1
make_branch
ENDPOINTS=
write_conf 'lock-days = 1'
cat >>"$CONF" <<-C

	[endpoint fra]
	url = $S3_LOCK_TLS_URL
	object-lock = yes
	access-key = $S3_ACCESS_KEY
	secret-key-file = $S3_SECRET_KEY_FILE
	ca-file = $S3_CA_FILE
C
open_bucket

init_repository
# shellcheck disable=SC2119
backup
exits 0 "a backup to a bucket with Object Lock"
trij doctor
ok "doctor tries its locks out" test "$status" = 0 -o "$status" = 3
json_is '[.doctor.checks[] | select(.name | test("lock")) | .state] | unique | join(" ")' \
	ok "and can trust them"

# --- nobody deletes it before its time ---------------------------------------
read -r pack version < <(versions packs/ | head -n 1)
anyone DELETE "$pack?versionId=$version"
is "$http" 403 "nobody can delete a pack's bytes"
anyone DELETE "$pack?versionId=$version" -H 'x-amz-bypass-governance-retention: true'
is "$http" 403 "nor with the right to go past a lock"
at_least "$(locked_until "$pack")" $((86400 - 600)) "it is locked for lock-days"
at_most "$(locked_until "$pack")" $((86400 + 600)) "and not longer"
for kind in config writers/ index/ audit/ backups/; do
	read -r name _ < <(versions "$kind" | head -n 1)
	at_least "$(locked_until "$name")" $((86400 - 600)) "$kind is locked as well"
done

# --- dates roll --------------------------------------------------------------
sed -i 's/^lock-days = 1$/lock-days = 30/' "$CONF"
# shellcheck disable=SC2119
backup
exits 0 "a backup with lock-days = 30"
at_least "$(locked_until "$pack")" $((30 * 86400 - 600)) \
	"what the first backup stored is locked anew"
is "$(versions "$pack" | grep -c .)" 1 "and is still the same object"

# --- deleted and overwritten -------------------------------------------------
manifest=backups/$id
hide "$pack"
is "$http" 204 "somebody deletes a pack"
anyone PUT "$manifest" --data-binary "nothing of ours"
is "$http" 200 "and overwrites a manifest"
trij verify
exits 7 "verify finds it"
json_is '.verify.endpoints.fra.missing | join(" ")' "$pack" "the pack is missing"
json_is '.verify.endpoints.fra.damaged | join(" ")' "$manifest" \
	"the manifest is damaged"
tri restore "$id" --to-dir "$T/plain"
ok "a restore reads what was put first" test "$status" = 0
is "$(file_sums "$T/plain/filestore")" "$(file_sums "$T/filestore/main")" \
	"all of it"
trij verify --repair
exits 0 "this endpoint alone heals it"
json_is '.verify.endpoints.fra.repaired | sort | join(" ")' "$manifest $pack" \
	"both are told"
tri verify --depth data
exits 0 "all is whole again"

# --- a foreign object, which is locked like any other ------------------------
foreign=packs/ab/ab$(printf '0%.0s' {1..62})
anyone PUT "$foreign" --data-binary "planted" \
	-H "x-amz-content-sha256: $(printf planted | sha256sum | cut -d' ' -f1)" \
	-H "x-amz-object-lock-mode: COMPLIANCE" \
	-H "x-amz-object-lock-retain-until-date: $(date -u -d '+1 hour' +%FT%TZ)" \
	-H "content-md5: $(printf planted | openssl md5 -binary | base64)"
is "$http" 200 "somebody plants a locked object"
trij verify --repair
exits 7 "it can't be removed before its time"
json_is '.verify.endpoints.fra.foreign | join(" ")' "$foreign" "it is named"
like "$err" "$foreign.*locked until" "with the date of its lock"

# --- all of it deleted, and a bare machine -----------------------------------
for name in $(versions "" | cut -d' ' -f1 | sort -u); do hide "$name"; done
anyone GET "?list-type=2"
unlike "$(cat "$T/answer")" '<Key>' "somebody deletes everything: a listing is empty"
mkdir "$T/bare"
export AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY
AWS_SECRET_ACCESS_KEY=$(cat "$S3_SECRET_KEY_FILE")
export AWS_SECRET_ACCESS_KEY
run "$TRIPLICATE" recover --from "$S3_LOCK_TLS_URL" --ca-file "$S3_CA_FILE" \
	--key "$T/restore.key" -o "$T/bare/triplicate.conf"
exits 0 "recover reads past the delete markers"
cat >>"$T/bare/triplicate.conf" <<-C

	[branch staging]
	stage = staging
	database = $(conninfo "${DB}_staging")
	filestore = $T/bare/filestore
C
run "$TRIPLICATE" -c "$T/bare/triplicate.conf" restore latest --to staging --yes
ok "the newest backup comes back" test "$status" = 0 -o "$status" = 3
# shellcheck disable=SC2086
is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
	"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "its rows"
is "$(file_sums "$T/bare/filestore")" "$(file_sums "$T/filestore/main")" \
	"its attachments"
tri verify --repair
like "$out" 'repaired: ' "and the writer brings all of it into sight again"
tri verify --depth hash
like "$out" ' 0 missing, 0 damaged' "nothing is missing then"
tap_done
