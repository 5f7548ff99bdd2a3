/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate version: of itself, the format, and the libraries it runs with.
 */
#include <archive.h>
#include <curl/curl.h>
#include <expat.h>
#include <libpq-fe.h>
#include <libssh2.h>
#include <lmdb.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "cli/cli.h"
#include "cli/version.h"
#include "repository/format.h"

static void
add(const struct cli *c, struct json *libraries, const char *name,
    const char *version)
{
	json_set_string(libraries, name, version);
	say(c, "  %-11s %s\n", name, version);
}

static int
run(struct cli *c, struct err *e)
{
	struct json *j = json_object(), *libraries = json_object();
	char libpq[16];

	(void)e;
	(void)snprintf(libpq, sizeof(libpq), "%d.%d", PQlibVersion() / 10000,
	    PQlibVersion() % 10000);
	say(c, "triplicate %s, format %d\n", VERSION, FORMAT_VERSION);
	add(c, libraries, "libpq", libpq);
	add(c, libraries, "zstd", ZSTD_versionString());
	add(c, libraries, "libsodium", sodium_version_string());
	add(c, libraries, "libcrypto", OpenSSL_version(OPENSSL_VERSION_STRING));
	add(c, libraries, "libcurl",
	    curl_version_info(CURLVERSION_NOW)->version);
	add(c, libraries, "libssh2", libssh2_version(0));
	add(c, libraries, "expat", XML_ExpatVersion() + strlen("expat_"));
	add(c, libraries, "libarchive", archive_version_details());
	add(c, libraries, "lmdb", mdb_version(NULL, NULL, NULL));
	json_set_string(j, "triplicate", VERSION);
	json_set_integer(j, "format", FORMAT_VERSION);
	json_set(j, "libraries", libraries);
	c->answer = json_object();
	json_set(c->answer, "version", j);
	return (0);
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_version = { "version", "",
	"versions of itself, the format and the libraries", options, 0, 0,
	run };
