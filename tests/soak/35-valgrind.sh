#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Memory, looked at by Valgrind, which sees into the libraries too: the release
# program makes a repository, two backups, verifies, restores and recovers,
# without an invalid access, a decision on uninitialized bytes, or a leak.
. "$(dirname "$0")/../lib/scenario.sh"
command -v valgrind >/dev/null || skip_all "no valgrind here"
need_postgres
if [ "${SOAK:-full}" = short ]; then
	export SAMPLE_ROWS=1000 SAMPLE_FILES=20 SAMPLE_MB=2
fi

# The program as the others run it. Its children (pg_dump, psql) are not ours;
# between fork and exec they are silent.
PROGRAM=$TRIPLICATE
TRIPLICATE=$T/watched
watch() { # watch PROGRAM
	cat >"$TRIPLICATE" <<-E
		#!/bin/sh
		exec valgrind --quiet --leak-check=full --num-callers=30 \\
			--show-leak-kinds=definite,indirect \\
			--errors-for-leak-kinds=definite,indirect \\
			--error-exitcode=99 --trace-children=no \\
			--child-silent-after-fork=yes \\
			--log-file='$T/valgrind.%p' '$1' "\$@"
	E
	chmod 755 "$TRIPLICATE"
}

# clean DESCRIPTION: what ran since the last
clean() {
	local found
	found=$(cat "$T"/valgrind.* 2>/dev/null)
	if ! compgen -G "$T/valgrind.*" >/dev/null; then
		fail "$1: clean" "Valgrind left no report"
	elif [ -z "$found" ]; then pass "$1: clean"; else fail "$1: clean" "$found"; fi
	rm -f "$T"/valgrind.*
}

# It must be able to see what it is there for.
printf '%s\n' '#include <stdlib.h>' 'int main(void) { volatile char *p = malloc(9);' \
	'p[0] = 1; p = NULL; return (p != NULL); }' >"$T/leak.c"
must gcc -O0 -o "$T/leak" "$T/leak.c"
watch "$T/leak"
run "$TRIPLICATE"
exits 99 "a leak is found when there is one"
rm -f "$T"/valgrind.*
watch "$PROGRAM"

make_branch
write_conf "memory = 128M"
tri init
exits 0 "init"
clean "init"
backup production
exits 0 "the first backup"
clean "the first backup"
change_branch
backup production
exits 0 "the second backup, with deltas"
clean "the second backup"
tri verify --depth data
exits 0 "verify --depth data"
clean "verify --depth data"
tri restore latest --to staging --yes
exits 0 "restore to staging"
clean "restore to staging"
tri restore latest --to staging --yes
exits 0 "restore over it"
clean "restore over it"
tri restore latest --to-dir "$T/plain"
exits 0 "restore to plain files"
clean "restore to plain files"
tri restore latest --to production --confirm production --table res_company
exits 0 "one table"
clean "one table"

# What goes wrong is cleaned up after, too.
rm -rf "$T/ams/packs"
flip "$(find "$T/fra/packs" -type f | sort | head -n 1)" 5000
tri verify --depth hash
exits 7 "verify of a damaged and of a robbed endpoint"
clean "verify that finds damage"
tri verify --repair
exits 0 "verify --repair"
clean "verify --repair"
for command in "list" "show latest" "show latest --files" "status" "key show"; do
	# shellcheck disable=SC2086
	tri $command
	exits 0 "$command"
	clean "$command"
done
tri backup nowhere
exits 4 "a branch that isn't there"
clean "a branch that isn't there"
tri restore latest --to production
exits 8 "a refusal"
clean "a refusal"
sql postgres "ALTER DATABASE ${DB}_main RENAME TO ${DB}_away"
tri backup production
exits 1 "a database that isn't there"
clean "a database that isn't there"
mkdir "$T/bare"
tri recover --from "file://$T/waw" --key "$T/restore.key" \
	-o "$T/bare/triplicate.conf"
exits 0 "recover"
clean "recover"
tap_done
