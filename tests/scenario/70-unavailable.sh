#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An endpoint folder that is missing, read-only or full. With the quorum met the
# backup is complete; without, it waits in the spool. sync brings the endpoint
# up to date without reading the source again.
. "$(dirname "$0")/../lib/scenario.sh"
need_postgres
make_branch
write_conf
init_repository
backup
exits 0 "a backup with everything there"

same_everywhere() {
	ok "$1: fra holds what ams holds" diff <(object_sums ams) <(object_sums fra)
	ok "$1: waw holds what ams holds" diff <(object_sums ams) <(object_sums waw)
}

no_source() { # the source is out of reach
	mv "$T/filestore/main" "$T/filestore/away"
	sql postgres "ALTER DATABASE ${DB}_main RENAME TO ${DB}_away"
}
source_back() {
	mv "$T/filestore/away" "$T/filestore/main"
	sql postgres "ALTER DATABASE ${DB}_away RENAME TO ${DB}_main"
}

met() { # met HOW ENDPOINT, of the last backup
	exits 3 "$1: the quorum is met"
	json_is .backup.state complete "$1: complete"
	json_is ".backup.endpoints.$2.state" pending "$1: $2 is behind"
	like "$(json ".backup.endpoints.$2.error")" . "$1: with its error"
	like "$(json '.backup.warnings | join("\n")')" "$2" "$1: a warning names it"
}

# --- missing -----------------------------------------------------------------
change_branch 1
mv "$T/waw" "$T/waw.away"
backup
met missing waw
ok "missing: a backup doesn't make the folder" test ! -e "$T/waw"
mv "$T/waw.away" "$T/waw"
no_source
tri sync
exits 0 "missing: sync"
same_everywhere missing
source_back

# --- two missing -------------------------------------------------------------
change_branch 2
mv "$T/waw" "$T/waw.away"
mv "$T/fra" "$T/fra.away"
backup
exits 1 "two missing: the quorum isn't met"
json_is .backup.state pending "two missing: pending"
json_is .error.kind quorum "two missing: the error says so"
waiting=$id
no_source
trij list
is "$(json ".backups[] | select(.id == \"$waiting\") | .state")" pending \
	"two missing: list shows it"
trij status
json_is .status.verdict at-risk "two missing: the verdict is at risk"
at_least "$(json .status.spool.packs)" 1 "two missing: the spool holds it"
mv "$T/waw.away" "$T/waw"
mv "$T/fra.away" "$T/fra"
tri sync
exits 0 "two missing: sync when they are back"
trij list
is "$(json ".backups[] | select(.id == \"$waiting\") | .state")" complete \
	"two missing: the backup is complete now"
same_everywhere "two missing"
trij status
json_is .status.spool.packs 0 "two missing: the spool is empty"
source_back

# --- destroyed ---------------------------------------------------------------
rm -rf "$T/ams"
tri status
exits 0 "destroyed: status"
tri init
exits 0 "destroyed: init with the same keys adds the endpoint again"
tri sync ams
exits 0 "destroyed: sync fills it"
tri sync # the others get the entry that the audit log has of it
same_everywhere destroyed
tri verify --depth data --endpoint ams
exits 0 "destroyed: all of it is good"

# --- full --------------------------------------------------------------------
mkdir "$T/mount.small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=32m tmpfs "$T/mount.small" 2>/dev/null; then
	used=$(du -sm "$T/waw" | cut -f1)
	cp -a "$T/waw/." "$T/mount.small/"
	mv "$T/waw" "$T/waw.disk"
	ln -s mount.small "$T/waw"
	sed -i "s|file://$T/waw|file://$T/mount.small|" "$CONF"
	# fill all but a little of it
	head -c $(((31 - used) << 20)) /dev/zero >"$T/mount.small.fill"
	cp "$T/mount.small.fill" "$T/mount.small/zz.fill"
	must "$TOP/tests/lib/add-noise.sh" "${DB}_main" "$T/filestore/main" 6
	backup
	met full waw
	rm "$T/mount.small/zz.fill"
	no_source
	tri sync
	exits 0 "full: sync when there is room again"
	same_everywhere full
	source_back
	rm "$T/waw"
	cp -a "$T/mount.small" "$T/waw"
	umount "$T/mount.small"
	sed -i "s|file://$T/mount.small|file://$T/waw|" "$CONF"
else
	skip "needs root and mount" "full"
fi

# --- read-only ---------------------------------------------------------------
# Permissions mean nothing to root: the program runs as another user then.
change_branch 3
user=$(id -un)
as=()
if [ "$(id -u)" = 0 ]; then
	user=nobody
	chown -R nobody "$T"
	as=(setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups)
fi
chmod -R a-w "$T/waw"
run "${as[@]}" "$TRIPLICATE" -c "$CONF" --json backup
met "read-only for $user" waw
chmod -R u+w "$T/waw"
no_source
run "${as[@]}" "$TRIPLICATE" -c "$CONF" sync
exits 0 "read-only: sync when it may write again"
same_everywhere read-only
source_back
run "${as[@]}" "$TRIPLICATE" -c "$CONF" verify --depth data
exits 0 "in the end all is well"
tap_done
