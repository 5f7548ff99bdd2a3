#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A throw-away WebDAV server: Apache's mod_dav on loopback, Basic login, in
# clear and over TLS with an authority of its own.
#   webdav.sh start [DIR]   prints exports: WEBDAV_SERVICE, the folder;
#                           WEBDAV_URL (dav), WEBDAV_TLS_URL (davs), WEBDAV_ROOT,
#                           the folder behind both; WEBDAV_USER,
#                           WEBDAV_PASSWORD_FILE, WEBDAV_CA_FILE
#   webdav.sh stop DIR      stops it, and only it, and removes DIR
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"

modules() {
	local name
	for name in mpm_event authn_core authn_file authz_core authz_user \
		auth_basic dav dav_fs ssl socache_shmcb setenvif mime; do
		echo "LoadModule ${name}_module /usr/lib/apache2/modules/mod_$name.so"
	done
	[ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n'
}

start() {
	local port tls_port
	[ -x /usr/sbin/apache2 ] || die "apache2 is not installed"
	make_folder webdav "$1"
	port=$(free_port)
	tls_port=$(free_port)
	mkdir -p "$dir/root/backups" "$dir/run"
	openssl rand -hex 12 >"$dir/password"
	echo "packs:$(openssl passwd -apr1 -in "$dir/password")" >"$dir/htpasswd"
	make_certificates
	[ "$(id -u)" != 0 ] || chown -R www-data: "$dir/root" "$dir/run"
	{
		modules
		cat <<-E
			ServerRoot $dir
			ServerName 127.0.0.1
			PidFile $dir/run/pid
			DefaultRuntimeDir $dir/run
			Mutex file:$dir/run
			TypesConfig /dev/null
			Listen 127.0.0.1:$port
			Listen 127.0.0.1:$tls_port
			ErrorLog $dir/error.log
			DocumentRoot $dir/root
			DavLockDB $dir/run/lock
			<Directory $dir/root>
			Dav On
			AuthType Basic
			AuthName packs
			AuthUserFile $dir/htpasswd
			Require valid-user
			</Directory>
			<VirtualHost 127.0.0.1:$port>
			</VirtualHost>
			<VirtualHost 127.0.0.1:$tls_port>
			SSLEngine on
			SSLCertificateFile $dir/tls/server.pem
			SSLCertificateKeyFile $dir/tls/server.key
			</VirtualHost>
		E
	} >"$dir/httpd.conf"
	launch "$dir" "$port" /usr/sbin/apache2 -DFOREGROUND -f "$dir/httpd.conf"
	cat <<-E
		export WEBDAV_SERVICE=$dir
		export WEBDAV_URL=dav://127.0.0.1:$port/backups
		export WEBDAV_TLS_URL=davs://127.0.0.1:$tls_port/backups
		export WEBDAV_ROOT=$dir/root/backups
		export WEBDAV_USER=packs
		export WEBDAV_PASSWORD_FILE=$dir/password
		export WEBDAV_CA_FILE=$dir/tls/ca.pem
	E
}

main "$@"
