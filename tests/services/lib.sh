# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What throw-away servers on loopback share. Each has a folder with its data,
# its log, and "pid", the process that is to be stopped, and no other. Sourced.
set -u
umask 022

die() {
	echo "${0##*/}: $*" >&2
	exit 1
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

lives() { # lives DIR
	local pid born
	read -r pid born 2>/dev/null <"$1/pid" || return 1
	[ "$(started_at "$pid")" = "$born" ]
}

# A port that nobody listens on, below the range of outgoing connections.
free_port() {
	local port
	for _ in {1..200}; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		(exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
			echo "$port"
			return 0
		}
	done
	die "no free port"
}

answers() { # answers PORT
	(exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
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
	lives "$dir" && die "a server runs in $dir already"
	chmod 755 "$dir"
}

launch() { # launch DIR PORT COMMAND…: runs it, waits until it listens
	local dir=$1 port=$2 pid
	shift 2
	setsid "$@" >"$dir/log" 2>&1 </dev/null &
	pid=$!
	echo "$pid $(started_at "$pid")" >"$dir/pid"
	for _ in {1..200}; do
		answers "$port" && return 0
		lives "$dir" || break
		sleep 0.1
	done
	tail -n 15 "$dir/log" >&2
	die "$1 does not listen on port $port"
}

stop() { # stop DIR
	local pid
	[ -e "$1/pid" ] || die "$1: no server of ours"
	read -r pid _ <"$1/pid"
	lives "$1" && kill "$pid" 2>/dev/null
	for _ in {1..100}; do
		lives "$1" || break
		sleep 0.1
	done
	lives "$1" && kill -KILL "$pid"
	rm -rf "$1"
}

main() { # main "$@"
	case ${1:-} in
	start) start "${2:-}" ;;
	stop) stop "${2:?a folder}" ;;
	*) die "usage: ${0##*/} start [DIR] | stop DIR" ;;
	esac
}
