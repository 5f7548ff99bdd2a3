#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Three long lines (wanlink.c) from one network namespace to three sites, closed
# off from every other network; needs root and /dev/net/tun.
#   app --- a, 100 Mbit/s, 20 ms there and back --- site a, 198.18.1.2
#   app --- b,  50 Mbit/s, 80 ms                --- site b, 198.18.2.2
#   app --- c, 100 Mbit/s, 10 ms                --- site c, 198.18.3.2
#   netlab.sh start [DIR]                  prints export NETLAB_SERVICE, the folder
#   netlab.sh in DIR app|a|b|c COMMAND…    runs a command there
#   netlab.sh set DIR a|b|c MBIT MS        makes a line another one
#   netlab.sh cut|heal DIR a|b|c           from now on nothing passes; or all
#   netlab.sh stop DIR                     removes all of it
# A server at a site: netlab.sh in DIR a env BIND=198.18.1.2 tests/services/s3.sh start
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"
PROGRAM=$(cd "$(dirname "$0")/../.." && pwd)/build/release/tests/services/wanlink
QUEUE_MS=200

# Namespaces are named after the process that made them.
namespace() { echo "$(cat "$dir/prefix")-$1"; }

control() { # control LINE up|down MBIT MS
	awk -v state="$2" -v mbit="$3" -v ms="$4" -v queue=$QUEUE_MS \
		'BEGIN { print state, mbit, ms / 2, queue }' >"$dir/line.$1.new" &&
		mv "$dir/line.$1.new" "$dir/line.$1"
}

has_device() { ip -n "$1" link show "$2" >/dev/null 2>&1; }

bring_up() { # bring_up NAMESPACE DEVICE ADDRESS PEER
	for _ in {1..50}; do
		has_device "$1" "$2" && break
		sleep 0.1
	done
	ip -n "$1" addr add "$3" peer "$4" dev "$2" &&
		ip -n "$1" link set "$2" mtu 1500 txqueuelen 1000 up
}

add_line() { # add_line LINE NUMBER MBIT MS
	control "$1" up "$3" "$4"
	run_server "$dir" "$dir/log.$1" "$PROGRAM" "$(namespace app)" "to-$1" \
		"$(namespace "$1")" wan "$dir/line.$1"
	bring_up "$(namespace app)" "to-$1" "198.18.$2.1" "198.18.$2.2" &&
		bring_up "$(namespace "$1")" wan "198.18.$2.2" "198.18.$2.1"
}

add_namespaces() {
	local name
	for name in app a b c; do
		ip netns add "$(namespace $name)" || return 1
		ip -n "$(namespace $name)" link set lo up || return 1
	done
}

remove_namespaces() {
	local name
	for name in app a b c; do
		ip netns del "$(namespace $name)" 2>/dev/null
	done
}

start() {
	[ "$(id -u)" = 0 ] || die "needs root"
	[ -c /dev/net/tun ] || die "there is no /dev/net/tun"
	[ -x "$PROGRAM" ] || die "not built: make services"
	make_folder netlab "$1"
	echo "trip$$" >"$dir/prefix"
	if ! { add_namespaces && add_line a 1 100 20 && add_line b 2 50 80 &&
		add_line c 3 100 10; } >"$dir/log" 2>&1; then
		remove_namespaces
		give_up "no lines" "$dir/log"
	fi
	echo "export NETLAB_SERVICE=$dir"
}

dir=${2:-}
case ${1:-} in
in)
	name=$(namespace "${3:?app, a, b or c}")
	shift 3
	exec ip netns exec "$name" "$@"
	;;
set) control "${3:?a line}" up "${4:?Mbit/s}" "${5:?ms}" ;;
cut | heal)
	state=$([ "$1" = cut ] && echo down || echo up)
	sed "s/^[a-z]*/$state/" "$dir/line.$3" >"$dir/line.$3.new" &&
		mv "$dir/line.$3.new" "$dir/line.$3"
	;;
stop)
	remove_namespaces
	main "$@"
	;;
*) main "$@" ;;
esac
