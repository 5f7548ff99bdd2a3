#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What long work says of how far it is: as JSON for programs, as one live line
# on a terminal, as plain lines elsewhere; and that it is true.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/filestore.sh"
need_postgres
SAMPLE_ROWS=20000 SAMPLE_FILES=200 SAMPLE_MB=30 make_branch
# Rows that are larger as text than on disk, and files that no row names
sql "${DB}_main" "CREATE TABLE packed (id int PRIMARY KEY, body text)"
sql "${DB}_main" "INSERT INTO packed SELECT i, repeat('packed ', 2000 + i % 7)
	FROM generate_series(1, 3000) i"
sql "${DB}_main" "ANALYZE packed, account_move_line"
for i in $(seq 12); do
	bytes_of noise 8000000 "$((i + 100))" >"$T/filestore/main/noise.$i"
done
write_conf
init_repository

# events: the progress that the last run told, as one array
events() { grep '^{' "$T/err" | jq -s 'map(select(.event == "progress"))'; }

# Each phase as a list of its events, for the checks below
# shellcheck disable=SC2016 # jq has variables of its own
phases='def phases: reduce .[] as $x ([]; if length > 0 and
	.[-1][-1].phase == $x.phase then .[-1] += [$x] else . + [[$x]] end);'

# tells "PHASE…" COMMAND…: runs it, and checks what is true of every event
tells() {
	local wanted=$1 phase
	shift
	run "$TRIPLICATE" -c "$CONF" --progress=json "$@"
	exits 0 "$1: it goes well"
	events >"$T/events"
	is "$(jq 'map(select(((keys - ["event", "phase", "done", "total", "bytes",
		"rate", "eta_s"] == []) and (keys | length == 7) and (.phase | type == "string") and
		([.done, .total, .bytes, .rate] | all(type == "number")) and
		(.eta_s | type == "number" or . == null)) | not)) | length' \
		"$T/events")" 0 "$1: every event has its keys"
	for phase in $wanted; do
		isnt "$(jq --arg p "$phase" 'map(select(.phase == $p)) | length' \
			"$T/events")" 0 "$1: phase $phase is told"
	done
	is "$(jq -c 'map(select(.total > 0 and .done > 1.05 * .total))' \
		"$T/events")" "[]" "$1: nothing is done that is not in the total"
	is "$(jq -c "$phases"' phases | map(select(. as $p |
		any(range(1; length); $p[.].done < $p[. - 1].done)))' \
		"$T/events")" "[]" "$1: nothing is undone"
	is "$(jq -c "$phases"' phases | map(.[-1]) | map(select(.total > 0 and
		(.done < 0.97 * .total or .done > 1.03 * .total)))' \
		"$T/events")" "[]" "$1: a phase ends where its total is"
	is "$(jq -c 'map(select(.bytes < 0 or .eta_s != null and .eta_s < 0))' \
		"$T/events")" "[]" "$1: no figure is negative"
}

tells "snapshot tables attachments logs commit endpoints" backup production
tells "tables attachments" backup production
tells "plan schema tables indexes check neutralize swap attachments" \
	restore latest --to staging --yes
tells "plan files" restore latest --to-dir "$T/plain"
tells "verify" verify --depth data
id=$("$TRIPLICATE" -c "$CONF" --json list | jq -r '.backups[1].id')
tells "verify" verify "$id" --endpoint fra

# An endpoint that is not there is no work that is left.
mv "$T/waw" "$T/away"
change_branch
run "$TRIPLICATE" -c "$CONF" --progress=json backup production
exits 3 "a backup with an endpoint away"
events >"$T/events"
is "$(jq -c "$phases"' phases | map(.[-1]) | map(select(.total > 0 and
	(.done < 0.97 * .total or .done > 1.03 * .total)))' "$T/events")" "[]" \
	"its phases end where their totals are"

# A line of known speed: what is left and what is said to be left. Events come
# once a second, so those that follow one tell how long it still took; a busy
# machine stretches both.
cp "$CONF" "$T/fast.conf"
sed -i '/^\[endpoint waw\]/a upload-limit = 12M' "$CONF"
tells "endpoints" sync
echo "# $(jq -c 'map([(.done / 1000000 | floor), (.total / 1000000 | floor), .eta_s])' "$T/events")"
at_least "$(jq 'map(select(.phase == "endpoints")) | length' "$T/events")" 6 \
	"it took its time"
is "$(jq -c 'map(select(.phase == "endpoints")) | . as $p | length as $n |
	[range(($n / 2 | floor); $n)] | map({is: ($n - 1 - .), said: $p[.].eta_s}) |
	map(select(.said == null or (.said > 2.5 * .is + 3) or
	(.is > 2.5 * .said + 3)))' "$T/events")" "[]" \
	"in its second half the time that is left is known"
cp "$T/fast.conf" "$CONF"

# --- for people -----------------------------------------------------------------
escape=$(printf '\033')
if command -v script >/dev/null; then
	NO_COLOR=1 TERM=xterm script -qec "stty cols 44; $TRIPLICATE -c $CONF \
		verify --depth data" /dev/null </dev/null >"$T/terminal" 2>&1
	is $? 0 "on a terminal it goes well"
	sed "s/$escape\[K/\n/g" "$T/terminal" | tr -d '\r' >"$T/lines"
	grep -a '^verify ' "$T/lines" | grep -a '/s' >"$T/live"
	at_least "$(wc -l <"$T/live")" 1 "there is a live line"
	is "$(awk 'length($0) > 43' "$T/live")" "" "it fits the terminal"
	is "$(tr -d '\r\n' <"$T/terminal" | sed "s/$escape\[K//g" |
		tr -cd '\000-\037' | wc -c)" 0 \
		"nothing but the live line's own control characters, no colour"
	unlike "$(tr -d '\r\n' <"$T/terminal" | sed "s/.*$escape\[K//")" '/s  ' \
		"the live line is cleared at the end"
	unlike "$(sed "s/$escape\[K/\n/g" "$T/terminal" | grep -a objects)" '/s  ' \
		"and nothing is said behind it"
	TERM=dumb script -qec "$TRIPLICATE -c $CONF verify --depth data" \
		/dev/null </dev/null >"$T/terminal" 2>&1
	is "$(tr -d '\r\n' <"$T/terminal" | tr -cd '\000-\037' | wc -c)" 0 \
		"a dumb terminal gets plain lines"
else
	skip "no script(1) here" "the live line"
fi
tri backup production
exits 0 "not on a terminal"
is "$(tr -cd '\000-\011\013-\037' <"$T/err" | wc -c)" 0 \
	"there are no control characters"
run "$TRIPLICATE" -c "$CONF" -q verify
is "$err" "" "-q says nothing"
tap_done
