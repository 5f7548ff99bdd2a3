#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A throw-away WebDAV server on loopback, Basic login, in clear and over TLS with
# an authority of its own. WEBDAV_SERVER says which: apache (mod_dav), nginx
# (its dav and dav-ext modules) or rclone (serve webdav).
#   webdav.sh start [DIR]   prints exports: WEBDAV_SERVICE, the folder;
#       WEBDAV_URL (dav), WEBDAV_TLS_URL (davs)
#       WEBDAV_ROOT, the folder behind both
#       WEBDAV_USER, WEBDAV_PASSWORD_FILE, WEBDAV_CA_FILE
#       WEBDAV_DIGEST_URL, a folder with Digest login; Apache has one
#       WEBDAV_READONLY_URL, a folder that the server may not write, with the
#           object "there"
#       WEBDAV_FULL_URL, a disk of 1 MiB, when root starts it
#   webdav.sh stop DIR      stops it, and only it, and removes DIR
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"

# --- Apache ------------------------------------------------------------------
modules() {
	local name
	for name in mpm_event authn_core authn_file authz_core authz_user \
		auth_basic auth_digest dav dav_fs ssl socache_shmcb setenvif mime; do
		echo "LoadModule ${name}_module /usr/lib/apache2/modules/mod_$name.so"
	done
	[ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n'
}

configure_apache() {
	modules
	cat <<-E
		ServerRoot $dir
		ServerName $BIND
		PidFile $dir/run/pid
		DefaultRuntimeDir $dir/run
		Mutex file:$dir/run
		TypesConfig /dev/null
		Listen $BIND:$port
		Listen $BIND:$tls_port
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
		<Directory $dir/root/digest>
		AuthType Digest
		AuthUserFile $dir/htdigest
		</Directory>
		<VirtualHost $BIND:$port>
		</VirtualHost>
		<VirtualHost $BIND:$tls_port>
		SSLEngine on
		SSLCertificateFile $dir/tls/server.pem
		SSLCertificateKeyFile $dir/tls/server.key
		</VirtualHost>
	E
}

start_apache() {
	[ -x /usr/sbin/apache2 ] || lacks "apache2"
	mkdir "$dir/root/digest"
	own "$dir/root/digest"
	echo "packs:packs:$({
		printf 'packs:packs:'
		tr -d '\n' <"$dir/password"
	} | md5sum | cut -d' ' -f1)" >"$dir/htdigest"
	configure_apache >"$dir/httpd.conf"
	launch "$dir" "$port" /usr/sbin/apache2 -DFOREGROUND -f "$dir/httpd.conf"
	echo "export WEBDAV_DIGEST_URL=dav://$BIND:$port/digest"
}

# --- nginx -------------------------------------------------------------------
configure_nginx() {
	[ "$(id -u)" != 0 ] || echo "user www-data;"
	cat <<-E
		load_module $dav_ext;
		daemon off;
		worker_processes 2;
		pid $dir/run/pid;
		error_log $dir/error.log info;
		events { worker_connections 512; }
		http {
			access_log off;
			client_body_temp_path $dir/run/body;
			proxy_temp_path $dir/run/proxy;
			fastcgi_temp_path $dir/run/fastcgi;
			uwsgi_temp_path $dir/run/uwsgi;
			scgi_temp_path $dir/run/scgi;
			client_max_body_size 0;
			server {
				listen $BIND:$port;
				listen $BIND:$tls_port ssl;
				ssl_certificate $dir/tls/server.pem;
				ssl_certificate_key $dir/tls/server.key;
				root $dir/root;
				auth_basic packs;
				auth_basic_user_file $dir/htpasswd;
				dav_methods PUT DELETE MKCOL COPY MOVE;
				dav_ext_methods PROPFIND OPTIONS;
				create_full_put_path off;
				dav_access user:rw;
			}
		}
	E
}

start_nginx() {
	local nginx dav_ext=/usr/lib/nginx/modules/ngx_http_dav_ext_module.so
	nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || lacks "nginx"
	[ -e $dav_ext ] || lacks "nginx's dav-ext module"
	configure_nginx >"$dir/nginx.conf"
	launch "$dir" "$port" "$nginx" -e "$dir/error.log" -c "$dir/nginx.conf" -p "$dir"
}

# --- rclone: a process for each port -----------------------------------------
start_rclone() {
	local as_user=() rclone
	rclone=$(command -v rclone) || lacks "rclone"
	[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=www-data --regid=www-data
		--clear-groups --inh-caps=-all)
	chmod 640 "$dir/tls/server.key"
	[ "$(id -u)" != 0 ] || chgrp www-data "$dir/tls/server.key"
	rclone=("${as_user[@]}" env "HOME=$dir/run" "RCLONE_CONFIG=$dir/run/none"
		"$rclone" serve webdav "$dir/root" --htpasswd "$dir/htpasswd")
	launch "$dir" "$port" "${rclone[@]}" --addr "$BIND:$port"
	launch "$dir" "$tls_port" "${rclone[@]}" --addr "$BIND:$tls_port" \
		--cert "$dir/tls/server.pem" --key "$dir/tls/server.key"
}

# --- all of them -------------------------------------------------------------
own() { # own FOLDER…: the server's user's
	[ "$(id -u)" != 0 ] || chown www-data: "$@"
}

start() {
	local port tls_port owner server=${WEBDAV_SERVER:-apache}
	case $server in
	apache | nginx | rclone) ;;
	*) die "no server $server: apache, nginx or rclone" ;;
	esac
	make_folder webdav "$1"
	port=$(free_port)
	tls_port=$(free_port)
	owner=$(id -u)
	[ "$owner" != 0 ] || owner=$(id -u www-data)
	mkdir -p "$dir/root/backups" "$dir/run"
	own "$dir/root/backups" "$dir/run"
	make_other_folders "$dir/root" "$owner"
	openssl rand -hex 12 >"$dir/password"
	echo "packs:$(openssl passwd -apr1 -in "$dir/password")" >"$dir/htpasswd"
	make_certificates
	"start_$server"
	cat <<-E
		export WEBDAV_SERVICE=$dir
		export WEBDAV_URL=dav://$BIND:$port/backups
		export WEBDAV_TLS_URL=davs://$BIND:$tls_port/backups
		export WEBDAV_ROOT=$dir/root/backups
		export WEBDAV_USER=packs
		export WEBDAV_PASSWORD_FILE=$dir/password
		export WEBDAV_CA_FILE=$dir/tls/ca.pem
		export WEBDAV_READONLY_URL=dav://$BIND:$port/readonly
	E
	[ ! -e "$dir/root/full" ] ||
		echo "export WEBDAV_FULL_URL=dav://$BIND:$port/full"
}

main "$@"
