#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A throw-away SFTP server: OpenSSH's sshd on loopback, for whoever runs it, by
# key alone.
#   sftp.sh start [DIR]   prints exports: SFTP_SERVICE, the folder; SFTP_URL,
#                         SFTP_ROOT, the folder behind it; SFTP_IDENTITY,
#                         SFTP_STRANGER, a key that is not let in;
#                         SFTP_KNOWN_HOSTS, SFTP_HOST_KEY;
#                         SFTP_READONLY_URL, a folder that can't be written,
#                         with the object "there"; SFTP_FULL_URL, a disk of
#                         1 MiB, when root starts it
#   sftp.sh stop DIR      stops it, and only it, and removes DIR
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"

make_keys() {
	local key
	mkdir "$dir/keys" && chmod 700 "$dir/keys"
	for key in host-ed25519 host-ecdsa client stranger; do
		ssh-keygen -q -t "$([ "$key" = host-ecdsa ] && echo ecdsa || echo ed25519)" \
			-N '' -C "$key" -f "$dir/keys/$key" || die "ssh-keygen failed"
	done
	cp "$dir/keys/client.pub" "$dir/keys/authorized"
}

start() {
	local sshd port readonly_port
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || lacks "sshd"
	make_folder sftp "$1"
	port=$(free_port)
	readonly_port=$(free_port)
	[ "$(id -u)" != 0 ] || [ -d /run/sshd ] || mkdir /run/sshd
	mkdir -p "$dir/root"
	make_other_folders "$dir" "$(id -u)"
	make_keys
	cat >"$dir/sshd_config" <<-E
		ListenAddress $BIND
		Port $port
		Port $readonly_port
		HostKey $dir/keys/host-ed25519
		HostKey $dir/keys/host-ecdsa
		AuthorizedKeysFile $dir/keys/authorized
		StrictModes no
		PidFile none
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UsePAM no
		MaxStartups 100
		Subsystem sftp internal-sftp
		Match LocalPort $readonly_port
			ForceCommand internal-sftp -R
		Match all
			ForceCommand internal-sftp
	E
	launch "$dir" "$port" "$sshd" -D -e -f "$dir/sshd_config"
	for key in ed25519 ecdsa; do
		printf "[$BIND]:%s $(cut -d' ' -f1,2 "$dir/keys/host-$key.pub")\n" \
			"$port" "$readonly_port"
	done >"$dir/keys/known_hosts"
	cat <<-E
		export SFTP_SERVICE=$dir
		export SFTP_URL=sftp://$(id -un)@$BIND:$port$dir/root
		export SFTP_ROOT=$dir/root
		export SFTP_IDENTITY=$dir/keys/client
		export SFTP_STRANGER=$dir/keys/stranger
		export SFTP_KNOWN_HOSTS=$dir/keys/known_hosts
		export SFTP_HOST_KEY=$(ssh-keygen -lf "$dir/keys/host-ecdsa.pub" | cut -d' ' -f2)
		export SFTP_READONLY_URL=sftp://$(id -un)@$BIND:$readonly_port$dir/readonly
	E
	[ ! -e "$dir/full" ] ||
		echo "export SFTP_FULL_URL=sftp://$(id -un)@$BIND:$port$dir/full"
}

main "$@"
