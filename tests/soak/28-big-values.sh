#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# About the largest values that COPY gives come back; one that it can't give
# makes the backup incomplete and is named, and everything else is stored. The
# short form has a tenth of the size, and the one that can't be given.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
text=1000000000 bytea=500000000
if [ "${SOAK:-full}" != full ]; then
	text=100000000 bytea=50000000
fi
at_hand=$(($(df -k --output=avail "$T" | tail -n 1) / 1024 / 1024))
[ "$at_hand" -ge 15 ] || skip_all "less than 15 GB of disk"
[ "$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)" -ge 10 ] ||
	skip_all "less than 10 GB of memory"
source=${DB}_main
must createdb --template=template0 --encoding=UTF8 --locale=C "$source"
must psql -X -q -v ON_ERROR_STOP=1 -d "$source" <<-E
	CREATE TABLE large_text (t text);
	CREATE TABLE large_bytes (b bytea);
	CREATE TABLE plain AS SELECT i FROM generate_series(1, 100) i;
	INSERT INTO large_text SELECT repeat('0123456789', $text / 10);
	INSERT INTO large_bytes SELECT decode(repeat('00ff5c0a09', $bytea / 5), 'hex');
E
mkdir -p "$T/filestore/main"
write_conf
init_repository
backup production
exits 0 "a backup of a text of $text bytes and a bytea of $bytea"
tri restore production/latest --to staging
exits 0 "restore"
sums() { sql "$1" "SELECT length(t), md5(t) FROM large_text"; sql "$1" "SELECT length(b), md5(b) FROM large_bytes"; }
is "$(sums "${DB}_staging")" "$(sums "$source")" "both are the same"

# As text it takes more than a result may have.
must psql -X -q -v ON_ERROR_STOP=1 -d "$source" -c 'CREATE TABLE too_large (b bytea)' \
	-c "INSERT INTO too_large SELECT decode(repeat('00ff5c0a09', 100000000), 'hex') || decode(repeat('00ff5c0a09', 20000000), 'hex')"
backup production
exits 1 "a bytea of 600,000,000 bytes: the backup fails"
json_is .backup.state incomplete "it is incomplete"
like "$(json '.error.message, .backup.warnings[]')" 'too_large' "it names the table"
json_is .backup.database.tables 3 "the other tables are stored"
tri restore "$id" --to staging --yes
exits 3 "and come back"
is "$(sql "${DB}_staging" 'SELECT count(*) FROM plain')" 100 "with their rows"
tap_done
