#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Makes a small Odoo-like branch: make-sample.sh DATABASE FILESTORE LOGS
# DATABASE is created on the server of PGHOST and PGPORT, owned by PGUSER; the
# two folders are made. The same settings give the same rows and files:
#   SAMPLE_ROWS (50000)  journal items, everything else in proportion
#   SAMPLE_FILES (300)   attachments' files    SAMPLE_MB (60)  and their size
#   SAMPLE_SEED (1)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/filestore.sh
. "$here/../lib/filestore.sh"

[ $# = 3 ] || {
	echo "usage: make-sample.sh DATABASE FILESTORE LOGS" >&2
	exit 2
}
database=$1 filestore=$2 logs=$3
rows=${SAMPLE_ROWS:-50000} files=${SAMPLE_FILES:-300} mb=${SAMPLE_MB:-60}
seed=${SAMPLE_SEED:-1}
sql() { psql -X -q -v ON_ERROR_STOP=1 -d "$database" "$@"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/sample.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$filestore" "$logs"

# NUMBER KIND BYTES of each file: one large, one of zeros, one of a single byte,
# and the others from small to middling, three in five incompressible.
plan_files() {
	awk -v files="$files" -v bytes=$((mb << 20)) -v x="$seed" 'BEGIN {
		print 1, "noise", int(bytes * 0.15)
		print 2, "zero", int(bytes * 0.03)
		print 3, "text", 1
		for (i = 4; i <= files; i++) {
			x = (x * 16807 + 11) % 2147483647
			weight[i] = 1 / (1 + x % 40)
			sum += weight[i]
		}
		for (i = 4; i <= files; i++)
			print i, i % 5 < 3 ? "noise" : "text",
			    int(bytes * 0.82 * weight[i] / sum) + i
	}' >"$work/plan"
}

cut_files() {
	local number kind bytes
	for kind in noise text zero; do
		bytes=$(awk -v k=$kind '$2 == k { n += $3 } END { print n + 0 }' \
			"$work/plan")
		bytes_of $kind "$bytes" "$seed" >"$work/pool.$kind"
	done
	while read -r number kind bytes; do
		case $kind in
		noise) head -c "$bytes" <&4 ;;
		text) head -c "$bytes" <&5 ;;
		zero) head -c "$bytes" <&6 ;;
		esac >"$work/file.$number"
	done <"$work/plan" 4<"$work/pool.noise" 5<"$work/pool.text" \
		6<"$work/pool.zero"
	rm -f "$work"/pool.*
	(cd "$work" && sha1sum file.*) | awk '{ sub("file.", "", $2); print $2, $1 }' |
		sort -n >"$work/names"
}

keep_files() {
	local number sha
	while read -r number sha; do
		filestore_keep "$filestore" "$work/file.$number" "$sha"
		# most markers have been collected since
		[ $((number % 3)) = 0 ] || rm "$filestore/checklist/${sha:0:2}/$sha"
	done <"$work/names"
}

# Rows for COPY: name, model, field, record, type, url, db_datas, store_fname,
# file_size, checksum, mimetype. The last six files are orphans without a row.
attachment_rows() {
	join "$work/plan.sorted" "$work/names.sorted" | sort -n |
		awk -v files="$files" -v OFS='\t' '
		function row(name, field, id, mime) {
			print name, field == "\\N" ? "sale.order" : "res.partner", field,
			    id, "binary", "\\N", "\\N", substr($4, 1, 2) "/" $4, $3, $4, mime
		}
		BEGIN {
			odd[1] = "it'\''s \"quoted\".pdf"; odd[2] = "back\\\\slash.txt"
			odd[3] = "tab\\there.txt"; odd[4] = "счёт № 7.pdf"
			odd[5] = "請求書 📎.pdf"; odd[6] = "-rf .txt"
		}
		$1 > files - 6 { next }
		{
			row($1 in odd ? odd[$1] : "file " $1 ".pdf", "\\N", $1,
			    $2 == "text" ? "text/plain" : "application/pdf")
			if ($1 % 5 == 0) {
				row("image_1920", "image_1920", $1, "image/png")
				row("image_128", "image_128", $1, "image/png")
			}
		}
		END {
			for (i = 1; i <= 8; i++)
				print "inside " i, "\\N", "\\N", "\\N", "binary", "\\N",
				    "\\\\x00ff5c0a" i i, "\\N", 5, "\\N", "image/png"
			for (i = 1; i <= 6; i++)
				print "link " i, "\\N", "\\N", "\\N", "url",
				    "/web/assets/" i, "\\N", "\\N", "\\N", "\\N", "text/css"
			print "empty.txt", "\\N", "\\N", "\\N", "binary", "\\N", "\\N",
			    "\\N", "\\N", "\\N", "text/plain"
		}'
}

make_logs() {
	awk -v n=$((rows / 10)) -v db="$database" 'BEGIN {
		for (i = 0; i < n; i++) {
			printf "2026-11-22 %02d:%02d:%02d,%03d 1005 INFO %s werkzeug: 10.0.0.%d - - [22/Nov/2026] \"GET /web/%d HTTP/1.1\" 200 - %d 0.0%02d 0.1%02d\n", \
			    i / 3600 % 24, i / 60 % 60, i % 60, i % 1000, db, i % 250, i * 7919 % 1000, i % 40, i % 97, i % 89
			if (i % 500 == 499)
				print "Traceback (most recent call last):\n  File \"x.py\", line 1\nValueError: sample"
		}
	}' >"$logs/odoo-server.log"
	head -n $((rows / 30 + 1)) "$logs/odoo-server.log" | sed 's/11-22/11-21/' \
		>"$logs/odoo-server.log.1"
}

createdb --template=template0 --encoding=UTF8 --lc-collate=C "$database"
sql -f "$here/schema.sql"
sql -v rows="$rows" -f "$here/data.sql" -o /dev/null
plan_files
cut_files
sort "$work/plan" >"$work/plan.sorted"
sort "$work/names" >"$work/names.sorted"
attachment_rows >"$work/attachments"
keep_files
sql -c "COPY ir_attachment (name, res_model, res_field, res_id, type, url,
	db_datas, store_fname, file_size, checksum, mimetype)
	FROM STDIN" <"$work/attachments"
sql -c "UPDATE ir_attachment SET create_uid = 2, write_uid = 2,
	create_date = timestamp '2026-10-01' + id * interval '1 minute',
	public = (type = 'url')"
make_logs
