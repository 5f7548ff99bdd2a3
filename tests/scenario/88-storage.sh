#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where the bytes are: by branch and its parts, by backup, at each endpoint, and
# what nobody needs; from local state alone.
# ASAN: yes
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
cat >>"$CONF" <<-END

	[branch twin]
	stage = development
	filestore = $T/filestore/twin

	[branch notes]
	stage = development
END
init_repository
trij storage
exits 0 "storage of an empty repository"
json_is '.storage | "\(.count) \(.bytes_needed) \(.deduplication) \(.reclaimable)"' \
	"0 0 null 0" "has nothing"
backup
exits 0 "a backup"
first=$id
change_branch
backup
second=$id
cp -a "$T/filestore/main" "$T/filestore/twin"
trij backup twin
exits 0 "a branch with the same attachments"
head -c 300000 /dev/urandom >"$T/in"
"$TRIPLICATE" -c "$CONF" --json backup notes --stdin note <"$T/in" >"$T/out"
isnt "$(json .backup.id)" "" "and one of a stream"

# --- what the sources hold -----------------------------------------------------
trij storage
exits 0 "storage"
sum_of() { # bytes of the files of a folder that a backup reads
	find "$1" -type f -not -path '*/checklist/*' -printf '%s\n' |
		awk '{ n += $1 } END { print n + 0 }'
}
share() { json ".storage.branches.$1"; }
is "$(share twin.filestore.bytes_logical)" "$(sum_of "$T/filestore/twin")" \
	"what the twin's filestore holds"
is "$(share twin.filestore.bytes_new)" 0 "none of it was new"
is "$(share twin.filestore.bytes_stored)" 0 "and nothing was stored for it"
is "$(share twin.database) $(share twin.logs)" "null null" "it has no database and no logs"
is "$(share notes.streams.bytes_logical)" 300000 "a stream"
at_least "$(share notes.streams.bytes_stored)" 300000 "which does not compress"
is "$(share production.backups)" 2 "production has two backups"
main=$(sum_of "$T/filestore/main")
at_most "$(share production.filestore.bytes_logical)" $((2 * main)) \
	"its filestore was read twice"
at_least "$(share production.filestore.bytes_logical)" "$main" "or once and a part"
at_most "$(share production.filestore.bytes_new)" "$main" "and each file is new once"
at_least "$(share production.logs.bytes_logical)" \
	"$(find "$T/logs" -type f -printf '%s\n' | sort -n | tail -n 1)" "logs"
is "$(share production.bytes_logical)" \
	"$(json '.storage.branches.production | .database.bytes_logical +
		.filestore.bytes_logical + .logs.bytes_logical')" "the parts are the whole"
trij list
logical=$(json '[.backups[].bytes_logical] | add')
stored=$(json '[.backups[].bytes_stored] | add')
trij storage
is "$(json '.storage | "\(.bytes_logical) \(.bytes_stored)"')" "$logical $stored" \
	"the sums are those of list"

# --- what is where ---------------------------------------------------------------
for endpoint in $ENDPOINTS; do
	is "$(json ".storage.endpoints.$endpoint | \"\\(.bytes) \\(.objects) \\(.pending_bytes)\"")" \
		"$(bytes_at "$endpoint") $(objects "$endpoint" | wc -l) 0" \
		"$endpoint holds what lies there"
	is "$(json ".storage.endpoints.$endpoint.packs")" "$(bytes_at "$endpoint/packs")" \
		"$endpoint: of it packs"
done
is "$(json '.storage.spool | "\(.bytes) \(.objects)"')" "0 0" "the spool is empty"
is "$(json .storage.reclaimable)" 0 "nothing can be reclaimed"
is "$(json .storage.bytes_needed)" \
	$(($(bytes_at fra/packs) + $(bytes_at fra/index))) \
	"all packs and index objects are needed"
json_is '.storage.deduplication > 1.5' true "more was read than is kept"

# --- who needs what ----------------------------------------------------------------
need() { json ".storage.backups[] | select(.id == \"$1\") | .$2"; }
at_least "$(need "$first" bytes_needed)" "$(need "$first" bytes_alone)" "alone is a part of it"
at_least "$(need "$second" bytes_alone)" 1 "the second needs something alone"
at_most "$(need "$second" bytes_alone)" $(($(need "$second" bytes_needed) / 2)) \
	"and shares most with the first"
at_least "$(share notes.bytes_alone)" 300000 "the stream is needed by nobody else"
at_most "$(share twin.bytes_alone)" 100000 "the twin needs next to nothing alone"
tri storage
exits 0 "for people"
for word in 'branch production' '  database' '  filestore' '  logs' "$first" \
	'endpoint fra' spool reclaimable; do
	like "$out" "^ *$word" "it tells of:$word"
done

# --- no endpoint is asked, one may lack something ----------------------------------
mv "$T/waw" "$T/waw.away"
change_branch 2
backup
exits 3 "a backup with an endpoint away"
for endpoint in fra ams; do mv "$T/$endpoint" "$T/$endpoint.away"; done
trij storage
exits 0 "storage with no endpoint there"
at_least "$(json .storage.endpoints.waw.pending_bytes)" 1 "says what waw lacks"
at_least "$(json .storage.spool.bytes)" 1 "and that the spool holds it"
for endpoint in $ENDPOINTS; do mv "$T/$endpoint.away" "$T/$endpoint"; done
tri sync
exits 0 "sync"

# --- what nobody needs -----------------------------------------------------------
# A backup that dies leaves packs; the next one describes them, and needs them
# no more when the file is gone.
head -c 40000000 /dev/urandom >"$T/filestore/twin/large"
TRIPLICATE_PAUSE_AT="files read" TRIPLICATE_PAUSE_FILE=$T/paused \
	"$TRIPLICATE" -c "$CONF" backup twin >/dev/null 2>&1 &
held=$!
for ((i = 0; i < 300; i++)); do
	[ -e "$T/paused" ] && break
	sleep 0.2
done
kill -9 "$held"
wait "$held" 2>/dev/null
rm -f "$T/paused" "$T/filestore/twin/large"
echo "a small one" >"$T/filestore/twin/small"
trij storage
at_least "$(json .storage.unfinished)" 30000000 "a backup that died: what it left"
is "$(json .storage.reclaimable)" 0 "is not to be reclaimed yet"
trij backup twin
exits 0 "the next backup"
trij storage
is "$(json .storage.unfinished)" 0 "nothing is left unfinished"
at_least "$(json .storage.reclaimable)" 30000000 "what it does not need is reclaimable"
is "$(json .storage.bytes_needed)" \
	$(($(bytes_at fra/packs) + $(bytes_at fra/index) - $(json .storage.reclaimable))) \
	"the rest is needed"
tap_done
