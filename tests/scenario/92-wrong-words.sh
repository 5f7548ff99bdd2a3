#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What people type wrong, keys that aren't the right ones, and targets that
# aren't theirs: each has its exit status, its kind, a message that says what to
# do next, and leaves everything as it was.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/wrong.sh
. "$TOP/tests/lib/wrong.sh"
need_postgres
SAMPLE_ROWS=200 SAMPLE_FILES=5 SAMPLE_MB=1 make_branch
write_conf
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = $(conninfo "${DB}_copy")
	filestore = $T/filestore/copy

	[branch theirs]
	stage = staging
	database = $(conninfo "${DB}_theirs")
	filestore = $T/filestore/theirs

	[branch poor]
	stage = staging
	database = $(conninfo "${DB}_poor" poor)

	[branch ownerless]
	stage = staging
	database = $(conninfo "${DB}_ownerless")
	owner = no_such_role

	[branch foreign]
	stage = staging
	database = $(conninfo "${DB}_foreign")
	owner = poor

	[branch away]
	stage = staging
	database = host=$PGHOST port=1 dbname=x user=odoo

	[branch upkeep]
	stage = staging
	database = $(conninfo "${DB}_upkeep")
	maintenance-database = no_such_database

	[branch stream]
	stage = development
E
cp "$CONF" "$T/good.conf"
root_sql() { # as the server's superuser
	PGUSER=postgres sql "$@"
}
must root_sql postgres "CREATE ROLE poor LOGIN"
must root_sql postgres "CREATE DATABASE ${DB}_theirs OWNER poor"
wrong "no repository yet" 4 not-found "init" backup production
init_repository
tri backup production --type daily
exits 0 "a backup"
sleep 1
backup production
exits 0 "and another"
tri restore production/latest --to staging --yes
exits 0 "a staging branch that is there"
rm -f "$T/out" "$T/err"
# A restore that begins claims what its backup needs, in local state, and lets go
# of it; an entry of the audit log would show at the endpoints.
WORLD_ALSO_WITHOUT='-o -name good.conf -o -name bad.conf -o -path */state/db -o -path */state/jobs'
world_holds

# --- words -------------------------------------------------------------------
LONG=$(head -c 100000 /dev/zero | tr '\0' x)
wrong "an unknown command" 2 usage 'bakcup.*backup' bakcup
wrong "an empty command" 2 usage 'command' ""
wrong "a very long command" 2 usage 'unknown command' "$LONG"
wrong "an unknown option" 2 usage "'--tpye'.*--type" backup --tpye manual
wrong "an option without its value" 2 usage '--type: expected TYPE' backup --type
wrong "an option in place of a value" 2 usage '--to: expected BRANCH' restore latest --to --yes
wrong "a flag with a value" 2 usage '--yes takes no value' restore latest --to staging --yes=no
wrong "an option twice" 2 usage '--to .*twice' restore latest --to staging --to copy
wrong "one word too many" 2 usage 'usage: triplicate status' status production
wrong "two branches" 2 usage 'usage: triplicate backup' backup production staging
wrong "one word too few" 2 usage 'usage: triplicate show' show
wrong "an unknown way of progress" 2 usage 'json, text or none' --progress=xml list
mapfile -t MANY < <(seq 5000)
wrong "5,000 words" 2 usage 'words' verify "${MANY[@]}"
wrong "nothing for -c" 2 usage '-c: expected FILE' list -c
wrong "-- ends the options" 4 not-found "'--tables'|no backup" show -- --tables
tri show -- production/latest
exits 0 "and what is behind it is a word"

# --- branches and backups ----------------------------------------------------
wrong "an unknown branch" 4 not-found "no branch 'nowhere'.*production" backup nowhere
wrong "an empty branch" 4 not-found "no branch ''.*production" backup ""
wrong "a very long branch" 4 not-found "no branch" backup "$LONG"
wrong "a branch of odd bytes" 4 not-found "no branch '..x'" backup $'\xff\xfex'
wrong "a branch with a newline" 4 not-found "no branch 'a.b'" backup $'a\nb'
wrong "an unknown branch to list" 4 not-found "nowhere" list nowhere
wrong "several production branches" 2 usage "production.*copy" backup
wrong "an ambiguous latest" 2 usage "production/latest|BRANCH/latest" show latest
wrong "latest of an unknown branch" 4 not-found "nowhere" show nowhere/latest
wrong "latest of a branch without any" 4 not-found "copy" show copy/latest
wrong "latest~2 of two" 4 not-found "latest~2" show production/latest~2
wrong "latest~99999999999999999999" 4 not-found "latest~9" show production/latest~99999999999999999999
wrong "latest~-1" 2 usage "latest~N" show production/latest~-1
wrong "latest~" 2 usage "latest~N" show production/latest~
wrong "latest~x" 2 usage "latest~N" show production/latest~x
wrong "an unknown backup" 4 not-found "19990101T000000Z-00000000" show 19990101T000000Z-00000000
wrong "a malformed id" 4 not-found "what" show what
wrong "an empty id" 2 usage "BACKUP" show ""
wrong "an empty id to restore" 2 usage "BACKUP" restore "" --to staging --yes
wrong "a date without a backup" 4 not-found "1999-01-01" show 1999-01-01
wrong "no such date" 4 not-found "2026-99-99" show 2026-99-99
wrong "an ambiguous prefix" 2 usage "ambiguous|several|more than one" show "${id:0:8}"
wrong "verify of an unknown backup" 4 not-found "19990101" verify 19990101
wrong "an unknown endpoint to verify" 4 not-found "nowhere.*fra" verify --endpoint nowhere
wrong "an empty endpoint to verify" 4 not-found "fra" verify --endpoint ""
wrong "an unknown endpoint to sync" 4 not-found "nowhere.*fra" sync nowhere
wrong "an unknown depth" 2 usage "presence, hash or data" verify --depth deep
wrong "an empty depth" 2 usage "presence, hash or data" verify --depth=
wrong "a type with a blank" 2 usage "--type" backup production --type "a b"
wrong "a type of 24 letters" 2 usage "--type" backup production --type abcdefghijklmnopqrstuvwx
wrong "a comment of 100,000 letters" 2 usage "--comment" backup production --comment "$LONG"
wrong "a comment of odd bytes" 2 usage "--comment" backup production --comment $'\xff'

# --- streams -----------------------------------------------------------------
for name in "" . .. ../x a/../b /etc/passwd $'a\nb' $'\xff' "$LONG"; do
	wrong "a stream named '${name:0:20}'" 2 usage "--stdin" backup stream --stdin "$name"
done
wrong "a branch of nothing" 2 usage "stdin" backup stream

# --- what and where to restore -----------------------------------------------
L=production/latest
wrong "no target" 2 usage "--to BRANCH or --to-dir DIR" restore $L
wrong "two targets" 2 usage "--to BRANCH or --to-dir DIR" restore $L --to staging --to-dir "$T/d"
wrong "--only everything" 2 usage "database, filestore or logs" restore $L --to staging --only everything
wrong "--only of nothing" 2 usage "database, filestore or logs" restore $L --to staging --only= --yes
wrong "--only with a comma too many" 2 usage "database, filestore or logs" restore $L --to staging --only database, --yes
wrong "an unknown target" 4 not-found "nowhere" restore $L --to nowhere
wrong "an unknown table" 4 not-found "no_such_table.*--tables" restore $L --to staging --table no_such_table
wrong "an empty table" 2 usage "--table" restore $L --to staging --table ""
wrong "--table with --to-dir" 2 usage "--table" restore $L --to-dir "$T/d" --table res_company
wrong "--table with --only filestore" 2 usage "--table" restore $L --to staging --table res_company --only filestore
wrong "--table into a branch without database" 2 usage "database" restore $L --to stream --table res_company
wrong "a backup into a branch of nothing" 2 usage "nothing for branch stream" restore $L --to stream
wrong "PATHs with --to" 2 usage "PATH" restore $L --to staging filestore/x
wrong "--dry-run with --to-dir" 2 usage "--dry-run" restore $L --to-dir "$T/d" --dry-run
wrong "an unknown PATH" 4 not-found "no/such" restore $L --to-dir "$T/d" no/such
wrong "an empty --to-dir" 2 usage "--to-dir" restore $L --to-dir ""
wrong "--to-dir into a file" 8 refused "agent.key" restore $L --to-dir "$T/agent.key"
wrong "--to-dir below a file" 8 refused "agent.key" restore $L --to-dir "$T/agent.key/x"
wrong "a staging branch that is there, off a terminal" 8 refused "staging.*--yes" restore $L --to staging
wrong "a production target without --confirm" 8 refused "copy.*--confirm copy" restore $L --to copy
wrong "--confirm of another branch" 8 refused "another.*--confirm copy" restore $L --to copy --confirm production
wrong "an empty --confirm" 8 refused "--confirm copy" restore $L --to copy --confirm ""
wrong "--yes in place of --confirm" 8 refused "--confirm copy" restore $L --to copy --yes
wrong "a database of another role" 8 refused "${DB}_theirs.*poor" restore $L --to theirs --yes
wrong "a role that may make no database" 1 permission "poor.*CREATEDB" restore $L --to poor
wrong "an owner that is no role" 2 config "no_such_role" restore $L --to ownerless
wrong "an owner that we are not of" 1 permission "GRANT" restore $L --to foreign
wrong "a server that is down" 1 database "port 1|:1" restore $L --to away
wrong "a maintenance database that isn't there" 1 database "no_such_database.*maintenance-database" restore $L --to upkeep
sed "s|dbname=${DB}_theirs|dbname=${DB}_main|" "$T/good.conf" >"$T/bad.conf"
wrong_case "the database of another branch" 2 config "same database" \
	"$TRIPLICATE" -c "$T/bad.conf" --json restore $L --to theirs --yes
rm "$T/bad.conf"

# --- keys --------------------------------------------------------------------
# Each is tried with what needs that key.
key_is() { # key_is agent|restore DESCRIPTION PATTERN
	WORLD_HOLDS=
	if [ "$1" = agent ]; then
		wrong "agent.key $2" 6 key "$3" backup production
	else
		wrong "restore.key $2" 6 key "$3" restore $L --to staging --yes
	fi
	WORLD_HOLDS=1
}
mkdir "$T/other"
sed "s|$T/|$T/other/|g" "$T/good.conf" >"$T/other/triplicate.conf"
run "$TRIPLICATE" -c "$T/other/triplicate.conf" init
exits 0 "another repository"
for key in agent restore; do
	file=$T/$key.key
	other=restore
	[ $key = agent ] || other=agent
	cp -p "$file" "$T/kept"
	rm "$file"
	key_is $key "is missing" "$key\.key"
	mkdir "$file"
	key_is $key "is a folder" "$key\.key.*not a plain file"
	rmdir "$file"
	ln -s "$T/kept" "$file"
	key_is $key "is a link" "$key\.key.*a symbolic link"
	rm "$file"
	mkfifo -m 600 "$file"
	key_is $key "is a pipe" "$key\.key.*not a plain file"
	rm "$file"
	install -m 600 /dev/null "$file"
	key_is $key "is empty" "$key\.key"
	head -c 100 "$T/kept" >"$file"
	key_is $key "is cut" "$key\.key"
	head -c 2000 /dev/urandom >"$file"
	key_is $key "is junk" "$key\.key"
	head -c 2000000 /dev/zero >"$file"
	key_is $key "is 2 MB" "$key\.key"
	sed 's/[0-9a-f]\{8\}$/00000000/' "$T/kept" >"$file"
	key_is $key "has wrong digits" "$key\.key"
	cat "$T/$other.key" >"$file"
	key_is $key "is the other kind" "$key\.key"
	cat "$T/other/$key.key" >"$file"
	key_is $key "is of another repository" "$key\.key.*repository"
	cat "$T/kept" >"$file"
	for mode in 644 640 620 604; do
		chmod $mode "$file"
		key_is $key "of mode $mode" "$key\.key.*chmod 600"
	done
	rm "$file"
	mv "$T/kept" "$file"
done
rm -r "$T/other"
sed '/^restore-key/d' "$T/good.conf" >"$CONF"
WORLD_HOLDS=
wrong "no restore key in the configuration" 6 key "restore-key" restore $L --to staging --yes
wrong "nor for a look inside" 6 key "restore-key" show $L --tables
cp "$T/good.conf" "$CONF"

# --- recover, key ------------------------------------------------------------
# recover makes files: beside a configuration of its own.
mkdir "$T/new"
new() { # new DESCRIPTION STATUS KIND PATTERN WORDS…
	local what=$1 expected=$2 kind=$3 pattern=$4
	shift 4
	wrong_case "$what" "$expected" "$kind" "$pattern" \
		"$TRIPLICATE" --json recover -o "$T/new/t.conf" "$@"
}
world_holds
new "recover from nowhere" 2 usage "--from"
new "recover from an unknown scheme" 2 config "ftp.*s3\+https" --from ftp://h/x --key "$T/restore.key"
new "recover from a folder that isn't there" 4 not-found "missing|no such" --from "file://$T/nowhere" --key "$T/restore.key"
new "recover from a folder without a repository" 4 not-found "logs/config.*folder or bucket" --from "file://$T/logs" --key "$T/restore.key"
new "recover without a key" 6 key "--key FILE" --from "file://$T/fra"
new "recover with both" 2 usage "--key.*--passphrase-file" --from "file://$T/fra" --key "$T/restore.key" --passphrase-file "$T/good.conf"
new "recover with a key that isn't there" 6 key "no.key" --from "file://$T/fra" --key "$T/no.key"
new "recover with the agent's key" 6 key "agent.key.*restore" --from "file://$T/fra" --key "$T/agent.key"
new "recover with no passphrase file" 6 key "no.txt" --from "file://$T/fra" --passphrase-file "$T/no.txt"
: >"$T/new/empty"
head -c 100000 /dev/zero | tr '\0' x >"$T/new/long"
echo "no slot has this one" >"$T/new/phrase"
chmod 600 "$T"/new/*
world_holds
new "recover with an empty passphrase" 6 key "empty" --from "file://$T/fra" --passphrase-file "$T/new/empty"
new "recover with a passphrase of 100,000 letters" 6 key "long" --from "file://$T/fra" --passphrase-file "$T/new/long"
new "recover with a passphrase where no slot is" 6 key "slot|passphrase" --from "file://$T/fra" --passphrase-file "$T/new/phrase"
wrong_case "recover over a configuration" 8 refused "there already.*-o" \
	"$TRIPLICATE" --json recover --from "file://$T/fra" --key "$T/restore.key" -o "$CONF"
wrong_case "recover from an unknown endpoint of a configuration" 4 not-found "nowhere.*fra" \
	"$TRIPLICATE" -c "$CONF" --json recover --from nowhere --key "$T/restore.key" -o "$T/new/t.conf"
wrong "an unknown subcommand of key" 2 usage "show" key shwo
wrong "a weak passphrase" 8 refused "--force" key add-passphrase --passphrase-file "$T/new/phrase"
wrong "an empty passphrase" 6 key "empty" key add-passphrase --passphrase-file "$T/new/empty"
wrong "an unknown slot" 4 not-found "slot" key remove no-such-slot
tap_done
