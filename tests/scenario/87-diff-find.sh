#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What differs between two backups, and in which of them a name is: compared
# with what the database and the folders themselves say.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
mkdir -p "$T/filestore/main/notes"
echo "as it was" >"$T/filestore/main/notes/changed.txt"
echo "for a day" >"$T/filestore/main/notes/removed.txt"
write_conf
init_repository

# rows_of FILE: "name|rows|checksum" of each table of the branch, sorted
rows_of() { row_sums "${DB}_main" | sort -t'|' -k1,1 >"$1"; }
files_of() {
	(cd "$T/filestore/main" && find . -type f -not -path './checklist/*' \
		-printf '%P\n' | sort) >"$1"
}

backup
exits 0 "the first backup"
first=$id
rows_of "$T/rows.1"
files_of "$T/files.1"
backup
same=$id
trij diff "$first" "$same"
exits 0 "diff of two backups of an unchanged branch"
json_is '[.diff | .tables, .files, .logs, .streams | .[] | length] | add' 0 "finds nothing"
json_is .diff.definitions_changed false "nor in the definitions"
tri diff "$first" "$same"
like "$out" "are the same" "for people, too"

# --- a day's work ------------------------------------------------------------
change_branch
echo "as it is now" >"$T/filestore/main/notes/changed.txt"
rm "$T/filestore/main/notes/removed.txt"
echo "since today" >"$T/filestore/main/notes/added.txt"
mkdir "$T/filestore/main/empty"
mv "$T/logs/odoo-server.log.1" "$T/logs/odoo-server.log.2"
must sql "${DB}_main" "CREATE TABLE added_today (x int);
	INSERT INTO added_today SELECT generate_series(1, 17);
	CREATE VIEW added_view AS SELECT 1 AS one;
	DROP TABLE queue_job CASCADE"
backup
exits 0 "a backup after it"
last=$id
rows_of "$T/rows.2"
files_of "$T/files.2"

trij diff "$first" "$last"
exits 0 "diff"
json_is '.diff | "\(.from) \(.to)"' "$first $last" "says from which to which"
names() { json ".diff.$1 | [.[] | .path] | sort | .[]"; }
is "$(json '.diff.tables.added[] | "\(.schema).\(.name) \(.rows)"')" \
	"public.added_today 17" "the new table, with its rows"
is "$(json '.diff.tables.removed[] | "\(.schema).\(.name)"')" public.queue_job \
	"the one that is gone"
# Of the tables of both backups: those that differ, and no others. (The rows of
# a materialized view are among the definitions.)
join -t'|' "$T/rows.1" "$T/rows.2" |
	awk -F'|' '$3 != $5 && !/partner_totals/ { print $1, $2, $4 }' |
	sort >"$T/expected"
json '.diff.tables.changed[] | "\(.schema).\(.name) \(.rows_before) \(.rows_after)"' |
	sort >"$T/changed"
at_least "$(wc -l <"$T/expected")" 5 "several tables were changed"
ok "they are named, with rows before and after" diff "$T/expected" "$T/changed"
is "$(names files.added)" "$(comm -13 "$T/files.1" "$T/files.2")" "the new files"
is "$(names files.removed)" "notes/removed.txt" "the one that was removed"
is "$(json '.diff.files.changed[] | "\(.path) \(.bytes_before) \(.bytes_after)"')" \
	"notes/changed.txt 10 13" "the one that was changed, with its sizes"
is "$(names logs.added) $(names logs.removed) $(names logs.changed)" \
	"odoo-server.log.2 odoo-server.log.1 odoo-server.log" "and the logs"
json_is .diff.definitions_changed true "the definitions differ"

trij diff "$last" "$first"
is "$(json '.diff.tables.added[].name') $(json '.diff.tables.removed[].name')" \
	"queue_job added_today" "the other way round"
is "$(names files.added)" "notes/removed.txt" "files, too"
tri diff "$first" latest
exits 0 "for people"
like "$out" '^\+ table +public\.added_today +17 rows' "the new table"
like "$out" '^- table +public\.queue_job' "the one that is gone"
like "$out" '^M file +notes/changed\.txt +10 B -> 13 B' "the changed file"
like "$out" '^files +6 added, 1 removed, 1 changed' "and the counts"

# --- more than anyone wants to read ------------------------------------------
mkdir "$T/filestore/main/many"
for ((i = 1; i <= 30; i++)); do echo "$i" >"$T/filestore/main/many/f$i"; done
printf 'x' >"$T/filestore/main/many/"$'line\nend'
printf 'x' >"$T/filestore/main/many/"$'not\xffutf8'
backup
tri diff "$last" latest
exits 0 "diff with many new files"
is "$(grep -c '^+ file' <<<"$out")" 20 "shows some"
like "$out" "12 more are not shown" "and says how many more"
tri diff "$last" latest -v
is "$(grep -c '^+ file' <<<"$out")" 32 "-v shows all"
like "$out" 'line\\nend' "line ends in a name are shown as such"
trij diff "$last" latest
is "$(json '.diff.files.added | length')" 32 "JSON has all"
is "$(json '.diff.files.added[] | .path_hex // empty')" \
	"$(printf 'many/not\xffutf8' | od -An -v -tx1 | tr -d ' \n')" \
	"with the bytes of what isn't UTF-8"

# --- find --------------------------------------------------------------------
trij find sale_order
exits 0 "find a table"
json_is '.find.matches | length' 1 "one match"
json_is '.find.matches[0] | "\(.kind) \(.branch) \(.schema) \(.name) \(.rows)"' \
	"table production public sale_order $(sql "${DB}_main" 'SELECT count(*) FROM sale_order')" \
	"its figures are those of the newest"
json_is '.find.matches[0] | "\(.first) \(.last) \(.backups | length)"' \
	"$first $id 4" "first, last and how many"
json_is '.find.matches[0].backups | join(" ")' "$id $last $same $first" "each of them"
json_is '.find.matches[0].versions' 2 "in two versions"
json_is .find.searched 4 "all were searched"
trij find public.sale_order
json_is '.find.matches | length' 1 "with its schema"
trij find 'sale_*'
json_is '[.find.matches[].name] | sort | join(" ")' \
	"$(sql "${DB}_main" "SELECT string_agg(relname, ' ' ORDER BY relname COLLATE \"C\")
		FROM pg_class WHERE relkind = 'r' AND relname LIKE 'sale\_%'")" "by a pattern"
trij find removed.txt
json_is '.find.matches | map("\(.path) \(.backups | join(","))") | join(" ")' \
	"notes/removed.txt $same,$first" "a file that was removed"
trij find added_today
json_is '.find.matches[0] | "\(.first) \(.rows)"' "$last 17" "a table that was added"
trij find queue_job
json_is '.find.matches[0].last' "$same" "a table that was dropped"
attachment=$(sql "${DB}_main" "SELECT min(store_fname) FROM ir_attachment
	WHERE store_fname IS NOT NULL")
for pattern in "$attachment" "filestore/$attachment" "${attachment#*/}" \
	"${attachment:3:10}*"; do
	trij find "$pattern"
	json_is '[.find.matches[].path] | unique | join(" ")' "$attachment" \
		"an attachment: ${pattern%?????????????????????????}"
done
trij find '*.log'
json_is '.find.matches | map("\(.kind) \(.path) \(.versions)") | join(" ")' \
	"log odoo-server.log 2" "a log"
trij find 'odoo-server.log.?'
json_is '.find.matches | length' 2 "rotated logs"
tri find 'no such name'
exits 0 "what is nowhere"
like "$out" "nothing of that name in 4 backups" "is said to be nowhere"
trij find '*' --branch staging
exits 0 "a branch without backups"
json_is '.find.matches | length' 0 "has nothing"
trij find changed.txt --branch production
json_is '.find.matches[0].versions' 2 "--branch"
tri find changed.txt
like "$out" "^file +notes/changed\.txt +13 B" "for people: what it is"
like "$out" "in 4 backups of production, 2 versions: $first to $id" "and where"
tri find changed.txt -v
is "$(grep -c '^    20' <<<"$out")" 4 "-v lists each"

# What backups share is fetched once, and kept for the next time.
rm -rf "${T:?}/state/cache"
gets() { grep -o 'get packs/[^:]*' "$T/err" | sort; }
tri find changed.txt -v
at_least "$(gets | wc -l)" 1 "packs come from the endpoints"
is "$(gets | uniq -d)" "" "each of them once"
tri find '*' -v
is "$(gets)" "" "and the next search needs none"

# --- damage, and endpoints that are away -------------------------------------
rm -rf "${T:?}/state/cache"
mv "$T/fra" "$T/fra.away"
mv "$T/ams" "$T/ams.away"
trij find changed.txt
exits 0 "find with one endpoint left"
json_is '.find.matches[0].backups | length' 4 "finds all"
tri diff "$first" latest
exits 0 "diff, too"
mv "$T/fra.away" "$T/fra"
mv "$T/ams.away" "$T/ams"
rm -rf "${T:?}/state/cache"
for endpoint in $ENDPOINTS; do
	find "$T/$endpoint/packs" -type f | while IFS= read -r pack; do
		chmod u+w "$pack"
		head -c 1000 /dev/zero >"$pack"
	done
done
trij find changed.txt
exits 7 "find with every pack damaged everywhere"
json_is .error.kind damage "of what kind"
json_is .find.searched 0 "and it says that none was searched"
trij diff "$first" latest
exits 7 "diff, too"
tap_done
