#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A second backup of an unchanged branch stores next to nothing, and an
# attachment that two branches share is stored once.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
cat >>"$CONF" <<-E

	[branch twin]
	stage = development
	filestore = $T/filestore/twin
E
init_repository
empty=$(bytes_at fra)
backup
exits 0 "the first backup"
first=$(($(bytes_at fra) - empty))
limit=$((first / 1000))
[ $limit -lt 65536 ] && limit=65536

before=$(bytes_at fra)
backup
exits 0 "a second one with no change"
grown=$(($(bytes_at fra) - before))
at_most $grown $limit "it stores $grown bytes an endpoint, of $first before"
json_is .backup.state complete "and is complete"
at_most "$(json .backup.bytes_new)" $limit "bytes_new says so"
at_most "$(json .backup.bytes_stored)" $limit "bytes_stored says so"
is "$(json .backup.files.new)" 0 "no file is new"
at_least "$(json .backup.bytes_read)" 1 "bytes_read is counted"

# a third one, after touching every file: read again, stored not again
find "$T/filestore/main" -type f -exec touch {} +
before=$(bytes_at fra)
backup --reread
exits 0 "a third one that reads everything again"
at_most $(($(bytes_at fra) - before)) $limit "still stores nothing"

# the twin's filestore is a copy
cp -a "$T/filestore/main" "$T/filestore/twin"
before=$(bytes_at fra)
trij backup twin
exits 0 "a backup of another branch with the same attachments"
at_most $(($(bytes_at fra) - before)) 131072 "they are stored once"
trij restore "$(json .backup.id)" --to-dir "$T/twin.back"
exits 0 "and restored from there"
is "$(file_sums "$T/twin.back/filestore")" "$(file_sums "$T/filestore/twin")" \
	"byte for byte"

# a day's work costs about what it is
change_branch
before=$(bytes_at fra)
backup
exits 0 "a backup after a day's work"
grown=$(($(bytes_at fra) - before))
at_most $grown $((first / 2)) "stores much less than the first ($grown of $first)"
is "$(json .backup.files.new)" 5 "and reads the new attachments only"
for endpoint in ams waw; do
	is "$(object_sums $endpoint | grep -v -e ' ./writers' -e ' ./audit')" \
		"$(object_sums fra | grep -v -e ' ./writers' -e ' ./audit')" \
		"$endpoint holds what fra holds"
done
tap_done
