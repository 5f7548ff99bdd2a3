/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository backupd */
/* Lists of tables and what is locked of them; which errors are a table's own;
 * Odoo's version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "backupd/copy_table.h"
#include "backupd/odoo.h"
#include "backupd/snapshot.h"

static char public[] = "public", other[] = "o\"ther", one[] = "one",
	    two[] = "t;w'o", three[] = "three";

static const struct table plain = {
	.oid = 1, .file_node = 1, .kind = 'r', .schema = public, .name = one
};

static void
snapshot_locks_each_table_quoted_and_alone(void **arg)
{
	struct table v[] = { plain, plain, plain };
	const struct table_list l = { .n = 3, .v = v };
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	size_t i = 0;

	(void)arg;
	v[1].schema = other;
	v[1].name = two;
	v[2].is_denied = true;
	snapshot_add_lock(&l, &i, &sql);
	assert_int_equal(i, l.n);
	assert_string_equal(buf_text(&sql),
	    "LOCK TABLE ONLY \"public\".\"one\", ONLY \"o\"\"ther\".\"t;w'o\""
	    " IN ACCESS SHARE MODE NOWAIT");
}

static void
snapshot_locks_nothing_where_nothing_is(void **arg)
{
	struct table v[] = { plain };
	const struct table_list l = { .n = 1, .v = v };
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	size_t i = 0;

	(void)arg;
	v[0].is_denied = true;
	snapshot_add_lock(&l, &i, &sql);
	assert_int_equal(sql.n, 0);
}

static void
snapshot_locks_thousands_in_several_statements(void **arg)
{
	static struct table v[1201];
	const struct table_list l = { .n = 1201, .v = v };
	size_t statements = 0, names = 0, i = 0;

	(void)arg;
	for (size_t n = 0; n < l.n; n++)
		v[n] = plain;
	for (;;) {
		SCOPED(buf_free) struct buf sql = BUF_INIT;

		snapshot_add_lock(&l, &i, &sql);
		if (sql.n == 0)
			break;
		statements++;
		assert_int_equal(
		    strncmp(buf_text(&sql), "LOCK TABLE ONLY \"", 17), 0);
		for (const char *at = buf_text(&sql);
		     (at = strstr(at, "\"public\".\"one\"")) != NULL; at++)
			names++;
		assert_true(sql.n < 4096); /* all of it may come into a log */
	}
	assert_int_equal(statements, 13);
	assert_int_equal(names, l.n);
}

static void
table_list_difference_finds_every_kind_of_change(void **arg)
{
	struct table a[] = { plain, plain }, b[2];
	const struct table_list left = { .n = 2, .v = a },
				right = { .n = 2, .v = b };

	(void)arg;
	for (int change = 0; change < 8; change++) {
		memcpy(b, a, sizeof(b));
		b[1].oid += change == 1;
		b[1].file_node += change == 2;
		b[1].kind = change == 3 ? 'p' : 'r';
		b[1].name = change == 4 ? three : one;
		b[1].schema = change == 5 ? other : public;
		b[1].is_denied = change == 6;
		b[1].has_hidden_rows = change == 7;
		assert_ptr_equal(table_list_difference(&left, &right),
		    change == 0 ? NULL : &b[1]);
	}
}

static void
table_list_difference_finds_what_came_and_what_went(void **arg)
{
	struct table v[] = { plain, plain };
	const struct table_list shorter = { .n = 1, .v = v },
				longer = { .n = 2, .v = v };

	(void)arg;
	assert_ptr_equal(table_list_difference(&shorter, &longer), &v[1]);
	assert_ptr_equal(table_list_difference(&longer, &shorter), &v[1]);
	assert_null(table_list_difference(&longer, &longer));
}

static void
table_is_ours_when_it_has_rows_and_no_extension_owns_it(void **arg)
{
	struct table t = plain;
	char text[TABLE_TEXT];

	(void)arg;
	assert_true(table_is_ours(&t));
	t.is_extensions = true;
	assert_false(table_is_ours(&t));
	t.is_extensions = false;
	t.kind = 'p';
	assert_false(table_is_ours(&t));
	assert_string_equal(table_text(&t, text), "public.one");
}

static void
copy_table_knows_which_errors_are_about_rows(void **arg)
{
	static const char *const rows[] = { "22021", "54000", "58030", "XX000",
		"XX001", "42501" };
	static const char *const others[] = { "", "57P01", "53100", "53200",
		"08006", "40P01", "42P01", "57014" };

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(copy_table_is_about_rows(rows[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(copy_table_is_about_rows(others[i]));
}

static void
odoo_version_is_the_series(void **arg)
{
	static const struct {
		const char *text, *version;
		unsigned major;
	} cases[] = { { "17.0.1.3", "17.0", 17 }, { "12.0", "12.0", 12 },
		{ "saas~17.2.1.0", "saas~17.2", 17 }, { "9", "9", 9 } };
	char version[24];
	unsigned major = 0;

	(void)arg;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(odoo_parse_version(
		    cases[i].text, version, sizeof(version), &major));
		assert_string_equal(version, cases[i].version);
		assert_int_equal(major, cases[i].major);
	}
	assert_false(odoo_parse_version("", version, sizeof(version), &major));
	assert_false(
	    odoo_parse_version("master", version, sizeof(version), &major));
	assert_false(odoo_parse_version(
	    "17.000000000000000000000000", version, sizeof(version), &major));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(snapshot_locks_each_table_quoted_and_alone),
		cmocka_unit_test(snapshot_locks_nothing_where_nothing_is),
		cmocka_unit_test(
		    snapshot_locks_thousands_in_several_statements),
		cmocka_unit_test(
		    table_list_difference_finds_every_kind_of_change),
		cmocka_unit_test(
		    table_list_difference_finds_what_came_and_what_went),
		cmocka_unit_test(
		    table_is_ours_when_it_has_rows_and_no_extension_owns_it),
		cmocka_unit_test(copy_table_knows_which_errors_are_about_rows),
		cmocka_unit_test(odoo_version_is_the_series),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
