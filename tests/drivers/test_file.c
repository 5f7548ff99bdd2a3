/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * The file driver: the storage contract, bare and as store_open builds it, and
 * what becomes of it when the folder is not what one hopes for. Disks that are
 * full, failing or lose power are in test_file_disk.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "storage-drivers/rate.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/ground.h"
#include "tests/drivers/suite.h"

#define A_DAY_S (24 * 60 * 60)

/* What most tests begin with. */
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

static int
none(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)arg;
	return (err_set(e, ERR_SYSTEM, "%s is listed", entry->name));
}

/* Each call that needs the endpoint fails with this kind. */
static void
expect_all_to_fail(struct store *s, enum err_kind kind)
{
	struct err e = ERR_INIT;
	uint64_t bytes;
	char got[1];

	suite_expect_failure(store_put(s, "a/b", "x", 1, 0, &e), &e, kind);
	suite_expect_failure(
	    store_put(s, "config", "x", 1, STORE_PUT_NEW, &e), &e, kind);
	suite_expect_failure(store_get(s, "a/b", 0, got, 1, &e), &e, kind);
	suite_expect_failure(store_stat(s, "a/b", &bytes, &e), &e, kind);
	suite_expect_failure(store_list(s, "", none, NULL, &e), &e, kind);
	suite_expect_failure(store_list(s, "a/", none, NULL, &e), &e, kind);
	suite_expect_failure(store_drop(s, "a/b", &e), &e, kind);
	suite_expect_failure(store_probe(s, &e), &e, kind);
}

/* --- the root ------------------------------------------------------------ */

static void
without_its_folder_every_call_fails_and_makes_nothing(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(rmdir(x.g->root), 0);
	expect_all_to_fail(x.s, ERR_MISSING);
	assert_false(file_exists(x.g->root));
	assert_int_equal(store_probe(x.s, &e), -1);
	assert_non_null(strstr(e.text, x.g->root));
	assert_non_null(strstr(e.text, "is missing"));
	assert_non_null(strstr(e.hint, "mount it"));
	assert_non_null(strstr(e.hint, "triplicate sync " SUITE_ENDPOINT));
}

static void
a_probe_tells_a_missing_object_from_a_missing_endpoint(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_none(x.s, "config");
	suite_expect_success(store_probe(x.s, &e), &e);
	assert_int_equal(rmdir(x.g->root), 0);
	suite_expect_none(x.s, "config");
	suite_expect_failure(store_probe(x.s, &e), &e, ERR_MISSING);
}

static void
a_folder_that_comes_back_is_used_again(void **state)
{
	SCOPED(end) struct scene x = begin();
	SCOPED(scope_free) char *away = file_join(x.g->top, "away");

	(void)state;
	suite_put(x.s, "config", "kept");
	assert_int_equal(rename(x.g->root, away), 0);
	expect_all_to_fail(x.s, ERR_MISSING);
	assert_int_equal(rename(away, x.g->root), 0);
	suite_expect(x.s, "config", "kept");
}

static void
prepare_makes_the_one_folder(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(rmdir(x.g->root), 0);
	suite_expect_success(store_prepare(x.s, &e), &e);
	assert_int_equal(ground_count(x.g, ""), 0);
	suite_put(x.s, "packs/ab/1", "x");
	suite_expect(x.s, "packs/ab/1", "x");
}

static void
prepare_makes_no_folder_above(void **state)
{
	SCOPED(end) struct scene x = begin();
	SCOPED(store_freep)
	struct store *deep = ground_open_at(
	    ground_path(x.g, "disk/triplicate"));
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(store_prepare(deep, &e), &e, ERR_MISSING);
	assert_int_equal(ground_count(x.g, ""), 0);
}

static void
a_root_that_is_a_file_is_a_mistake_of_configuration(void **state)
{
	SCOPED(end) struct scene x = begin();
	SCOPED(store_freep) struct store *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	ground_write(x.g, "file", "text");
	s = ground_open_at(ground_path(x.g, "file"));
	expect_all_to_fail(s, ERR_CONFIG);
	suite_expect_failure(store_prepare(s, &e), &e, ERR_CONFIG);
}

static void
the_root_itself_may_be_a_link(void **state)
{
	SCOPED(end) struct scene x = begin();
	SCOPED(scope_free) char *link = file_join(x.g->top, "link");
	SCOPED(store_freep) struct store *s = ground_open_at(link);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(symlink(x.g->root, link), 0);
	suite_expect_success(store_prepare(s, &e), &e);
	suite_put(s, "config", "through the link");
	suite_expect(x.s, "config", "through the link");
}

/* --- what a put leaves --------------------------------------------------- */

static void
a_put_leaves_the_object_and_no_temporary(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct stat st;

	(void)state;
	suite_put(x.s, "packs/ab/1", "x");
	suite_put(x.s, "packs/ab/1", "y");
	assert_int_equal(ground_count(x.g, ""), 2);
	assert_int_equal(ground_count(x.g, ".tmp~"), 0);
	assert_int_equal(ground_count(x.g, "packs"), 1);
	assert_int_equal(ground_count(x.g, "packs/ab"), 1);
	assert_int_equal(stat(ground_path(x.g, "packs/ab/1"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(ground_path(x.g, "packs/ab"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
a_put_that_fails_leaves_nothing(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	suite_put(x.s, "taken", "x");
	suite_expect_failure(
	    store_put(x.s, "taken", "y", 1, STORE_PUT_NEW, &e), &e, ERR_EXISTS);
	assert_int_equal(mkdir(ground_path(x.g, "folder"), 0700), 0);
	assert_int_equal(store_put(x.s, "folder", "y", 1, 0, &e), -1);
	assert_int_equal(ground_count(x.g, ".tmp~"), 0);
	suite_expect(x.s, "taken", "x");
	assert_int_equal(suite_count(x.s, ""), 1);
}

/* Gives a file an age. */
static void
make_older(const struct ground *g, const char *name, time_t by_s)
{
	const struct timespec then = { .tv_sec = time(NULL) - by_s };
	const struct timespec times[2] = { then, then };

	assert_int_equal(
	    utimensat(AT_FDCWD, ground_path(g, name), times, 0), 0);
}

static void
temporaries_go_when_they_are_older_than_a_day(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	assert_int_equal(mkdir(ground_path(x.g, ".tmp~"), 0700), 0);
	ground_write(x.g, ".tmp~/old", "left by a crash");
	ground_write(x.g, ".tmp~/young", "someone is writing it");
	make_older(x.g, ".tmp~/old", A_DAY_S + 3600);
	make_older(x.g, ".tmp~/young", A_DAY_S - 3600);
	suite_put(x.s, "config", "x");
	assert_false(ground_has(x.g, ".tmp~/old"));
	assert_true(ground_has(x.g, ".tmp~/young"));
	suite_expect(x.s, "config", "x");
}

/* --- what others left in the folder -------------------------------------- */

static void
only_plain_files_with_good_names_are_listed(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	suite_put(x.s, "packs/ab/1", "x");
	assert_int_equal(mkdir(ground_path(x.g, "lost+found"), 0), 0);
	assert_int_equal(mkdir(ground_path(x.g, "empty"), 0700), 0);
	assert_int_equal(mkfifo(ground_path(x.g, "packs/fifo"), 0600), 0);
	assert_int_equal(symlink("packs/ab/1", ground_path(x.g, "link")), 0);
	assert_int_equal(symlink("packs", ground_path(x.g, "packs2")), 0);
	ground_write(x.g, "a name with spaces", "x");
	ground_write(x.g, "new\nline", "x");
	ground_write(x.g, ".tmp~/half", "x");
	assert_int_equal(suite_count(x.s, ""), 1);
	assert_int_equal(suite_count(x.s, "packs/"), 1);
	assert_int_equal(suite_count(x.s, "empty/"), 0);
	assert_int_equal(chmod(ground_path(x.g, "lost+found"), 0700), 0);
}

static void
a_tree_deeper_than_any_name_is_passed_over(void **state)
{
	SCOPED(end) struct scene x = begin();
	char path[2 * STORE_NAME_MAX] = "";

	(void)state;
	for (size_t n = 0; n < STORE_NAME_MAX + 20; n += 2) {
		path[n] = 'd';
		assert_int_equal(mkdir(ground_path(x.g, path), 0700), 0);
		path[n + 1] = '/';
	}
	path[STORE_NAME_MAX + 20] = 'f';
	ground_write(x.g, path, "x");
	ground_write(x.g, "d/seen", "x");
	assert_int_equal(suite_count(x.s, ""), 1);
}

static void
a_link_in_an_objects_place_is_not_followed(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	uint64_t bytes;
	char got[1];

	(void)state;
	ground_write(x.g, "../outside", "secret");
	assert_int_equal(symlink("../outside", ground_path(x.g, "config")), 0);
	suite_expect_failure(
	    store_get(x.s, "config", 0, got, 1, &e), &e, ERR_CORRUPT);
	suite_expect_failure(
	    store_stat(x.s, "config", &bytes, &e), &e, ERR_CORRUPT);
	suite_put(x.s, "config", "a file again");
	suite_expect(x.s, "config", "a file again");
	assert_int_equal(symlink("../outside", ground_path(x.g, "other")), 0);
	suite_expect_success(store_drop(x.s, "other", &e), &e);
	assert_false(ground_has(x.g, "other"));
	assert_true(ground_has(x.g, "../outside"));
}

static void
a_link_in_a_folders_place_is_not_followed(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	char got[1];

	(void)state;
	assert_int_equal(mkdir(ground_path(x.g, "../outside"), 0700), 0);
	ground_write(x.g, "../outside/1", "not ours");
	assert_int_equal(symlink("../outside", ground_path(x.g, "packs")), 0);
	suite_expect_failure(
	    store_put(x.s, "packs/2", "x", 1, 0, &e), &e, ERR_CORRUPT);
	suite_expect_failure(
	    store_put(x.s, "packs/ab/2", "x", 1, 0, &e), &e, ERR_CORRUPT);
	suite_expect_failure(
	    store_get(x.s, "packs/1", 0, got, 1, &e), &e, ERR_CORRUPT);
	suite_expect_failure(
	    store_list(x.s, "packs/", none, NULL, &e), &e, ERR_CORRUPT);
	suite_expect_failure(store_drop(x.s, "packs/1", &e), &e, ERR_CORRUPT);
	assert_int_equal(ground_count(x.g, "../outside"), 1);
}

/* A reader that opened it would wait for ever. */
static void
what_is_no_plain_file_is_no_object(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	char got[1];

	(void)state;
	assert_int_equal(mkfifo(ground_path(x.g, "fifo"), 0600), 0);
	assert_int_equal(mkdir(ground_path(x.g, "folder"), 0700), 0);
	suite_expect_failure(
	    store_get(x.s, "fifo", 0, got, 1, &e), &e, ERR_CORRUPT);
	suite_expect_failure(
	    store_get(x.s, "folder", 0, got, 1, &e), &e, ERR_CORRUPT);
}

static void
a_file_that_was_cut_is_corrupt(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	char got[10];

	(void)state;
	suite_put(x.s, "packs/ab/1", "0123456789");
	assert_int_equal(truncate(ground_path(x.g, "packs/ab/1"), 9), 0);
	suite_expect_failure(
	    store_get(x.s, "packs/ab/1", 0, got, 10, &e), &e, ERR_CORRUPT);
	suite_expect_success(store_get(x.s, "packs/ab/1", 0, got, 9, &e), &e);
}

/* --- running ------------------------------------------------------------- */

/* The stack of store_open: trace, retry, file, with a limit. */
static struct store *
open_stack(void *ground)
{
	const struct ground *g = ground;
	SCOPED(scope_free) char *url = mem_printf("file://%s", g->root);
	const struct rate limit = { .bytes_s = (uint64_t)1 << 40 };
	const struct store_conf conf = { .name = SUITE_ENDPOINT,
		.url = url,
		.upload_limit = &limit,
		.give_up_after_s = 1 };
	struct err e = ERR_INIT;
	struct store *s = store_open(&conf, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	return (s);
}

int
main(void)
{
	static const struct suite_subject bare = { .what = "file",
		.make = ground_new,
		.open = ground_open,
		.unmake = ground_free,
		.lasts = true };
	static const struct suite_subject stack = { .what = "store_open(file)",
		.make = ground_new,
		.open = open_stack,
		.unmake = ground_free,
		.lasts = true };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    without_its_folder_every_call_fails_and_makes_nothing),
		cmocka_unit_test(
		    a_probe_tells_a_missing_object_from_a_missing_endpoint),
		cmocka_unit_test(a_folder_that_comes_back_is_used_again),
		cmocka_unit_test(prepare_makes_the_one_folder),
		cmocka_unit_test(prepare_makes_no_folder_above),
		cmocka_unit_test(
		    a_root_that_is_a_file_is_a_mistake_of_configuration),
		cmocka_unit_test(the_root_itself_may_be_a_link),
		cmocka_unit_test(a_put_leaves_the_object_and_no_temporary),
		cmocka_unit_test(a_put_that_fails_leaves_nothing),
		cmocka_unit_test(temporaries_go_when_they_are_older_than_a_day),
		cmocka_unit_test(only_plain_files_with_good_names_are_listed),
		cmocka_unit_test(a_tree_deeper_than_any_name_is_passed_over),
		cmocka_unit_test(a_link_in_an_objects_place_is_not_followed),
		cmocka_unit_test(a_link_in_a_folders_place_is_not_followed),
		cmocka_unit_test(what_is_no_plain_file_is_no_object),
		cmocka_unit_test(a_file_that_was_cut_is_corrupt),
	};
	int failures = suite_run(&bare);

	failures += suite_run(&stack);
	failures += cmocka_run_group_tests_name(
	    "the folder", tests, NULL, NULL);
	return (failures == 0 ? 0 : 1);
}
