#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A throw-away PostgreSQL server in a folder of its own, on a unix socket there
# and on a loopback port, run by an unprivileged user.
#   postgres.sh start [DIR]        starts it and prints what `env` prints;
#                                  without DIR one is made below TMPDIR
#   postgres.sh env DIR            prints the exports to talk to it
#   postgres.sh role DIR NAME [PASSWORD]
#                                  makes a plain role that may only create
#                                  databases: what Odoo's own role is
#   postgres.sh crash DIR          ends it as a power cut would (immediately),
#                                  and starts it again, on the same port
#   postgres.sh stop DIR           stops it, and only it, and removes DIR
# PG_MAJOR picks among the installed versions (else the newest); PG_PROGRAMS is
# a folder of programs that is used instead (postgres-versions.sh makes such).
# PG_CONF holds extra lines of configuration. The socket trusts, the port asks
# for passwords. PG_TEMPLATES is a folder in which what initdb makes is kept: a
# further server of that version begins with a copy.
set -u
umask 022

die() {
	echo "postgres.sh: $*" >&2
	exit 1
}

programs() {
	local dir major
	if [ -n "${PG_PROGRAMS:-}" ]; then
		[ ! -x "$PG_PROGRAMS/initdb" ] || echo "$PG_PROGRAMS"
		return
	fi
	for dir in /usr/lib/postgresql/*/bin; do
		major=${dir%/bin}
		major=${major##*/}
		[ -x "$dir/initdb" ] && [ "${PG_MAJOR:-$major}" = "$major" ] &&
			echo "$dir"
	done | sort -t/ -k5 -n | tail -n 1
}

# Who runs the server, as words to put before a command.
as_user() {
	local user
	unprivileged=()
	run_user=$(id -un)
	[ "$(id -u)" = 0 ] || return 0
	for user in postgres nobody; do
		if id "$user" >/dev/null 2>&1; then
			run_user=$user
			unprivileged=(setpriv "--reuid=$user"
				"--regid=$(id -gn "$user")" --init-groups
				--inh-caps=-all)
			return 0
		fi
	done
	die "there is no user postgres or nobody to run the server"
}

# A process is known by its id and its start time: ids are used again. One that
# has ended and waits to be reaped does not count.
started_at() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086
	set -- $stat
	[ "$1" != Z ] || return 1
	echo "${20}"
}

lives() {
	local pid born
	read -r pid born 2>/dev/null <"$1/pid" || return 1
	[ "$(started_at "$pid")" = "$born" ]
}

configure() {
	local dir=$1 port=$2
	cat >"$dir/data/postgresql.auto.conf" <<-E
		listen_addresses = '127.0.0.1'
		port = $port
		unix_socket_directories = '$dir/sock'
		shared_buffers = 128MB
		fsync = off
		full_page_writes = off
		synchronous_commit = off
		logging_collector = off
		log_min_messages = warning
		timezone = 'UTC'
		${PG_CONF:-}
	E
}

launch() {
	local dir=$1 port=$2 pid i
	setsid "${unprivileged[@]}" "$bin/postgres" -D "$dir/data" \
		>"$dir/log" 2>&1 </dev/null &
	pid=$!
	echo "$pid $(started_at "$pid")" >"$dir/pid"
	for ((i = 0; i < 600; i++)); do
		"$bin/pg_isready" -q -h "$dir/sock" -p "$port" && return 0
		lives "$dir" || return 1
		sleep 0.1
	done
	return 1
}

# make_data DIR: what initdb makes takes seconds, a copy of it a tenth of one
make_data() {
	local dir=$1 template=
	[ -z "${PG_TEMPLATES:-}" ] ||
		template=$PG_TEMPLATES/${bin//\//_}.$run_user
	if [ -n "$template" ] && [ -d "$template" ]; then
		cp -a "$template/." "$dir/data/"
		return
	fi
	(cd / && "${unprivileged[@]}" "$bin/initdb" -D "$dir/data" -U postgres \
		--auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 \
		--locale=C.UTF-8 --no-sync) >"$dir/initdb.log" 2>&1 || return 1
	[ -n "$template" ] || return 0
	# Another may make it at the same moment: the first one's stays.
	cp -a "$dir/data" "$template.$$" &&
		mv -T "$template.$$" "$template" 2>/dev/null
	rm -rf "$template.$$"
}

start() {
	local dir=${1:-} try port
	bin=$(programs)
	[ -n "$bin" ] || die "PostgreSQL ${PG_MAJOR:-} is not in ${PG_PROGRAMS:-/usr/lib/postgresql}"
	as_user
	if [ -z "$dir" ]; then
		dir=$(mktemp -d "${TMPDIR:-/tmp}/triplicate-pg.XXXXXX") || exit 1
	else
		mkdir -p "$dir" || exit 1
		dir=$(cd "$dir" && pwd)
	fi
	lives "$dir" && die "a server runs in $dir already"
	[ ! -e "$dir/data" ] || die "$dir holds another server's data"
	[ ${#dir} -le 80 ] || die "$dir: too long a path for a socket"
	chmod 755 "$dir"
	mkdir -p "$dir/sock" "$dir/data"
	chmod 700 "$dir/data"
	if [ ${#unprivileged[@]} -gt 0 ]; then
		chown "$run_user" "$dir/sock" "$dir/data"
	fi
	: >"$dir/initdb.log"
	make_data "$dir" || {
		tail -n 5 "$dir/initdb.log" >&2
		rm -rf "$dir"
		die "initdb failed"
	}
	for try in 1 2 3 4 5; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		configure "$dir" "$port"
		(cd / && launch "$dir" "$port") && break
		grep -q 'Address already in use' "$dir/log" && [ "$try" -lt 5 ] &&
			continue
		tail -n 15 "$dir/log" >&2
		stop "$dir"
		die "the server did not start"
	done
	cat >"$dir/env" <<-E
		export TRIPLICATE_PG='$dir'
		export PGHOST='$dir/sock'
		export PGPORT=$port
		export PGUSER=postgres
		export PGDATABASE=postgres
		export PG_BIN='$bin'
	E
	cat "$dir/env"
}

role() {
	local dir=$1 name=$2 password=${3:-}
	# shellcheck source=/dev/null
	. "$dir/env"
	psql -X -q -v ON_ERROR_STOP=1 -v name="$name" -v password="$password" <<-'E'
		CREATE ROLE :"name" LOGIN CREATEDB NOSUPERUSER NOCREATEROLE;
		SELECT :'password' <> '' AS with_password \gset
		\if :with_password
		ALTER ROLE :"name" PASSWORD :'password';
		\endif
	E
}

stop() {
	local dir=$1 pid signal i
	if lives "$dir"; then
		read -r pid _ <"$dir/pid"
		for signal in QUIT KILL; do # all of it is thrown away
			kill -"$signal" "$pid" 2>/dev/null
			for ((i = 0; i < 200; i++)); do
				lives "$dir" || break 2
				sleep 0.1
			done
		done
	fi
	[ -e "$dir/initdb.log" ] && rm -rf "$dir"
	return 0
}

crash() {
	local dir=$1 pid
	lives "$dir" || die "no server runs in $dir"
	# shellcheck source=/dev/null
	. "$dir/env"
	bin=$PG_BIN
	as_user
	read -r pid _ <"$dir/pid"
	kill -QUIT "$pid"
	while lives "$dir"; do sleep 0.1; done
	(cd / && launch "$dir" "$PGPORT") || die "it did not start again"
}

case ${1:-}:$# in
start:1 | start:2) start "${2:-}" ;;
env:2) lives "$2" && cat "$2/env" ;;
role:3 | role:4) role "$2" "$3" "${4:-}" ;;
crash:2) crash "$2" ;;
stop:2) stop "$2" ;;
*)
	echo "usage: postgres.sh start [DIR] | env|crash|stop DIR | role DIR NAME [PASSWORD]" >&2
	exit 2
	;;
esac
