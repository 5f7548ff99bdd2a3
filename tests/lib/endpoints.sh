# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Endpoints of other kinds, at servers that tests/services has started: fra is
# an S3 bucket, ams an SFTP folder, waw a WebDAV folder. Sourced after
# scenario.sh.

# NAME_endpoint [LINES instead of the credentials]: its section of a
# configuration
fra_endpoint() {
	printf '\n[endpoint fra]\nurl = %s\n%s\n' "$S3_TLS_URL" \
		"${1:-access-key = $S3_ACCESS_KEY
secret-key-file = $S3_SECRET_KEY_FILE
ca-file = $S3_CA_FILE}"
}
ams_endpoint() {
	printf '\n[endpoint ams]\nurl = %s\n%s\n' "$SFTP_URL" \
		"${1:-identity = $SFTP_IDENTITY
known-hosts = $SFTP_KNOWN_HOSTS}"
}
waw_endpoint() {
	printf '\n[endpoint waw]\nurl = %s\nuser = %s\ntimeout = 5s\n%s\n' \
		"$WEBDAV_TLS_URL" "$WEBDAV_USER" \
		"${1:-password-file = $WEBDAV_PASSWORD_FILE
ca-file = $WEBDAV_CA_FILE}"
}

# recover_from NAME: on a bare machine that knows the restore key and how to
# reach NAME; its configuration, $T/bare.NAME/triplicate.conf, gets a staging
# branch, ${DB}_staging
recover_from() {
	local name=$1 bare=$T/bare.$1 options=()
	case $name in
	fra)
		options=("$S3_TLS_URL" --ca-file "$S3_CA_FILE")
		export AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY
		AWS_SECRET_ACCESS_KEY=$(cat "$S3_SECRET_KEY_FILE")
		export AWS_SECRET_ACCESS_KEY
		;;
	ams)
		options=("$SFTP_URL" --identity "$SFTP_IDENTITY"
			--known-hosts "$SFTP_KNOWN_HOSTS")
		;;
	waw)
		options=("$WEBDAV_TLS_URL" --user "$WEBDAV_USER" --password-file
			"$WEBDAV_PASSWORD_FILE" --ca-file "$WEBDAV_CA_FILE")
		;;
	esac
	mkdir "$bare"
	run "$TRIPLICATE" recover --from "${options[@]}" --key "$T/restore.key" \
		-o "$bare/triplicate.conf"
	exits 0 "recover from $name"
	cat >>"$bare/triplicate.conf" <<-C

		[branch staging]
		stage = staging
		database = $(conninfo "${DB}_staging")
		filestore = $bare/filestore
	C
}

# comes_back_from NAME: the sample branch, with nothing but NAME
comes_back_from() {
	local name=$1
	recover_from "$name"
	run "$TRIPLICATE" -c "$T/bare.$name/triplicate.conf" restore latest \
		--to staging --yes
	exits 0 "restore from $name alone"
	# shellcheck disable=SC2086
	is "$(row_sums "${DB}_staging" $BUSINESS_TABLES)" \
		"$(row_sums "${DB}_main" $BUSINESS_TABLES)" "$name: the rows"
	is "$(file_sums "$T/bare.$name/filestore")" \
		"$(file_sums "$T/filestore/main")" "$name: the attachments"
	dropdb --force "${DB}_staging" 2>/dev/null
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

# A key for the SFTP server that may not remove files, $T/keeper: sshd lets a
# key's own command be.
keeper_key() {
	local pid port=${SFTP_URL##*:}
	ssh-keygen -q -t ed25519 -N '' -C keeper -f "$T/keeper"
	{
		echo "command=\"internal-sftp\" $(cat "$SFTP_IDENTITY.pub")"
		echo "command=\"internal-sftp -P remove,rmdir\" $(cat "$T/keeper.pub")"
	} >"$SFTP_SERVICE/keys/authorized"
	sed -i 's/^[[:blank:]]*ForceCommand internal-sftp$//' "$SFTP_SERVICE/sshd_config"
	read -r pid _ <"$SFTP_SERVICE/pids"
	kill -HUP "$pid"
	for _ in {1..50}; do
		sftp -q -b /dev/null -i "$T/keeper" -o "UserKnownHostsFile=$SFTP_KNOWN_HOSTS" \
			-P "${port%%/*}" \
			"$(id -un)@127.0.0.1" 2>/dev/null && break
		sleep 0.1
	done
}
