#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A writer changes rows and attachments all through the backups, and Odoo's
# garbage collection of the filestore runs in their middle. What was stored is
# one moment: sums and counts over several tables agree, and each attachment's
# file is there.
. "$(dirname "$0")/../lib/scenario.sh"
. "$(dirname "$0")/../lib/busy.sh"
. "$(dirname "$0")/../lib/filestore.sh"
need_postgres
make_branch
write_conf "jobs = 2"
init_repository
main=$T/filestore/main
mkdir "$T/new"
must sql "${DB}_main" "
	CREATE TABLE shop_cash (id serial PRIMARY KEY, amount int);
	INSERT INTO shop_cash (amount) SELECT 100 FROM generate_series(1, 50);
	CREATE TABLE shop_bank (id serial PRIMARY KEY, amount int);
	INSERT INTO shop_bank (amount) SELECT 100 FROM generate_series(1, 50);
	CREATE TABLE shop_order (id int PRIMARY KEY, line_count int);
	CREATE TABLE shop_line (order_id int, text text);"

# --- the writer ---------------------------------------------------------------
# add_file NAME: SQL that does as Odoo does, the file first, then its row; $sha
# is the file's name. The lock is there early, since the collection may not come
# between the two.
add_file() {
	local content="contents of $1 $RANDOM"
	printf %s "$content" >"$T/new/$1"
	sha=$(sha1sum <"$T/new/$1")
	sha=${sha%% *}
	added="BEGIN;
		LOCK TABLE ir_attachment IN ROW EXCLUSIVE MODE;
		\\! cd '$main' && mkdir -p ${sha:0:2} && mv '$T/new/$1' ${sha:0:2}/$sha
		\\! $(mark_file "$sha")
		INSERT INTO ir_attachment (name, type, store_fname, checksum, file_size)
		VALUES ('$1', 'binary', '${sha:0:2}/$sha', '$sha', ${#content});
		COMMIT;"
}

# mark_file SHA: a command that puts it on the checklist of the collection, as
# Odoo does for new ones and for those of deleted rows
mark_file() {
	echo "mkdir -p '$main/checklist/${1:0:2}' && touch '$main/checklist/${1:0:2}/$1'"
}

# Ends when the server does.
write_all_the_time() {
	local n files=() old
	exec 7> >(psql -X -q -v ON_ERROR_STOP=1 -d "${DB}_main" >"$T/writer.log" 2>&1)
	for ((n = 1; ; n++)); do
		add_file "writer $n"
		files[n]=$sha
		old= # (a \! without a command would give psql's input to a shell)
		[ "$n" -le 10 ] || old="\! $(mark_file "${files[n - 10]}")"
		cat <<-S >&7 || break
			BEGIN;
			UPDATE shop_cash SET amount = amount - $n WHERE id = 1 + $n % 50;
			UPDATE shop_bank SET amount = amount + $n WHERE id = 1 + $((n * 7)) % 50;
			COMMIT;
			BEGIN;
			INSERT INTO shop_order VALUES ($n, $((n % 5)));
			INSERT INTO shop_line SELECT $n, 'line ' || i FROM generate_series(1, $((n % 5))) i;
			DELETE FROM shop_line WHERE order_id = $n - 20;
			DELETE FROM shop_order WHERE id = $n - 20;
			UPDATE shop_order SET line_count = line_count + 1 WHERE id = $n - 3;
			INSERT INTO shop_line SELECT id, 'more' FROM shop_order WHERE id = $n - 3;
			COMMIT;
			$added
			DELETE FROM ir_attachment WHERE name = 'writer $((n - 10))';
			$old
			\\! echo $n >$T/written
		S
		sleep 0.05
	done
}

# Waits until it has written some more, from now on.
let_it_write() {
	local from i
	from=$(cat "$T/written")
	for ((i = 0; i < 100; i++)); do
		[ "$(cat "$T/written")" -ge $((from + ${1:-12})) ] 2>/dev/null && return
		sleep 0.2
	done
	fail "the writer writes" "$(cat "$T/writer.log")"
}

# Odoo's collection: what no row names of what the checklist holds goes, under
# a lock that keeps writers away. $collected is yes, or no when it gave up.
collect_garbage() {
	collected=no
	psql -X -At -q -v ON_ERROR_STOP=1 -d "${DB}_main" >"$T/gc.log" 2>&1 <<-S &&
		BEGIN;
		SET LOCAL lock_timeout = '1s';
		LOCK ir_attachment IN SHARE MODE;
		\\o $T/gc.names
		SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL;
		\\o
		\\! cd "$main" && find checklist -type f -printf '%P\\n' | grep -vxFf "$T/gc.names" | xargs -r rm -f
		\\! cd "$main" && find checklist -type f -delete
		COMMIT;
	S
		collected=yes
}

# --- what holds in a copy ------------------------------------------------------
# copy_is_right DESCRIPTION [MISSING]: all of it, but for as many files
copy_is_right() {
	trij restore production/latest --to staging --yes
	ok "$1: it restores" test "$status" = 0 -o "$status" = 3
	is "$(sql "${DB}_staging" "SELECT sum(amount) FROM
		(SELECT amount FROM shop_cash UNION ALL SELECT amount FROM shop_bank) s")" \
		10000 "$1: no money was made or lost"
	is "$(sql "${DB}_staging" "SELECT count(*) FROM shop_order o WHERE line_count <>
		(SELECT count(*) FROM shop_line WHERE order_id = o.id)")" 0 \
		"$1: each order has its lines"
	is "$(sql "${DB}_staging" "SELECT count(*) FROM shop_line WHERE order_id NOT IN
		(SELECT id FROM shop_order)")" 0 "$1: and each line its order"
	sql "${DB}_staging" "SELECT DISTINCT split_part(store_fname, '/', 2) || '  ' || store_fname
		FROM ir_attachment WHERE store_fname IS NOT NULL" >"$T/sums"
	at_least "$(wc -l <"$T/sums")" 50 "$1: it names attachments"
	is "$(cd "$T/filestore/staging" && sha1sum -c "$T/sums" 2>/dev/null | grep -vc ': OK$')" \
		"${2:-0}" "$1: their files are there, and right${2:+, but for $2}"
}

echo 0 >"$T/written"
write_all_the_time &
writer=$!
let_it_write

# --- stages, with the guard ----------------------------------------------------
for stage in "tables locked" "pg_dump started" "file to be read"; do
	start_backup "$stage"
	let_it_write
	collect_garbage
	end_backup
	exits 0 "at \"$stage\", with writer and collection: the backup is complete"
	unlike "$stage $collected" '^(pg_dump|file).*yes' \
		"the collection gives up while the snapshot's files are read"
	copy_is_right "$stage"
done
collect_garbage
is "$collected" yes "after the backup the collection works"

# --- without it ----------------------------------------------------------------
# Odoo 15 waits for locks without end, so we hold none.
version() {
	sql "${DB}_main" "UPDATE ir_module_module SET latest_version = '$1' WHERE name = 'base'"
}
version 15.0.1.3
start_backup "snapshot taken"
let_it_write
collect_garbage
end_backup
is "$collected" yes "with Odoo 15 the collection is not held up"
exits 3 "files that it took from a snapshot make the backup degraded"
json_is .backup.state degraded "which still counts"
missing=$(json .backup.attachments.missing)
at_least "$missing" 1 "they are counted"
like "$(json '.backup.warnings[]')" "$missing deleted while the backup ran" \
	"as deleted meanwhile"
copy_is_right "Odoo 15" "$missing"
version 17.0.1.3

kill "$writer"
wait "$writer" 2>/dev/null
is "$(cat "$T/writer.log")" "" "the writer never failed"

# A role that may only read can't hold the lock; what an earlier backup has of
# the deleted files is taken from there.
PGUSER=postgres must sql postgres \
	"CREATE ROLE ${DB}_reader LOGIN; GRANT pg_read_all_data TO ${DB}_reader"
sql "${DB}_main" "SELECT format('GRANT SELECT ON LARGE OBJECT %s TO ${DB}_reader;', oid)
	FROM pg_largeobject_metadata" | psql -X -q -d "${DB}_main"
collect_garbage # what the writer had done with
add_file "old one"
psql -X -q -d "${DB}_main" <<<"$added"
old=$sha
backup
exits 0 "with the writer gone a backup is complete"
sed -i "s/user=odoo dbname=${DB}_main/user=${DB}_reader dbname=${DB}_main/" "$CONF"
start_backup "snapshot taken"
like "$(cat "$T/err")" "ir_attachment is not held: .*permission denied" \
	"a role that may not hold ir_attachment goes without"
sql "${DB}_main" "DELETE FROM ir_attachment WHERE name = 'old one'"
eval "$(mark_file "$old")"
collect_garbage
end_backup
is "$collected" yes "the collection is not held up"
exits 0 "the file that it took is taken from the earlier backup"
like "$(json '.backup.warnings[]')" '1 attachments were deleted .* taken from an earlier backup' \
	"and a warning says so"
copy_is_right "from an earlier backup"

# --- asked again, whether it was deleted ----------------------------------------
# An upgrade may hold ir_attachment by then, and not end for hours.
add_file "new one"
psql -X -q -d "${DB}_main" <<<"$added"
start_backup "files read"
rm "$main/${sha:0:2}/$sha"
end_backup
exits 0 "what goes after it was read is in the backup"
start_backup "files read"
PGAPPNAME=upgrade psql -X -q -d "${DB}_main" -c "BEGIN; LOCK TABLE ir_attachment;
	SELECT pg_sleep(600)" >"$T/ddl.out" 2>&1 &
ddl=$!
for ((i = 0; i < 50; i++)); do
	[ "$(sql postgres "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'
		AND granted AND pid IN (SELECT pid FROM pg_stat_activity
		WHERE application_name = 'upgrade')")" != 0 ] && break
	sleep 0.2
done
end_backup
exits 3 "with ir_attachment held for hours the backup ends, degraded"
like "$(json '.backup.warnings[]')" 'nobody knows whether missing .* lock timeout' \
	"and a warning says what it couldn't ask"
sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE application_name = 'upgrade'" >"$T/null"
wait "$ddl"
tap_done
