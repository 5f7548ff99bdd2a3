#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# One day of work in a sample branch: change-sample.sh DATABASE FILESTORE LOGS [DAY]
# About 1 % of the journal items are new and 0.5 % changed, most of them recent
# ones; a few attachments come, one of them with content that is there already;
# two go, and the file that nobody needs any more stays until Odoo's garbage
# collection, as it would.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/filestore.sh
. "$here/../lib/filestore.sh"

[ $# = 3 ] || [ $# = 4 ] || {
	echo "usage: change-sample.sh DATABASE FILESTORE LOGS [DAY]" >&2
	exit 2
}
database=$1 filestore=$2 logs=$3 day=${4:-1}
sql() { psql -X -q -v ON_ERROR_STOP=1 -v day="$day" -d "$database" "$@"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/sample.XXXXXX")
trap 'rm -rf "$work"' EXIT

sql -o /dev/null <<'E'
BEGIN;
SELECT count(*) / 100 + 10 AS lines, max(id) AS last FROM account_move_line \gset
INSERT INTO account_move (name, state, move_type, date, partner_id, company_id, amount_total)
SELECT 'INV/2026/D' || :day || '/' || i, 'posted', 'out_invoice', date '2026-11-22' + :day,
    1 + i % 40, 1, i * 3 % 700
FROM generate_series(1, :lines / 5) i;
INSERT INTO account_move_line (move_id, company_id, partner_id, date, name, debit,
    credit, balance, amount_residual, reconciled, display_type, quantity, create_date)
SELECT (SELECT max(id) FROM account_move), 1, 1 + i % 40, date '2026-11-22' + :day,
    'day ' || :day || ' item ' || md5('d' || :day || i), i, 0, i, 0, false,
    'product', 1, timestamp '2026-11-22'
FROM generate_series(1, :lines) i;
UPDATE account_move_line SET reconciled = NOT reconciled, matching_number = 'M' || :day || '-' || id
WHERE id > :last - :lines * 5 AND id % 10 = 0 OR id % (200 * 10) = :day;
UPDATE sale_order SET state = 'sale', amount_total = amount_total + 1 WHERE id % 50 = :day % 50;
INSERT INTO sale_order (name, state, date_order, partner_id, company_id, amount_total)
SELECT 'S' || lpad(nextval('ir_sequence_001')::text, 5, '0'), 'sale',
    timestamp '2026-11-22' + :day * interval '1 day', 1 + i, 1, i * 10
FROM generate_series(1, 8) i;
DELETE FROM queue_job WHERE state = 'done';
INSERT INTO mail_message (subject, date, body, model, res_id, message_type, author_id)
SELECT 'day ' || :day, timestamp '2026-11-22', '<p>' || md5('m' || i) || '</p>', 'sale.order', i, 'comment', 2
FROM generate_series(1, 30) i;
SELECT nextval('ir_sequence_002');
UPDATE ir_sequence SET number_next = number_next + 3 WHERE implementation = 'no_gap';
COMMIT;
E

# New files with their rows; the last row shares a file that is there already.
for i in 1 2 3 4 5; do
	kind=noise
	[ $((i % 2)) = 0 ] && kind=text
	bytes_of $kind $((i * 40000 + day)) $((day * 1000 + i)) >"$work/new"
	sha=$(sha1sum <"$work/new")
	sha=${sha%% *}
	filestore_keep "$filestore" "$work/new" "$sha"
	printf '%s\t' "day $day file $i.pdf" "${sha:0:2}/$sha" \
		$((i * 40000 + day)) "$sha" binary
	printf 'application/pdf\n'
done >"$work/rows"
tail -n 1 "$work/rows" | sed 's/^[^\t]*/shared again.pdf/' >"$work/shared"
cat "$work/rows" "$work/shared" |
	sql -c "COPY ir_attachment (name, store_fname, file_size, checksum, type,
		mimetype) FROM STDIN"

# Two attachments are deleted: one of several that share a file, one that does
# not. Odoo leaves a marker for each.
sql -At <<'E' >"$work/gone"
WITH many AS (
    SELECT min(id) AS id FROM ir_attachment WHERE store_fname IS NOT NULL
    GROUP BY store_fname HAVING count(*) > 1 ORDER BY 1 OFFSET :day LIMIT 1
), one AS (
    SELECT min(id) AS id FROM ir_attachment WHERE store_fname IS NOT NULL
    GROUP BY store_fname HAVING count(*) = 1 ORDER BY 1 OFFSET 5 + :day LIMIT 1
)
DELETE FROM ir_attachment USING many, one
WHERE ir_attachment.id IN (many.id, one.id) RETURNING store_fname;
E
while read -r name; do
	mkdir -p "$filestore/checklist/${name%/*}"
	: >"$filestore/checklist/$name"
done <"$work/gone"

echo "2026-11-23 0$((day % 10)):00:00,000 1005 INFO $database odoo.modules.registry: Registry loaded in 1.2s " \
	>>"$logs/odoo-server.log"
