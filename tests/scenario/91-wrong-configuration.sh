#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What may be wrong in a configuration: each key with values that it doesn't
# take, and what is wrong with the file as such. Each is refused with 2, the
# file, the line and what is expected, before anything is touched.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/wrong.sh
. "$TOP/tests/lib/wrong.sh"

GOOD=$T/good.conf
mkdir -p "$T/filestore/main" "$T/logs"
cat >"$CONF" <<-E
	[repository]
	state = $T/state
	agent-key = $T/agent.key
	restore-key = restore.key

	[endpoint fra]
	url = file://$T/fra

	[endpoint ams]
	url = $T/ams

	[branch production]
	stage = production
	database = host=/nowhere dbname=acme
	filestore = $T/filestore/main

	[branch staging]
	stage = staging
	database = host=/nowhere dbname=acme_staging
	filestore = $T/filestore/staging

	[web]

	[notify]
E
init_repository
cp "$CONF" "$GOOD"
# All of it is compared with what is there now, but for the file in question.
WORLD_ALSO_WITHOUT='-o -name triplicate.conf'
world_holds

# with SECTION LINE: the good configuration, with LINE instead of any other of
# its key in that section
with() {
	LINE=$2 awk -v section="[$1]" '
		BEGIN { key = line = ENVIRON["LINE"]; sub(/ *=.*/, "", key) }
		/^\[/ { inside = ($0 == section) }
		inside && index($0, key " =") == 1 { next }
		{ print }
		inside && $0 == section { print line }' "$GOOD" >"$CONF"
}

# bad SECTION LINE PATTERN [DESCRIPTION]
bad() {
	local at
	with "$1" "$2"
	at=$(grep -nxF -e "$2" "$CONF" | head -n 1 | cut -d: -f1)
	wrong "${4:-[$1] $2}" 2 config "triplicate\.conf:$at: .*($3)" list
}

good() { # good SECTION LINE
	with "$1" "$2"
	tri list
	exits 0 "[$1] $2: good"
}

# whole DESCRIPTION PATTERN: the file as it stands now
whole() { wrong "$1" 2 config "triplicate\.conf.*($2)" list; }

# instead SED-SCRIPT DESCRIPTION PATTERN: the good file, edited
instead() {
	sed "$1" "$GOOD" >"$CONF"
	whole "$2" "$3"
}

# --- sections, keys, syntax --------------------------------------------------
bad repository "sate = x" "nearest known key: 'state'"
bad repository "region = x" "\[endpoint NAME\]" "a key of another section"
bad "branch production" "jobs = 4" "\[repository\]" "a key of [repository] in a branch"
bad repository "no equals sign" "expected KEY = VALUE"
bad repository "= nothing" "expected a key"
bad repository "compression = \"3" "expected '\"' at the end"
bad repository "compression = \"3\" x" "expected nothing after"
bad repository "compression = \"\\x\"" "backslash"
bad repository "[endpiont waw]" "nearest known section: 'endpoint'"
bad repository "[endpoint]" "expected a name"
bad repository "[web x]" "takes no name"
bad repository "[endpoint waw" "expected '\]'"
bad repository "[endpoint fra/x]" "expected a name"
bad repository "[endpoint ..]" "expected a name"
sed '$a [branch staging]' "$GOOD" >"$CONF"
whole "a section twice" ":25: .*there already, on line 17"
instead '/^stage = production/a stage = staging' "a key twice" \
	":14: .*'stage' is there already, on line 13"
instead '1i state = x' "a key before any section" ":1: .*expected a \[SECTION\]"

# --- the file as such --------------------------------------------------------
sed 's/$/\r/' "$GOOD" >"$CONF"
tri list
exits 0 "CRLF is taken"
printf '\xef\xbb\xbf' | cat - "$GOOD" >"$CONF"
tri list
exits 0 "a byte order mark is taken"
printf %s "$(cat "$GOOD")" >"$CONF"
tri list
exits 0 "no newline at the end is taken"
printf '\njobs = 4\0\n' >>"$CONF"
whole "a zero byte" ":[0-9]+: .*zero byte"
{
	cat "$GOOD"
	head -c 100000 /dev/zero | tr '\0' x
} >"$CONF"
whole "a line of 100,000 bytes" ":25: .*longer than"
{
	cat "$GOOD"
	head -c 10000000 /dev/zero | tr '\0' x
} >"$CONF"
whole "a line of 10 MB" "longer than"
head -c 5000 /dev/urandom >"$CONF"
whole "binary junk" ":[0-9]+: "
: >"$CONF"
whole "an empty file" "expected"
rm "$CONF"
whole "no file" "No such file"
mkdir "$CONF"
whole "a folder" "directory|folder"
rmdir "$CONF"
ln -s triplicate.conf "$CONF"
whole "a link to itself" "symbolic"
rm "$CONF"
cp "$GOOD" "$CONF"
if [ "$(id -u)" = 0 ]; then
	chmod 600 "$CONF"
	wrong_case "a file that may not be read" 2 config 'triplicate\.conf.*denied' \
		setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups \
		"$TRIPLICATE" -c "$CONF" --json list
else
	skip "needs root to be another user" "a file that may not be read"
fi

# --- [repository] ------------------------------------------------------------
SIZE='a size' TIME='a time with its unit'
while read -r line; do
	bad repository "${line%%|*}" "${line#*|}"
done <<-E
	state =|a value
	agent-key =|a value
	restore-key = ""|a value
	write-quorum = 0|a whole number from 1
	write-quorum = 3|at most the number of endpoints, 2
	write-quorum = -1|a whole number
	write-quorum = 1.5|a whole number
	write-quorum = two|a whole number
	give-up-after = soon|$TIME
	give-up-after = 60|$TIME
	give-up-after = -5s|$TIME
	give-up-after = 99999999999999999999s|$TIME
	give-up-after = 300000000 weeks|up to
	prune-grace = 48|$TIME
	prune-grace = never|$TIME
	yield-to-ddl = 5|$TIME
	yield-to-ddl =|a value
	base-cache = lots|$SIZE
	base-cache = 20X|$SIZE
	base-cache =|a value
	restore-cache = 0%|1% to 90%
	restore-cache = 101%|1% to 90%
	restore-cache = x%|1% to 90%
	restore-cache = 10%%|1% to 90%
	restore-cache = -10%|1% to 90%
	restore-cache = some|1% to 90%
	lock-days = 0|a whole number from 1
	lock-days = 99999|a whole number
	lock-days = 30 days|a whole number
	spool-limit = 20 GB|$SIZE
	spool-limit = 0|at least
	spool-limit = 1M|at least
	spool-limit = 99999999999T|$SIZE
	memory = much|$SIZE
	memory = 1M|at least
	memory = 0|at least
	memory = 1000000T|up to
	compression = 0|from 1 to 19, or auto
	compression = 20|from 1 to 19, or auto
	compression = fast|from 1 to 19, or auto
	jobs = 0|a whole number from 1
	jobs = 10000|a whole number
	jobs = 4,5|a whole number
E

# --- [endpoint] --------------------------------------------------------------
while read -r line; do
	bad "endpoint fra" "${line%%|*}" "${line#*|}"
done <<-E
	url =|a value
	url = ftp://host.example/x|s3\+https
	url = http://host.example/x|s3\+https
	url = sftp://|a host
	url = s3+https://s3.example|a bucket
	url = file://host.example/x|file:///
	url = file://|file:///
	timeout = 0|1s to 1h
	timeout = 2h|1s to 1h
	timeout = 30|$TIME
	upload-limit = fast|bytes a second
	upload-limit = -1|bytes a second
	upload-limit = 20M, 06:00 5M|parts of the day
	object-lock = maybe|yes, no, compliance
E
instead "s|^url = $T/ams|url = $T/fra/|" "two endpoints at one place" "same (url|folder)"
instead "s|^url = $T/ams|url = file://$T/x/../fra|" "and by another spelling" "same (url|folder)"
instead "s|^url = $T/ams|url = $T/fra/ams|" "an endpoint inside another" "inside"
instead "s|^state = .*|state = $T/fra/state|" "the state inside an endpoint" "inside"
instead "s|^url = $T/ams|url = $T/state/ams|" "an endpoint inside the state" "inside"
instead "s|^restore-key = .*|restore-key = $T/fra/restore.key|" "the restore key inside an endpoint" "inside"
instead "s|^state = .*|state = $T/filestore/main/state|" "the state inside a filestore" "inside"
instead "s|^url = $T/ams|url = $T/filestore/staging/ams|" "an endpoint inside a filestore" "inside"
instead "/^url = .*ams/d" "an endpoint without url" "has no url"
instead "/^\[endpoint/d; /^url/d" "no endpoint" "no endpoint"
instead "/^state/d" "no state" "has no state"
instead "/^agent-key/d" "no agent key" "has no agent-key"

# --- [branch] ----------------------------------------------------------------
DURING='hourly, 02:30'
KEEP='7 daily, 4 weekly, 3 monthly'
while read -r line; do
	bad "branch production" "${line%%|*}" "${line#*|}"
done <<-E
	stage = live|production, staging or development
	stage =|production, staging or development
	database =|a value
	database = nonsense=x|connection string
	database = host=/nowhere password=hunter2 nonsense=x|connection string
	database = postgresql://u:hunter2@[half/x|connection string
	filestore =|a value
	logs =|a value
	schedule = sometimes|$DURING
	schedule = 2:30|$DURING
	schedule = 24:00|$DURING
	schedule = 02:60|$DURING
	schedule = 02:30,|$DURING
	schedule = 02:30 02:45|$DURING
	schedule = hourly 02:30|$DURING
	schedule = mon-fri|$DURING
	schedule = mon-frei 22:00|$DURING
	schedule = 22:00 mon-fri|$DURING
	schedule = 02:30 Europe/Brussel|time zone
	schedule = 02:30 ../../etc/passwd|$DURING|time zone
	zone = Nowhere/City|time zone
	zone = Europe|time zone
	zone = /etc/passwd|time zone
	keep = all|$KEEP
	keep = 7|$KEEP
	keep = 7 daily 4 weekly|$KEEP
	keep = 7 daily, 4 daily|$KEEP
	keep = 7 dayly|$KEEP
	keep = -1 daily|$KEEP
	keep = 0 daily, 0 weekly, 0 monthly|$KEEP
	keep = 7 daily,|$KEEP
	keep = 99999999999 daily|$KEEP
	keep-manual = 7|$TIME
	keep-manual = forever|$TIME
	keep-update = x|$TIME
	keep-pre-restore = x|$TIME
	keep-pre-upgrade = x|$TIME
	keep-replaced = some|none, next or
	keep-replaced = 7|none, next or
	drill = sometimes|weekly
	jitter = x|$TIME
	base-url = staging.example|https://
	base-url = ftp://staging.example|https://
	mail-catcher = nonsense|HOST:PORT
	mail-catcher = 127.0.0.1:99999|HOST:PORT
	mail-catcher = :25|HOST:PORT
	maintenance-database =|a value
	owner =|a value
	addons-path =|a value
E
for line in 'schedule = hourly' 'schedule = 02:30,14:30 UTC' \
	'schedule = mon-fri 22:00 Europe/Brussels' 'schedule = sat,sun 22:00' \
	'zone = Europe/Brussels' 'zone = UTC' 'keep = 7 daily, 4 weekly, 3 monthly' \
	'keep = 14 daily' 'keep-manual = 7 days' 'keep-replaced = next' \
	'drill = weekly' 'base-url = https://x.example' 'jitter = 0' \
	'mail-catcher = [::1]:1025'; do
	good "branch production" "$line"
done
instead "s|filestore/staging|filestore/main|" "two branches with one filestore" ":17: .*same filestore"
instead "s|filestore/staging|filestore/main/staging|" "a filestore inside another's" ":17: .*inside"
instead "s|dbname=acme_staging|dbname=acme|" "two branches with one database" ":17: .*same database"

# --- [web], [notify] ---------------------------------------------------------
bad web "listen = nonsense" "ADDRESS:PORT"
bad web "listen = 127.0.0.1:99999" "ADDRESS:PORT"
bad notify "on-failure = nonsense" "mailto:"
bad notify "on-failure = mailto:ops@acme.example, ftp://x" "mailto:"
bad notify "heartbeat = hc.example.net" "https://"
good web "listen = 127.0.0.1:8440"
good web "listen = [::1]:0"
good notify "on-failure = mailto:ops@acme.example, https://hooks.example.net/backup"

# --- where relative paths lead -----------------------------------------------
sed "s|file://||; s|$T/||" "$GOOD" >"$CONF"
mkdir "$T/elsewhere"
run env -C "$T/elsewhere" "$TRIPLICATE" -c ../triplicate.conf list
exits 0 "relative paths are relative to the configuration's folder"
is "$(ls -A "$T/elsewhere")" "" "and nothing is made where we stood"
tap_done
