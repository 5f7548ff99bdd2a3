#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The retention audit from end to end: a clean one, every kind of tampering with
# the log at an endpoint, an endpoint put back to an older copy, and a report
# that anyone checks with the public key alone.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup --type daily
first=$id
plain_change one
backup --type daily
exits 0 "two backups"

# --- all is well -------------------------------------------------------------
tri audit
exits 0 "a clean audit"
like "$(head -n 1 <<<"$out")" "^All is well" "the verdict stands first"
like "$out" "of 14 slots are filled" "the slots are counted"
trij audit
exits 0 "the same as JSON"
json_is .audit.ok true "all is well"
json_is .audit.chain.ok true "so is the chain"
json_is .audit.branches.production.policy "7 daily, 4 weekly, 3 monthly" "the policy"
json_is .audit.branches.production.expected 14 "14 slots"
json_is .audit.branches.production.present 1 "one is filled: both are of today"
json_is '.audit.branches.production.missing | length' 13 "13 are not"
json_is '.audit.branches.production.missing | all(.young)' true \
	"since the branch is young"
json_is .audit.branches.production.newest "$id" "the newest"
json_is '[.audit.endpoints[] | .reached and .whole == 2] | all' true \
	"both are whole at all endpoints"
json_is '.audit.chain.entries' \
	"$(find "$T/fra/audit" -type f ! -name '.*' | wc -l | awk '{ print $1 - 1 }')" \
	"the entries: all that are there, but its own"
trij audit
entries=$(json .audit.chain.entries)
tri audit
trij audit
json_is .audit.chain.entries $((entries + 2)) "each audit is an entry itself"
json_is '.audit.since != null' true "and the next knows of it"

# --- a signed report ---------------------------------------------------------
tri audit --format html -o "$T/report.html"
exits 0 "a report into a file"
is "$(stat -c %a "$T/report.html" "$T/report.html.sig" | tr '\n' ' ')" "644 644 " \
	"which everybody may read"
is "$(stat -c %s "$T/report.html.sig")" 64 "its signature has 64 bytes"
trij key show
json '.key.signing_key' -j >"$T/signing.pem"
openssl_check() {
	openssl pkeyutl -verify -pubin -inkey "$T/signing.pem" -rawin \
		-in "$1" -sigfile "$2"
}
ok "openssl checks it with the public key" \
	openssl_check "$T/report.html" "$T/report.html.sig"
cp "$T/report.html" "$T/forged.html"
flip "$T/forged.html" 1000
if openssl_check "$T/forged.html" "$T/report.html.sig" >/dev/null 2>&1; then
	fail "a changed report is refused"
else pass "a changed report is refused"; fi
tri key show
like "$out" "BEGIN PUBLIC KEY" "key show prints the key for people"
ok "the report names the key" \
	grep -qF "$(sed -n 2p "$T/signing.pem")" "$T/report.html"
unlike "$(cat "$T/report.html")" '(src|href)=|https?://|<script|@import|url\(' \
	"the page needs nothing else"
tri audit --format json -o "$T/report.json"
exits 0 "a JSON report"
is "$(jq -r .audit.ok "$T/report.json")" true "is whole"
ok "and signed" openssl_check "$T/report.json" "$T/report.json.sig"
tri audit -o "$T/nowhere/report"
exits 4 "a folder that is not there"
tri audit --format pdf
exits 2 "a format that there is not"
trij audit --format html
exits 2 "HTML and JSON on one output"

# --- tampering with the log --------------------------------------------------
plain_change two
backup --type daily
tri sync
keep_all

entry() { # entry N: its file at fra
	find "$T/fra/audit" -name "1-$1-*"
}
newest() {
	find "$T/fra/audit" -name '1-*' -printf '%f\n' | cut -d- -f2 | sort -n | tail -n 1
}

# finds WHAT DESCRIPTION [WHERE]: exit 7, and a finding of that kind
finds() {
	trij audit
	exits 7 "$2"
	json_is .audit.ok false "$2: not well"
	json_is .audit.chain.ok false "$2: nor is the chain"
	isnt "$(json "[.audit.findings[] | select(.what == \"$1\" and
		.where == \"${3:-endpoint fra}\" and .severity == \"damage\")] | length")" \
		0 "$2: says so"
	json_is '[.audit.findings[] | select(.severity == "damage") | .where] | unique | join(",")' \
		"${3:-endpoint fra}" "$2: and blames nobody else"
	json_is .error.kind damage "$2: the error"
	put_back
}

rm "$(entry 2)"
finds gap "an entry is gone"
rm "$(entry 2)" "$(entry 3)" "$(entry 5)"
finds gap "several are gone"
flip "$(entry 3)" 60
finds edited "a bit is changed"
truncate -s -1 "$(entry 3)"
finds edited "an entry is cut"
: >"$(entry 3)"
finds edited "an entry is empty"
cp "$(entry 4)" "$(entry 3)"
finds edited "another entry stands in its place"
mv "$(entry 3)" "$T/fra/audit/1-3-0123456789abcdef"
finds gap "an entry has another name"
mv "$(entry 3)" "$T/fra/audit/1-3-0123456789abcdef"
finds foreign "and that name is foreign"
echo forged >"$T/fra/audit/1-$(($(newest) + 1))-0123456789abcdef"
finds foreign "a forged entry at the end"
rm "$(entry "$(newest)")"
finds truncated "the newest entry is gone"
rm -r "$T/fra/audit"
finds rolled-back "all entries are gone"
rm "$T/fra/backups/$id"
finds rolled-back "the newest backup is gone"
rm "$T/fra/backups/$first"
finds gone "an older backup is gone"

# --- an older copy -----------------------------------------------------------
cp -a "$T/fra" "$T/fra.older"
plain_change three
backup --type daily
tri verify
exits 0 "more is done"
rm -rf "$T/fra"
mv "$T/fra.older" "$T/fra"
tri audit
exits 7 "an endpoint put back to an older copy"
like "$out" "shows an older state" "is found"
like "$out" "$id" "with the backup that is gone"
tri sync
exits 0 "sync sends what is gone"
tri audit
exits 0 "and all is well again"

# --- an endpoint away, an older machine, a bare one --------------------------
mv "$T/waw" "$T/waw.away"
trij audit
exits 3 "an endpoint is away"
json_is .audit.endpoints.waw.reached false "which is said"
json_is .audit.chain.ok true "and is no damage"
mv "$T/waw.away" "$T/waw"
tri sync
cp -a "$T/state" "$T/state.older"
backup --type daily
rm -rf "$T/state"
mv "$T/state.older" "$T/state"
trij audit
exits 3 "local state is older than the endpoints"
json_is '[.audit.findings[] | select(.what == "unknown")] | length' 3 "says each"
like "$err" "not recorded" "no number is taken"
is "$(numbers_taken_twice)" "" "not even one"
tri sync
tri audit
exits 0 "sync takes it in"

must "$TRIPLICATE" recover --from "file://$T/fra" --key "$T/restore.key" \
	--state "$T/bare/state" -o "$T/bare/triplicate.conf"
before=$(object_sums fra | md5sum)
run "$TRIPLICATE" -c "$T/bare/triplicate.conf" --json audit
exits 0 "a recovered machine audits"
json_is .audit.chain.ok true "the chain that it read"
is "$(object_sums fra | md5sum)" "$before" "and writes nothing"

# --- what is in the log ------------------------------------------------------
trij audit
sed -i 's/^stage = production/&\nkeep = 3 daily, 2 weekly/' "$CONF"
backup --type daily
trij audit
json_is '[.audit.events[] | select(.event == "policy")] | length' 1 \
	"another policy is an entry"
like "$(json '.audit.events[] | select(.event == "policy") | .text')" \
	"3 daily, 2 weekly" "that says what holds now"
json_is '[.audit.events[] | select(.event == "backup" and .actor != null)] | length' 1 \
	"a backup is one, with who made it"
json_is .audit.branches.production.expected 5 "and the slots are those"

# --- twelve days with prune, and those that they foretell --------------------
# All of them in the past: what is dated after its file was written is doubted.
rm -rf "$T/state" "$T"/*.key "$T"/{fra,ams,waw} "$T/bare"
sed -i '/^keep = /d' "$CONF"
day_of() { # day_of N: from now on it is N days ago
	export TRIPLICATE_CLOCK_OFFSET=$((-$1 * 86400))
}
day_of 40
init_repository
for ((day = 39; day > 27; day--)); do
	day_of "$day"
	[ "$day" != 31 ] || continue
	plain_change "day$day"
	must "$TRIPLICATE" -c "$CONF" backup --type daily
	must "$TRIPLICATE" -c "$CONF" prune
done
tri verify
trij audit
exits 0 "an audit after twelve days of prune"
json_is .audit.ok true "all is well"
json_is .audit.chain.ok true "also where backups were removed"
json_is '[.audit.branches.production.slots[] | select(.slot == "daily")] | length' 7 \
	"seven daily ones are there"
json_is '.audit.branches.production | .present + (.missing | length)' 14 \
	"and of the other slots each is filled or named"
json_is '.audit.branches.production.missing | all(.young != (.since != null))' true \
	"as not due, or as missing since then"
json_is .audit.branches.production.gaps[0] "$(date -u -d '31 days ago' +%F)" \
	"the day without a backup is named"
at_least "$(json '.audit.deletions | length')" 1 "what was removed is listed"
json_is '[.audit.deletions[] | .event == "removal" and (.text | length) > 5 and
	.started != null and .actor != null] | all' true \
	"each with why, when it was made, and who did it"
json_is '[.audit.endpoints[] | .verified != null and .verified_depth == "hash"] | all' \
	true "all endpoints are verified"
at_least "$(json '.audit.branches.production.next | length')" 1 \
	"what goes next is foretold"
next=$(json '.audit.branches.production.next[0].backup')
foretold=$(date -u -d "$(json '.audit.branches.production.next[0].at')" +%F)
for (( ; day > 0; day--)); do
	day_of "$day"
	must "$TRIPLICATE" -c "$CONF" backup --type daily
	trij prune
	today=$(date -u -d "$day days ago" +%F)
	[ "$today" != "$foretold" ] || break
	is "$(json ".prune.remove[] | select(.id == \"$next\") | .id")" "" \
		"on $today it is there still"
done
is "$(json ".prune.remove[] | select(.id == \"$next\") | .id")" "$next" \
	"on the day that was foretold it goes"
trij audit
like "$(json '.audit.deletions[].backup')" "$next" "which the next audit tells"
tap_done
