#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a prune costs where there is much: 5,000 chunks for each of SIZE (200, so
# a million) in packs of 64, in 14 daily backups, at three local endpoints; the
# repository is made by tests/tools/fill.
#   one goes      of the 14: its removal, the sweep of all packs, recipes read
#                 and thin packs written anew
#   nothing goes  the prune of every other day
#   the grace     is over: packs are deleted, endpoint by endpoint
#   a day later   local state forgets their chunks
# Each with seconds and the most anonymous memory, against the targets: seconds,
# and less than 100 MB. STRICT=1: one that misses fails.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/memory.sh"
CHUNKS=$((${SIZE:-200} * 5000))
SECONDS_MOST=10
MIB_MOST=100
FILL=$TOP/build/release/tests/tools/fill

give_up() {
	echo "prune: $1"
	exit 1
}
plain_branch
printf 'zone = UTC\nkeep = 13 daily\n' >>"$CONF"
tri init
[ "$status" = 0 ] || give_up "init: $err"
begun=$SECONDS
made=$("$FILL" "$CONF" $CHUNKS) || give_up "the repository could not be made"
echo "prune: $made, made in $((SECONDS - begun)) s"

missed=0
# measure WHAT SECONDS-LATER FILTER: a prune, of which the filter must be true
measure() {
	local began took verdict=met
	began=$(date +%s%N)
	TRIPLICATE_CLOCK_OFFSET=$2 peak prune
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$status" = 0 ] || give_up "$1: exit $status: $err"
	[ "$(json "$3")" = true ] || give_up "$1: not what is measured: $out"
	[ $took -le $((SECONDS_MOST * 1000)) ] && [ "$peak" -lt $MIB_MOST ] ||
		verdict=missed
	[ $verdict = met ] || missed=$((missed + 1))
	printf '%-28s %5d.%02d s, target seconds (%d); %4d MiB, target under %d: %s\n' \
		"$1" $((took / 1000)) $((took / 10 % 100)) $SECONDS_MOST "$peak" \
		$MIB_MOST $verdict
}
measure "one of 14 backups goes" 0 \
	'(.prune.remove | length) == 1 and .prune.packs_rewritten > 0 and .prune.waiting.packs > 0'
measure "nothing goes" 0 \
	'(.prune.remove | length) == 0 and .prune.packs_rewritten == 0 and .prune.packs_removed == 0'
measure "the grace is over" $((49 * 3600)) '.prune.packs_removed > 0'
measure "what is gone is forgotten" $((75 * 3600)) '.prune.packs_removed == 0'
[ $missed = 0 ] || echo "prune: $missed of 4 targets missed"
[ $missed = 0 ] || [ "${STRICT:-0}" != 1 ]
