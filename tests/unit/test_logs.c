/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository backupd */
/* Which files are a branch's logs, and what they are called in a backup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backupd/logs.h"
#include "backupd/stdin.h"
#include "base/file.h"
#include "tests/unit/place.h"

static int
setup(void **arg)
{
	*arg = place_new();
	return (0);
}

static int
teardown(void **arg)
{
	struct err e = ERR_INIT;

	assert_int_equal(file_remove_tree(*arg, &e), 0);
	free(*arg);
	return (0);
}

static void
put(const char *folder, const char *name)
{
	SCOPED(scope_free) char *path = file_join(folder, name);
	struct err e = ERR_INIT;

	assert_int_equal(file_make_parent(path, 0755, &e), 0);
	assert_int_equal(file_save(path, 0644, "x", 1, &e), 0);
}

static void
logs_are_found_once_and_named_apart(void **arg)
{
	SCOPED(logs_free) struct logs l = { .n = 0 };
	SCOPED(scope_free) char *patterns = NULL;
	const char *folder = *arg;
	struct err e = ERR_INIT;
	unsigned unmatched = 9;

	put(folder, "a/odoo.log");
	put(folder, "b/odoo.log");
	put(folder, "b/2-odoo.log");
	put(folder, "b/odoo.log.1");
	patterns = mem_printf(
	    " %s/*/odoo.log ,%s/b/*,, %s/c/*.log,", folder, folder, folder);
	assert_int_equal(logs_find(patterns, &l, &unmatched, &e), 0);
	assert_int_equal(unmatched, 1);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.names[0], "odoo.log");
	assert_string_equal(l.names[1], "2-odoo.log");
	assert_string_equal(l.names[2], "3-odoo.log");
	assert_string_equal(l.names[3], "odoo.log.1");
}

static void
logs_of_no_pattern_are_none(void **arg)
{
	SCOPED(logs_free) struct logs l = { .n = 0 };
	struct err e = ERR_INIT;
	unsigned unmatched = 9;

	(void)arg;
	assert_int_equal(logs_find(" , ", &l, &unmatched, &e), 0);
	assert_int_equal(unmatched, 0);
	assert_int_equal(l.n, 0);
}

static void
stdin_takes_names_that_stay_in_a_folder(void **arg)
{
	static const char *const good[] = { "dump.sql", "a/b", "é", "..x" };
	static const char *const bad[] = { "", "/a", "../a", "a//b", "a/..",
		"." };
	struct err e = ERR_INIT;

	(void)arg;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(stdin_check_name(good[i], &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(stdin_check_name(bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(logs_are_found_once_and_named_apart),
		TEST(logs_of_no_pattern_are_none),
		TEST(stdin_takes_names_that_stay_in_a_folder),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
