#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Each PostgreSQL that can be had: a branch like Odoo's and one of everything,
# backed up and restored on the same server, and on every newer one; and what
# an older one makes of a backup from a newer one. Other majors than the
# machine's own come from other releases of the distribution, and are kept in
# POSTGRES_VERSIONS (default build/postgresql).
. "$(dirname "$0")/../lib/scenario.sh"
DUMPS=${ODOO_DUMPS:-$TOP/../shared/odoo}
SHORT=$([ "${SOAK:-full}" = short ] && echo yes)
declare -A folder=() # of each major's programs
majors=()
OWN_PATH=$PATH

# --- servers -----------------------------------------------------------------
# The server runs as another user, who has to reach its programs.
reachable() {
	[ "$(id -u)" != 0 ] || setpriv --reuid=nobody --clear-groups test -x "$1"
}

find_versions() {
	local cache=${POSTGRES_VERSIONS:-$TOP/build/postgresql} major bin
	mkdir -p "$cache"
	reachable "$cache" || cache=$T/postgresql
	while read -r major bin _; do
		folder[$major]=$bin
		majors+=("$major")
	done < <(timeout $((${#SHORT} ? 150 : 1800)) \
		"$TOP/tests/services/postgres-versions.sh" "$cache" 2>"$T/versions" ||
		"$TOP/tests/services/postgres-versions.sh" list "$cache")
	sed 's/^/# /' "$T/versions"
}

# use MAJOR: its server is the one to talk to. The newest programs look at all
# of them; triplicate picks its own.
use() {
	# shellcheck source=/dev/null
	. "$T/pg$1/env"
	PGUSER=${2:-postgres}
}

# shellcheck disable=SC2317 # called by trap
stop_servers() {
	local status=$? major
	for major in "${majors[@]}"; do
		"$TOP/tests/services/postgres.sh" stop "$T/pg$major"
	done
	return $status
}

start_servers() {
	local major
	trap 'stop_servers; scenario_end' EXIT
	for major in "${majors[@]}"; do
		PG_PROGRAMS=${folder[$major]} PG_CONF='shared_buffers = 32MB' \
			"$TOP/tests/services/postgres.sh" start "$T/pg$major" \
			>/dev/null || {
			echo "Bail out! PostgreSQL $major does not start"
			exit 2
		}
		"$TOP/tests/services/postgres.sh" role "$T/pg$major" odoo
		use "$major"
		must psql -X -q -c 'CREATE ROLE zoo_owner' -c 'CREATE ROLE zoo_reader'
	done
	for major in "${majors[@]}"; do PATH=${folder[$major]}:$PATH; done
	export PATH PGHOST PGPORT PGUSER PGDATABASE=postgres
}

# --- branches ----------------------------------------------------------------
branch() { # branch NAME STAGE MAJOR ROLE: a database of that name
	use "$3"
	printf '\n[branch %s]\nstage = %s\ndatabase = %s\n' "$1" "$2" \
		"$(conninfo "${DB}_$1" "$4")"
	[ -z "${5:-}" ] || printf 'filestore = %s\n' "$T/filestore/$1"
}

configure() {
	local endpoint major
	{
		printf '[repository]\nstate = %s\nagent-key = %s\nrestore-key = %s\n' \
			"$T/state" "$T/agent.key" "$T/restore.key"
		for endpoint in $ENDPOINTS; do
			printf '\n[endpoint %s]\nurl = file://%s\n' "$endpoint" \
				"$T/$endpoint"
		done
		for major in "${majors[@]}"; do
			branch "zoo$major" production "$major" postgres
			branch "odoo$major" production "$major" odoo files
			branch "real$major" production "$major" odoo
			branch "copy$major" production "$major" postgres
			branch "staging$major" staging "$major" odoo files
		done
	} >"$CONF"
}

# The zoo as far as a major has it: 15 can clear single columns.
make_zoo() {
	local name=${DB}_zoo$1 text
	text=$(cat "$TOP/tests/sample/zoo.sql")
	[ "$1" -ge 15 ] || text=${text/ON DELETE SET NULL (cage)/ON DELETE SET NULL}
	createdb --template=template0 --encoding=UTF8 --lc-collate=C \
		--owner=odoo "$name" &&
		psql -X -q -d "$name" -v database="$name" -f - <<<"$text"
}

make_branches() {
	local major
	for major in "${majors[@]}"; do
		use "$major"
		must make_zoo "$major"
		use "$major" odoo
		must env SAMPLE_ROWS=$((${#SHORT} ? 2000 : 20000)) SAMPLE_FILES=30 \
			SAMPLE_MB=2 "$TOP/tests/sample/make-sample.sh" \
			"${DB}_odoo$major" "$T/filestore/odoo$major" "$T/logs"
	done
}

# --- comparing across servers ------------------------------------------------
# What pg_dump and psql make of a source on another server is what a restore
# must make of it: reference SOURCE-MAJOR DATABASE MAJOR makes ${DB}_plain there.
# That a function of an extension was altered is in no dump.
altered_sql="SELECT count(*) FROM pg_proc WHERE provolatile = 'i'
	AND oid = to_regprocedure('public.unaccent(text)')"
reference() {
	local altered
	use "$1"
	"${folder[$1]}/pg_dump" "$2" >"$T/plain.sql" || return 1
	altered=$(sql "$2" "$altered_sql")
	use "$3"
	dropdb --if-exists "${DB}_plain" 2>/dev/null
	createdb --template=template0 --encoding=UTF8 --lc-collate=C "${DB}_plain" ||
		return 1
	[ "$altered" = 0 ] || sql "${DB}_plain" 'CREATE EXTENSION unaccent;
		ALTER FUNCTION public.unaccent(text) IMMUTABLE' || return 1
	psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -d "${DB}_plain" -f "$T/plain.sql"
}

rest() { # rest DATABASE: what else than schema and rows there is to compare
	sequence_values "$1"
	large_objects "$1"
	counts "$1"
	sql "$1" "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
}

# same_schema FROM DATABASE TO COPY DESCRIPTION: as the reference's on that
# server, by that server's own pg_dump. It is the one that is used afterwards.
same_schema() {
	must reference "$1" "$2" "$3"
	use "$3"
	PATH=${folder[$3]}:$PATH schema "${DB}_plain" >"$T/schema.a"
	PATH=${folder[$3]}:$PATH schema "$4" >"$T/schema.b"
	at_least "$(wc -l <"$T/schema.a")" 100 "$5: the reference has a schema"
	ok "$5: the schema" diff "$T/schema.a" "$T/schema.b"
}

restore_zoo() { # restore_zoo FROM TO
	tri restore "zoo$1/latest" --to "copy$2" --confirm "copy$2" --yes
	exits 0 "$1 to $2, the zoo: restore"
	same_schema "$1" "${DB}_zoo$1" "$2" "${DB}_copy$2" "$1 to $2, the zoo"
	ok "$1 to $2, the zoo: the rows of all tables" \
		diff "$T/zoo$1.rows" <(row_sums "${DB}_copy$2")
	ok "$1 to $2, the zoo: sequences, large objects, counts" \
		diff <(rest "${DB}_plain") <(rest "${DB}_copy$2")
}

restore_odoo() { # restore_odoo FROM TO
	tri restore "odoo$1/latest" --to "staging$2" --yes
	exits 0 "$1 to $2, Odoo: restore to staging"
	same_schema "$1" "${DB}_odoo$1" "$2" "${DB}_staging$2" "$1 to $2, Odoo"
	# shellcheck disable=SC2086
	ok "$1 to $2, Odoo: the rows that neutralization leaves alone" \
		diff "$T/odoo$1.rows" <(row_sums "${DB}_staging$2" $BUSINESS_TABLES)
	is "$(neutral_facts "${DB}_staging$2" | awk '$2 != 0')" "" \
		"$1 to $2, Odoo: nothing in staging leads outside"
	is "$(file_sums "$T/filestore/staging$2" | md5sum)" \
		"$(file_sums "$T/filestore/odoo$1" | md5sum)" \
		"$1 to $2, Odoo: every attachment"
}

# An older server may lack what the backup needs. A plain Odoo goes over, with a
# warning; what does not fails and changes nothing.
restore_older() { # restore_older FROM TO
	local before
	tri restore "odoo$1/latest" --to "staging$2" --yes
	exits 0 "$1 to the older $2, Odoo: restore to staging"
	like "$err" "of PostgreSQL $1, the target is $2: an older" \
		"$1 to $2, Odoo: with a warning"
	use "$2"
	# shellcheck disable=SC2086
	ok "$1 to $2, Odoo: the rows that neutralization leaves alone" \
		diff "$T/odoo$1.rows" <(row_sums "${DB}_staging$2" $BUSINESS_TABLES)
	is "$(neutral_facts "${DB}_staging$2" | awk '$2 != 0')" "" \
		"$1 to $2, Odoo: nothing in staging leads outside"

	[ "$2" -lt 14 ] || return 0
	before=$(row_sums "${DB}_copy$2")
	tri restore "zoo$1/latest" --to "copy$2" --confirm "copy$2" --yes
	exits 1 "$1 to $2, the zoo: an older server has no multiranges"
	like "$err" "multirange" "$1 to $2, the zoo: says why"
	like "$err" "the backup is of PostgreSQL $1, this server is $2" \
		"$1 to $2, the zoo: and what to do"
	is "$(row_sums "${DB}_copy$2")" "$before" \
		"$1 to $2, the zoo: the branch is as it was"
	is "$(hidden_databases)" "" "$1 to $2, the zoo: nothing is left behind"
}

# --- real Odoo databases -----------------------------------------------------
restore_real() { # restore_real VERSION FROM TO
	local real=${DB}_real$2
	use "$2"
	dropdb --if-exists "$real" 2>/dev/null
	must createdb --template=template0 --encoding=UTF8 --owner=odoo "$real"
	must psql -X -q -d "$real" -c 'CREATE EXTENSION pg_trgm' -c 'CREATE EXTENSION unaccent'
	[ "$1" != 18.0 ] || must sql "$real" 'ALTER FUNCTION public.unaccent(text) IMMUTABLE'
	PGUSER=odoo must "${folder[$2]}/pg_restore" --no-owner --no-comments --exit-on-error \
		-d "$real" "$DUMPS/$1.dump"
	backup "real$2" --comment "Odoo $1"
	row_sums "$real" >"$T/real.rows"
	tri restore "real$2/latest" --to "copy$3" --confirm "copy$3"
	exits 0 "Odoo $1, $2 to $3: restore"
	same_schema "$2" "$real" "$3" "${DB}_copy$3" "Odoo $1, $2 to $3"
	ok "Odoo $1, $2 to $3: the rows of all $(wc -l <"$T/real.rows") tables" \
		diff "$T/real.rows" <(row_sums "${DB}_copy$3")
	ok "Odoo $1, $2 to $3: sequences, counts" \
		diff <(rest "${DB}_plain") <(rest "${DB}_copy$3")
}

# --- which programs are taken ------------------------------------------------
# with MAJORS COMMAND…: those majors' programs are in PATH, behind one that
# prints junk and one that may not be run
with() {
	local major PATH=$T/junk:$T/locked
	for major in $1; do PATH=$PATH:${folder[$major]}; done
	PATH=$PATH:$OWN_PATH
	shift
	"$@"
}

make_broken() {
	local program
	mkdir -p "$T/junk" "$T/locked"
	for program in pg_dump pg_restore psql; do
		printf '#!/bin/sh\necho hello\n' >"$T/junk/$program"
		: >"$T/locked/$program"
	done
	chmod 755 "$T"/junk/*
}

# Only a newer one is there: a warning, and backup and restore go on.
only_newer() { # only_newer MAJOR PROGRAMS
	with "$2" trij backup "zoo$1"
	exits 0 "$1 with programs of $2: a backup of the zoo"
	like "$(json '.backup.warnings | join("; ")')" \
		"pg_dump $2.* newer than the server .PostgreSQL $1.*postgresql-client-$1" \
		"$1 with programs of $2: a warning names the package"
	with "$2" tri restore "zoo$1/latest" --to "copy$1" --confirm "copy$1" --yes
	exits 0 "$1 with programs of $2: restore the zoo"
	like "$err" "newer than the server .PostgreSQL $1.*postgresql-client-$1" \
		"$1 with programs of $2: with a warning"
	use "$1"
	ok "$1 with programs of $2: the rows of all tables" \
		diff "$T/zoo$1.rows" <(row_sums "${DB}_copy$1")
}

# None is new enough: exit 1, and what to install.
none_new_enough() { # none_new_enough MAJOR OLDER
	local before
	with "$2" tri backup "zoo$1"
	exits 1 "$1 with programs of $2: no backup"
	like "$err" "no pg_dump for PostgreSQL $1.*$2" \
		"$1 with programs of $2: says what is missing, and what is there"
	like "$err" "$T/junk/pg_dump .*no version.*$T/locked/pg_dump .*may not be run" \
		"$1 with programs of $2: and why others won't do"
	like "$err" "install the package postgresql-client-$1" \
		"$1 with programs of $2: and what to install"

	use "$2"
	before=$(sql postgres 'SELECT oid, datname FROM pg_database ORDER BY 1')
	with "$2" tri restore "zoo$1/latest" --to "copy$2" --confirm "copy$2" --yes
	exits 1 "$1 to $2 with programs of $2: no restore"
	like "$err" 'backup was made by the pg_dump of PostgreSQL 17 or newer.*no (psql|pg_restore)' \
		"$1 to $2 with programs of $2: says why"
	is "$(sql postgres 'SELECT oid, datname FROM pg_database ORDER BY 1')" \
		"$before" "$1 to $2 with programs of $2: before anything is made"
	with "$2" tri restore "zoo$1/latest" --to-dir "$T/plain$1"
	exits 1 "$1 with programs of $2: nor to plain files"
}

# --- the campaign ------------------------------------------------------------
find_versions
start_servers
configure
make_branches
init_repository
pass "PostgreSQL ${majors[*]}"

for major in "${majors[@]}"; do
	backup "zoo$major"
	exits 0 "$major: a backup of the zoo"
	json_is '.backup.warnings | join("; ")' "" "$major: without a warning"
	json_is '.backup.database.server_version | split(".")[0]' "$major" \
		"$major: its version is told"
	backup "odoo$major"
	exits 0 "$major: a backup of an Odoo"
	use "$major"
	row_sums "${DB}_zoo$major" >"$T/zoo$major.rows"
	# shellcheck disable=SC2086
	row_sums "${DB}_odoo$major" $BUSINESS_TABLES >"$T/odoo$major.rows"
done
for from in "${majors[@]}"; do
	for to in "${majors[@]}"; do
		if [ "$from" -gt "$to" ]; then
			restore_older "$from" "$to"
		else
			restore_zoo "$from" "$to"
			restore_odoo "$from" "$to"
		fi
	done
done
oldest=${majors[0]} newest=${majors[-1]}
[ "$oldest" != "$newest" ] ||
	skip "no other major than $oldest can be had" "from one major to another"
for version in 16.0 17.0 18.0; do
	if [ -n "$SHORT" ]; then break; fi
	if [ -e "$DUMPS/$version.dump" ] && [ -n "${folder[15]:-}" ]; then
		# Made by 15: 13 knows other types for some of its views.
		restore_real $version 15 "$newest"
	else
		skip "no dump of $version, or no 15" "Odoo $version across majors"
	fi
done
make_broken
if [ "$oldest" -lt 15 ] && [ -n "${folder[15]:-}" ]; then
	only_newer "$oldest" 15
else
	skip "it takes an older server than 15" "programs newer than the server"
fi
if [ -n "${folder[17]:-}" ] && [ -n "${folder[18]:-}" ]; then
	only_newer 17 18
else
	skip "it takes 17 and 18" "the lowest newer programs"
fi
if [ "$newest" -ge 17 ] && [ -n "${folder[15]:-}" ]; then
	none_new_enough "$newest" 15
else
	skip "it takes a server of 17 or newer beside 15" "programs too old"
fi
tri verify --depth data
exits 0 "all of it is whole at every endpoint"
tap_done
