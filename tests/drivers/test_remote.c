/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * The conformance suite against a real server, which the environment names
 * (remote.h). Each test has a folder of its own below the URL, and leaves it
 * empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/random.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/remote.h"
#include "tests/drivers/suite.h"

#define NAME_BYTES 6

struct place {
	char *url;
};

static struct store *
open_place(void *ground)
{
	const struct place *p = ground;
	const struct store_conf conf = remote_conf(p->url);

	return (remote_open(&conf));
}

static void *
make_place(void)
{
	SCOPED(store_freep) struct store *s = NULL;
	struct place *p = mem_new(sizeof(*p));
	char name[2 * NAME_BYTES + 1];
	struct err e = ERR_INIT;

	random_hex(name, NAME_BYTES);
	p->url = mem_printf("%s/suite-%s", remote_setting("URL"), name);
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
		.is_loose = remote_setting("IS_LOOSE") != NULL };

	if (remote_setting("URL") == NULL) {
		print_message("1..0 # SKIP no REMOTE_URL\n");
		return (0);
	}
	return (suite_run(&subject));
}
