#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# One read of the source feeds all endpoints: the server is asked for each table
# once, each file of the filestore is opened once, however many endpoints there
# are.
. "$(dirname "$0")/../lib/scenario.sh"
command -v inotifywait >/dev/null || skip_all "inotifywait is not installed"
need_postgres
export SAMPLE_ROWS=1000 SAMPLE_FILES=40 SAMPLE_MB=2
make_branch
psql -q -d "${DB}_main" -c 'VACUUM ANALYZE' 2>/dev/null # so that nobody else reads tables

# Sequential scans of all tables so far.
scans() {
	sql "${DB}_main" "SELECT pg_stat_force_next_flush()" >/dev/null 2>&1
	sql "${DB}_main" "SELECT sum(seq_scan) FROM pg_stat_user_tables"
}
# It stands still when the backup's sessions have handed in what they counted.
scans_at_rest() {
	local now last=
	for _ in {1..40}; do
		now=$(scans)
		[ "$now" = "$last" ] && break
		last=$now
		sleep 0.5
	done
	echo "$now"
}

count_reads() { # count_reads ENDPOINT…: of a first backup to these
	local watcher before
	ENDPOINTS=$*
	rm -rf "${T:?}/state" "$T/agent.key" "$T/restore.key"
	for endpoint in fra ams waw; do rm -rf "${T:?}/$endpoint"; done
	write_conf
	init_repository
	before=$(scans_at_rest)
	inotifywait -q -m -r -e open --format '%e %w%f' "$T/filestore/main" \
		>"$T/opened" 2>"$T/watching" &
	watcher=$!
	for _ in {1..50}; do # its watches stand when it sees this
		: <"$(find "$T/filestore/main" -type f | head -n 1)"
		[ -s "$T/opened" ] && break
		sleep 0.1
	done
	sleep 0.3
	: >"$T/opened.before"
	cp "$T/opened" "$T/opened.before"
	backup
	exits 0 "a backup to $# endpoints"
	sleep 0.3
	kill $watcher
	wait $watcher 2>/dev/null
	table_reads=$(($(scans_at_rest) - before))
	file_opens=$(tail -n +$(($(wc -l <"$T/opened.before") + 1)) "$T/opened" |
		grep -v ISDIR | sort | uniq -c | awk '{ print $1 }' | sort -n | uniq -c |
		awk '{ print $1 " files " $2 " times" }')
	bytes_read=$(json .backup.bytes_read)
	bytes_sent=$(json '[.backup.endpoints[].bytes_sent] | add')
}

count_reads fra
one_table_reads=$table_reads one_file_opens=$file_opens
one_bytes_read=$bytes_read one_bytes_sent=$bytes_sent
files=$(find "$T/filestore/main" -type f ! -path '*/checklist/*' | wc -l)
echo "# one endpoint: $table_reads table scans, $file_opens, $bytes_read bytes read"
is "$file_opens" "$files files 1 times" "each file is opened once"
at_least "$table_reads" 5 "tables are scanned"
count_reads fra ams waw
echo "# three: $table_reads table scans, $file_opens, $bytes_read bytes read"
is "$file_opens" "$one_file_opens" "for three endpoints, too"
is "$table_reads" "$one_table_reads" "each table is scanned as often"
is "$bytes_read" "$one_bytes_read" "as many bytes are read"
at_least "$bytes_sent" $((one_bytes_sent * 29 / 10)) "and three times as many are sent"
tap_done
