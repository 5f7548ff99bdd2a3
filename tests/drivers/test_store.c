/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * The door: URLs, names, and what store.c keeps from drivers and callers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "storage-drivers/rate.h"
#include "tests/drivers/fake.h"
#include "tests/drivers/ground.h"
#include "tests/drivers/suite.h"

static struct store *
open_url(const char *url, struct err *e)
{
	const struct store_conf conf = {
		.name = SUITE_ENDPOINT, .url = url, .give_up_after_s = 1
	};

	return (store_open(&conf, e));
}

/* Fails with ERR_CONFIG and a text that has part in it and no secret. */
static void
expect_refused(const char *url, const char *part)
{
	struct err e = ERR_INIT;
	struct store *s = open_url(url, &e);

	if (s != NULL)
		fail_msg("%s was opened", url);
	if (strstr(e.text, part) == NULL || strstr(e.text, "secret") != NULL)
		fail_msg("%s: %s", url, e.text);
	suite_expect_failure(-1, &e, ERR_CONFIG);
}

static void
a_folder_is_opened_by_each_way_to_write_it(void **state)
{
	static const char *const forms[] = { "%s", "%s/", "file://%s",
		"file:%s", "file://localhost%s", "file://%s///" };
	SCOPED(ground_freep) struct ground *g = ground_new();

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		SCOPED(buf_free) struct buf url = BUF_INIT;
		SCOPED(store_freep) struct store *s = NULL;
		struct err e = ERR_INIT;
		const char name[] = { (char)('a' + i), '\0' };
		const char *hole = strstr(forms[i], "%s");

		buf_add(&url, forms[i], (size_t)(hole - forms[i]));
		buf_add_string(&url, g->root);
		buf_add_string(&url, hole + 2);
		if ((s = open_url(buf_text(&url), &e)) == NULL)
			fail_msg("%s", e.text);
		suite_put(s, name, "x");
		assert_true(ground_has(g, name));
	}
}

static void
a_url_may_spell_odd_bytes_and_a_path_need_not(void **state)
{
	SCOPED(ground_freep) struct ground *g = ground_new();
	SCOPED(scope_free)
	char *url = mem_printf("file://%s/my%%20disk%%2F100%%25%%2a", g->root);
	SCOPED(scope_free) char *path = mem_printf("%s/a%%20b", g->root);
	SCOPED(store_freep) struct store *by_url = NULL, *by_path = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(by_url = open_url(url, &e));
	assert_non_null(by_path = open_url(path, &e));
	suite_expect_failure(store_prepare(by_url, &e), &e, ERR_MISSING);
	suite_expect_success(store_prepare(by_path, &e), &e);
	assert_true(ground_has(g, "a%20b"));
	assert_false(ground_has(g, "my disk"));
	assert_int_equal(store_probe(by_url, &e), -1);
	assert_non_null(strstr(e.text, "/my disk/100%* is missing"));
}

static void
a_url_that_names_no_folder_is_refused(void **state)
{
	static const char *const bad[] = { "file://srv/backups", "file:srv",
		"file:", "file://", "file://host/srv", "file:////srv" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_refused(bad[i], "file:///srv/backups");
	expect_refused("file:///", "not '/'");
	expect_refused("/", "not '/'");
	expect_refused("//", "not '/'");
	expect_refused("file:///a%", "%");
	expect_refused("file:///a%4", "%");
	expect_refused("file:///a%zz", "%");
	expect_refused("file:///a%00b", "%");
	expect_refused("", "no url");
	expect_refused(NULL, "no url");
}

static void
what_a_remote_endpoint_lacks_is_told(void **state)
{
	(void)state;
	expect_refused("s3+https://s3.example.net/b/p", "access-key");
	expect_refused("s3+http://secret:x@127.0.0.1/b", "a password in it");
	expect_refused("sftp://h/srv", "no user");
	expect_refused("sftp://me@h/srv", "known-hosts nor host-key");
	expect_refused("sftp://me:secret@h/srv", "a password in it");
	expect_refused("davs://me@h/srv", "password-file");
	expect_refused("dav:///secret", "a host");
}

static void
unknown_schemes_are_told_the_known_ones(void **state)
{
	const char *known = "file, s3+https, s3+http, sftp, davs, dav";

	(void)state;
	expect_refused("ftp://me:secret@host/x", "scheme 'ftp'");
	expect_refused("ftp://host/x", known);
	expect_refused("srv/secret", known);
	expect_refused("me:secret@host:/srv", known);
	expect_refused("s3://secret", "scheme 's3'");
	expect_refused("FILE:///srv", known);
}

static void
opening_reaches_for_nothing(void **state)
{
	SCOPED(store_freep) struct store *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	s = open_url("/nonexistent/of/all/places", &e);
	assert_non_null(s);
	suite_expect_failure(store_probe(s, &e), &e, ERR_MISSING);
}

static void
good_names_are_those_of_the_repository(void **state)
{
	static const char *const good[] = { "config", "a", "...", ".a", "a.",
		"..a", "-", "_", "writers/1-0123456789abcdef",
		"packs/ab/abababababababababababababababababababababababab",
		"backups/20261122T023000Z-0a1b2c3d", "a/b/c/d/e/f" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!store_name_is_good(good[i]))
			fail_msg("%s", good[i]);
}

static int
count_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)e;
	assert_string_equal(entry->name, "packs/ab/1");
	++*(int *)arg;
	return (0);
}

static void
what_an_endpoint_may_not_list_is_left_out(void **state)
{
	static const struct store_entry lies[] = { { .name = "../etc/passwd" },
		{ .name = "/packs/ab/1" }, { .name = "packs/ab/1" },
		{ .name = "packs/ab/../1" }, { .name = "backups/other" },
		{ .name = "" }, { .name = "packs/" }, { .name = "packs/a b" } };
	struct fake_script script = { .entries = lies, .n_entries = 8 };
	SCOPED(store_freep) struct store *s = fake_store(&script);
	struct err e = ERR_INIT;
	int n = 0;

	(void)state;
	suite_expect_success(store_list(s, "packs/", count_entry, &n, &e), &e);
	assert_int_equal(n, 1);
}

static void
a_load_that_fails_leaves_the_buffer(void **state)
{
	static const struct store_fault broken = { "get", "", 0, 1, FAULT_FAIL,
		ERR_CORRUPT };
	SCOPED(store_freep)
	struct store *s = store_with_faults(
	    store_ram_new(SUITE_ENDPOINT), &broken, 1);
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	suite_put(s, "config", "contents");
	buf_add_string(&out, "before");
	suite_expect_failure(
	    store_load(s, "config", 100, &out, &e), &e, ERR_CORRUPT);
	assert_string_equal(buf_text(&out), "before");
}

static void
each_kind_takes_its_calls_at_a_time(void **state)
{
	static const struct rate limit = { .bytes_s = RATE_LEAST };
	static const struct {
		const char *url;
		unsigned calls;
	} kinds[] = { { "/srv", 1 }, { "s3+http://127.0.0.1/bucket", 4 },
		{ "sftp://u@127.0.0.1/a", 4 }, { "dav://127.0.0.1/a", 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		SCOPED(store_freep) struct store *s = NULL;
		const struct store_conf conf = { .name = SUITE_ENDPOINT,
			.url = kinds[i].url,
			.access_key = "a",
			.secret_key_env = "b",
			.identity = "/nowhere",
			.host_key = "SHA256:AAAA",
			.upload_limit = &limit };
		struct err e = ERR_INIT;

		if ((s = store_open(&conf, &e)) == NULL)
			fail_msg("%s", e.text);
		assert_int_equal(store_parallel(s), kinds[i].calls);
	}
}

static void
freeing_nothing_is_nothing(void **state)
{
	struct store *s = NULL;

	(void)state;
	store_free(NULL);
	store_freep(&s);
	s = store_ram_new(SUITE_ENDPOINT);
	store_freep(&s);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_is_opened_by_each_way_to_write_it),
		cmocka_unit_test(a_url_may_spell_odd_bytes_and_a_path_need_not),
		cmocka_unit_test(a_url_that_names_no_folder_is_refused),
		cmocka_unit_test(what_a_remote_endpoint_lacks_is_told),
		cmocka_unit_test(unknown_schemes_are_told_the_known_ones),
		cmocka_unit_test(opening_reaches_for_nothing),
		cmocka_unit_test(good_names_are_those_of_the_repository),
		cmocka_unit_test(what_an_endpoint_may_not_list_is_left_out),
		cmocka_unit_test(a_load_that_fails_leaves_the_buffer),
		cmocka_unit_test(each_kind_takes_its_calls_at_a_time),
		cmocka_unit_test(freeing_nothing_is_nothing),
	};

	return (cmocka_run_group_tests_name("store", tests, NULL, NULL) == 0
		? 0
		: 1);
}
