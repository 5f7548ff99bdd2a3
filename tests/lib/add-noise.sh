#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Adds one incompressible attachment: add-noise.sh DATABASE FILESTORE MIB
set -eu
# shellcheck source=tests/lib/filestore.sh
. "$(dirname "$0")/filestore.sh"
work=$(mktemp)
bytes=$(($3 << 20))
bytes_of noise $bytes 424242 >"$work"
sha=$(sha1sum <"$work")
sha=${sha%% *}
filestore_keep "$2" "$work" "$sha"
psql -X -q -v ON_ERROR_STOP=1 -d "$1" -c "INSERT INTO ir_attachment
	(name, type, store_fname, checksum, file_size, mimetype) VALUES
	('noise.bin', 'binary', '${sha:0:2}/$sha', '$sha', $bytes, 'application/octet-stream')"
