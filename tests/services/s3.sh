#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A throw-away S3 server: Ceph with one monitor, one OSD (in memory) and one
# RADOS gateway on loopback, in clear and over TLS with an authority of its own.
#   s3.sh start [DIR]   prints exports: S3_SERVICE, the folder; S3_CA_FILE;
#       S3_URL (s3+http), S3_TLS_URL (s3+https)      a bucket
#       S3_VIRTUAL_URL (s3+http)     the same, for `addressing = virtual`
#       S3_LOCK_URL, S3_LOCK_TLS_URL                 a bucket with Object Lock
#       S3_ACCESS_KEY, S3_SECRET_KEY_FILE            who owns these
#       S3_WRITER_ACCESS_KEY, S3_WRITER_SECRET_KEY_FILE   who may put, get and
#           list there, but delete nothing, and not change what the policy is
#       S3_QUOTA_URL, S3_QUOTA_ACCESS_KEY, S3_QUOTA_SECRET_KEY_FILE   a bucket
#           whose owner may store 1 MiB
#   s3.sh stop DIR      stops it, and only it, and removes DIR
# shellcheck source=tests/services/lib.sh
. "$(dirname "$0")/lib.sh"
STOP_SIGNAL=KILL # all that they hold is thrown away
QUOTA_BYTES=$((1 << 20))

configure() {
	cat >"$dir/ceph.conf" <<-E
		[global]
		fsid = $fsid
		mon host = v2:127.0.0.1:$mon_port/0
		public addr = 127.0.0.1
		cluster addr = 127.0.0.1
		ms bind ipv6 = false
		keyring = $dir/keys/ceph
		run dir = $dir/run
		admin socket =
		log file = $dir/log/\$name
		mon cluster log file = $dir/log/cluster
		osd pool default size = 1
		osd pool default min size = 1
		osd pool default pg num = 4
		osd pool default pgp num = 4
		osd pool default pg autoscale mode = off
		osd crush chooseleaf type = 0
		mon allow pool size one = true
		mon max pg per osd = 1000
		mon data avail warn = 2
		mon data avail crit = 1
		paxos propose interval = 0.05
		paxos min wait = 0.01
		[osd.0]
		osd data = $dir/osd
		osd objectstore = memstore
		memstore device bytes = $((4 << 30))
		osd class update on start = false
		[client.rgw]
		rgw data = $dir/rgw
		rgw frontends = beast endpoint=$BIND:$port ssl_endpoint=$BIND:$tls_port ssl_certificate=$dir/tls/server.pem ssl_private_key=$dir/tls/server.key tcp_nodelay=1
		rgw dns name = localhost
		rgw thread pool size = 32
		rgw run sync thread = false
	E
}

make_ceph_keys() {
	local keys=$dir/keys/ceph
	ceph-authtool --create-keyring "$keys" --gen-key -n mon. --cap mon 'allow *' &&
		ceph-authtool "$keys" --gen-key -n client.admin --cap mon 'allow *' \
			--cap osd 'allow *' &&
		ceph-authtool "$keys" --gen-key -n client.rgw --cap mon 'allow *' \
			--cap osd 'allow *' &&
		ceph-authtool "$keys" --gen-key -n osd.0 --cap mon 'allow profile osd' \
			--cap osd 'allow *'
}

osd_is_up() { ceph --connect-timeout 5 osd stat | grep -q ' 1 up'; }

start_cluster() {
	local uuid
	uuid=$(cat /proc/sys/kernel/random/uuid)
	{
		make_ceph_keys &&
			monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" \
				"$dir/monmap" &&
			ceph-mon --mkfs -i a --monmap "$dir/monmap" \
				--keyring "$dir/keys/ceph" --mon-data "$dir/mon"
	} >>"$dir/log/setup" 2>&1 || give_up "no monitor" "$dir/log/setup"
	run_server "$dir" "$dir/log/mon.out" ceph-mon -f -i a --mon-data "$dir/mon"
	{
		ceph --connect-timeout 30 osd new "$uuid" &&
			ceph-osd -i 0 --mkfs --osd-uuid "$uuid"
	} >>"$dir/log/setup" 2>&1 || give_up "no OSD" "$dir/log/setup"
	run_server "$dir" "$dir/log/osd.out" ceph-osd -f -i 0
	until_true 30 osd_is_up || give_up "the OSD does not come up" "$dir/log/osd.out"
}

# --- users and buckets -------------------------------------------------------
# make_user NAME [OPTION of radosgw-admin…]: $dir/keys/NAME holds its secret,
# NAME.id its access key, NAME.curl both for curl. Ceph chooses them: a command
# line can be seen by others.
make_user() {
	local name=$1 keys=$dir/keys
	shift
	radosgw-admin "$@" user create --uid="$name" --display-name="$name" \
		>"$keys/$name.json" 2>"$dir/log/user-$name" || return 1
	jq -r '.keys[0].access_key' "$keys/$name.json" >"$keys/$name.id"
	jq -r '.keys[0].secret_key' "$keys/$name.json" >"$keys/$name"
	jq -r '.keys[0] | "user = \"\(.access_key):\(.secret_key)\""' \
		"$keys/$name.json" >"$keys/$name.curl"
	echo 'aws-sigv4 = "aws:amz:us-east-1:s3"' >>"$keys/$name.curl"
}

put() { # put USER PATH [OPTION of curl…]
	local user=$1 path=$2
	shift 2
	curl -sS --fail-with-body -X PUT -K "$dir/keys/$user.curl" "$@" \
		"http://$BIND:$port/$path" >>"$dir/log/buckets" 2>&1 ||
		give_up "PUT $path was refused" "$dir/log/buckets"
}

# What the writer may do in BUCKET; what isn't said, it may not.
writer_policy() {
	jq -n --arg bucket "arn:aws:s3:::$1" '{
		Version: "2012-10-17",
		Statement: [{
			Effect: "Allow",
			Principal: { AWS: ["arn:aws:iam:::user/writer"] },
			Action: ["s3:PutObject", "s3:PutObjectRetention", "s3:GetObject",
				"s3:GetObjectVersion", "s3:GetObjectRetention",
				"s3:ListBucket", "s3:ListBucketVersions",
				"s3:GetBucketVersioning",
				"s3:GetBucketObjectLockConfiguration"],
			Resource: [$bucket, $bucket + "/*"]
		}]
	}'
}

make_buckets() {
	local bucket empty
	# of the empty body of a PUT, which curl leaves out
	empty="x-amz-content-sha256: $(sha256sum </dev/null | cut -d' ' -f1)"
	put owner packs -H "$empty"
	put owner locked -H "$empty" -H "x-amz-bucket-object-lock-enabled: true"
	put small small -H "$empty"
	for bucket in packs locked; do
		writer_policy "$bucket" >"$dir/policy"
		put owner "$bucket?policy=" --data-binary "@$dir/policy" \
			-H "content-type: application/json" \
			-H "x-amz-content-sha256: $(sha256sum <"$dir/policy" | cut -d' ' -f1)"
	done
}

start_gateway() {
	local user users=()
	run_server "$dir" "$dir/log/gateway" radosgw -n client.rgw -f
	make_user owner &
	users+=($!)
	make_user writer &
	users+=($!)
	make_user small --rgw-user-default-quota-max-size=$QUOTA_BYTES &
	users+=($!)
	for user in "${users[@]}"; do
		wait "$user" || give_up "no user" "$dir"/log/user-*
	done
	until_true 60 curl -sf "http://$BIND:$port/" ||
		give_up "the gateway does not answer" "$dir/log/gateway"
}

exports_of() { # exports_of PREFIX USER
	cat <<-E
		export $1_ACCESS_KEY=$(cat "$dir/keys/$2.id")
		export $1_SECRET_KEY_FILE=$dir/keys/$2
	E
}

start() {
	local port tls_port mon_port fsid program
	for program in ceph ceph-mon ceph-osd ceph-authtool monmaptool radosgw \
		radosgw-admin curl jq; do
		command -v $program >/dev/null || lacks "$program"
	done
	make_folder s3 "$1"
	mkdir -p "$dir"/{mon,osd,rgw,run,log}
	make_secret_folder "$dir/keys"
	port=$(free_port)
	tls_port=$(free_port)
	mon_port=$(free_port)
	fsid=$(cat /proc/sys/kernel/random/uuid)
	make_certificates
	configure
	export CEPH_CONF=$dir/ceph.conf CEPH_ARGS=
	start_cluster
	start_gateway
	make_buckets
	cat <<-E
		export S3_SERVICE=$dir
		export S3_CA_FILE=$dir/tls/ca.pem
		export S3_URL=s3+http://$BIND:$port/packs
		export S3_TLS_URL=s3+https://$BIND:$tls_port/packs
		export S3_VIRTUAL_URL=s3+http://localhost:$port/packs
		export S3_LOCK_URL=s3+http://$BIND:$port/locked
		export S3_LOCK_TLS_URL=s3+https://$BIND:$tls_port/locked
		export S3_QUOTA_URL=s3+http://$BIND:$port/small
	E
	exports_of S3 owner
	exports_of S3_WRITER writer
	exports_of S3_QUOTA small
}

main "$@"
