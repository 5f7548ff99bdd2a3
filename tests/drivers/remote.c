/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment comes in, a store's configuration goes out.
 */
#include "tests/drivers/remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/secret.h"
#include "tests/drivers/suite.h"

#define NAME_MAX_BYTES 64
#define TIMEOUT_S      30
#define GIVE_UP_S      20

const char *
remote_setting(const char *name)
{
	char full[NAME_MAX_BYTES];
	const char *value;

	(void)snprintf(full, sizeof(full), "REMOTE_%s", name);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): set before we run */
	value = getenv(full);
	return (value != NULL && *value != '\0' ? value : NULL);
}

struct store_conf
remote_conf(const char *url)
{
	return ((struct store_conf){ .name = SUITE_ENDPOINT,
	    .url = url,
	    .user = remote_setting("USER"),
	    .password_file = remote_setting("PASSWORD_FILE"),
	    .access_key = remote_setting("ACCESS_KEY"),
	    .secret_key_file = remote_setting("SECRET_KEY_FILE"),
	    .secret_key_env = remote_setting("SECRET_KEY") != NULL
		? "REMOTE_SECRET_KEY"
		: NULL,
	    .region = remote_setting("REGION"),
	    .identity = remote_setting("IDENTITY"),
	    .known_hosts = remote_setting("KNOWN_HOSTS"),
	    .host_key = remote_setting("HOST_KEY"),
	    .ca_file = remote_setting("CA_FILE"),
	    .addressing = remote_setting("ADDRESSING"),
	    .timeout_s = TIMEOUT_S,
	    .give_up_after_s = GIVE_UP_S });
}

struct store *
remote_open(const struct store_conf *conf)
{
	struct err e = ERR_INIT;
	struct store *s;

	secret_start();
	if ((s = store_open(conf, &e)) == NULL)
		fail_msg("%s", e.text);
	return (s);
}
