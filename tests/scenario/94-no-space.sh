#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The disk is full: where the state and its spool are, at an endpoint, where a
# restore writes. At whatever byte it happens, the command says where and what
# to do, nothing that was acknowledged is lost, and when there is room again the
# same command works. `make soak` tries many more sizes (tests/soak).
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/wrong.sh
. "$TOP/tests/lib/wrong.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root to mount small disks"
mkdir "$T/mount.try"
mount -t tmpfs -o size=1m tmpfs "$T/mount.try" 2>/dev/null ||
	skip_all "this machine mounts nothing"
umount "$T/mount.try"
need_postgres
SAMPLE_ROWS=500 SAMPLE_FILES=10 SAMPLE_MB=4 make_branch
mkdir "$T/mount.disk"
write_conf
sed -i "s|^state = .*|state = $T/mount.disk/state|" "$CONF"
# a disk of SIZE KiB, empty; or another size for the one that is there
new_disk() { mount -t tmpfs -o "size=${1}k" tmpfs "$T/mount.disk"; }
resize() { mount -o "remount,size=${1}k" "$T/mount.disk"; }
ample=200000

# no_room DESCRIPTION PATTERN: the last run ended for want of space
no_room() {
	local found
	found=$(wrong_answer 1 space "$2")
	if [ -z "$found" ]; then pass "$1: no space, and says so"; else
		fail "$1: no space, and says so" "$found
it said: $(head -n 4 <<<"$err")"
	fi
}

# --- init --------------------------------------------------------------------
# The smallest disks first, until one is enough.
keys_and_endpoints() { (cd "$T" && find fra ams waw ./*.key -type f 2>/dev/null | wc -l); }
for kib in 4 8 16 40 64; do
	new_disk $kib
	trij init
	[ "$status" = 0 ] && break
	no_room "init with $kib KiB" "$T/mount.disk"
	resize $ample
	tri init
	exits 0 "init with $kib KiB: again, with room"
	umount "$T/mount.disk"
	rm -rf "$T"/{fra,ams,waw} "$T"/*.key
done
mountpoint -q "$T/mount.disk" || new_disk $ample
resize $ample
tri init
exits 0 "init"
backup
exits 0 "a backup while there is room"
first=$id

# --- backups -----------------------------------------------------------------
# sweep STEP…: room for the state as it is, and so many KiB more
cp -a "$T/mount.disk/state" "$T/kept"
for endpoint in fra ams waw; do cp -a "$T/$endpoint" "$T/kept.$endpoint"; done
enough() { # with room again, the same works, and all is there
	resize $ample
	trij backup
	exits 0 "$1: the same backup with room again"
	tri verify --depth data
	exits 0 "$1: every chunk of it is good"
	trij list
	like "$(json '[.backups[] | select(.state == "complete")][].id')" "$first" \
		"$1: what was acknowledged is there"
}
must "$TOP/tests/lib/add-noise.sh" "${DB}_main" "$T/filestore/main" 6
used=$(du -sk "$T/mount.disk" | cut -f1)
for more in 0 20 60 200 1000 4000; do
	resize $((used + more))
	trij backup
	what="a backup with $more KiB left"
	if [ "$status" = 0 ]; then
		pass "$what: was enough"
		continue
	fi
	no_room "$what" "$T/mount.disk"
	tri list
	exits 0 "$what: list works"
	like "$out" "$first" "$what: and has the first"
	tri status
	exits 0 "$what: status works"
	tri verify latest
	exits 0 "$what: verify works"
done
enough "after all these"

# --- restores ----------------------------------------------------------------
# Known before anything is begun: the filestore's disk, and the server's where
# it may be asked.
resize $ample
sed "s|^filestore = $T/filestore/staging|filestore = $T/mount.small/staging|" "$CONF" >"$T/small.conf"
mkdir "$T/mount.small"
mount -t tmpfs -o size=1m tmpfs "$T/mount.small"
WORLD_ALSO_WITHOUT='-o -path */audit -o -path */state'
wrong_case "a restore whose files don't fit" 1 space "files take [0-9]+ MB.*mount.small.*left" \
	"$TRIPLICATE" -c "$T/small.conf" --json restore latest --to staging --yes
is "$(ls -A "$T/mount.small")" "" "and nothing was begun"
is "$(hidden_databases)" "" "nor any database"
run "$TRIPLICATE" -c "$T/small.conf" --json restore latest --to staging --yes --force
no_room "and with --force" "mount.small"
ok "the target has no database" test "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '${DB}_staging'")" = 0
is "$(hidden_databases)" "" "and no hidden one"
mount -o remount,size=64m "$T/mount.small"
run "$TRIPLICATE" -c "$T/small.conf" --json restore latest --to staging --yes
exits 0 "with room it works"
ok "and has all files" diff <(file_sums "$T/filestore/main") <(file_sums "$T/mount.small/staging")
umount "$T/mount.small"
mount -t tmpfs -o size=1m tmpfs "$T/mount.small"
wrong_case "plain files that don't fit" 1 space "take [0-9]+ MB.*mount.small.*left" \
	"$TRIPLICATE" -c "$CONF" --json restore latest --to-dir "$T/mount.small/out"
mount -o remount,size=64m "$T/mount.small"
tri restore latest --to-dir "$T/mount.small/out"
exits 0 "with room they do"
umount "$T/mount.small"

# A restore needs a little of the state's disk, too.
resize "$(du -sk "$T/mount.disk" | cut -f1)"
trij restore latest --to staging --yes
no_room "a restore while the state's disk is full" "$T/mount.disk"
resize $ample
tri restore latest --to staging --yes
exits 0 "with room it works"

# --- the spool's own limit ---------------------------------------------------
sed -i "s|^give-up-after = .*|&\nspool-limit = 32M|" "$CONF"
must "$TOP/tests/lib/add-noise.sh" "${DB}_main" "$T/filestore/main" 40
mv "$T/fra" "$T/fra.away"
mv "$T/ams" "$T/ams.away"
trij backup
no_room "a spool whose limit is reached" "spool.*full.*spool-limit"
mv "$T/fra.away" "$T/fra"
mv "$T/ams.away" "$T/ams"
enough "when the endpoints are back"
umount "$T/mount.disk"
tap_done
