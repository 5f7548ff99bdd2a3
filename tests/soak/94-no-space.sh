#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The disk is full at any byte: init, a backup and a restore are tried with
# every size of disk from nothing to enough, for the state, for the endpoints
# and for the target's files. Each try either does it, or says that there is no
# space and where, and does it when there is room again; what was acknowledged
# stays whole. The short form tries a few sizes of each.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/wrong.sh
. "$TOP/tests/lib/wrong.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root to mount small disks"
mkdir "$T/mount.disk"
mount -t tmpfs -o size=1m tmpfs "$T/mount.disk" 2>/dev/null ||
	skip_all "this machine mounts nothing"
umount "$T/mount.disk"
need_postgres
SAMPLE_ROWS=500 SAMPLE_FILES=10 SAMPLE_MB=2 make_branch

# sizes STEP MOST: KiB, from 0 to MOST; twelve of them in the short form
sizes() {
	local step=$1 least=$(($2 / 12))
	[ "${SOAK:-full}" = full ] || [ "$step" -ge "$least" ] ||
		step=$(((least / 4 + 1) * 4))
	seq 0 "$step" "$2"
}
small_disk() { # small_disk KIB: of that size, empty; 0 is one page
	mount -t tmpfs -o "size=$(($1 > 4 ? $1 : 4))k" tmpfs "$T/mount.disk"
}
resize() { mount -o "remount,size=$(($1 > 4 ? $1 : 4))k" "$T/mount.disk"; }
used() { du -sk "$T/mount.disk" | cut -f1; }
ample=400000
full=0 went=0

# The last run: done, or no space there. Says what else it found.
tried() { # tried DESCRIPTION PATTERN
	local found=
	if [ "$status" = 0 ]; then
		went=$((went + 1))
	else
		full=$((full + 1))
		found=$(wrong_answer 1 space "$2")
	fi
	[ -z "$found" ] || fail "$1" "$found
it said: $(head -n 5 <<<"$err")"
}

# must_work DESCRIPTION WORDS…
must_work() {
	local what=$1
	shift
	tri "$@"
	[ "$status" = 0 ] || fail "$what: $*" "exit $status: $err"
}

# counted WHAT: some tries of the sweep were refused, and some were enough
counted() {
	at_least "$full" 1 "$1: $full sizes were too small"
	at_least "$went" 1 "$1: $went were enough"
	full=0 went=0
}

# --- init, the state's disk --------------------------------------------------
write_conf
sed -i "s|^state = .*|state = $T/mount.disk/state|" "$CONF"
for kib in $(sizes 4 400); do
	small_disk "$kib"
	trij init
	tried "init with $kib KiB" "$T/mount.disk"
	resize $ample
	must_work "init with $kib KiB, then room" init
	must_work "init with $kib KiB, then room" list
	umount "$T/mount.disk"
	rm -rf "$T"/{fra,ams,waw} "$T"/*.key
done
counted init

# --- backup, the state's disk ------------------------------------------------
small_disk $ample
must_work "init" init
backup
exits 0 "a first backup"
first=$id
must "$TOP/tests/lib/add-noise.sh" "${DB}_main" "$T/filestore/main" 3
keep() {
	mkdir -p "$T/kept"
	cp -a "$T/mount.disk/." "$T/kept/disk"
	cp -a "$T/fra" "$T/ams" "$T/waw" "$T/kept/" 2>/dev/null
}
as_kept() {
	resize $ample
	find "$T/mount.disk" -mindepth 1 -delete
	cp -a "$T/kept/disk/." "$T/mount.disk/"
	rm -rf "$T"/{fra,ams,waw}
	cp -a "$T/kept/"{fra,ams,waw} "$T/" 2>/dev/null
}
whole() { # whole DESCRIPTION: with room, the same works, and all is there
	resize $ample
	must_work "$1, then room" backup
	must_work "$1, then room" verify --depth data
	trij list
	[ "$(json "[.backups[] | select(.id == \"$first\" and .state == \"complete\")] | length")" = 1 ] ||
		fail "$1: the first backup is lost" "$out"
}
keep
for kib in $(sizes 20 800) $(sizes 250 7000); do
	as_kept
	resize $(($(used) + kib))
	trij backup
	tried "a backup with $kib KiB more" "$T/mount.disk"
	[ "$status" = 0 ] || must_work "a backup with $kib KiB more" list
	whole "a backup with $kib KiB more"
done
counted "backup"

# --- restore, the state's disk -----------------------------------------------
whole "before the restores"
rm -rf "$T/mount.disk/state/cache"
rm -rf "$T/kept"
keep
for kib in $(sizes 40 2000) $(sizes 500 7000); do
	as_kept
	resize $(($(used) + kib))
	trij restore latest --to staging --yes
	tried "a restore with $kib KiB more" "$T/mount.disk"
	resize $ample
	[ "$status" = 0 ] ||
		must_work "a restore with $kib KiB more, then room" restore latest --to staging --yes
	[ -z "$(hidden_databases)" ] || fail "a hidden database stays" "$(hidden_databases)"
done
at_least "$went" 1 "restore: $went sizes were enough, $full were not"
full=0 went=0
same_files=$(diff <(file_sums "$T/filestore/main") <(file_sums "$T/filestore/staging"))
is "$same_files" "" "the last restore has all files"
umount "$T/mount.disk"

# --- restore, the target's disk ----------------------------------------------
rm -rf "$T/kept"
sed -i "s|^state = .*|state = $T/state|; s|^filestore = $T/filestore/staging|filestore = $T/mount.disk/staging|" "$CONF"
rm -rf "$T"/{fra,ams,waw} "$T"/*.key
must_work "another repository" init
backup
exits 0 "a backup there"
sql postgres "DROP DATABASE IF EXISTS ${DB}_staging"
for kib in $(sizes 200 8000); do
	small_disk "$kib"
	trij restore latest --to staging --yes --force
	tried "a restore into $kib KiB" "$T/mount.disk"
	if [ "$status" != 0 ]; then
		! database_exists "${DB}_staging" || fail "a restore into $kib KiB: a database"
		[ -z "$(hidden_databases)" ] || fail "a hidden database stays" "$(hidden_databases)"
		resize $ample
		must_work "a restore into $kib KiB, then room" restore latest --to staging --yes
	fi
	[ -z "$(diff <(file_sums "$T/filestore/main") <(file_sums "$T/mount.disk/staging"))" ] ||
		fail "a restore into $kib KiB, then room: files differ"
	umount "$T/mount.disk"
	sql postgres "DROP DATABASE ${DB}_staging"
done
counted "the target's disk"

# --- backup, the endpoints' disk ---------------------------------------------
small_disk $ample
for endpoint in fra ams waw; do
	sed -i "s|^url = file://$T/$endpoint\$|url = file://$T/mount.disk/$endpoint|" "$CONF"
done
rm -rf "$T/state" "$T"/*.key
must_work "a third repository" init
backup
exits 0 "a backup there"
first=$id
must "$TOP/tests/lib/add-noise.sh" "${DB}_main" "$T/filestore/main" 2
cp -a "$T/mount.disk/." "$T/kept.disk"
cp -a "$T/state" "$T/kept.state"
for kib in $(sizes 40 400) $(sizes 500 9000); do
	resize $ample
	find "$T/mount.disk" -mindepth 1 -delete
	cp -a "$T/kept.disk/." "$T/mount.disk/"
	rm -rf "$T/state"
	cp -a "$T/kept.state" "$T/state"
	resize $(($(used) + kib))
	trij backup
	case $status in
	0) went=$((went + 1)) ;;
	3 | 1)
		full=$((full + 1))
		grep -q 'No space left' <<<"$(json '.backup.endpoints[].error')" ||
			fail "endpoints with $kib KiB more: no endpoint says why" "$out"
		;;
	*) fail "endpoints with $kib KiB more: exit $status" "$err" ;;
	esac
	resize $ample
	must_work "endpoints with $kib KiB more, then room" sync
	must_work "endpoints with $kib KiB more, then room" verify --depth data
	trij list
	[ "$(json '[.backups[] | select(.state == "complete")] | length')" = 2 ] ||
		fail "endpoints with $kib KiB more, then room: two complete backups" "$out"
done
counted "the endpoints' disk"
umount "$T/mount.disk"
tap_done
