#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every encoding that a database can have: a backup, and a copy that is equal
# byte by byte. The full form restores into staging and to plain files as well.
. "$(dirname "$0")/../lib/scenario.sh"
. "$TOP/tests/lib/whole.sh"
. "$TOP/tests/lib/encodings.sh"
need_postgres
export PGUSER=postgres
encodings_branch
[ "${SOAK:-full}" = full ] || encoding_also() { :; }
# shellcheck disable=SC2046 # a word each
encodings_try $(sql postgres "SELECT pg_encoding_to_char(i) FROM generate_series(0, 34) i")
tap_done
