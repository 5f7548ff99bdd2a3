/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* What differs between two backups, whatever the order of their trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/catalog.h"
#include "restore/diff.h"
#include "tests/unit/tree_rig.h"

/* 2026-11-22T02:30:00Z */
#define NIGHT ((int64_t)1795314600)
#define DAY   ((int64_t)86400)

struct world {
	struct rig g;
	struct repo *r;
	struct remarks remarks;
	struct buf said; /* a line an item */
	struct diff_totals totals;
};

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

static int
setup(void **arg)
{
	struct world *w = mem_new(sizeof(*w));

	rig_open_repository(&w->g, 1);
	w->g.settings.restore_cache = (uint64_t)64 << 20;
	w->r = rig_repo(&w->g, REPO_WRITE);
	remarks_init(&w->remarks);
	*arg = w;
	return (0);
}

static int
teardown(void **arg)
{
	struct world *w = *arg;

	repo_free(w->r);
	remarks_free(&w->remarks);
	buf_free(&w->said);
	rig_close(&w->g);
	free(w);
	return (0);
}

static int
take(const struct diff_item *item, void *arg, struct err *e)
{
	static const char marks[] = { '+', '-', 'M' };
	struct world *w = arg;

	(void)e;
	buf_printf(&w->said, "%c %s %s %llu>%llu %lld>%lld\n",
	    marks[item->change], named_text(item->named->kind),
	    item->entry->path, (unsigned long long)item->bytes_before,
	    (unsigned long long)item->bytes_after, (long long)item->rows_before,
	    (long long)item->rows_after);
	return (0);
}

/* The two newest backups, the older one first. */
static int
run(struct world *w, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct diff_conf conf = {
		.remarks = &w->remarks, .tell = take, .arg = w
	};

	w->said.n = 0;
	must(catalog_read(w->r, NULL, &all, e), e);
	assert_true(all.n >= 2);
	must(catalog_fill(w->r, &all, &all.v[0], e), e);
	must(catalog_fill(w->r, &all, &all.v[1], e), e);
	conf.from = &all.v[1].m;
	conf.to = &all.v[0].m;
	return (diff_run(w->r, &conf, &w->totals, e));
}

static void
assert_differs(struct world *w, const char *expected)
{
	struct err e = ERR_INIT;

	must(run(w, &e), &e);
	assert_string_equal(buf_text(&w->said), expected);
}

static const struct planted monday[] = {
	{ TREE_ARCHIVE, "archive", "CREATE TABLE", 0, 0 },
	{ TREE_TABLE, "public.sale_order", "1\n2\n", 2, 0 },
	{ TREE_TABLE, "public.gone", "1\n", 1, 0 },
	{ TREE_TABLE, "public.same", "7\n", 1, 0 },
	{ TREE_FOLDER, "ab", NULL, 0, 100 },
	{ TREE_FILE, "ab/one", "first", 0, 100 },
	{ TREE_FILE, "ab/two", "second", 0, 100 },
	{ TREE_FILE, "ab/three", "third", 0, 100 },
	{ TREE_LINK, "ab/link", "one", 0, 100 },
	{ TREE_LOG, "odoo.log", "a line\n", 0, 100 },
	{ 0, NULL, NULL, 0, 0 },
};

static void
tables_files_and_logs_are_told_with_their_figures(void **arg)
{
	static const struct planted tuesday[] = {
		{ TREE_ARCHIVE, "archive", "CREATE TABLE", 0, 0 },
		{ TREE_TABLE, "public.sale_order", "1\n2\n3\n", 3, 0 },
		{ TREE_TABLE, "public.same", "7\n", 1, 0 },
		{ TREE_TABLE, "other.gone", "1\n", 1, 0 },
		{ TREE_FOLDER, "ab", NULL, 0, 200 },
		{ TREE_FOLDER, "cd", NULL, 0, 200 },
		{ TREE_FILE, "ab/one", "first", 0, 200 },
		{ TREE_FILE, "ab/two", "sec0nd", 0, 100 },
		{ TREE_FILE, "cd/four", "fourth", 0, 200 },
		{ TREE_LINK, "ab/link", "two", 0, 100 },
		{ TREE_LOG, "odoo.log", "a line\nmore\n", 0, 200 },
		{ TREE_STDIN, "notes", "a note", 0, 200 },
		{ 0, NULL, NULL, 0, 0 },
	};
	struct world *w = *arg;

	tree_rig_backup(w->r, "production", NIGHT, monday, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, tuesday, NULL);
	assert_differs(w,
	    "M table public.sale_order 4>6 2>3\n"
	    "+ table other.gone 0>2 0>1\n"
	    "M file ab/two 6>6 0>0\n"
	    "+ file cd/four 0>6 0>0\n"
	    "M file ab/link 0>0 0>0\n"
	    "M log odoo.log 7>12 0>0\n"
	    "+ stream notes 0>6 0>0\n"
	    "- table public.gone 2>0 1>0\n"
	    "- file ab/three 5>0 0>0\n");
	assert_int_equal(w->totals.n[NAMED_FILE][DIFF_CHANGED], 2);
	assert_int_equal(w->totals.n[NAMED_FILE][DIFF_ADDED], 1);
	assert_int_equal(w->totals.n[NAMED_FILE][DIFF_REMOVED], 1);
	assert_int_equal(w->totals.n[NAMED_TABLE][DIFF_REMOVED], 1);
	assert_true(w->totals.has_definitions);
	assert_false(w->totals.definitions_changed);
}

static void
the_order_of_a_tree_and_its_times_are_no_difference(void **arg)
{
	struct world *w = *arg;
	struct planted turned[sizeof(monday) / sizeof(monday[0])];
	size_t n = sizeof(monday) / sizeof(monday[0]) - 1;

	for (size_t i = 0; i < n; i++) {
		turned[i] = monday[n - 1 - i];
		turned[i].mtime += 50;
	}
	turned[n] = monday[n];
	tree_rig_backup(w->r, "production", NIGHT, monday, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, turned, NULL);
	assert_differs(w, "");
}

static void
a_backup_differs_from_nothing_in_everything(void **arg)
{
	static const struct planted nothing[] = { { 0, NULL, NULL, 0, 0 } };
	static const struct planted two[] = {
		{ TREE_ARCHIVE, "archive", "CREATE", 0, 0 },
		{ TREE_FILE, "x", "", 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	struct world *w = *arg;

	tree_rig_backup(w->r, "production", NIGHT, nothing, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, two, NULL);
	assert_differs(w, "+ file x 0>0 0>0\n");
	assert_false(w->totals.has_definitions);
	tree_rig_backup(w->r, "production", NIGHT + 2 * DAY, nothing, NULL);
	assert_differs(w, "- file x 0>0 0>0\n");
	assert_false(w->totals.has_definitions);
}

static void
definitions_are_compared_without_the_time_of_the_dump(void **arg)
{
	static const struct planted before[] = {
		{ TREE_ARCHIVE, "archive", "CREATE VIEW v AS SELECT 1", 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	static const struct planted after[] = {
		{ TREE_ARCHIVE, "archive", "CREATE VIEW v AS SELECT 2", 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	struct world *w = *arg;

	tree_rig_backup(w->r, "production", NIGHT, before, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, before, NULL);
	assert_differs(w, "");
	assert_true(w->totals.has_definitions);
	assert_false(w->totals.definitions_changed);
	tree_rig_backup(w->r, "production", NIGHT + 2 * DAY, after, NULL);
	assert_differs(w, "");
	assert_true(w->totals.definitions_changed);
}

/* Rows that could not be read are not the same as none. */
static void
what_could_not_be_read_differs_from_what_is_empty(void **arg)
{
	static const struct planted unread[] = {
		{ TREE_TABLE, "public.t", NULL, 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	static const struct planted empty[] = {
		{ TREE_TABLE, "public.t", "", 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	struct world *w = *arg;

	tree_rig_backup(w->r, "production", NIGHT, unread, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, empty, NULL);
	assert_differs(w, "M table public.t 0>0 0>0\n");
}

static void
a_name_that_is_in_a_tree_twice_is_refused(void **arg)
{
	static const struct planted once[] = {
		{ TREE_FILE, "x", "1", 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	static const struct planted twice[] = {
		{ TREE_FILE, "x", "1", 0, 0 },
		{ TREE_LINK, "x", "y", 0, 0 },
		{ 0, NULL, NULL, 0, 0 },
	};
	struct world *w = *arg;
	struct err e = ERR_INIT;

	tree_rig_backup(w->r, "production", NIGHT, once, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, twice, NULL);
	assert_int_equal(run(w, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "twice"));
	tree_rig_backup(w->r, "production", NIGHT + 2 * DAY, once, NULL);
	err_clear(&e);
	assert_int_equal(run(w, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static int
listen_badly(const struct diff_item *item, void *arg, struct err *e)
{
	(void)item;
	(void)arg;
	return (err_set(e, ERR_STOPPED, "enough"));
}

static void
it_ends_when_whoever_listens_fails(void **arg)
{
	static const struct planted nothing[] = { { 0, NULL, NULL, 0, 0 } };
	struct world *w = *arg;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct diff_conf conf = { .remarks = &w->remarks,
		.tell = listen_badly };
	struct err e = ERR_INIT;

	tree_rig_backup(w->r, "production", NIGHT, nothing, NULL);
	tree_rig_backup(w->r, "production", NIGHT + DAY, monday, NULL);
	must(catalog_read(w->r, NULL, &all, &e), &e);
	must(catalog_fill(w->r, &all, &all.v[0], &e), &e);
	must(catalog_fill(w->r, &all, &all.v[1], &e), &e);
	/* All is added; the other way round, all is removed. */
	for (size_t i = 0; i < 2; i++) {
		conf.from = &all.v[1 - i].m;
		conf.to = &all.v[i].m;
		assert_int_equal(diff_run(w->r, &conf, &w->totals, &e), -1);
		assert_int_equal(e.kind, ERR_STOPPED);
		err_clear(&e);
	}
}

static void
without_the_private_parts_nothing_is_compared(void **arg)
{
	struct world *w = *arg;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct diff_conf conf = { .remarks = &w->remarks,
		.tell = listen_badly };
	struct err e = ERR_INIT;

	tree_rig_backup(w->r, "production", NIGHT, monday, NULL);
	must(catalog_read(w->r, NULL, &all, &e), &e);
	conf.from = conf.to = &all.v[0].m;
	assert_int_equal(diff_run(w->r, &conf, &w->totals, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

#define WORLD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(tables_files_and_logs_are_told_with_their_figures),
		WORLD_TEST(the_order_of_a_tree_and_its_times_are_no_difference),
		WORLD_TEST(a_backup_differs_from_nothing_in_everything),
		WORLD_TEST(
		    definitions_are_compared_without_the_time_of_the_dump),
		WORLD_TEST(what_could_not_be_read_differs_from_what_is_empty),
		WORLD_TEST(a_name_that_is_in_a_tree_twice_is_refused),
		WORLD_TEST(it_ends_when_whoever_listens_fails),
		WORLD_TEST(without_the_private_parts_nothing_is_compared),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
