#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A real Odoo database and its filestore at an S3 bucket, an SFTP folder and a
# WebDAV folder at once; then each of them is the only one that can be reached,
# and all of it comes back. ODOO_DUMPS names the folder with the dump.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/endpoints.sh
. "$TOP/tests/lib/endpoints.sh"
DUMPS=${ODOO_DUMPS:-$TOP/../shared/odoo}
DUMP=$DUMPS/17.0.dump ZIP=$DUMPS/17.0-backup.zip
for file in "$DUMP" "$ZIP"; do [ -e "$file" ] || skip_all "no $file here"; done
need_services s3 sftp webdav:apache
need_postgres

superuser() { PGUSER=postgres psql -X -q -v ON_ERROR_STOP=1 "$@"; }
make_source() {
	superuser -d postgres -c "CREATE DATABASE ${DB}_main OWNER odoo
		TEMPLATE template0 ENCODING UTF8" &&
		superuser -d "${DB}_main" -c 'CREATE EXTENSION pg_trgm' \
			-c 'CREATE EXTENSION unaccent' &&
		pg_restore --no-owner --no-comments --exit-on-error --jobs=2 \
			-d "${DB}_main" "$DUMP" &&
		mkdir "$T/filestore" &&
		unzip -q "$ZIP" 'filestore/*' -d "$T/zip" &&
		mv "$T/zip/filestore" "$T/filestore/main"
}
must make_source

# write_endpoints [NAME]: the configuration; with NAME, nobody listens at the
# others
write_endpoints() {
	local name section
	ENDPOINTS='' write_conf 'write-quorum = 3'
	sed -i "s|^\[branch staging\]|[branch copy]|; s|_staging|_copy|
		s|filestore/staging|filestore/copy|; s|^stage = staging|stage = production|
		/^logs = /d" "$CONF"
	for name in fra ams waw; do
		section=$("${name}_endpoint")
		[ "${1:-$name}" = "$name" ] ||
			section=$(sed '/^url = /s|127\.0\.0\.1:[0-9]*|127.0.0.1:1|' <<<"$section")
		printf '%s\n' "$section" >>"$CONF"
	done
}
write_endpoints
init_repository
backup production
exits 0 "a backup to S3, SFTP and WebDAV at once"
json_is .backup.database.odoo_version 17.0 "its version is known"
json_is '[.backup.endpoints[].state] | join(" ")' "stored stored stored" \
	"stored at each"

for name in fra ams waw; do
	write_endpoints $name
	trij restore production/latest --to copy --confirm copy
	exits 0 "restored from $name alone"
	json_is '[.restore.endpoints | to_entries[] | select(.value.bytes_fetched > 0)
		| .key] | join(" ")' $name "$name: the bytes came from there"
	same_database "${DB}_main" "${DB}_copy" "$name"
	is "$(file_sums "$T/filestore/copy" | md5sum)" \
		"$(file_sums "$T/filestore/main" | md5sum)" \
		"$name: every attachment, byte for byte"
	superuser -d postgres -c "DROP DATABASE IF EXISTS ${DB}_copy WITH (FORCE)"
	rm -rf "$T/filestore/copy"
done
tap_done
