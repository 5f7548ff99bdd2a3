#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What doctor says of a machine that is well, and of one thing at a time that is
# not: each is found, graded, and comes with the way to mend it. It leaves
# nothing behind, and never waits for a backup.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/endpoints.sh"
need_postgres
SAMPLE_ROWS=1000 SAMPLE_FILES=10 SAMPLE_MB=1 make_branch
write_conf 'spool-limit = 64M'
cp "$CONF" "$T/good.conf"

root_sql() { # as the server's superuser
	PGUSER=postgres sql "$@"
}
with() { sed "$1" "$T/good.conf" >"$CONF"; }

# What is not ok, "SUBJECT: NAME: STATE" a line
not_ok() {
	json '.doctor.checks[] | select(.state != "ok") | "\(.subject): \(.name): \(.state)"'
}
# finds DESCRIPTION STATUS 'SUBJECT: NAME: STATE' DETAIL HINT [COMMAND…]: of the
# world as it is: this is the only thing that is not well
finds() {
	local what=$1 expected=$2 only=$3 detail=$4 hint=$5 found said
	shift 5
	run "$@" "$TRIPLICATE" -c "$CONF" --json doctor
	found=$(not_ok)
	said=$(json '.doctor.checks[] | select(.state != "ok") | "\(.detail)  \(.hint)"')
	if [ "$status" = "$expected" ] && [ "$found" = "$only" ] &&
		[ "$(json .doctor.ok)" = false ] &&
		grep -Eq -e "$detail.*  .*$hint" <<<"$said" &&
		! grep -q 'hunter2' "$T/out" "$T/err"; then
		pass "$what: found, and how to mend it"
	else
		fail "$what: found, and how to mend it" \
			"exit $status, expected $expected
found: $found
said: $said
$err"
	fi
}

# --- before there is a repository --------------------------------------------
trij doctor
exits 0 "before init"
is "$(not_ok)" "" "nothing is wrong"
like "$(json '.doctor.checks[] | select(.name == "agent key") | .hint')" \
	"triplicate init" "and it says what comes first"
is "$(ls "$T/state" "$T/fra" "$T/agent.key" 2>/dev/null)" "" "nothing was made"
with "s|file://$T/waw|file://$T/disk/waw|"
finds "a disk that is not mounted" 1 "endpoint waw: reach: error" "$T/disk" mount
with ''
init_repository
backup
exits 0 "a backup"

# --- all is well -------------------------------------------------------------
before=$(object_sums fra)
trij doctor
exits 0 "a machine that is well"
json_is .doctor.ok true "it is ok"
is "$(json '[.doctor.checks[].state] | unique | join(" ")')" ok "so is each check"
is "$(json '.doctor.endpoints | keys | join(" ")')" "ams fra waw" \
	"each endpoint was measured"
is "$(json '.doctor.endpoints.fra | .latency_ms >= 0 and .upload_bytes_s > 0
	and .download_bytes_s > 0 and .can_delete and .versions == null')" true \
	"what was measured of it"
is "$(object_sums fra)" "$before" "nothing stays at an endpoint"
tri doctor
exits 0 "for people"
like "$out" '^endpoint ams$' "in groups"
like "$out" '^  ok       rights +all of [0-9]+ tables' "a line a check"
unlike "$out" $'\033' "no colours off a terminal"
run env TERM=xterm script -qec "$TRIPLICATE -c $CONF doctor" /dev/null
like "$out" $'\033\\[32m  ok' "colours on one"
run env TERM=xterm NO_COLOR=1 script -qec "$TRIPLICATE -c $CONF doctor" /dev/null
unlike "$out" $'\033' "but not with NO_COLOR"
exec 7>"$T/state/lock"
flock 7
trij doctor
exits 0 "while another job holds the repository"
exec 7>&-
mkdir -p "$T/fra/probes"
echo old >"$T/fra/probes/0123456789abcdef"
touch -d '1 hour ago' "$T/fra/probes/0123456789abcdef"
echo new >"$T/fra/probes/fedcba9876543210"
trij doctor
is "$(ls "$T/fra/probes")" fedcba9876543210 "what a killed doctor left goes later"
rm "$T/fra/probes/fedcba9876543210"

# --- configuration and keys --------------------------------------------------
with 's|^stage = staging|stage = stagging|'
trij doctor
exits 2 "a configuration that can't be read"
is "$(not_ok) $(json .error.kind)" "configuration: file: error config" "is a check, and the error"
with ''
chmod 644 "$T/agent.key"
finds "a key that others can read" 6 "keys: agent key: error" "agent.key" \
	"chmod 600 $T/agent.key"
chmod 600 "$T/agent.key"
mv "$T/restore.key" "$T/elsewhere"
finds "no restore key where it should be" 6 "keys: restore key: error" \
	"restore.key" "restore"
with 's|^restore-key.*||'
trij doctor
exits 0 "left out, it is not missed"
with ''
mv "$T/elsewhere" "$T/restore.key"
with 's|^memory.*||; s|^give-up-after.*|memory = 1000G|'
finds "more memory than there is" 1 "host: memory: error" "1000.0 GiB|memory is" "lower memory"
with 's|^spool-limit.*|spool-limit = 8000T|'
finds "a spool larger than the disk" 3 "state: space: warning" "less than spool-limit" \
	"lower spool-limit"
with ''
export TRIPLICATE_CLOCK_OFFSET=-900000000
finds "a clock of years ago" 1 "host: clock: error" "1998" "NTP"
unset TRIPLICATE_CLOCK_OFFSET
mv "$T/state" "$T/state.away"
finds "local state that is lost" 3 "state: index: warning" "no local state" "triplicate status"
is "$(ls "$T/state" 2>/dev/null)" "" "it is not rebuilt by that"
mv "$T/state.away" "$T/state"

# --- databases and files -----------------------------------------------------
with "s|dbname=${DB}_main|dbname=no_such_database|"
finds "no such database" 1 "branch production: database: error" no_such_database dbname
with "s|port=$PGPORT|port=1|"
trij doctor
is "$status $(not_ok | tr '\n' ';')" \
	"1 branch production: database: error;branch staging: database: error;" \
	"no server"
must root_sql postgres "CREATE ROLE reader LOGIN"
with "s|user=odoo dbname=${DB}_main|user=reader dbname=${DB}_main|"
trij doctor
is "$status $(not_ok | tr '\n' ';')" \
	"1 branch production: rights: error;branch production: restore: warning;" \
	"a role that may read nothing, and make no database"
like "$(json '.doctor.checks[] | select(.state == "error") | .hint')" \
	'GRANT SELECT.*"reader"' "what to grant"
like "$(json '.doctor.checks[] | select(.state == "warning") | .hint')" \
	'ALTER ROLE "reader" CREATEDB' "and what to alter"
with "s|user=odoo dbname=${DB}_staging|user=reader dbname=${DB}_staging|"
finds "staging without CREATEDB" 1 "branch staging: restore: error" \
	"may not make databases" 'CREATEDB'
must root_sql "${DB}_main" "ALTER TABLE res_company ENABLE ROW LEVEL SECURITY;
	ALTER TABLE res_company FORCE ROW LEVEL SECURITY"
with ''
finds "row security" 1 "branch production: row security: error" res_company BYPASSRLS
must root_sql "${DB}_main" "ALTER TABLE res_company NO FORCE ROW LEVEL SECURITY"
with "s|/filestore/main|/filestore/none|"
finds "no filestore" 1 "branch production: filestore: error" "filestore/none" "mounted"
with "s|^logs = .*|logs = $T/logs/*.none|"
finds "no logs" 3 "branch production: logs: warning" 'none' "correct logs"
with ''
hidden_bin() { # hidden_bin COMMAND…: where only $T/bin has a pg_dump
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -m bash -c 'for d in /usr/lib/postgresql; do
		[ ! -d "$d" ] || mount --bind "$0" "$d" || exit 99; done
		PATH=$1; shift; exec "$@"' "$T/empty" "$T/bin" "$@"
}
mkdir "$T/bin" "$T/empty"
printf '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n' >"$T/bin/pg_dump"
cp "$PG_BIN/psql" "$PG_BIN/pg_restore" "$T/bin/"
chmod 755 "$T"/bin/*
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null && hidden_bin /bin/true; then
	run hidden_bin "$TRIPLICATE" -c "$CONF" --json doctor
	is "$status $(not_ok | grep -c 'branch .*: pg_dump: error')" "1 2" \
		"no pg_dump that is new enough"
	like "$(json '.doctor.checks[] | select(.name == "pg_dump") | .detail + .hint')" \
		"9.6.24|PostgreSQL 9.*postgresql-client-" "what is there, and what to install"
else
	skip "needs root and mount name spaces" "no pg_dump that is new enough"
	skip "needs root and mount name spaces" "what is there, and what to install"
fi

# --- disks -------------------------------------------------------------------
mkdir "$T/mount.fra" "$T/mount.state"
if [ "$(id -u)" = 0 ] && mount --bind "$T/fra" "$T/mount.fra" 2>/dev/null &&
	mount -o remount,bind,ro "$T/mount.fra" 2>/dev/null &&
	mount -t tmpfs -o size=40m tmpfs "$T/mount.state" 2>/dev/null; then
	with "s|file://$T/fra|file://$T/mount.fra|"
	finds "an endpoint that is read-only" 1 "endpoint fra: write: error" \
		"Read-only" "read and write"
	cp -a "$T/state" "$T/mount.state/"
	with "s|^state = .*|state = $T/mount.state/state|"
	finds "a full disk" 1 "state: space: error" "can't be made" "make room"
else
	skip "needs root and mounts" "an endpoint that is read-only"
	skip "needs root and mounts" "a full disk"
fi
umount "$T/mount.fra" "$T/mount.state" 2>/dev/null

# --- endpoints ---------------------------------------------------------------
with ''
mv "$T/waw" "$T/waw.away"
finds "an endpoint's folder that is gone" 1 "endpoint waw: reach: error" \
	"waw is missing" "mount"
mkdir "$T/waw"
finds "an endpoint that is empty" 1 "endpoint waw: repository: error" "no repository" \
	"triplicate sync"
rm -rf "$T/waw"
mkdir "$T/other"
sed "s|$T/state|$T/other/state|; s|$T/agent|$T/other/agent|
	s|$T/restore|$T/other/restore|
	s#file://$T/#file://$T/other/#" "$T/good.conf" >"$T/other.conf"
must "$TRIPLICATE" -c "$T/other.conf" -q init
mv "$T/other/waw" "$T/waw"
before=$(object_sums waw)
finds "somebody else's repository" 6 "endpoint waw: repository: error" \
	"another repository" "."
is "$(object_sums waw)" "$before" "nothing is put there"
rm -rf "$T/waw"
mv "$T/waw.away" "$T/waw"

for service in sftp webdav; do
	if "$TOP/tests/services/$service.sh" start "$T/$service" >"$T/$service.env"; then
		SERVICES+=" $service"
		# shellcheck source=/dev/null
		. "$T/$service.env"
	fi
done
remote() { # remote URL LINES…: a fourth endpoint
	cp "$T/good.conf" "$CONF"
	{
		printf '\n[endpoint far]\nurl = %s\n' "$1"
		shift
		printf '%s\n' "$@"
	} >>"$CONF"
}
remote dav://127.0.0.1:1/none "user = packs" "password-file = $T/hunter"
echo hunter2 >"$T/hunter"
chmod 600 "$T/hunter"
finds "an endpoint that is away" 1 "endpoint far: reach: error" "127.0.0.1" "is the server up"
if [ -n "${WEBDAV_URL:-}" ]; then
	chmod 600 "$WEBDAV_PASSWORD_FILE"
	remote "$WEBDAV_URL" "user = $WEBDAV_USER" "password-file = $T/hunter"
	finds "a wrong password" 1 "endpoint far: reach: error" 401 "."
	remote "$WEBDAV_URL" "user = $WEBDAV_USER" "password-file = $T/nowhere"
	finds "no password" 1 "endpoint far: reach: error" "nowhere" "."
	remote "$WEBDAV_URL" "user = $WEBDAV_USER" \
		"password-file = $WEBDAV_PASSWORD_FILE"
	chmod 644 "$WEBDAV_PASSWORD_FILE"
	tri sync
	finds "a password that others can read" 3 "endpoint far: password-file: warning" \
		"0644" "chmod 600"
else
	skip "no WebDAV server" "passwords of a WebDAV endpoint"
fi
if [ -n "${SFTP_URL:-}" ]; then
	remote "$SFTP_URL" "identity = $SFTP_IDENTITY" \
		"known-hosts = $SFTP_KNOWN_HOSTS" "delete-identity = $SFTP_STRANGER"
	finds "a delete login that is not let in" 1 \
		"endpoint far: repository: error
endpoint far: delete: warning
endpoint far: delete login: error" "does not let" "check user and identity"
	tri sync
	remote "$SFTP_URL" "identity = $SFTP_IDENTITY" \
		"known-hosts = $SFTP_KNOWN_HOSTS" "delete-identity = $SFTP_IDENTITY"
	finds "a backup login that can delete" 3 "endpoint far: delete: warning" \
		"a thief of it can, too" "take the right to delete"
	must keeper_key
	remote "$SFTP_URL" "identity = $T/keeper" \
		"known-hosts = $SFTP_KNOWN_HOSTS" "delete-identity = $SFTP_IDENTITY"
	trij doctor
	exits 0 "a backup login that can't"
	is "$(json '.doctor.endpoints.far | "\(.can_delete) \(.deleter_can_delete)"')" \
		"false true" "and a login of its own that can"
	remote "$SFTP_URL" "identity = $T/keeper" "known-hosts = $SFTP_KNOWN_HOSTS"
	finds "nobody who can delete" 3 "endpoint far: delete: warning" "stay for ever" \
		"delete-user"
else
	skip "no SFTP server" "logins of an SFTP endpoint"
fi
tap_done
