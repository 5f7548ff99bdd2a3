#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A stop by a signal, at the beginning of every phase of every long command and
# in the middle of what blocks: it ends soon with 130, leaves no child and no
# session, and the next run works. The seconds are what the product promises
# (two, here five on a machine that has others to serve), measured in one run.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/stop.sh"
. "$TOP/tests/lib/memory.sh"
need_postgres
SAMPLE_ROWS=2000 SAMPLE_FILES=30 SAMPLE_MB=4 make_branch
printf 'correct horse battery staple, at last\n' >"$T/passphrase"
write_conf 'jobs = 2'
cat >>"$CONF" <<-E

	[branch scratch]
	stage = development
E

# --- every phase of every command ---------------------------------------------
stop_in_phases() { # stop_in_phases "PHASE…" COMMAND…
	local phases=$1 phase signal=INT
	shift
	for phase in $phases; do
		if begin_at "phase $phase" "$@"; then
			end_it $signal "$1, $phase"
		else
			fail "$1 has a phase $phase" "$(tail -n 5 "$T/err")"
		fi
		[ $signal = INT ] && signal=TERM || signal=INT
	done
}

if begin_at "repository to be made" init; then end_it INT "init"; else
	fail "init has a stage" "$(cat "$T/err")"
fi
init_repository
stop_in_phases "snapshot tables attachments logs commit endpoints" backup
backup production
exits 0 "the next backup works"
json_is .backup.state complete "and is complete"

stop_in_phases "plan schema tables indexes check neutralize swap" \
	restore latest --to staging --yes
stop_in_phases "attachments" restore latest --to staging --yes
trij restore latest --to staging --yes
exits 0 "the next restore works"
is "$(hidden_databases)" "" "and no hidden database is left"
stop_in_phases "plan files" restore latest --to-dir "$T/plain"
rm -rf "$T/plain"
tri restore latest --to-dir "$T/plain"
exits 0 "the next one into a folder works"
stop_in_phases "verify" verify --depth data
stop_in_phases "endpoints" sync
mkdir "$T/bare"
stop_in_phases "index/ backups/" recover --from "file://$T/fra" \
	--key "$T/restore.key" --state "$T/bare/state" -o "$T/bare/t.conf"
rm -rf "$T/bare"

# --- in the middle of what waits -------------------------------------------------
psql -X -q -d "${DB}_main" >"$T/holder" 2>&1 <<-'E' &
	BEGIN;
	LOCK TABLE sale_order IN ACCESS EXCLUSIVE MODE;
	SELECT pg_sleep(60);
E
holder=$!
until_true [ -n "\$(sql postgres \"SELECT 1 FROM pg_stat_activity
	WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()\")" ]
begin backup production
sleep 1
end_it INT "backup that waits for a lock"
sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null
wait $holder 2>/dev/null

if begin_at "phase tables" backup production; then
	freeze "$(backends "${DB}_main")" "backup whose server sessions stall"
fi
if begin_at "phase tables" backup production; then
	freeze "$(children pg_dump)" "backup whose pg_dump hangs"
fi
if begin_at "phase tables" restore latest --to staging --yes; then
	freeze "$(backends 'triplicate\_%')" "restore whose COPY stalls"
fi
if begin_at "phase tables" restore latest --to staging --yes; then
	freeze "$(children psql)" "restore whose psql hangs"
fi
# The whole server, as on a host that hangs: nobody takes a cancel request.
if [ -z "$OWN_PG" ]; then
	skip "the server is not ours" "restore whose whole server hangs"
elif begin_at "phase indexes" restore latest --to staging --yes; then
	read -r postmaster _ <"$OWN_PG/pid"
	freeze "$postmaster $(sql postgres "SELECT pid FROM pg_stat_activity
		WHERE pid <> pg_backend_pid()")" "restore whose whole server hangs"
fi
# In the middle of the rows, when the server takes no more of them. A COPY that
# was too quick is tried again.
wide_table "${DB}_main" wide 60
backup production
copying() {
	sql postgres "SELECT pid FROM pg_stat_activity WHERE state = 'active'
		AND query LIKE 'COPY %wide%' AND datname LIKE 'triplicate\_%'"
}
for ((i = 0; i < 5; i++)); do
	begin restore latest --to staging --yes
	pid=
	while [ -z "$pid" ] && kill -0 "$job" 2>/dev/null; do pid=$(copying); done
	[ -z "$pid" ] || break
	wait "$job"
done
freeze "$pid" "restore that is in the middle of a table's rows"

trij restore latest --to staging --yes
exits 0 "the next restore works after all of that"
is "$(hidden_databases)" "" "and removes what they left"

# A fast source and slow endpoints
cp "$CONF" "$T/fast.conf"
sed -i '/^url/a upload-limit = 100K' "$CONF"
head -c 3000000 /dev/urandom >"$T/filestore/main/noise"
for command in "backup production" sync; do
	[ "$command" != sync ] || rm -rf "$T/waw" # it is to be filled again
	# shellcheck disable=SC2086
	if begin_at "phase endpoints" $command; then
		go_on
		sleep 0.5
		end_it INT "$command whose endpoints are slow"
	fi
done
cp "$T/fast.conf" "$CONF"
tri sync
exits 0 "what waited is sent by the next sync"

# Standard input that does not come
mkfifo "$T/pipe"
exec 7<>"$T/pipe"
INPUT=$T/pipe begin backup scratch --stdin slow
sleep 1
end_it INT "backup that waits for standard input"
exec 7>&-

# A passphrase is stretched, which nothing can interrupt
if begin_at "passphrase to be stretched" key add-passphrase \
	--passphrase-file "$T/passphrase"; then
	go_on
	sleep 0.1
	end_it INT "a passphrase that is stretched"
else
	fail "a passphrase is stretched" "$(cat "$T/err")"
fi

# --- a terminal -------------------------------------------------------------------
if command -v script >/dev/null; then
	{
		until_true grep -q "'Go on'" "$T/terminal"
		printf '\003'
		now_ms >"$T/pressed"
		sleep 1
	} | script -qefc "$TRIPLICATE -c $CONF restore latest --to staging" \
		"$T/terminal" >"$T/out" 2>&1
	is $? 130 "a question on the terminal, Ctrl-C: 130"
	at_most $(($(now_ms) - $(cat "$T/pressed"))) $LIMIT_MS "and ends soon"
else
	skip "no script(1) here" "a question on the terminal"
fi

until_true [ "\$(sessions)" = 0 ]
is "$(sessions)" 0 "no session is left at the server"
backup production
exits 0 "a last backup"
tri verify --depth data
exits 0 "everything is whole"
echo "# the slowest stop took $slowest ms"
tap_done
