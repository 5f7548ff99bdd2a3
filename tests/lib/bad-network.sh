# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Three endpoints of three kinds, a proxy that hurts connections in front of
# each (tests/services/faultproxy), and what must hold of a backup and a restore
# through it. Sourced after scenario.sh.
#   fra  S3 over HTTP    ams  SFTP    waw  WebDAV over HTTP
# What must hold whatever the network does:
#   a run ends in time; it is right, or says what failed at which endpoint;
#   the other two endpoints have the backup; nothing damaged counts as stored;
#   no storm of connections.
# shellcheck disable=SC2034,SC2154 # what scenario.sh wants and sets
ENDPOINTS=
RUN_SECONDS=${RUN_SECONDS:-60} # far more than timeout and give-up-after allow
CONNECTIONS_MOST=60            # of a run, at the endpoint that is hurt
DIRECT=$T/direct.conf          # the same repository, without the proxies

start_server() { # start_server NAME [VARIABLE=VALUE…]
	local name=$1
	shift
	env "$@" "$TOP/tests/services/${name%%-*}.sh" start "$T/$name" \
		>"$T/$name.env" || return 1
	# shellcheck source=/dev/null
	. "$T/$name.env"
	SERVERS+=("${name%%-*} $T/$name")
}

SERVERS=()
declare -A FAULT_PORTS=()
stop_servers() {
	local server service folder
	for server in "${SERVERS[@]}"; do
		read -r service folder <<<"$server"
		"$TOP/tests/services/$service.sh" stop "$folder"
	done
	SERVERS=()
	scenario_end
}

# proxied ENDPOINT URL: a proxy before the URL's server; sets url, which goes through it
proxied() {
	local server=${2#*://}
	server=${server#*@}
	server=${server%%/*}
	start_server "faultproxy-$1" FAULT_SERVER="$server" || return 1
	FAULT_PORTS[$1]=${FAULT_ADDRESS##*:}
	url=${2/$server/$FAULT_ADDRESS}
}

start_bad_network() {
	local name
	trap stop_servers EXIT
	[ -x "$TOP/build/release/tests/services/faultproxy" ] ||
		skip_all "no proxy is built: make services"
	for name in s3 sftp webdav; do
		start_server $name || skip_all "no $name server"
	done
	proxied fra "$S3_URL" && bad_s3_url=$url
	proxied ams "$SFTP_URL" && bad_sftp_url=$url
	proxied waw "$WEBDAV_URL" && bad_webdav_url=$url
	[ ${#FAULT_PORTS[@]} = 3 ] || skip_all "no proxies"
	# The same host is met at another port.
	sed "s/]:[0-9]* /]:${FAULT_PORTS[ams]} /" "$SFTP_KNOWN_HOSTS" >"$T/known" &&
		cat "$T/known" >>"$SFTP_KNOWN_HOSTS"
}

# endpoints S3-URL SFTP-URL WEBDAV-URL: their sections of the configuration
endpoints() {
	printf '\n[endpoint fra]\nurl = %s\naccess-key = %s\nsecret-key-file = %s\ntimeout = 2s\n' \
		"$1" "$S3_ACCESS_KEY" "$S3_SECRET_KEY_FILE"
	printf '\n[endpoint ams]\nurl = %s\nidentity = %s\nknown-hosts = %s\ntimeout = 2s\n' \
		"$2" "$SFTP_IDENTITY" "$SFTP_KNOWN_HOSTS"
	printf '\n[endpoint waw]\nurl = %s\nuser = %s\npassword-file = %s\ntimeout = 2s\n' \
		"$3" "$WEBDAV_USER" "$WEBDAV_PASSWORD_FILE"
}

# Adds the endpoints to a configuration that has none: $CONF, and $DIRECT.
add_endpoints() {
	sed -i 's/^give-up-after = .*/give-up-after = 4s/' "$CONF"
	cp "$CONF" "$DIRECT"
	cp "$CONF" "$T/bare.conf"
	endpoints "$bad_s3_url" "$bad_sftp_url" "$bad_webdav_url" >>"$CONF"
	endpoints "$S3_URL" "$SFTP_URL" "$WEBDAV_URL" >>"$DIRECT"
}

rules() { # rules ENDPOINT [RULE…]
	local endpoint=$1
	shift
	"$TOP/tests/services/faultproxy.sh" rules "$T/faultproxy-$endpoint" "$@"
}

connections() { "$TOP/tests/services/faultproxy.sh" count "$T/faultproxy-$1"; }

# --- one case ----------------------------------------------------------------
others_of() {
	local endpoint
	for endpoint in fra ams waw; do
		[ $endpoint = "$1" ] || echo $endpoint
	done
}

in_time() { # in_time COMMAND…: runs it; one that hangs has no status of ours
	run timeout -k 5 "$RUN_SECONDS" "$TRIPLICATE" "$@"
}

no_storm() { # no_storm ENDPOINT WHAT
	local n
	n=$(connections "$1")
	[ "$n" -le $CONNECTIONS_MOST ] ||
		problem "$n connections, a run has at most $CONNECTIONS_MOST"
}

# What a case has against it; a case is one point.
problems=
problem() { problems+="$1"$'\n'; }
case_ends() { # case_ends DESCRIPTION
	if [ -z "$problems" ]; then pass "$1"; else
		fail "$1" "$problems$(tail -n 8 "$T/err")"
	fi
	problems=
}

hash_is_good() { # directly at the servers: no damage that counts as stored
	in_time -c "$DIRECT" --json verify --depth hash
	[ "$status" = 0 ] || problem "verify ends with $status: $(json '[.verify.endpoints |
		to_entries[] | {(.key): (.value.damaged + .value.missing)}]' -c) $err"
}

# bad_backup ENDPOINT MAY-FAIL RULE…: a change is backed up; MAY-FAIL "no" when
# the retries must get over it.
bad_backup() {
	local at=$1 may_fail=$2 other state=none
	shift 2
	change
	rules "$at" "$@"
	in_time -c "$CONF" --json backup
	case $status in
	0) state=stored ;;
	3) state=pending ;;
	*) problem "backup ends with $status: $err" ;;
	esac
	no_storm "$at"
	[ "$may_fail" = yes ] || [ "$status" = 0 ] || problem "the retries gave up: $err"
	[ "$(json ".backup.endpoints.$at.state")" = "$state" ] ||
		problem "exit $status, but at $at: $(json ".backup.endpoints.$at" -c)"
	cause=$(json ".backup.endpoints.$at.error // empty")
	[ "$status" = 0 ] || [[ $cause =~ "endpoint $at: ".{8} ]] ||
		problem "no cause is given: $cause"
	for other in $(others_of "$at"); do
		[ "$(json ".backup.endpoints.$other.state")" = stored ] ||
			problem "$other: $(json ".backup.endpoints.$other" -c)"
	done
	rules "$at"
	[ "${VERIFY_EACH:-yes}" = no ] || hash_is_good
	if [ $state = pending ]; then
		in_time -c "$CONF" sync
		[ "$status" = 0 ] || problem "sync afterwards ends with $status: $err"
	fi
	case_ends "backup, $at: $*${cause:+ ($cause)}"
}

# all_is_well: no fault is left, and nothing that it left behind
all_is_well() {
	hash_is_good
	in_time -c "$CONF" --json status
	[ "$(json '[.status.endpoints[].behind_packs] | add')" = 0 ] ||
		problem "something is pending: $(json .status.endpoints -c)"
	case_ends "verify at the servers: all is stored, nothing is damaged"
}

# bad_restore ENDPOINT MAY-FAIL RULE…: the latest backup from that endpoint
# alone, and then from all.
bad_restore() {
	local at=$1 may_fail=$2
	shift 2
	alone_conf "$at"
	rules "$at" "$@"
	rm -rf "$T/back"
	in_time -c "$T/alone.conf" restore latest --to-dir "$T/back"
	cause=
	case $status in
	0) same_files || problem "restored files differ" ;;
	1 | 7) cause=$(grep -m 1 "$at" <<<"$err")
		[ -n "$cause" ] || problem "exit $status without naming $at: $err"
		[ "$may_fail" = yes ] || problem "the retries gave up: $err"
		no_wrong_files || problem "a restored file is wrong" ;;
	*) problem "restore ends with $status: $err" ;;
	esac
	no_storm "$at"
	rules "$at" "$@"
	rm -rf "$T/back"
	in_time -c "$CONF" restore latest --to-dir "$T/back"
	[ "$status" = 0 ] || problem "restore from all ends with $status: $err"
	same_files || problem "restored files differ"
	no_storm "$at"
	rules "$at"
	case_ends "restore, $at: $*${cause:+ ($cause)}"
}

# The configuration with one endpoint only.
alone_conf() {
	awk -v at="[endpoint $1]" '/^\[/ { skip = /^\[endpoint / && $0 != at }
		!skip' "$CONF" | sed 's/^write-quorum = .*/write-quorum = 1/' >"$T/alone.conf"
}

same_files() {
	[ "$(file_sums "$T/back/filestore")" = "$(file_sums "$SOURCE")" ]
}
no_wrong_files() {
	[ -d "$T/back/filestore" ] || return 0
	[ -z "$(comm -23 <(file_sums "$T/back/filestore" | sort) \
		<(file_sums "$SOURCE" | sort))" ]
}
