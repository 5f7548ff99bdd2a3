#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Any object of one endpoint may be changed, cut, lost or swapped: verify names
# it, --repair heals it from another endpoint, a restore goes on with another.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
init_repository
head -c 24 /dev/urandom | base64 >"$T/passphrase"
chmod 600 "$T/passphrase"
must "$TRIPLICATE" -c "$CONF" key add-passphrase --passphrase-file "$T/passphrase"
backup
change_branch
backup
exits 0 "two backups"
tri verify
exits 0 "nothing is damaged yet"
cp -a "$T/fra" "$T/fra.good"

kinds='config writers keys packs index backups audit'
one_of() { # one_of KIND [PLACE]: an object's name
	if [ "$1" = config ]; then echo config; else
		objects fra "$1" | sed -n "${2:-1}p" | sed "s|^|$1/|"
	fi
}

damage() { # damage HOW NAME OTHER
	local file=$T/fra/$2 bytes
	bytes=$(stat -c %s "$file")
	case $1 in
	flip) flip "$file" $((bytes / 2)) ;;
	truncate) truncate -s $((bytes / 2)) "$file" ;;
	delete) rm "$file" ;;
	swap) cp "$T/fra.good/$3" "$file" ;;
	esac
}

for kind in $kinds; do
	name=$(one_of "$kind")
	other=$(one_of "$kind" 2)
	# an object that has no sibling takes another kind's bytes
	[ -n "$other" ] && [ "$other" != "$name" ] || other=$(one_of packs)
	for how in flip truncate delete swap; do
		what="$kind: $how"
		damage $how "$name" "$other"
		trij verify
		exits 7 "$what: verify"
		json_is .verify.ok false "$what: says so"
		found=$(json '.verify.endpoints.fra | (.damaged + .missing)[] | if type == "object" then .name else . end')
		like "$found" "$name" "$what: names the object"
		json_is '[.verify.endpoints | .ams, .waw | .damaged, .missing | length] | add' 0 \
			"$what: and blames no other endpoint"
		trij verify --repair
		exits 0 "$what: verify --repair"
		like "$(json '.verify.endpoints.fra.repaired[] | if type == "object" then .name else . end')" \
			"$name" "$what: lists what it healed"
		ok "$what: it is healed" cmp "$T/fra/$name" "$T/fra.good/$name"
		rm -rf "$T/fra"
		cp -a "$T/fra.good" "$T/fra"
		# the repair is an entry of the audit log, at all endpoints
		tri sync
		rm -rf "$T/fra.good"
		cp -a "$T/fra" "$T/fra.good"
	done
done

# --- every byte counts -------------------------------------------------------
# A flipped bit anywhere in a small object, at the ends of a large one.
for name in $(one_of config) $(one_of backups) $(one_of index) $(one_of packs 2); do
	bytes=$(stat -c %s "$T/fra/$name")
	for place in 0 7 8 9 15 16 40 $((bytes / 3)) $((bytes - 64)) $((bytes - 1)); do
		flip "$T/fra/$name" "$place"
		tri verify
		if [ "$status" != 7 ]; then
			fail "a bit at $place of ${name%%/*} is seen" "exit $status"
			break
		fi
		flip "$T/fra/$name" "$place"
	done
	[ "$status" = 7 ] && pass "a bit flipped anywhere in ${name%%/*} is seen"
done
tri verify
exits 0 "after that all is well again"

# --- what is not ours --------------------------------------------------------
head -c 5000 /dev/urandom >"$T/junk"
sum=$(sha256sum <"$T/junk" | cut -c1-64)
junk=packs/${sum:0:2}/$sum
mkdir -p "$T/ams/packs/zz" "$T/ams/${junk%/*}"
echo nonsense >"$T/ams/packs/zz/nonsense"
echo nonsense >"$T/ams/backups/foo"
mv "$T/junk" "$T/ams/$junk"
echo hello >"$T/ams/README"
for depth in presence hash; do
	tri verify --depth $depth
	exits 7 "foreign objects: verify --depth $depth"
	like "$out" "foreign: packs/zz/nonsense" "$depth: names one"
	like "$out" "foreign: $junk" "$depth: a pack's name is not enough"
done
trij verify
json_is '.verify.endpoints.ams.foreign | sort | join(" ")' \
	"backups/foo $(printf '%s\n' "$junk" packs/zz/nonsense | LC_ALL=C sort | paste -sd' ')" \
	"JSON lists them, and nothing that lies elsewhere"
json_is '[.verify.endpoints[] | .missing, .damaged | length] | add' 0 \
	"nothing is called damaged for them"
trij verify --repair
exits 0 "verify --repair removes them"
json_is '.verify.endpoints.ams.repaired | length' 3 "lists what it removed"
json_is '.verify.endpoints.ams.foreign | length' 0 "and leaves none"
ok "they are gone" test ! -e "$T/ams/backups/foo" -a ! -e "$T/ams/$junk" \
	-a ! -e "$T/ams/packs/zz/nonsense"
ok "what lies elsewhere is left" test -e "$T/ams/README"
rm "$T/ams/README"

# --- a restore meets it ------------------------------------------------------
spoil() { # spoil ENDPOINT: flips a bit in the middle of every pack
	local file
	while read -r file; do
		flip "$T/$1/packs/$file" $(($(stat -c %s "$T/$1/packs/$file") / 2))
	done < <(objects "$1" packs)
}
spoil fra
spoil ams
trij restore latest --to staging
exits 0 "a restore with all packs of two endpoints damaged"
like "$(json '.restore.warnings | join("\n")')$err" "fra|ams" \
	"goes on with another, and says so"
# shellcheck disable=SC2086
is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
	"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "the rows are right"
is "$(file_sums "$T/filestore/staging")" "$(file_sums "$T/filestore/main")" \
	"the attachments are right"
trij verify --repair
exits 0 "both are healed from the third"
is "$(object_sums fra | grep packs/)" "$(object_sums waw | grep packs/)" \
	"fra holds what waw holds"

before=$(sql "${DB}_staging" "SELECT oid FROM pg_database WHERE datname = current_database()")
for endpoint in $ENDPOINTS; do spoil "$endpoint"; done
# what a cache on this machine holds is no way out for a bare one
rm -rf "$T"/state/*cache*
trij restore latest --to staging --yes
exits 7 "with all three damaged a restore fails"
json_is .error.kind damage "and says why"
is "$(sql "${DB}_staging" "SELECT oid FROM pg_database WHERE datname = current_database()")" \
	"$before" "leaving staging as it was"
trij verify --repair
exits 7 "and nothing can heal it"
tap_done
