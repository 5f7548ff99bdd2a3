#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Which Debian packages are missing for a purpose, and their installation.
#   deps.sh missing PURPOSE…   prints the names of what is missing, or nothing
#   deps.sh install PURPOSE…   installs it: says what, with sudo when not root
# Purposes: build, test, lint. Debian 12 and 13 and Ubuntu 24.04 name them
# alike, but for the versioned compilers, which are taken where they exist.
set -u

build_packages() {
	echo gcc libc6-dev make pkg-config libpq-dev libzstd-dev libsodium-dev \
		libcurl4-openssl-dev libarchive-dev liblmdb-dev libjansson-dev \
		libssl-dev libqrencode-dev libexpat1-dev libssh2-1-dev
}

# Real servers are among them: without Ceph the scenarios that need S3 are
# skipped, without openssh-server those with SFTP, without apache2-bin, nginx or
# rclone those with that WebDAV server, without Swift (62 packages, 47 MB on the
# disk) the conformance suite on it; a skipped test names what it lacks.
test_packages() {
	echo libcmocka-dev postgresql postgresql-client jq openssl zstd unzip \
		util-linux curl inotify-tools iproute2 valgrind openssh-client openssh-server \
		radosgw ceph-mon ceph-osd ceph-common \
		swift-proxy swift-account swift-container swift-object memcached \
		apache2-bin nginx-light libnginx-mod-http-dav-ext rclone tzdata
}

# The tools whose output differs by version: 14 is the one we write for.
lint_packages() {
	local tool
	for tool in clang clang-format clang-tidy; do
		if known "$tool-14"; then echo "$tool-14"; else echo "$tool"; fi
	done
	if known libclang-rt-14-dev; then echo libclang-rt-14-dev
	else echo libclang-rt-dev; fi
	echo cppcheck shellcheck
}

known() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

# A package counts as there when dpkg says so, or when another one provides it.
installed() {
	dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -qx installed && return 0
	case $1 in
	pkg-config) command -v pkg-config >/dev/null ;;
	libcurl4-openssl-dev) pkg-config --exists libcurl 2>/dev/null ;;
	postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
	postgresql-client) command -v psql >/dev/null ;;
	nginx-light) PATH=$PATH:/usr/sbin command -v nginx >/dev/null ;;
	*) return 1 ;;
	esac
}

missing() {
	local purpose package
	for purpose in "$@"; do
		for package in $("${purpose}_packages"); do
			installed "$package" || echo "$package"
		done
	done | sort -u
}

# Packages with services start them when installed; a build does not want that.
# The policy file that forbids it is there only while we install.
policy=/usr/sbin/policy-rc.d
made_policy=no
forbid_services() {
	[ -e "$policy" ] && return 0
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null &&
		$sudo chmod 755 "$policy" && made_policy=yes
}
allow_services() {
	if [ "$made_policy" = yes ]; then $sudo rm -f "$policy"; fi
}

apt() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

install() {
	local log
	command -v apt-get >/dev/null || {
		echo "deps: this is not Debian or Ubuntu; please install:" "$@" >&2
		return 1
	}
	sudo=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "deps: as root: apt-get install" "$@" >&2
			return 1
		}
		sudo=sudo
	fi
	echo "Installing Debian packages:" "$@"
	log=$(mktemp) || return 1
	trap allow_services EXIT
	forbid_services
	if apt install -y --no-install-recommends "$@" >"$log" 2>&1 ||
		{ apt update >>"$log" 2>&1 &&
			apt install -y --no-install-recommends "$@" >>"$log" 2>&1; }
	then
		rm -f "$log"
		return 0
	fi
	tail -n 15 "$log" >&2
	rm -f "$log"
	echo "deps: the installation failed" >&2
	return 1
}

command=${1:-}
shift
case $command in
missing) missing "$@" | tr '\n' ' ' ;;
install)
	# An empty package index (a fresh container) knows no package at all.
	if [ "$(id -u)" = 0 ] && ! known gcc; then
		sudo='' apt update >/dev/null 2>&1
	fi
	list=$(missing "$@") || exit 1
	[ -z "$list" ] && exit 0
	# shellcheck disable=SC2086
	install $list
	;;
*)
	echo "usage: deps.sh missing|install build|test|lint…" >&2
	exit 2
	;;
esac
