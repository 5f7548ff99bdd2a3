#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A job that is under way: a second one is told who holds the repository, an
# interrupt ends it, a kill leaves nothing that has to be mended by hand.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
cat >>"$CONF" <<-E

	[branch scratch]
	stage = development
E
init_repository
backup
exits 0 "a backup"
mkfifo "$T/pipe"

# A backup that waits for its standard input, once it has said that it runs.
start_waiting() {
	local i
	"$TRIPLICATE" -c "$CONF" backup scratch --stdin slow \
		<"$T/pipe" >"$T/waiting.out" 2>"$T/waiting.err" &
	job=$!
	exec 7>"$T/pipe"
	head -c 3000000 /dev/zero >&7
	for ((i = 0; i < 100; i++)); do
		tri backup production
		[ "$status" = 5 ] && return 0
		sleep 0.1
	done
	return 1
}

if start_waiting; then pass "while a backup runs, another gets 5"; else
	fail "while a backup runs, another gets 5" "exit $status: $err"
fi
like "$err" "$job|hold|running|another" "and is told who holds the repository"
tri list
exits 0 "reading goes on"
kill -INT "$job"
wait "$job"
is $? 130 "interrupted, it ends with 130"
exec 7>&-
tri backup production
exits 0 "the next backup works at once"

start_waiting || fail "a second waiting backup"
kill -KILL "$job"
wait "$job" 2>/dev/null
exec 7>&-
tri backup production
exits 0 "after a kill the next backup works at once"
tri verify --depth data
exits 0 "and everything is whole"
trij list
is "$(json '[.backups[] | select(.state == "complete")] | length')" \
	"$(json '.backups | length')" "no half backup is listed"
for endpoint in ams waw; do
	is "$(objects $endpoint backups)" "$(objects fra backups)" \
		"$endpoint lists what fra lists"
done

# --- a restore that is interrupted -------------------------------------------
trij restore production/latest --to staging
exits 0 "a staging copy"
before=$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_staging'")
for wait in 0.1 0.3 0.6; do
	"$TRIPLICATE" -c "$CONF" restore production/latest --to staging --yes \
		>"$T/out" 2>"$T/err" &
	job=$!
	sleep $wait
	kill -KILL $job 2>/dev/null
	wait $job 2>/dev/null
done
is "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '${DB}_staging'")" 1 \
	"after three killed restores the branch is there"
is "$(neutral_facts "${DB}_staging" | awk '$2 != 0')" "" "and neutral"
trij restore production/latest --to staging --yes
exits 0 "the next restore works"
isnt "$(sql postgres "SELECT oid FROM pg_database WHERE datname = '${DB}_staging'")" \
	"$before" "and replaces it"
is "$(hidden_databases)" "" "the halves of the killed ones are gone"
tap_done
