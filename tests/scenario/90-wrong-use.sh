#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What people type wrong, and what is wrong with their configuration: each has
# its exit status and a message that says what failed, where, and what to do.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf

# wrong STATUS PATTERN WORDS…: exit status, message, and the same in JSON
wrong() {
	local expected=$1 pattern=$2
	shift 2
	tri "$@"
	exits "$expected" "$*: exit $expected"
	like "$err" "$pattern" "$*: says $pattern"
	trij "$@"
	like "$(json .error.kind)" '^(usage|config|not-found|busy|taken-over|key|damage|refused|quorum|database|source|space|network|permission|version|interrupted|internal)$' \
		"$*: has a kind in JSON"
	like "$(json '.error | "\(.message) \(.hint)"')" "$pattern" "$*: and the message"
}

kind_is() { json_is .error.kind "$1" "its kind is $1"; }

# --- before there is a repository --------------------------------------------
wrong 4 'init|repository' backup
kind_is not-found
wrong 4 'init|repository' list
init_repository

# --- words -------------------------------------------------------------------
wrong 2 'bakcup' bakcup
kind_is usage
run "$TRIPLICATE"
exits 2 "no command at all"
wrong 2 '--tpye' backup --tpye manual
wrong 2 'branch|staging|--to' restore latest
wrong 2 'only|database' restore latest --to staging --only everything
wrong 2 'depth|hash' verify --depth deep
wrong 2 'c|conf|argument|value' -c
run "$TRIPLICATE" --help
exits 0 "--help"
for command in init backup list show restore verify sync pin unpin status diff \
	find storage doctor recover neutralize key version; do
	run "$TRIPLICATE" $command --help
	exits 0 "$command --help"
	like "$out" "$command" "$command --help is about it"
done

# --- names -------------------------------------------------------------------
wrong 4 'nowhere' backup nowhere
wrong 4 'latest|no backup' show latest
backup
exits 0 "a backup to ask for"
sleep 1
backup
exits 0 "and another"
wrong 4 '19990101' show 19990101
wrong 4 '19990101' pin 19990101
wrong 4 '19990101' unpin 19990101
wrong 4 '19990101' diff latest 19990101
wrong 4 '19990101' diff 19990101 latest
wrong 4 'nowhere' find anything --branch nowhere
wrong 2 'pin|missing' pin
wrong 2 'diff|missing' diff latest
wrong 2 'diff|too many' diff latest latest latest
wrong 2 'find|missing' find
wrong 2 'find|expected' find ''
wrong 2 'storage|too many' storage production
wrong 4 'nowhere' restore latest --to nowhere
wrong 4 'no_such_table' restore latest --to staging --table no_such_table
wrong 4 'nowhere' verify --endpoint nowhere
wrong 4 'nowhere' sync nowhere
wrong 2 'ambiguous|more than one|several' show "${id:0:8}"
for command in pin unpin 'diff latest'; do
	# shellcheck disable=SC2086
	wrong 2 'ambiguous|more than one|several' $command "${id:0:8}"
done
trij show "$id"
exits 0 "a whole id is never ambiguous"
trij show latest~1
isnt "$(json .backup.id)" "$id" "latest~1 is the one before"
wrong 4 'latest~7' show latest~7
trij show "${id:0:4}-${id:4:2}-${id:6:2}T${id:9:2}"
ok "a date names the newest of that hour or is ambiguous" \
	test "$status" = 0 -o "$status" = 2

# --- refusals ----------------------------------------------------------------
cat >>"$CONF" <<-E

	[branch copy]
	stage = production
	database = $(conninfo "${DB}_copy")
	filestore = $T/filestore/copy
E
wrong 2 'production|copy|branch' backup
wrong 2 'ambiguous|production/latest|copy' show latest
wrong 8 'confirm' restore production/latest --to copy
kind_is refused
wrong 8 'confirm|copy' restore production/latest --to copy --confirm production
tri restore production/latest --to copy --confirm copy
exits 0 "with its name typed, it works"
same_database "${DB}_main" "${DB}_copy" "a production target is the source"

# A production target that exists is backed up first, and kept.
trij restore production/latest --to copy --confirm copy
exits 0 "over an existing production branch too"
trij list copy
is "$(json '[.backups[] | select(.type == "pre-restore")] | length')" 1 \
	"what it replaced was backed up first"
is "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE '${DB}_copy_replaced%'")" 1 \
	"and kept beside it"

# --- configuration -----------------------------------------------------------
cp "$CONF" "$T/good.conf"
bad_conf() { # bad_conf PATTERN SED-SCRIPT DESCRIPTION
	sed "$2" "$T/good.conf" >"$CONF"
	tri list
	exits 2 "$3: exit 2"
	like "$err" "$1" "$3: says $1"
	like "$err" 'triplicate\.conf:[0-9]+' "$3: with file and line"
}
bad_conf "nearest|state" 's/^state =/sate =/' "an unknown key"
bad_conf "endpoint" 's/^\[endpoint fra\]/[endpiont fra]/' "an unknown section"
bad_conf "expected" 's/^give-up-after = .*/give-up-after = soon/' "a bad value"
bad_conf "quorum" 's/^\[repository\]/&\nwrite-quorum = 7/' "a quorum of more than there are"
bad_conf "stage" 's/^stage = staging/stage = stagging/' "an unknown stage"
sed "s|$T/filestore/staging|$T/filestore/main|" "$T/good.conf" >"$CONF"
wrong 2 'filestore|branch' restore production/latest --to staging
sed "s|dbname=${DB}_staging|dbname=${DB}_main|" "$T/good.conf" >"$CONF"
wrong 2 'database|branch' restore production/latest --to staging
rm "$CONF"
tri list
exits 2 "no configuration at all"
like "$err" 'triplicate\.conf' "names the file"
cp "$T/good.conf" "$CONF"

# --- keys --------------------------------------------------------------------
chmod 644 "$T/agent.key"
wrong 6 'agent\.key' backup production
kind_is key
chmod 600 "$T/agent.key"
mv "$T/agent.key" "$T/away"
wrong 6 'agent\.key' backup production
echo nonsense >"$T/agent.key"
chmod 600 "$T/agent.key"
wrong 6 'agent\.key' backup production
mv -f "$T/away" "$T/agent.key"
mv "$T/restore.key" "$T/away"
wrong 6 'restore\.key' restore production/latest --to staging
mv "$T/away" "$T/restore.key"

# another repository's keys
mkdir "$T/other"
sed "s|$T/|$T/other/|g" "$T/good.conf" >"$T/other/triplicate.conf"
run "$TRIPLICATE" -c "$T/other/triplicate.conf" init
exits 0 "another repository"
cp "$T/restore.key" "$T/away"
cp "$T/other/restore.key" "$T/restore.key"
wrong 6 'repository|restore\.key' restore production/latest --to staging
mv "$T/away" "$T/restore.key"
before=$(object_sums fra; object_sums ams; object_sums waw)
sed "s|file://$T/other/fra|file://$T/fra|" "$T/other/triplicate.conf" >"$T/mixed.conf"
run "$TRIPLICATE" -c "$T/mixed.conf" init
exits 8 "init over another repository's endpoint is refused"
is "$(object_sums fra; object_sums ams; object_sums waw)" "$before" \
	"and touches nothing"

# --- the source --------------------------------------------------------------
sed "s|dbname=${DB}_main|dbname=no_such_database|" "$T/good.conf" >"$CONF"
wrong 1 'no_such_database' backup production
kind_is database
sed "s|port=$PGPORT|port=1|" "$T/good.conf" >"$CONF"
wrong 1 "port 1|:1|s.PGSQL.1|connect" backup production
kind_is database
cp "$T/good.conf" "$CONF"
cat >>"$CONF" <<-E

	[branch nothing]
	stage = development
E
wrong 2 'stdin|nothing' backup nothing
trij list nothing
exits 0 "list of a branch without backups"
json_is '.backups | length' 0 "is empty"
unlike "$(cat "$T/good.conf" "$T/out" "$T/err")" 'secret_key|BEGIN' "no secret anywhere"
tap_done
