#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A throw-away S3 server of another make than s3.sh's: OpenStack Swift with its
# s3api on loopback, in clear and over TLS with an authority of its own. It knows
# less of S3: no conditional PUT, no Object Lock.
#   s3-swift.sh start [DIR]   prints exports: SWIFT_SERVICE, the folder;
#       SWIFT_CA_FILE
#       SWIFT_URL (s3+http), SWIFT_TLS_URL (s3+https)   a bucket
#       SWIFT_VERSIONS_URL (s3+https)                   one that keeps versions
#       SWIFT_QUOTA_URL (s3+https)                      one that takes 1 MiB
#       SWIFT_ACCESS_KEY, SWIFT_SECRET_KEY_FILE         whose all of them are
#   s3-swift.sh stop DIR      stops it, and only it, and removes DIR
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"
QUOTA_BYTES=$((1 << 20))
ACCESS_KEY=test:packs # Swift has account and user in one

# --- configuration -----------------------------------------------------------
# Which server holds what: here one device for all. swift-ring-builder does the
# same in nine calls of a second each.
build_rings() {
	/usr/bin/python3 - "$dir/etc" "account:${port[account]}" \
		"container:${port[container]}" "object:${port[object]}" <<-'E'
			import sys
			from swift.common.ring import RingBuilder

			folder = sys.argv[1]
			for server in sys.argv[2:]:
			    name, port = server.split(':')
			    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
			    builder.add_dev({
			        'region': 1, 'zone': 1, 'weight': 1, 'device': 'disk', 'meta': '',
			        'ip': '127.0.0.1', 'port': int(port),
			        'replication_ip': '127.0.0.1', 'replication_port': int(port)})
			    builder.rebalance()
			    builder.get_ring().save('%s/%s.ring.gz' % (folder, name))
	E
}

# What all servers are told: ADDRESS PORT
defaults() {
	cat <<-E
		[DEFAULT]
		bind_ip = $1
		bind_port = $2
		workers = 0
		user = $(id -un)
		swift_dir = $dir/etc
		devices = $dir/devices
		mount_check = false
		log_level = WARNING
	E
}

# By default an object's server waits a second for the listing to know of it, and
# leaves the rest to a daemon, which we do without.
configure_storage() { # configure_storage account|container|object
	defaults 127.0.0.1 "${port[$1]}"
	cat <<-E
		container_update_timeout = 60
		fallocate_reserve = 0
		[pipeline:main]
		pipeline = $1-server
		[app:$1-server]
		use = egg:swift#$1
	E
}

configure_proxy() { # configure_proxy PORT [LINES for [DEFAULT]]
	local name
	defaults "$BIND" "$1"
	cat <<-E
		${2:-}
		[pipeline:main]
		pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth copy container_quotas slo dlo versioned_writes symlink proxy-server
		[app:proxy-server]
		use = egg:swift#proxy
		account_autocreate = true
		[filter:cache]
		use = egg:swift#memcache
		memcache_servers = 127.0.0.1:${port[cache]}
		[filter:s3api]
		use = egg:swift#s3api
		location = us-east-1
		[filter:tempauth]
		use = egg:swift#tempauth
		user_${ACCESS_KEY/:/_} = $(cat "$dir/keys/secret") .admin
		[filter:versioned_writes]
		use = egg:swift#versioned_writes
		allow_object_versioning = true
	E
	for name in catch_errors gatekeeper healthcheck listing_formats copy \
		container_quotas slo dlo symlink; do
		printf '[filter:%s]\nuse = egg:swift#%s\n' $name $name
	done
}

configure() {
	local name
	cat >"$dir/etc/swift.conf" <<-E
		[swift-hash]
		swift_hash_path_prefix = prefix
		swift_hash_path_suffix = suffix
		[storage-policy:0]
		name = default
		default = yes
	E
	build_rings >"$dir/log/rings" 2>&1 || give_up "no rings" "$dir/log/rings"
	for name in account container object; do
		configure_storage $name >"$dir/etc/$name.conf"
	done
	configure_proxy "${port[proxy]}" >"$dir/etc/proxy.conf"
	configure_proxy "${port[tls]}" "cert_file = $dir/tls/server.pem
key_file = $dir/tls/server.key" >"$dir/etc/tls.conf"
}

# Swift keeps what it knows of an object in extended attributes, which a file
# system in memory may not have.
make_devices() {
	/usr/bin/python3 -c 'import os, sys
os.setxattr(sys.argv[1], "user.tried", b"yes")' "$dir/etc" 2>/dev/null ||
		ln -s "$(mktemp -d /var/tmp/triplicate-swift.XXXXXX)" "$dir/devices"
	mkdir -p "$dir/devices/disk"
}

# --- buckets -----------------------------------------------------------------
# The access key has a colon, which curl takes for the end of a user's name: they
# are made by Swift's own way to log in.
log_in() {
	(umask 077 && {
		echo "header = \"X-Auth-User: $ACCESS_KEY\""
		echo "header = \"X-Auth-Key: $(cat "$dir/keys/secret")\""
	} >"$dir/keys/curl")
	curl -sSf -K "$dir/keys/curl" -D "$dir/keys/answer" -o /dev/null \
		"http://$BIND:${port[proxy]}/auth/v1.0" 2>>"$dir/log/buckets" &&
		(umask 077 && sed -n 's/\r//; s/^X-Auth-Token: \(.*\)/header = "&"/p' \
			"$dir/keys/answer" >"$dir/keys/token") && [ -s "$dir/keys/token" ]
}

make_bucket() { # make_bucket NAME [HEADER]
	curl -sSf -X PUT -K "$dir/keys/token" ${2:+-H "$2"} \
		"http://$BIND:${port[proxy]}/v1/AUTH_${ACCESS_KEY%:*}/$1" \
		>>"$dir/log/buckets" 2>&1 ||
		give_up "bucket $1 was refused" "$dir/log/buckets"
}

start() {
	local name program as_user=()
	local -A port
	for program in swift-proxy-server swift-account-server \
		swift-container-server swift-object-server memcached curl; do
		command -v $program >/dev/null || lacks "$program"
	done
	make_folder swift "$1"
	mkdir -p "$dir"/{etc,log}
	make_devices
	make_secret_folder "$dir/keys"
	(umask 077 && head -c 20 /dev/urandom | od -An -tx1 | tr -d ' \n' \
		>"$dir/keys/secret")
	for name in account container object cache proxy tls; do
		port[$name]=$(free_port)
	done
	make_certificates
	(umask 077 && configure)
	[ "$(id -u)" != 0 ] || as_user=(-u root)
	run_server "$dir" "$dir/log/cache" memcached -l 127.0.0.1 \
		-p "${port[cache]}" -U 0 -m 64 "${as_user[@]}"
	for name in account container object; do
		run_server "$dir" "$dir/log/$name" "swift-$name-server" \
			"$dir/etc/$name.conf" -v
	done
	for name in proxy tls; do
		run_server "$dir" "$dir/log/$name" swift-proxy-server \
			"$dir/etc/$name.conf" -v
	done
	for name in account container object tls; do
		until_true 60 answers "${port[$name]}" ||
			give_up "$name is not up" "$dir/log/$name"
	done
	until_true 60 log_in || give_up "nobody can log in" "$dir/log/proxy"
	make_bucket packs
	make_bucket versions "X-Versions-Enabled: true"
	make_bucket small "X-Container-Meta-Quota-Bytes: $QUOTA_BYTES"
	cat <<-E
		export SWIFT_SERVICE=$dir
		export SWIFT_CA_FILE=$dir/tls/ca.pem
		export SWIFT_URL=s3+http://$BIND:${port[proxy]}/packs
		export SWIFT_TLS_URL=s3+https://$BIND:${port[tls]}/packs
		export SWIFT_VERSIONS_URL=s3+https://$BIND:${port[tls]}/versions
		export SWIFT_QUOTA_URL=s3+https://$BIND:${port[tls]}/small
		export SWIFT_ACCESS_KEY=$ACCESS_KEY
		export SWIFT_SECRET_KEY_FILE=$dir/keys/secret
	E
}

elsewhere=$(readlink "${2:-}/devices")
main "$@"
[ "${1:-}" != stop ] || [ -z "$elsewhere" ] || rm -rf "$elsewhere"
