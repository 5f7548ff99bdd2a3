# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # status, err and T are scenario.sh's
# Cases of bad input, one test point each: exit status, error.kind, what the
# message says, a hint that says what to do, no secret in it, and that nothing
# was changed. Sourced behind scenario.sh.

# What must stay as it is: every file below $T by name, owner, mode and
# contents, and every database by name, owner and oid. Not what
# reading alone touches (LMDB's table of readers, what was fetched), nor our own
# notes.
WORLD_WITHOUT='-name lock.mdb -o -path */state/cache -o -name lock -o -name out -o -name err -o -name world.*'
world() ( # no globbing: the patterns are find's
	set -f
	# shellcheck disable=SC2086
	find "$T" \( $WORLD_WITHOUT ${WORLD_ALSO_WITHOUT:-} \) -prune -o \
		-printf '%y %m %u %P %l\n' | sort
	# shellcheck disable=SC2086
	find "$T" \( $WORLD_WITHOUT ${WORLD_ALSO_WITHOUT:-} \) -prune -o \
		-type f -print0 | sort -z | xargs -0 -r sha1sum
	[ -z "${PGHOST:-}" ] || [ -n "${WORLD_NO_SERVER:-}" ] ||
		sql postgres "SELECT datname, datdba, datallowconn, datconnlimit, oid
			FROM pg_database ORDER BY 1"
)

# What the last run answered against what it should have; findings as lines.
wrong_answer() { # wrong_answer STATUS KIND PATTERN
	local kind=none message='' hint=''
	{
		IFS= read -r kind
		IFS= read -r message
		IFS= read -r hint
	} < <(jq -r '.error | .kind // "none", .message // "", .hint // ""' "$T/out" 2>&1)
	[ "$status" = "$1" ] || echo "exit $status, expected $1"
	[ "$kind" = "$2" ] || echo "kind $kind, expected $2"
	grep -Eqi -e "$3" <<<"$message | $hint" || echo "does not say: $3"
	! grep -Eqi -e 'hunter2|\(null\)' <<<"$message$hint$err" ||
		echo "a secret, or nothing where a name should be"
	[ -n "$hint" ] || grep -Eq 'expected |nearest known' <<<"$message" ||
		echo "no hint: what is to be done next?"
	[ -n "$message" ] && [[ $err == *"$message"* ]] ||
		echo "standard error lacks the message"
}

# From now on every case is compared with the world as it is now.
WORLD_HOLDS=
world_holds() {
	world >"$T/world.before"
	WORLD_HOLDS=1
}

# wrong_case DESCRIPTION STATUS KIND PATTERN COMMAND…: runs it as given
wrong_case() {
	local what=$1 expected=$2 kind=$3 pattern=$4 found
	shift 4
	[ -n "$WORLD_HOLDS" ] || world >"$T/world.before"
	run "$@"
	found=$(wrong_answer "$expected" "$kind" "$pattern")
	world >"$T/world.after"
	cmp -s "$T/world.before" "$T/world.after" || found="$found
changed: $(diff "$T/world.before" "$T/world.after" | head -n 6)"
	if [ -z "$found" ]; then
		pass "$what: $expected $kind"
	else
		fail "$what: $expected $kind" "$found
it said: $(head -n 4 <<<"$err")"
	fi
}

# wrong DESCRIPTION STATUS KIND PATTERN WORDS…: the command line as usual
wrong() {
	local what=$1 expected=$2 kind=$3 pattern=$4
	shift 4
	wrong_case "$what" "$expected" "$kind" "$pattern" \
		"$TRIPLICATE" -c "$CONF" --json "$@"
}
