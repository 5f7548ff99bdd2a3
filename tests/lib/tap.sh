# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Test points in TAP, without a plan beforehand: each says what it found when
# it fails. Sourced, not run.

tap_points=0
tap_failed=0

pass() {
	tap_points=$((tap_points + 1))
	echo "ok $tap_points - $1"
}

# fail DESCRIPTION [WHAT WAS FOUND]
fail() {
	tap_points=$((tap_points + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_points - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 30 | sed 's/^/#   /'
}

# ok DESCRIPTION COMMAND…: the command succeeds
ok() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then pass "$what"; else
		fail "$what" "$* failed: $output"
	fi
}

# is GOT EXPECTED DESCRIPTION
is() {
	if [ "$1" = "$2" ]; then pass "$3"; else
		fail "$3" "got:      $1
expected: $2"
	fi
}

isnt() {
	if [ "$1" != "$2" ]; then pass "$3"; else
		fail "$3" "got what was not expected: $1"
	fi
}

# like TEXT EXTENDED-REGULAR-EXPRESSION DESCRIPTION
like() {
	if grep -Eqi -e "$2" <<<"$1"; then pass "$3"; else
		fail "$3" "no match for: $2
in: $1"
	fi
}

unlike() {
	if grep -Eqi -e "$2" <<<"$1"; then
		fail "$3" "matches: $2
in: $1"
	else pass "$3"; fi
}

# at_most NUMBER LIMIT DESCRIPTION; at_least likewise
at_most() {
	if [ -n "$1" ] && [ "$1" -le "$2" ] 2>/dev/null; then pass "$3"; else
		fail "$3" "$1 is more than $2"
	fi
}
at_least() {
	if [ -n "$1" ] && [ "$1" -ge "$2" ] 2>/dev/null; then pass "$3"; else
		fail "$3" "$1 is less than $2"
	fi
}

# skip REASON DESCRIPTION: one point that this machine cannot try
skip() {
	tap_points=$((tap_points + 1))
	echo "ok $tap_points - $2 # SKIP $1"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# The last line of a scenario.
tap_done() {
	echo "1..$tap_points"
	[ "$tap_points" -gt 0 ] && [ "$tap_failed" = 0 ]
}
