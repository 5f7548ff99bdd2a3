#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A recovery is killed at every step, with a key file, with a passphrase, with a
# take-over. The same command then works, and what it makes is whole.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
. "$(dirname "$0")/../lib/crash.sh"
make_small_branch
write_crash_conf
init_repository
backup
exits 0 "a backup"
first=$id
change_branch
backup
exits 0 "another one"
second=$id
printf 'nine-quiet-otters-paint-eleven-windows-before-dawn\n' >"$T/passphrase"
chmod 600 "$T/passphrase"
tri key add-passphrase paper --passphrase-file "$T/passphrase"
exits 0 "a slot"
KEPT_PARTS="$ENDPOINTS"
keep_ground
B=$T/machine

# begin: a bare machine, and endpoints as they were
bare_machine() {
	put_ground_back
	rm -rf "$B"
	mkdir "$B"
}

# Killed when all was done, it says the second time that it is there: then it
# must be whole.
again() {
	run "$@"
	case $status in
	0) ;;
	8) grep -q finished "$B/triplicate.conf" &&
		problem "refused, and not finished" "$err" ;;
	*) problem "recover ended with $status" "$err" ;;
	esac
}

look() { # look EPOCH
	local file found
	must_run 0 "$TRIPLICATE" -c "$B/triplicate.conf" verify --depth data
	must_run 0 "$TRIPLICATE" -c "$B/triplicate.conf" --json list
	[ "$(json '.backups[].id' | sort | tr '\n' ' ')" = "$first $second " ] ||
		problem "other backups are listed" "$out"
	for file in agent.key restore.key; do
		[ ! -e "$B/$file" ] || [ "$(stat -c %a "$B/$file")" = 600 ] ||
			problem "$file may be read by others"
	done
	found=$(find "$B" "$T/fra" \( -name '.tmp-*' -o -name '*.new' \
		-o -name '*.whole' \))
	[ -z "$found" ] || problem "temporary files" "$found"
}

# try_all WHAT COMMAND…
try_all() {
	local step what=$1
	shift
	bare_machine
	count_steps "$@"
	exits 0 "$what: $steps steps, not killed"
	for step in $(steps_to_try "$steps"); do
		bare_machine
		round_begins
		crash_at "$step" "$@"
		look_at_endpoints
		again "$@"
		look
		after
		round_ends "$what: step $step, $stage"
	done
}

after() { must_run 8 "$TRIPLICATE" -c "$B/triplicate.conf" sync; }
recover=("$TRIPLICATE" recover --from "file://$T/fra" -o "$B/triplicate.conf")
try_all "with the key" "${recover[@]}" --key "$T/restore.key"
try_all "with the passphrase" "${recover[@]}" --passphrase-file "$T/passphrase"
# It writes from now on; the machine that did before is stopped.
after() {
	must_run 0 "$TRIPLICATE" -c "$B/triplicate.conf" sync
	must_run 5 "${tria[@]}" backup
}
KEPT_PARTS="$ENDPOINTS state"
keep_ground
try_all "with a take-over" "${recover[@]}" --key "$T/restore.key" --take-over
tap_done
