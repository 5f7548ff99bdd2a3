/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* In which backups a name is, and what counts as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "restore/find.h"
#include "tests/unit/tree_rig.h"

/* 2026-11-22T02:30:00Z */
#define NIGHT ((int64_t)1795314600)
#define DAY   ((int64_t)86400)

struct world {
	struct rig g;
	struct repo *r;
	struct remarks remarks;
	struct catalog all;
	struct find_result found;
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

	find_result_free(&w->found);
	catalog_free(&w->all);
	repo_free(w->r);
	remarks_free(&w->remarks);
	rig_close(&w->g);
	free(w);
	return (0);
}

static int
find(struct world *w, const char *branch, const char *pattern, struct err *e)
{
	struct find_conf conf = {
		.catalog = &w->all, .pattern = pattern, .remarks = &w->remarks
	};

	find_result_free(&w->found);
	catalog_free(&w->all);
	must(catalog_read(w->r, branch, &w->all, e), e);
	return (find_run(w->r, &conf, &w->found, e));
}

static void
must_find(
    struct world *w, const char *branch, const char *pattern, size_t expected)
{
	struct err e = ERR_INIT;

	must(find(w, branch, pattern, &e), &e);
	assert_int_equal(w->found.n, expected);
}

/* --- patterns --- */

static bool
matches(const char *pattern, uint8_t kind, const char *path)
{
	static struct tree_entry t;
	struct named named = { .facts = NULL };
	SCOPED(buf_free) struct buf extra = BUF_INIT;
	struct err e = ERR_INIT;
	bool answer;

	t = (struct tree_entry){ .kind = kind };
	strncpy(t.path, path, sizeof(t.path) - 1);
	if (kind == TREE_TABLE) {
		buf_printf(
		    &extra, "{\"schema\":\"public\",\"name\":\"%s\"}", path);
		t.extra = extra.p;
		t.extra_bytes = extra.n;
	}
	must(named_read(&t, &named, &e), &e);
	answer = find_matches(pattern, &t, &named);
	named_free(&named);
	return (answer);
}

static void
a_name_is_the_last_part_of_a_path(void **arg)
{
	(void)arg;
	assert_true(matches("3f01", TREE_FILE, "3f/3f01"));
	assert_true(matches("3f*", TREE_FILE, "3f/3f01"));
	assert_true(matches("?f0[0-2]", TREE_FILE, "3f/3f01"));
	assert_true(matches("3f01", TREE_LINK, "3f01"));
	assert_true(matches("*.log", TREE_LOG, "odoo.log"));
	assert_true(matches("*", TREE_STDIN, ".hidden"));
	assert_false(matches("3f", TREE_FILE, "3f/3f01"));
	assert_false(matches("f01", TREE_FILE, "3f/3f01"));
	assert_false(matches("3F01", TREE_FILE, "3f/3f01"));
}

static void
with_a_slash_it_is_the_whole_path(void **arg)
{
	(void)arg;
	assert_true(matches("3f/3f01", TREE_FILE, "3f/3f01"));
	assert_true(matches("3f/*", TREE_FILE, "3f/3f01"));
	assert_true(matches("filestore/3f/3f01", TREE_FILE, "3f/3f01"));
	assert_true(matches("logs/*", TREE_LOG, "odoo.log"));
	assert_true(matches("streams/a/b", TREE_STDIN, "a/b"));
	assert_false(matches("filestore/*", TREE_FILE, "3f/3f01"));
	assert_false(matches("logs/3f/3f01", TREE_FILE, "3f/3f01"));
	assert_false(matches("/3f01", TREE_FILE, "3f/3f01"));
}

static void
a_table_has_a_name_with_and_without_its_schema(void **arg)
{
	(void)arg;
	assert_true(matches("sale_order", TREE_TABLE, "sale_order"));
	assert_true(matches("public.sale_order", TREE_TABLE, "sale_order"));
	assert_true(matches("sale_*", TREE_TABLE, "sale_order"));
	/* What a tree's path can't have, a table's name can. */
	assert_true(matches("a/b", TREE_TABLE, "a/b"));
	assert_false(matches("order", TREE_TABLE, "sale_order"));
	assert_false(matches("other.sale_order", TREE_TABLE, "sale_order"));
}

static void
folders_and_definitions_have_no_name(void **arg)
{
	(void)arg;
	assert_false(matches("*", TREE_FOLDER, "3f"));
	assert_false(matches("*", TREE_ARCHIVE, "archive"));
}

/* --- backups --- */

static const struct planted first[] = {
	{ TREE_ARCHIVE, "archive", "CREATE TABLE", 0, 0 },
	{ TREE_TABLE, "public.sale_order", "1\n2\n", 2, 0 },
	{ TREE_FILE, "ab/one", "first", 0, 100 },
	{ TREE_FILE, "ab/two", "second", 0, 100 },
	{ TREE_LOG, "odoo.log", "a line\n", 0, 100 },
	{ 0, NULL, NULL, 0, 0 },
};
static const struct planted second[] = {
	{ TREE_ARCHIVE, "archive", "CREATE TABLE", 0, 0 },
	{ TREE_TABLE, "public.sale_order", "1\n2\n3\n", 3, 0 },
	{ TREE_FILE, "ab/one", "first", 0, 100 },
	{ TREE_LOG, "odoo.log", "a line\nmore\n", 0, 200 },
	{ 0, NULL, NULL, 0, 0 },
};

/* first, second, second of production, then first of shop. */
static void
back_up_four(struct world *w, char ids[4][BACKUP_ID_TEXT])
{
	tree_rig_backup(w->r, "production", NIGHT, first, ids[0]);
	tree_rig_backup(w->r, "production", NIGHT + DAY, second, ids[1]);
	tree_rig_backup(w->r, "production", NIGHT + 2 * DAY, second, ids[2]);
	tree_rig_backup(w->r, "shop", NIGHT + 3 * DAY, first, ids[3]);
}

static const char *
id_of(const struct world *w, size_t match, size_t i)
{
	return (w->all.v[w->found.v[match].backups[i]].m.id);
}

static void
a_match_says_which_backups_have_it(void **arg)
{
	struct world *w = *arg;
	char ids[4][BACKUP_ID_TEXT];

	back_up_four(w, ids);
	must_find(w, NULL, "one", 2);
	assert_string_equal(w->found.v[0].branch, "production");
	assert_string_equal(w->found.v[0].path, "ab/one");
	assert_int_equal(w->found.v[0].n, 3);
	assert_int_equal(w->found.v[0].versions, 1);
	assert_int_equal(w->found.v[0].bytes, 5);
	assert_int_equal(w->found.v[0].modified, 100);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(id_of(w, 0, i), ids[2 - i]);
	assert_string_equal(w->found.v[1].branch, "shop");
	assert_int_equal(w->found.v[1].n, 1);
	assert_string_equal(id_of(w, 1, 0), ids[3]);
	assert_int_equal(w->found.searched, 4);
	assert_false(w->found.is_cut);
}

static void
figures_are_those_of_the_newest_and_versions_are_counted(void **arg)
{
	struct world *w = *arg;
	char ids[4][BACKUP_ID_TEXT];

	back_up_four(w, ids);
	must_find(w, "production", "sale_order", 1);
	assert_int_equal(w->found.v[0].kind, NAMED_TABLE);
	assert_string_equal(w->found.v[0].schema, "public");
	assert_string_equal(w->found.v[0].name, "sale_order");
	assert_int_equal(w->found.v[0].rows, 3);
	assert_int_equal(w->found.v[0].bytes, 6);
	assert_int_equal(w->found.v[0].n, 3);
	assert_int_equal(w->found.v[0].versions, 2);
	must_find(w, "production", "logs/*", 1);
	assert_int_equal(w->found.v[0].bytes, 12);
	assert_int_equal(w->found.v[0].versions, 2);
	must_find(w, "production", "two", 1);
	assert_int_equal(w->found.v[0].n, 1);
	assert_string_equal(id_of(w, 0, 0), ids[0]);
}

static void
a_pattern_finds_several_in_order_and_may_find_nothing(void **arg)
{
	struct world *w = *arg;
	char ids[4][BACKUP_ID_TEXT];
	struct err e = ERR_INIT;

	back_up_four(w, ids);
	must_find(w, NULL, "*", 8);
	assert_string_equal(w->found.v[0].path, "public.sale_order");
	assert_string_equal(w->found.v[1].path, "ab/one");
	assert_string_equal(w->found.v[2].path, "ab/two");
	assert_string_equal(w->found.v[3].path, "odoo.log");
	assert_string_equal(w->found.v[4].branch, "shop");
	must_find(w, "shop", "nowhere", 0);
	assert_int_equal(w->found.searched, 1);
	must_find(w, "no such branch", "*", 0);
	assert_int_equal(w->found.searched, 0);
	assert_int_equal(find(w, NULL, "", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
}

/* A tree of n files of no bytes. */
static struct planted *
many_files(size_t n, char (**names)[16])
{
	struct planted *list = mem_array(n + 1, sizeof(*list));

	*names = mem_array(n, sizeof(**names));
	for (size_t i = 0; i < n; i++) {
		(void)snprintf((*names)[i], sizeof((*names)[i]), "f%zu", i);
		list[i] = (struct planted){
			.kind = TREE_FILE, .path = (*names)[i], .text = ""
		};
	}
	return (list);
}

static void
more_than_can_be_kept_is_cut_and_said(void **arg)
{
	struct world *w = *arg;
	char(*names)[16];
	size_t n = FIND_PLACES_MAX / 3 + 1;
	struct planted *list = many_files(n, &names);

	for (int64_t i = 0; i < 3; i++)
		tree_rig_backup(
		    w->r, "production", NIGHT + i * DAY, list, NULL);
	must_find(w, NULL, "f7", 1);
	assert_int_equal(w->found.v[0].n, 3);
	assert_false(w->found.is_cut);
	must_find(w, NULL, "f*", n);
	assert_true(w->found.is_cut);
	assert_int_equal(w->found.searched, 2);
	free(list);
	free(names);
}

/* The chunks of the newest tree are gone; the others are read all the same. */
static void
a_backup_that_is_damaged_everywhere_is_remarked_and_left_out(void **arg)
{
	struct world *w = *arg;
	SCOPED(scope_free) char *packs = rig_path(&w->g, "e0/packs");
	SCOPED(scope_free) char *kept = rig_path(&w->g, "kept");
	SCOPED(json_freep) struct json *said = json_array();
	struct err e = ERR_INIT;

	tree_rig_backup(w->r, "production", NIGHT, first, NULL);
	tree_rig_send(w->r);
	must(file_rename(packs, kept, &e), &e);
	tree_rig_backup(w->r, "production", NIGHT + DAY, second, NULL);
	tree_rig_send(w->r);
	must(file_remove_tree(packs, &e), &e);
	must(file_rename(kept, packs, &e), &e);
	must_find(w, NULL, "one", 1);
	assert_int_equal(w->found.v[0].n, 1);
	assert_int_equal(w->found.searched, 1);
	assert_int_equal(w->found.unread, 1);
	remarks_move(&w->remarks, said);
	assert_true(json_count(said) > 0);
}

#define WORLD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_the_last_part_of_a_path),
		cmocka_unit_test(with_a_slash_it_is_the_whole_path),
		cmocka_unit_test(
		    a_table_has_a_name_with_and_without_its_schema),
		cmocka_unit_test(folders_and_definitions_have_no_name),
		WORLD_TEST(a_match_says_which_backups_have_it),
		WORLD_TEST(
		    figures_are_those_of_the_newest_and_versions_are_counted),
		WORLD_TEST(
		    a_pattern_finds_several_in_order_and_may_find_nothing),
		WORLD_TEST(more_than_can_be_kept_is_cut_and_said),
		WORLD_TEST(
		    a_backup_that_is_damaged_everywhere_is_remarked_and_left_out),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
