#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A proxy that hurts connections on purpose (faultproxy.c), in front of a server.
#   faultproxy.sh start [DIR]       FAULT_SERVER=ADDRESS:PORT is the server; prints
#                                   exports: FAULT_SERVICE, the folder;
#                                   FAULT_ADDRESS, where to connect instead
#   faultproxy.sh rules DIR [RULE…] from now on these and no others; none: pass
#   faultproxy.sh count DIR         connections since the rules were last set
#   faultproxy.sh turns DIR         requests, or what is like one, of those that
#                                   have ended
#   faultproxy.sh stop DIR          stops it, and only it, and removes DIR
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"
PROGRAM=$(cd "$(dirname "$0")/../.." && pwd)/build/release/tests/services/faultproxy

start() {
	local port server=${FAULT_SERVER:?address:port of the server}
	[ -x "$PROGRAM" ] || die "not built: make services"
	make_folder faultproxy "$1"
	port=$(free_port)
	: >"$dir/rules"
	launch "$dir" "$port" "$PROGRAM" "$BIND" "$port" "${server%:*}" \
		"${server##*:}" "$dir/rules"
	cat <<-E
		export FAULT_SERVICE=$dir
		export FAULT_ADDRESS=$BIND:$port
	E
}

# The log's part since the rules were set.
recent() { # recent DIR
	tail -n "+$(($(cat "$1/mark" 2>/dev/null || echo 0) + 1))" "$1/log"
}

case ${1:-} in
rules)
	dir=${2:?a folder}
	shift 2
	printf '%s\n' "$@" >"$dir/rules.new" && mv "$dir/rules.new" "$dir/rules"
	wc -l <"$dir/log" >"$dir/mark"
	;;
count) recent "${2:?a folder}" | grep -c ' begins ' ;;
turns) recent "${2:?a folder}" | awk '$2 == "ends" { n += $5 } END { print n + 0 }' ;;
*) main "$@" ;;
esac
