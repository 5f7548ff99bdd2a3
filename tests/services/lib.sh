# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What throw-away servers on loopback share. Each has a folder with its data,
# its log, and "pids", the processes that are to be stopped, and no other.
# Sourced.
set -u
umask 022
BIND=${BIND:-127.0.0.1} # the address that servers listen on

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# A program that is not there is no failure: 77 says so.
lacks() {
	echo "${0##*/}: $* is not installed" >&2
	exit 77
}

# A process is known by its id and its start time: ids are used again.
started_at() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086
	set -- $stat
	[ "$1" != Z ] || return 1
	echo "${20}"
}

# lives PID BORN: a line of "pids"
lives() { [ "$(started_at "$1")" = "$2" ]; }

any_lives() { # any_lives DIR
	local pid born
	while read -r pid born; do
		lives "$pid" "$born" && return 0
	done 2>/dev/null <"$1/pids"
	return 1
}

# A port that nobody listens on, below the range of outgoing connections.
free_port() {
	local port
	for _ in {1..200}; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		(exec 8<>"/dev/tcp/$BIND/$port") 2>/dev/null || {
			echo "$port"
			return 0
		}
	done
	die "no free port"
}

answers() { # answers PORT
	(exec 8<>"/dev/tcp/$BIND/$1") 2>/dev/null
}

# The folder of a new server, DIR or a new one below /tmp: sets dir.
# shellcheck disable=SC2034 # dir is for the scripts that source this
make_folder() { # make_folder NAME [DIR]
	dir=${2:-}
	if [ -z "$dir" ]; then
		dir=$(mktemp -d "/tmp/triplicate-$1.XXXXXX") || exit 1
	else
		mkdir -p "$dir" || exit 1
		dir=$(cd "$dir" && pwd)
	fi
	any_lives "$dir" && die "a server runs in $dir already"
	chmod 755 "$dir"
	: >"$dir/pids"
}

run_server() { # run_server DIR LOG COMMAND…: sets server, its line of "pids"
	local dir=$1 log=$2
	shift 2
	setsid "$@" >"$log" 2>&1 </dev/null &
	disown
	server="$! $(started_at $!)"
	echo "$server" >>"$dir/pids"
}

launch() { # launch DIR PORT COMMAND…: runs it, waits until it listens
	local dir=$1 port=$2 log=$1/log
	shift 2
	[ ! -e "$log" ] || log=$log.$port
	run_server "$dir" "$log" "$@"
	for _ in {1..200}; do
		answers "$port" && return 0
		# shellcheck disable=SC2086
		lives $server || break
		sleep 0.1
	done
	give_up "$1 does not listen on port $port" "$log"
}

# until_true SECONDS COMMAND…: waits for it, as long as a server of ours runs
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] && any_lives "$dir" || return 1
		sleep 0.05
	done
}

# give_up WORDS LOG: shows its end, stops what runs in $dir
give_up() {
	tail -n 15 "$2" >&2
	stop "$dir"
	die "$1"
}

# Files and folders with secrets are for their owner alone.
make_secret_folder() {
	(umask 077 && mkdir -p "$1")
}

# An authority of our own, and its certificate for $BIND and localhost:
# $dir/tls/ca.pem, server.pem, server.key.
make_certificates() {
	mkdir -p "$dir/tls"
	{
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout "$dir/tls/ca.key" -out "$dir/tls/ca.pem" -days 30 \
			-subj "/CN=test authority" &&
			openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
				-keyout "$dir/tls/server.key" -out "$dir/tls/server.csr" \
				-subj "/CN=$BIND" &&
			openssl x509 -req -in "$dir/tls/server.csr" -CA "$dir/tls/ca.pem" \
				-CAkey "$dir/tls/ca.key" -CAcreateserial -days 30 \
				-extfile <(echo "subjectAltName=IP:$BIND,DNS:localhost,DNS:*.localhost") \
				-out "$dir/tls/server.pem"
	} >"$dir/tls/log" 2>&1 || die "no certificates: $(tail -n 3 "$dir/tls/log")"
}

# The folders of a server beside the one that is written: $1/readonly, in which
# OWNER can read the object "there" and write nothing, with $1/readonly/used, as
# an endpoint has become that could be written once; $1/full, a disk of 1 MiB,
# where we are root and may mount.
make_other_folders() { # make_other_folders DIR OWNER
	mkdir -p "$1/readonly/used/.tmp~" "$1/full"
	echo "it can be read" | tee "$1/readonly/used/there" >"$1/readonly/there"
	chmod 555 "$1/readonly/used/.tmp~" "$1/readonly/used" "$1/readonly"
	[ "$(id -u)" = 0 ] || {
		rmdir "$1/full"
		return 0
	}
	mount -t tmpfs -o "size=1m,mode=755,uid=$2" tmpfs "$1/full" 2>/dev/null ||
		rmdir "$1/full"
}

unmount_below() { # unmount_below DIR
	local point
	while read -r _ point _; do
		[[ $point != "$1"/* ]] || umount "$point"
	done </proc/mounts
}

stop() { # stop DIR
	local pid born
	[ -e "$1/pids" ] || die "$1: no server of ours"
	while read -r pid born; do
		lives "$pid" "$born" && kill -"${STOP_SIGNAL:-TERM}" "$pid" 2>/dev/null
	done < <(tac "$1/pids")
	for _ in {1..100}; do
		any_lives "$1" || break
		sleep 0.1
	done
	while read -r pid born; do
		lives "$pid" "$born" && kill -KILL "$pid" 2>/dev/null
	done <"$1/pids"
	unmount_below "$(cd "$1" && pwd)"
	chmod -R u+w "$1"
	rm -rf "$1"
}

main() { # main "$@"
	case ${1:-} in
	start) start "${2:-}" ;;
	stop) stop "${2:?a folder}" ;;
	*) die "usage: ${0##*/} start [DIR] | stop DIR" ;;
	esac
}
