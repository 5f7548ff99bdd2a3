#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PostgreSQL servers and client programs of other majors than the machine's own,
# out of the other releases of its distribution, without touching the machine:
#   postgres-versions.sh [DIR]     fetches what there is into DIR (default
#                                  build/postgresql) and prints a line each:
#                                  MAJOR BIN-FOLDER ORIGIN
#   postgres-versions.sh list [DIR]
#                                  prints what is there, fetches nothing
# Majors that are installed here (/usr/lib/postgresql) are printed as they are.
# The mirror is that of the machine's own sources. Done once, DIR is used again.
#
# A fetched program runs with its own release's loader and libraries: a wrapper
# of its name in BIN-FOLDER calls them. Servers are started by path from their
# own folder, so there postgres is a wrapper as well. Code generation (jit) is
# left out: it would bring 100 MB of compiler along.
set -u
umask 022
OLDEST=13
NEWEST=18

say() { echo "postgres-versions.sh: $*" >&2; }

# Releases that may have another major, by the distribution.
releases() {
	case $1 in
	debian) echo bullseye bookworm trixie forky sid ;;
	ubuntu) echo jammy noble questing resolute ;;
	esac
}

# --- a private apt, one for each release -------------------------------------
private_apt() { # private_apt RELEASE PROGRAM WORDS…
	local state=$DIR/.apt/$1 program=$2
	shift 2
	"$program" -qq -o Dir::Etc::SourceList="$state/sources.list" \
		-o Dir::Etc::SourceParts=/nonexistent \
		-o Dir::State="$state" -o Dir::State::status=/dev/null \
		-o Dir::Cache="$state/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=20 "$@" </dev/null
}

know_release() { # know_release RELEASE MIRROR KEYRING: its list of packages
	local release=$1 state=$DIR/.apt/$1
	[ ! -e "$state/known" ] || return 0
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	echo "deb ${3:+[signed-by=$3] }$2 $release main" >"$state/sources.list"
	private_apt "$release" apt-get update >"$state/log" 2>&1 &&
		! grep -q '^[EW]:' "$state/log" && : >"$state/known"
}

# The server's package and every library that it needs, directly or not.
fetch() { # fetch RELEASE MAJOR FOLDER
	local release=$1 major=$2 folder=$3 names
	names=$(private_apt "$release" apt-get install --print-uris -y \
		--no-install-recommends "postgresql-$major" 2>/dev/null |
		awk -F"'" '/^.http/ { split($3, a, " "); split(a[1], b, "_"); print b[1] }' |
		grep -E "^(lib.*|postgresql-(client-)?$major|zlib1g|gcc-.*-base)\$" |
		grep -Ev '^lib(llvm|z3|perl|.*-perl$|.*-common$|.*-l10n$)')
	[ -n "$names" ] || return 1
	# shellcheck disable=SC2086
	(cd "$folder" && private_apt "$release" apt-get download $names) \
		>"$folder/log" 2>&1
}

# --- folders of programs -----------------------------------------------------
# wrap PROGRAM WRAPPER: what runs PROGRAM with ROOT's loader and libraries
wrap() {
	cat >"$2" <<-E
		#!/bin/sh
		LOCPATH='$root/usr/lib/locale' exec '$loader' --library-path \\
			'$libraries' '$1' "\$@"
	E
	chmod 755 "$2"
}

# prepare FOLDER MAJOR: its packages become FOLDER/root and FOLDER/bin
prepare() {
	local folder=$1 major=$2 package libc program programs
	local root=$folder/root loader libraries
	for package in "$folder"/*.deb; do
		dpkg-deb --extract "$package" "$root" || return 1
	done
	rm -f "$folder"/*.deb
	programs=$root/usr/lib/postgresql/$major/bin
	rm -rf "$root"/usr/share/{doc,man,locale,lintian} \
		"$root/usr/lib/postgresql/$major/lib"/{llvmjit*,bitcode}
	loader=$(find "$root" -name 'ld-*.so*' -type f | head -n 1)
	libc=$(find "$root" -name 'libc.so.6' | head -n 1)
	[ -n "$loader" ] && [ -n "$libc" ] && [ -d "$programs" ] || return 1
	libraries=${libc%/*}:$root/usr/lib/$(basename "${libc%/*}")
	mkdir "$folder/bin"
	for program in "$programs"/*; do
		wrap "$program" "$folder/bin/${program##*/}"
	done
	mv "$programs/postgres" "$programs/postgres.elf"
	wrap "$programs/postgres.elf" "$programs/postgres"
	cp "$programs/postgres" "$folder/bin/postgres"
	"$folder/bin/postgres" --version | grep -q " $major" &&
		"$folder/bin/pg_dump" --version | grep -q " $major"
}

# --- what there is -----------------------------------------------------------
installed() { # the majors installed here
	local folder
	for folder in /usr/lib/postgresql/*/bin; do
		[ -x "$folder/initdb" ] || continue
		folder=${folder%/bin}
		echo "${folder##*/} $folder/bin installed"
	done
}

has() { [ -e "$DIR/$1/ready" ] || [ -x "/usr/lib/postgresql/$1/bin/initdb" ]; }

list() {
	local major
	{
		installed
		for ((major = OLDEST; major <= NEWEST; major++)); do
			[ -x "/usr/lib/postgresql/$major/bin/initdb" ] ||
				[ ! -e "$DIR/$major/ready" ] ||
				echo "$major $DIR/$major/bin $(cat "$DIR/$major/ready")"
		done
	} | sort -n
}

get() { # get RELEASE MAJOR
	local work=$DIR/.new.$$
	rm -rf "$work"
	mkdir "$work"
	# Wrappers name their folder: it has its last name before they are made.
	if fetch "$1" "$2" "$work" && rm -rf "${DIR:?}/$2" &&
		mv "$work" "$DIR/$2" && prepare "$DIR/$2" "$2"; then
		echo "$1" >"$DIR/$2/ready"
	else
		say "PostgreSQL $2 of $1 can't be had:" \
			"$(tail -n 1 "$DIR/$2/log" "$work/log" 2>/dev/null)"
		rm -rf "$work" "${DIR:?}/$2"
	fi
}

# What the releases at the mirror have, "RELEASE MAJOR" a line
offers() {
	local release mirror keyring
	# shellcheck disable=SC2016 # apt fills them in
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v own="$VERSION_CODENAME" '$2 == own && $3 == "main" { print $1; exit }')
	[ -n "$mirror" ] || {
		say "no mirror of $ID $VERSION_CODENAME among the sources of apt"
		return 1
	}
	keyring=/usr/share/keyrings/$ID-archive-keyring.gpg
	[ -e "$keyring" ] || keyring=
	for release in $(releases "$ID"); do
		[ "$release" != "$VERSION_CODENAME" ] || continue
		know_release "$release" "$mirror" "$keyring" || {
			say "release $release can't be had:" \
				"$(grep -m 1 '^[EW]:' "$DIR/.apt/$release/log")"
			continue
		}
		private_apt "$release" apt-cache search --names-only \
			'^postgresql-[0-9]+$' |
			sed -n "s/^postgresql-\\([0-9]*\\) .*/$release \\1/p"
	done
}

fetch_all() {
	local release major
	mkdir -p "$DIR" || exit 1
	DIR=$(cd "$DIR" && pwd)
	# shellcheck source=/dev/null
	. /etc/os-release
	while read -r release major; do
		[ "$major" -ge $OLDEST ] && [ "$major" -le $NEWEST ] &&
			! has "$major" && get "$release" "$major"
	done < <(offers)
	for ((major = OLDEST; major <= NEWEST; major++)); do
		has "$major" || say "PostgreSQL $major: in no release that can be had"
	done
}

TOP=$(cd "$(dirname "$0")/../.." && pwd)
command=fetch_all
if [ "${1:-}" = list ]; then
	command=:
	shift
fi
DIR=${1:-$TOP/build/postgresql}
[ $# -le 1 ] || {
	echo "usage: postgres-versions.sh [list] [DIR]" >&2
	exit 2
}
$command
list
