# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # the scenarios use what is set here
# How much memory the program takes, and sources that would take much of it.
# Sourced after scenario.sh.

# An Odoo-like database with nothing in it but what the files below need
empty_branch() {
	createdb --template=template0 --encoding=UTF8 --lc-collate=C "${DB}_main"
	sql "${DB}_main" "CREATE TABLE ir_attachment (id serial PRIMARY KEY,
		name varchar, store_fname varchar, file_size int,
		checksum varchar(40), url varchar, db_datas bytea,
		type varchar DEFAULT 'binary')"
	mkdir -p "$T/filestore/main" "$T/logs"
	echo "2026-11-22 INFO started" >"$T/logs/odoo.log"
}

# peak COMMAND…: of the command line, as tri does; sets $peak to MiB.
peak_kib=0
peak() {
	run "$TOP/tests/lib/peak.pl" "$T/peak" "$TRIPLICATE" -c "$CONF" --json "$@"
	peak_kib=$(cat "$T/peak" 2>/dev/null || echo 0)
	peak=$(((peak_kib + 1023) / 1024))
}

# The sanitizers' own memory is none of ours.
is_release() { ! grep -q __asan_init "$TRIPLICATE"; }

# peak_is_at_most LIMIT WHAT: of the last peak; prints it in any case.
peak_is_at_most() {
	echo "# $2: $peak MiB of anonymous memory at most"
	if is_release; then
		at_most "$peak" "$1" "$2: $peak MiB, not more than $1"
	else
		skip "measured without sanitizers alone" "$2: not more than $1 MiB"
	fi
}

# many_files DATABASE FILESTORE COUNT: attachments of a few bytes, each named as
# Odoo names it, and the rows that name them.
many_files() {
	perl -MDigest::SHA=sha1_hex -e '
		my ($store, $n) = @ARGV;
		my %made;
		for my $i (1 .. $n) {
			my $text = "attachment $i\n" x (1 + $i % 50);
			my $sha = sha1_hex($text);
			my $folder = substr($sha, 0, 2);
			mkdir "$store/$folder" unless $made{$folder}++;
			open(my $out, ">", "$store/$folder/$sha") or die "$sha: $!";
			print $out $text;
			close($out) or die "$sha: $!";
			printf "%d\t%s/%s\t%d\t%s\n", $i, $folder, $sha,
			    length($text), $sha;
		}' "$2" "$3" | psql -X -q -v ON_ERROR_STOP=1 -d "$1" -c "COPY
		ir_attachment (name, store_fname, file_size, checksum) FROM STDIN"
}

# wide_table DATABASE NAME MB: rows of some 40 KiB, which don't compress much
wide_table() {
	sql "$1" "CREATE TABLE $2 (id int PRIMARY KEY, body text)"
	sql "$1" "ALTER TABLE $2 ALTER body SET STORAGE EXTERNAL"
	sql "$1" "INSERT INTO $2 SELECT i, (SELECT string_agg(md5(
		($(($(cksum <<<"$2" | cut -d' ' -f1) % 1000000)) + i * 1300 + k)::text), '')
		FROM generate_series(1, 1280) k)
		FROM generate_series(1, $3 * 1024 / 40) i"
}

# many_tables DATABASE COUNT
many_tables() {
	local from
	for ((from = 1; from <= $2; from += 500)); do
		sql "$1" "DO \$\$ BEGIN FOR i IN $from .. least($from + 499, $2) LOOP
			EXECUTE format('CREATE TABLE many_%s (id serial PRIMARY KEY,
				name text, value int DEFAULT %s)', i, i);
			EXECUTE format('INSERT INTO many_%s (name) VALUES (''one'')', i);
			END LOOP; END \$\$"
	done
}
