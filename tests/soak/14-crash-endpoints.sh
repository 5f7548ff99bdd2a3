#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What works on endpoints is killed at every step: init, sync, verify --repair,
# key add-passphrase and key remove. The same command then works, and all is
# whole.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf

at_once() { look_at_endpoints; }
again() { must_run 0 "$@"; }

# try_all COMMAND…: each step, from the ground on; "at_once" is called after the
# kill, then "again", then "look"
try_all() {
	local step what="${*//$T/}"
	what=${what#*triplicate.conf }
	put_ground_back
	count_steps "$@"
	exits 0 "$what: $steps steps, not killed"
	for step in $(steps_to_try "$steps"); do
		put_ground_back
		round_begins
		crash_at "$step" "$@"
		at_once
		age_uploads
		again "$@"
		look
		look_for_leftovers
		round_ends "$what: step $step, $stage"
	done
}

# --- init: the first backup comes after it -----------------------------------
KEPT_PARTS="state $ENDPOINTS agent.key restore.key"
look() {
	must_run 0 "${tria[@]}" --json backup
	look_at_repository 1 1 "$(json .backup.id)"
}
keep_ground
try_all "${tria[@]}" init

# --- sync: one endpoint is empty, one lacks some -----------------------------
put_ground_back
init_repository
backup
first=$id
change_branch
backup
exits 0 "two backups"
second=$id
keep_ground
rm -rf "$T/ground/waw"
find "$T/ground/ams/packs" -type f | sort | sed -n '1~2p' | xargs -r rm -f
rm -f "$T/ground/ams/backups/$first"
look() { look_at_repository 2 2 "$first" "$second"; }
# What an endpoint lacked it may lack still; nothing there is worse than it was.
objects_of() {
	local endpoint
	for endpoint in $ENDPOINTS; do
		object_sums "$endpoint" | sed "s|  \./|  $endpoint/|" |
			grep -v '/\.tmp~/'
	done | sort
}
at_once() {
	local worse
	objects_of >"$T/now"
	worse=$(comm -13 "$T/now" "$T/good")
	[ -z "$worse" ] || problem "an object is lost or changed" "$worse"
}
put_ground_back
objects_of >"$T/good"
try_all "${tria[@]}" sync

# --- verify --repair: damage here, losses there ------------------------------
put_ground_back
tri sync
exits 0 "all endpoints are alike"
objects_of >"$T/healthy"
keep_ground
for pack in $(find "$T/ground/fra/packs" -type f | sort | sed -n '1~2p'); do
	flip "$pack" 100
done
rm -f "$T/ground/ams/backups/$second" "$(find "$T/ground/ams/index" -type f | sort | head -n 1)"
flip "$(find "$T/ground/waw/audit" -type f | sort | head -n 1)" 60
put_ground_back
# Those that are damaged now are as they were before, or healed.
objects_of | comm -12 - "$T/healthy" >"$T/good"
try_all "${tria[@]}" verify --repair

# --- passphrase slots --------------------------------------------------------
put_ground_back
tri verify --repair
exits 0 "healed"
at_once() { look_at_endpoints; }
keep_ground
printf 'nine-quiet-otters-paint-eleven-windows-before-dawn\n' >"$T/passphrase"
chmod 600 "$T/passphrase"
look() {
	local endpoint
	look_at_repository 2 2 "$first" "$second"
	for endpoint in $ENDPOINTS; do
		[ "$(objects "$endpoint" keys | wc -l)" = "$slots" ] ||
			problem "$endpoint has not $slots slots" "$(objects "$endpoint" keys)"
	done
}
slots=1
try_all "${tria[@]}" key add-passphrase paper --passphrase-file "$T/passphrase"
put_ground_back
tri key add-passphrase paper --passphrase-file "$T/passphrase"
exits 0 "a slot"
keep_ground
slots=0
# Killed when all was done, it says the second time that there is none.
again() {
	run "$@"
	case $status in
	0) ;;
	4) [ -z "$(objects fra keys)$(objects ams keys)$(objects waw keys)" ] ||
		problem ""no such slot", but there is one" ;;
	*) problem "key remove ended with $status" "$err" ;;
	esac
	must_run 0 "${tria[@]}" sync
}
try_all "${tria[@]}" key remove paper
tap_done
