/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Power cuts in the middle of a put to a folder: a child, which is this program
 * again, is killed before each of its durable steps in turn (file_step of
 * base/file.h). What it leaves is whole, and the next put needs no help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/drivers/ground.h"
#include "tests/drivers/suite.h"

struct scene {
	struct ground *g;
	struct store *s;
};

static struct scene
begin(void)
{
	struct ground *g = ground_new();

	return ((struct scene){ .g = g, .s = ground_open(g) });
}

static void
end(struct scene *scene)
{
	store_free(scene->s);
	ground_free(scene->g);
}

/* This program, as a child: "--put ROOT NAME TEXT FLAGS". */
static int
put_and_exit(char **argv)
{
	SCOPED(store_freep) struct store *s = ground_open_at(argv[2]);
	struct err e = ERR_INIT;

	if (store_put(s, argv[3], argv[4], strlen(argv[4]),
		argv[5][0] == 'n' ? STORE_PUT_NEW : 0, &e) == 0)
		return (0);
	(void)fprintf(stderr, "%s\n", e.text);
	return (1);
}

struct put {
	const char *root, *text, *flags;
	unsigned crash_at; /* 0: never */
};

static int
exec_put(void *arg)
{
	const struct put *put = arg;
	char at[32];

	(void)snprintf(at, sizeof(at), "%u", put->crash_at);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): a child of one thread */
	setenv("TRIPLICATE_CRASH_AT", at, 1);
	(void)freopen("/dev/null", "w", stderr);
	execl("/proc/self/exe", "test_file_cut", "--put", put->root,
	    "packs/ab/1", put->text, put->flags, (char *)NULL);
	return (2);
}

/* What is there is whole, old or new; and a put just goes on. */
static void
check_after_a_cut(struct scene *x, const char *old, const char *new)
{
	struct put put = { .root = x->g->root, .text = new, .flags = "" };
	SCOPED(buf_free) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	if (store_load(x->s, "packs/ab/1", 100, &got, &e) == 0)
		assert_true(strcmp(buf_text(&got), new) == 0 ||
		    (old != NULL && strcmp(buf_text(&got), old) == 0));
	else
		assert_true(e.kind == ERR_MISSING && old == NULL);
	assert_int_equal(suite_count(x->s, ""), got.n > 0);
	assert_int_equal(ground_in_child(exec_put, &put), 0);
	suite_expect(x->s, "packs/ab/1", new);
}

/* Cuts the power before each step of a put; returns how many it has. */
static unsigned
cut_everywhere(const char *old, const char *flags)
{
	for (unsigned at = 1;; at++) {
		SCOPED(end) struct scene x = begin();
		struct put put = { .root = x.g->root, .flags = "" };
		int status;

		put.text = old;
		if (old != NULL)
			assert_int_equal(ground_in_child(exec_put, &put), 0);
		put.text = "the new contents";
		put.flags = flags;
		put.crash_at = at;
		status = ground_in_child(exec_put, &put);
		assert_true(status == 0 || status == -SIGKILL);
		check_after_a_cut(&x, old, put.text);
		if (status == 0)
			return (at - 1);
	}
}

static void
a_power_cut_leaves_the_object_whole_or_not_there(void **state)
{
	(void)state;
	/* 3 mkdir and their syncs, write, sync, rename, sync: all were met */
	assert_in_range(cut_everywhere(NULL, ""), 10, 30);
	assert_in_range(cut_everywhere(NULL, "new"), 10, 30);
}

static void
a_power_cut_leaves_the_old_object_or_the_new(void **state)
{
	(void)state;
	assert_in_range(cut_everywhere("old", ""), 7, 30);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_power_cut_leaves_the_object_whole_or_not_there),
		cmocka_unit_test(a_power_cut_leaves_the_old_object_or_the_new),
	};

	if (argc == 6 && strcmp(argv[1], "--put") == 0)
		return (put_and_exit(argv));
	return (
	    cmocka_run_group_tests_name("power cuts", tests, NULL, NULL) == 0
		? 0
		: 1);
}
