/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * The conformance suite against a real server, which the environment names as
 * a configuration would: REMOTE_URL and REMOTE_ with the setting's name. Each
 * test has a folder of its own below the URL, and leaves it empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/suite.h"

#define NAME_BYTES 6
#define TIMEOUT_S  30
#define GIVE_UP_S  20

struct place {
	char *url;
};

static const char *
setting(const char *name)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): set before we run */
	const char *value = getenv(name);

	return (value != NULL && *value != '\0' ? value : NULL);
}

static struct store *
open_place(void *ground)
{
	const struct place *p = ground;
	const struct store_conf conf = { .name = SUITE_ENDPOINT,
		.url = p->url,
		.user = setting("REMOTE_USER"),
		.password_file = setting("REMOTE_PASSWORD_FILE"),
		.access_key = setting("REMOTE_ACCESS_KEY"),
		.secret_key_env = "REMOTE_SECRET_KEY",
		.region = setting("REMOTE_REGION"),
		.identity = setting("REMOTE_IDENTITY"),
		.known_hosts = setting("REMOTE_KNOWN_HOSTS"),
		.host_key = setting("REMOTE_HOST_KEY"),
		.ca_file = setting("REMOTE_CA_FILE"),
		.addressing = setting("REMOTE_ADDRESSING"),
		.timeout_s = TIMEOUT_S,
		.give_up_after_s = GIVE_UP_S };
	struct err e = ERR_INIT;
	struct store *s = store_open(&conf, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	return (s);
}

static void *
make_place(void)
{
	SCOPED(store_freep) struct store *s = NULL;
	struct place *p = mem_new(sizeof(*p));
	char name[2 * NAME_BYTES + 1];
	struct err e = ERR_INIT;

	random_hex(name, NAME_BYTES);
	p->url = mem_printf("%s/suite-%s", setting("REMOTE_URL"), name);
	s = open_place(p);
	suite_expect_success(store_prepare(s, &e), &e);
	return (p);
}

static int
drop_one(const struct store_entry *entry, void *arg, struct err *e)
{
	return (store_drop(arg, entry->name, e));
}

static void
unmake_place(void *ground)
{
	struct place *p = ground;
	SCOPED(store_freep) struct store *s = open_place(p);
	struct err e = ERR_INIT;

	suite_expect_success(store_list(s, "", drop_one, s, &e), &e);
	free(p->url);
	free(p);
}

int
main(void)
{
	const struct suite_subject subject = { .what = "remote",
		.make = make_place,
		.open = open_place,
		.unmake = unmake_place,
		.lasts = true,
		.is_loose = setting("REMOTE_IS_LOOSE") != NULL };

	if (setting("REMOTE_URL") == NULL) {
		print_message("1..0 # SKIP no REMOTE_URL\n");
		return (0);
	}
	return (suite_run(&subject));
}
