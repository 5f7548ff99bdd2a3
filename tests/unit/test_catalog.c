/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* The list of backups: what is where, what happened since, and which one a
 * user's text means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/audit_log.h"
#include "repository/catalog.h"
#include "repository/state_backups.h"
#include "repository/state_sweep.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

/* 2026-11-22T02:30:00Z */
#define NIGHT ((int64_t)1795314600)
#define DAY   ((int64_t)86400)

static char production[] = "production", shop[] = "shop", staging[] = "staging";

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
	struct rig *g = mem_new(sizeof(*g));

	rig_open_repository(g, 3);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	rig_close(*arg);
	free(*arg);
	return (0);
}

/* A backup that started then; its id. */
static void
back_up(struct repo *r, const char *branch, int64_t started,
    char id[BACKUP_ID_TEXT])
{
	struct err e = ERR_INIT;
	struct ingest *in = ingest_open(r, &e);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	uint8_t bytes[1000];
	struct manifest m;

	must(in == NULL, &e);
	known_noise(bytes, sizeof(bytes), (uint32_t)started);
	rig_ingest(in, "public.t", bytes, sizeof(bytes), &recipe);
	rig_add(in, &recipe, "public.t");
	rig_commit(in, branch, started, &m);
	memcpy(id, m.id, BACKUP_ID_TEXT);
	manifest_free(&m);
	ingest_free(in);
}

static void
read_all(struct repo *r, const char *branch, struct catalog *out)
{
	struct err e = ERR_INIT;

	must(catalog_read(r, branch, out, &e), &e);
}

/* The id that text means, or the kind of error. */
static enum err_kind
find(struct rig *g, const struct catalog *c, const char *text, const char **id,
    struct err *e)
{
	const struct catalog_entry *found;

	err_clear(e);
	found = catalog_find(c, &g->settings, text, e);
	*id = found == NULL ? "" : found->m.id;
	assert_int_equal(found == NULL, e->kind != ERR_NONE);
	return (e->kind);
}

static void
backups_are_listed_newest_first_and_by_branch(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	SCOPED(catalog_free) struct catalog some = { .n = 0 };
	SCOPED(catalog_free) struct catalog none = { .n = 0 };
	char ids[5][BACKUP_ID_TEXT];

	read_all(r, NULL, &none);
	assert_int_equal(none.n, 0);
	/* The clock of the first was wrong: it is the oldest all the same. */
	for (size_t i = 0; i < 4; i++)
		back_up(r, i == 2 ? shop : production,
		    NIGHT + DAY * (i == 0 ? 9 : (int64_t)i), ids[i]);
	back_up(r, production, NIGHT + 3 * DAY, ids[4]); /* of one second */
	read_all(r, NULL, &all);
	assert_int_equal(all.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(all.v[i].m.id, ids[4 - i]);
	assert_true(all.v[0].manifest_bytes > 100);
	read_all(r, shop, &some);
	assert_int_equal(some.n, 1);
	assert_string_equal(some.v[0].m.id, ids[2]);
}

static void
what_grows_is_read_of_one_backup_alone(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char ids[2][BACKUP_ID_TEXT];
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 2; i++)
		back_up(r, production, NIGHT + DAY * (int64_t)i, ids[i]);
	read_all(r, NULL, &c);
	assert_int_equal(c.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_false(c.v[i].m.has_private);
		assert_null(c.v[i].m.facts);
		assert_null(c.v[i].m.indexes);
		assert_int_equal(c.v[i].m.recipes.n + c.v[i].m.tree.n, 0);
	}
	must(catalog_fill(r, &c, &c.v[1], &e), &e);
	assert_string_equal(c.v[1].m.id, ids[0]);
	assert_true(c.v[1].m.has_private);
	assert_non_null(c.v[1].m.facts);
	assert_true(c.v[1].m.nindexes > 0);
	assert_true(c.v[1].m.recipes.n > 0);
	assert_null(c.v[0].m.facts);
}

static void
a_backup_is_pending_until_a_quorum_has_it(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	char id[BACKUP_ID_TEXT];

	back_up(r, production, NIGHT, id);
	for (size_t sent = 0; sent < 3; sent++) {
		SCOPED(catalog_free) struct catalog c = { .n = 0 };

		read_all(r, NULL, &c);
		assert_int_equal(c.v[0].stored, sent);
		assert_string_equal(
		    catalog_state(&c.v[0]), sent < 2 ? "pending" : "complete");
		assert_int_equal(c.v[0].at[2], COPY_PENDING);
		assert_int_equal(
		    c.v[0].at[0], sent > 0 ? COPY_STORED : COPY_PENDING);
		rig_send(r, sent);
	}
}

static int
hurt_pack(const struct state_object *o, void *arg, struct err *e)
{
	struct repo *r = arg;

	if (o->class != STATE_PACK)
		return (0);
	must(state_mark(
		 r->state, o->number, r->endpoints[0].number, STATE_DAMAGED, e),
	    e);
	must(state_mark(
		 r->state, o->number, r->endpoints[1].number, STATE_MISSING, e),
	    e);
	return (1);
}

static void
damage_shows_where_it_is_and_does_not_take_an_acknowledgement_back(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char ids[2][BACKUP_ID_TEXT], name[OBJECT_NAME_TEXT];
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	back_up(r, production, NIGHT, ids[0]);
	back_up(r, production, NIGHT + DAY, ids[1]);
	for (size_t i = 0; i < 3; i++)
		rig_send(r, i);
	/* The first backup's data pack. */
	assert_int_equal(state_each(r->state, STATE_PACK, hurt_pack, r, &e), 1);
	manifest_name(ids[1], name);
	must(state_find(r->state, name, &o, &found, &e), &e);
	must(state_mark(
		 r->state, o.number, r->endpoints[2].number, STATE_DAMAGED, &e),
	    &e);
	read_all(r, NULL, &c);
	assert_int_equal(c.v[1].at[0], COPY_DAMAGED);
	assert_int_equal(c.v[1].at[1], COPY_MISSING);
	assert_int_equal(c.v[1].at[2], COPY_STORED);
	assert_int_equal(c.v[1].stored, 1);
	assert_string_equal(catalog_state(&c.v[1]), "complete");
	assert_int_equal(c.v[0].at[0], COPY_STORED);
	assert_int_equal(c.v[0].at[2], COPY_DAMAGED);
	assert_string_equal(copy_state_text(c.v[1].at[0]), "damaged");
	assert_string_equal(copy_state_text(c.v[1].at[1]), "missing");
	assert_string_equal(copy_state_text(COPY_STORED), "stored");
	assert_string_equal(copy_state_text(COPY_PENDING), "pending");
	assert_string_equal(copy_state_text(COPY_FAILED), "failed");
}

static void
note(struct repo *r, const char *event, const char *id, const char *detail)
{
	struct err e = ERR_INIT;

	must(audit_log_add(r, event, id, production,
		 json_parse(detail, strlen(detail), &e), &e),
	    &e);
}

static void
let_go(struct repo *r, const char *id)
{
	struct err e = ERR_INIT;
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, &e);

	must(t == NULL, &e);
	must(state_remove_manifest(t, id, NIGHT, &e), &e);
	must(state_commit(&t, &e), &e);
}

static void
what_happened_since_is_in_the_list(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char ids[2][BACKUP_ID_TEXT];

	back_up(r, production, NIGHT, ids[0]);
	back_up(r, production, NIGHT + DAY, ids[1]);
	note(r, "pin", ids[0], "{}");
	note(r, "comment", ids[0], "{\"text\":\"before 17.0\"}");
	note(r, "verify", ids[0], "{\"ok\":true,\"depth\":\"data\"}");
	note(r, "drill", ids[0], "{\"ok\":true}");
	/* An entry that an endpoint showed removes nothing by itself. */
	note(r, "removal", ids[1], "{}");
	read_all(r, NULL, &c);
	assert_int_equal(c.n, 2);
	catalog_free(&c);
	let_go(r, ids[1]);
	read_all(r, NULL, &c);
	assert_int_equal(c.n, 1);
	assert_true(c.v[0].pinned);
	assert_string_equal(c.v[0].comment, "before 17.0");
	assert_string_equal(c.v[0].verified_depth, "data");
	assert_true(c.v[0].verified > 0 && c.v[0].drilled > 0);
}

static void
a_write_only_host_lists_without_the_private_parts(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char id[BACKUP_ID_TEXT];
	struct err e = ERR_INIT;

	back_up(r, production, NIGHT, id);
	repo_free(r);
	r = repo_open(&g->settings, REPO_READ, 0, &e);
	must(r == NULL, &e);
	read_all(r, NULL, &c);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].m.branch, production);
	must(catalog_fill(r, &c, &c.v[0], &e), &e);
	assert_true(c.v[0].m.recipes.n > 0);
	assert_false(c.v[0].m.has_private);
	repo_free(r);
}

static void
a_manifest_that_cannot_be_read_is_left_out(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	struct manifest m;
	struct state_txn *t;
	char id[BACKUP_ID_TEXT];
	struct err e = ERR_INIT;

	back_up(r, production, NIGHT, id);
	manifest_init(&m);
	memcpy(m.id, "20261122T020000Z-00000001", BACKUP_ID_TEXT);
	t = state_begin(r->state, &e);
	must(state_add_manifest(t, &m, "rubbish", 7, &e), &e);
	must(state_commit(&t, &e), &e);
	read_all(r, NULL, &c);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].m.id, id);
}

/* --- which one is meant --- */

static void
latest_counts_back_over_complete_backups(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char ids[3][BACKUP_ID_TEXT];
	const char *id;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 3; i++) {
		back_up(r, production, NIGHT + DAY * (int64_t)i, ids[i]);
		for (size_t j = 0; j < 2 && i < 2; j++)
			rig_send(r, j);
	}
	read_all(r, NULL, &c);
	assert_int_equal(find(g, &c, "latest", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[1]); /* ids[2] is pending */
	assert_int_equal(find(g, &c, "latest~1", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[0]);
	assert_int_equal(find(g, &c, "production/latest", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[1]);
	assert_int_equal(find(g, &c, "latest~2", &id, &e), ERR_MISSING);
	assert_int_equal(find(g, &c, "shop/latest", &id, &e), ERR_MISSING);
	assert_int_equal(find(g, &c, "latest~x", &id, &e), ERR_USAGE);
	assert_int_equal(find(g, &c, "latest~", &id, &e), ERR_USAGE);
	assert_int_equal(
	    find(g, &c, "latest~99999999999", &id, &e), ERR_MISSING);
}

static void
latest_is_of_the_production_branch_or_ambiguous(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char ids[2][BACKUP_ID_TEXT];
	const char *id;
	struct err e = ERR_INIT;

	back_up(r, production, NIGHT, ids[0]);
	back_up(r, shop, NIGHT + DAY, ids[1]);
	rig_send(r, 0);
	rig_send(r, 1);
	read_all(r, NULL, &c);
	/* No production branch is configured, and two have backups. */
	assert_int_equal(find(g, &c, "latest", &id, &e), ERR_USAGE);
	g->branches[0].name = production;
	g->branches[0].stage = STAGE_PRODUCTION;
	g->branches[1].name = staging;
	g->branches[1].stage = STAGE_STAGING;
	g->settings.nbranches = 2;
	assert_int_equal(find(g, &c, "latest", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[0]);
	g->branches[1].name = shop;
	g->branches[1].stage = STAGE_PRODUCTION;
	assert_int_equal(find(g, &c, "latest", &id, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, "BRANCH/latest"));
	assert_int_equal(find(g, &c, "shop/latest", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[1]);
	g->settings.nbranches = 0;
}

static void
ids_and_dates_mean_the_one_that_begins_so(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char ids[3][BACKUP_ID_TEXT], prefix[20] = "";
	const char *id;
	struct err e = ERR_INIT;

	back_up(r, production, NIGHT, ids[0]);
	back_up(r, production, NIGHT + 7200, ids[1]);
	back_up(r, shop, NIGHT + DAY, ids[2]);
	read_all(r, NULL, &c);
	assert_int_equal(find(g, &c, ids[1], &id, &e), ERR_NONE);
	assert_string_equal(id, ids[1]);
	strncat(prefix, ids[0], 19);
	assert_int_equal(find(g, &c, prefix, &id, &e), ERR_NONE);
	assert_string_equal(id, ids[0]);
	assert_int_equal(find(g, &c, "2026-11-22T04", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[1]);
	assert_int_equal(
	    find(g, &c, "2026-11-22T02:30:00Z", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[0]);
	assert_int_equal(find(g, &c, "2026-11-23", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[2]);
	assert_int_equal(find(g, &c, "2026-11-22", &id, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, ids[0]));
	assert_non_null(strstr(e.text, ids[1]));
	assert_int_equal(find(g, &c, "shop/2026", &id, &e), ERR_NONE);
	assert_string_equal(id, ids[2]);
}

static void
what_means_no_backup_is_missing(void **arg)
{
	char long_branch[100];
	const char *const texts[] = { "x", "2027", "2026-1x-22",
		"2026-11-22 02:30", "2026-11-22T02:30:00Z00", "/", "a/b/c",
		"20261122T023000Z-zzzzzzzz-and-more", long_branch };
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(catalog_free) struct catalog c = { .n = 0 };
	char stored[BACKUP_ID_TEXT];
	const char *id;
	struct err e = ERR_INIT;

	memset(long_branch, 'b', sizeof(long_branch));
	memcpy(long_branch + 80, "/latest", sizeof("/latest"));
	back_up(r, production, NIGHT, stored);
	read_all(r, NULL, &c);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(find(g, &c, texts[i], &id, &e), ERR_MISSING);
	assert_int_equal(find(g, &c, "", &id, &e), ERR_USAGE);
}

/* --- how far endpoints are behind --- */

static void
what_each_endpoint_still_lacks_is_told(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	const uint8_t behind = r->endpoints[0].number,
		      whole = r->endpoints[1].number;
	char id[BACKUP_ID_TEXT];
	struct state_tally t;
	struct err e = ERR_INIT;

	back_up(r, production, NIGHT, id);
	rig_send(r, 1);
	must(state_tally(r->state, &t, &e), &e);
	assert_int_equal(t.pending_packs[behind], 2);
	assert_int_equal(t.pending_packs[whole], 0);
	assert_int_equal(t.pending_bytes[whole], 0);
	assert_int_equal(t.pending_since[whole], 0);
	assert_true(t.pending_since[behind] > 0);
	assert_true(t.pending_bytes[behind] > 1000);
	assert_int_equal(t.objects[behind], 3); /* config, writer, audit */
	assert_int_equal(t.objects[whole], 8);
	assert_int_equal(
	    t.bytes[whole], t.bytes[behind] + t.pending_bytes[behind]);
	assert_int_equal(t.spool_packs, 2);
	assert_true(t.spool_bytes > 1000);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(backups_are_listed_newest_first_and_by_branch),
		RIG_TEST(what_grows_is_read_of_one_backup_alone),
		RIG_TEST(a_backup_is_pending_until_a_quorum_has_it),
		RIG_TEST(
		    damage_shows_where_it_is_and_does_not_take_an_acknowledgement_back),
		RIG_TEST(what_happened_since_is_in_the_list),
		RIG_TEST(a_write_only_host_lists_without_the_private_parts),
		RIG_TEST(a_manifest_that_cannot_be_read_is_left_out),
		RIG_TEST(latest_counts_back_over_complete_backups),
		RIG_TEST(latest_is_of_the_production_branch_or_ambiguous),
		RIG_TEST(ids_and_dates_mean_the_one_that_begins_so),
		RIG_TEST(what_means_no_backup_is_missing),
		RIG_TEST(what_each_endpoint_still_lacks_is_told),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
