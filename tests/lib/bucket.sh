# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # the scenarios use what is set here
# Anybody's hands on the bucket with Object Lock of tests/services/s3.sh, by
# plain requests. Sourced after scenario.sh; need_services s3, then open_bucket.

# Everybody may do everything there: what is refused is refused by the lock.
open_bucket() {
	BUCKET=${S3_LOCK_URL#s3+}
	jq -n --arg bucket "arn:aws:s3:::${S3_LOCK_URL##*/}" '{ Version: "2012-10-17",
		Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:*",
			Resource: [$bucket, $bucket + "/*"] }] }' >"$T/policy"
	must curl -sS --fail-with-body -X PUT -K "$S3_SERVICE/keys/owner.curl" \
		--data-binary "@$T/policy" -H "content-type: application/json" \
		-H "x-amz-content-sha256: $(sha256sum <"$T/policy" | cut -d' ' -f1)" \
		"$BUCKET?policy="
}

# anyone METHOD NAME[?QUERY] [OPTION of curl…]: sets http, the status
anyone() {
	local method=$1 name=$2
	shift 2
	http=$(curl -sS -o "$T/answer" -w '%{http_code}' -X "$method" "$@" \
		"$BUCKET/$name")
}

versions() { # versions PREFIX: "KEY VERSION", newest first
	anyone GET "?prefix=$1&versions="
	tr -d '\n' <"$T/answer" | sed 's/<Version>/\n&/g; s/<DeleteMarker>/\n&/g' |
		sed -n 's/.*<Version>.*<Key>\([^<]*\)<.*<VersionId>\([^<]*\)<.*/\1 \2/p'
}
hide() { anyone DELETE "$1"; } # only a delete marker

locked_until() { # locked_until NAME: seconds from now
	anyone GET "$1?retention="
	local until
	until=$(sed -n 's/.*<RetainUntilDate>\([^<]*\)<.*/\1/p' "$T/answer")
	echo $(($(date -d "$until" +%s) - $(date +%s)))
}

# lock_ends PREFIX SECONDS: the locks of all below end so soon (in governance
# mode, by whoever may go past them)
lock_ends() {
	local name version until body
	while read -r name version; do
		until=$(date -u -d "+$2 seconds" +%FT%TZ)
		body="<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>$until</RetainUntilDate></Retention>"
		anyone PUT "$name?retention=&versionId=$version" --data-binary "$body" \
			-H 'x-amz-bypass-governance-retention: true' \
			-H "x-amz-content-sha256: $(printf %s "$body" | sha256sum | cut -d' ' -f1)" \
			-H "content-md5: $(printf %s "$body" | openssl md5 -binary | base64)"
		[ "$http" = 200 ] || return 1
	done < <(versions "$1")
}
