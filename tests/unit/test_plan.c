/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * The policy applied to a repository: every backup of every branch, by the
 * branch's own settings and zone, with what local state knows of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "repository/audit_log.h"
#include "repository/state_locks.h"
#include "repository/state_sweep.h"
#include "retention/plan.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

/* 2026-11-22T02:30:00Z, a Sunday. */
#define NIGHT INT64_C(1795314600)
#define DAY   INT64_C(86400)

static char production[] = "production", shop[] = "shop", staging[] = "staging";

static int64_t clock_s;

static int64_t
our_clock(void)
{
	return (clock_s * 1000);
}

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

	clock_s = NIGHT;
	clock_replace(our_clock);
	rig_open_repository(g, 3);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	rig_close(*arg);
	free(*arg);
	clock_replace(NULL);
	return (0);
}

/* What a backup of a test is like; zeros for the usual. */
struct kind {
	const char *branch, *type, *state, *zone;
};

/* A backup that started then, its manifest written a minute later. */
static void
back_up(struct repo *r, const struct kind *k, int64_t started,
    char id[BACKUP_ID_TEXT])
{
	struct err e = ERR_INIT;
	SCOPED(ingest_freep) struct ingest *in = ingest_open(r, &e);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(manifest_free) struct manifest m;
	uint8_t bytes[100];

	manifest_init(&m);
	must(in == NULL, &e);
	known_noise(bytes, sizeof(bytes), (uint32_t)started);
	rig_ingest(in, "public.t", bytes, sizeof(bytes), &recipe);
	rig_add(in, &recipe, "public.t");
	(void)snprintf(m.branch, sizeof(m.branch), "%s",
	    k->branch != NULL ? k->branch : production);
	(void)snprintf(m.stage, sizeof(m.stage), "production");
	(void)snprintf(
	    m.type, sizeof(m.type), "%s", k->type != NULL ? k->type : "daily");
	(void)snprintf(m.state, sizeof(m.state), "%s",
	    k->state != NULL ? k->state : "complete");
	(void)snprintf(
	    m.zone, sizeof(m.zone), "%s", k->zone != NULL ? k->zone : "UTC");
	m.started = started;
	m.finished = started + 1;
	m.counts = json_object();
	m.facts = json_object();
	must(ingest_commit(in, &m, &e), &e);
	if (id != NULL)
		memcpy(id, m.id, BACKUP_ID_TEXT);
	/* Pending, it would not count. */
	for (size_t i = 0; i < r->nendpoints; i++)
		(void)rig_send(r, i);
}

/* As a prune does, after its entry. */
static void
let_go(struct repo *r, const char *id)
{
	struct err e = ERR_INIT;
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, &e);

	must(t == NULL, &e);
	must(state_remove_manifest(t, id, clock_s, &e), &e);
	must(state_commit(&t, &e), &e);
}

/* One a day, the last one in the night of NIGHT; the clock goes with them. */
static void
back_up_days(struct repo *r, const struct kind *k, int64_t days)
{
	for (int64_t i = days - 1; i >= 0; i--) {
		clock_s = NIGHT - i * DAY + 60;
		back_up(r, k, NIGHT - i * DAY, NULL);
	}
}

static void
read_plan(struct repo *r, struct plan *out)
{
	struct err e = ERR_INIT;

	must(plan_read(r, clock_s, out, &e), &e);
	assert_true(out->now == clock_s);
}

static const struct plan_branch *
branch(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return (&p->v[i]);
	fail_msg("no branch %s", name);
	return (NULL);
}

static const struct plan_entry *
entry(const struct plan *p, const char *id)
{
	const struct plan_entry *found = plan_find(p, id);

	assert_non_null(found);
	assert_string_equal(found->known.id, id);
	assert_string_equal(found->backup->m.id, id);
	return (found);
}

/* Gives the rig a branch as the configuration would. */
static struct branch_settings *
configure(struct rig *g, char *name)
{
	struct branch_settings *b = &g->branches[g->settings.nbranches++];

	b->name = name;
	b->keep_manual_s = (uint64_t)(3 * DAY);
	b->keep_update_s = (uint64_t)(4 * DAY);
	return (b);
}

static size_t
kept(const struct plan_branch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->v[i].verdict.keeps;
	return (n);
}

static void
each_branch_is_judged_by_its_own_policy(void **arg)
{
	static char keep[] = "2 daily", zone[] = "Europe/Brussels";
	struct rig *g = *arg;
	struct branch_settings *b = configure(g, production);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(plan_free) struct plan p = { .n = 0 };

	b->keep = keep;
	b->zone = zone;
	(void)configure(g, staging);
	back_up_days(r, &(struct kind){ .zone = "Asia/Tokyo" }, 10);
	back_up_days(
	    r, &(struct kind){ .branch = shop, .zone = "Asia/Tokyo" }, 10);
	read_plan(r, &p);
	assert_int_equal(p.catalog.n, 20);
	assert_int_equal(p.n, 3);
	assert_string_equal(p.v[0].name, "production");
	assert_string_equal(p.v[1].name, "shop");
	assert_string_equal(p.v[2].name, "staging");
	assert_ptr_equal(p.v[0].settings, b);
	assert_int_equal(p.v[0].policy.keep.daily, 2);
	assert_int_equal(p.v[0].policy.keep.weekly, 0);
	assert_true(p.v[0].policy.keep_manual_s == (uint64_t)(3 * DAY));
	assert_string_equal(zone_name(p.v[0].zone), "Europe/Brussels");
	assert_int_equal(kept(&p.v[0]), 2);
	/* No longer configured: the default, in the zone that it was in. */
	assert_null(p.v[1].settings);
	assert_int_equal(p.v[1].policy.keep.weekly, 4);
	assert_true(p.v[1].policy.keep_manual_s == (uint64_t)(7 * DAY));
	assert_string_equal(zone_name(p.v[1].zone), "Asia/Tokyo");
	assert_ptr_equal(p.v[1].policy.zone, p.v[1].zone);
	assert_int_equal(kept(&p.v[1]), 8);
	assert_int_equal(p.v[2].n, 0);
	assert_string_equal(zone_name(p.v[2].zone), "UTC");
	for (size_t i = 0; i < 10; i++)
		assert_true(
		    p.v[0].v[i].known.started == NIGHT - (int64_t)i * DAY);
	assert_ptr_equal(entry(&p, p.v[1].v[3].known.id), &p.v[1].v[3]);
	assert_null(plan_find(&p, "20261122T023000Z-00000000"));
	assert_null(plan_find(&p, ""));
}

static void
what_is_known_of_a_backup_is_in_it(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(plan_free) struct plan p = { .n = 0 };
	char ids[5][BACKUP_ID_TEXT], name[OBJECT_NAME_TEXT];
	const struct kind kinds[5] = { { .type = "manual" },
		{ .state = "incomplete" }, { .state = "degraded" },
		{ .type = "update" }, { .type = "daily" } };
	struct err e = ERR_INIT;
	struct state_object o;
	bool found;

	for (int64_t i = 0; i < 5; i++) {
		clock_s = NIGHT + i * DAY + 60;
		back_up(r, &kinds[i], NIGHT + i * DAY, ids[i]);
	}
	must(audit_log_add(r, "pin", ids[0], NULL, NULL, &e), &e);
	must(audit_log_add(r, "removal", ids[3], NULL, NULL, &e), &e);
	let_go(r, ids[3]);
	manifest_name(ids[2], name);
	must(state_find(r->state, name, &o, &found, &e), &e);
	for (size_t i = 0; i < 3; i++)
		must(state_set_lock(r->state, o.number, r->endpoints[i].number,
			 i == 1 ? 9000 : 7000, &e),
		    &e);
	read_plan(r, &p);
	assert_int_equal(branch(&p, production)->n, 4);
	assert_null(plan_find(&p, ids[3]));
	assert_string_equal(entry(&p, ids[0])->known.type, "manual");
	assert_true(entry(&p, ids[0])->known.is_pinned);
	assert_false(entry(&p, ids[1])->known.is_pinned);
	assert_false(entry(&p, ids[1])->known.is_whole);
	assert_true(entry(&p, ids[2])->known.is_whole);
	assert_true(entry(&p, ids[2])->known.locked_until == 9000);
	assert_true(entry(&p, ids[4])->known.locked_until == 0);
	assert_int_equal(entry(&p, ids[4])->known.sequence, 5);
	assert_true(entry(&p, ids[4])->known.started == NIGHT + 4 * DAY);
	assert_true(entry(&p, ids[4])->known.received == NIGHT + 4 * DAY + 60);
	assert_false(entry(&p, ids[4])->known.is_pending);
	assert_true(entry(&p, ids[4])->verdict.counts);
}

static void
a_zone_that_the_host_lacks_is_said(void **arg)
{
	static char zone[] = "Europe/Nowhere";
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct plan p;
	struct err e = ERR_INIT;

	back_up(r, &(struct kind){ .zone = "Asia/Nowhere" }, NIGHT, NULL);
	assert_int_equal(plan_read(r, NIGHT, &p, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "branch production: "));
	assert_non_null(strstr(e.text, "Asia/Nowhere"));
	assert_true(e.hint[0] != '\0');
	assert_int_equal(p.n, 0);
	configure(g, production)->zone = zone;
	err_clear(&e);
	assert_int_equal(plan_read(r, NIGHT, &p, &e), -1);
	assert_non_null(strstr(e.text, "Europe/Nowhere"));
}

static void
one_that_begins_after_it_was_written_is_in_doubt(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(plan_free) struct plan p = { .n = 0 };
	char ids[3][BACKUP_ID_TEXT];

	back_up(r, &(struct kind){ .type = NULL }, NIGHT, ids[0]);
	clock_s = NIGHT + DAY;
	back_up(r, &(struct kind){ .type = NULL }, NIGHT + 30 * DAY, ids[1]);
	clock_s = NIGHT + 2 * DAY;
	back_up(r, &(struct kind){ .type = NULL }, NIGHT + 2 * DAY, ids[2]);
	read_plan(r, &p);
	assert_true(entry(&p, ids[0])->verdict.counts);
	assert_true(entry(&p, ids[1])->verdict.is_doubtful);
	assert_true(entry(&p, ids[2])->verdict.counts);
}

/* The good one that shows what is dated back goes; the doubt does not. */
static void
doubt_outlives_what_shows_it(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	char ids[4][BACKUP_ID_TEXT];
	struct err e = ERR_INIT;
	struct json *detail = json_object(), *backups = json_array();

	back_up(r, &(struct kind){ .type = NULL }, NIGHT, ids[0]);
	clock_s = NIGHT + 20 * DAY;
	back_up(r, &(struct kind){ .type = NULL }, clock_s, ids[1]);
	clock_s += 3600;
	back_up(r, &(struct kind){ .type = NULL }, NIGHT + 5 * DAY, ids[2]);
	clock_s = NIGHT + 40 * DAY;
	back_up(r, &(struct kind){ .type = NULL }, clock_s, ids[3]);
	for (int is_gone = 0; is_gone < 2; is_gone++) {
		SCOPED(plan_free) struct plan p = { .n = 0 };

		read_plan(r, &p);
		assert_int_equal(p.catalog.n, 4 - is_gone);
		assert_true(entry(&p, ids[0])->verdict.counts);
		assert_true(entry(&p, ids[2])->verdict.is_doubtful);
		assert_true(entry(&p, ids[3])->verdict.counts);
		assert_true(entry(&p, ids[2])->known.not_before ==
		    (is_gone ? NIGHT + 20 * DAY : 0));
		if (is_gone)
			return;
		json_append_string(backups, ids[1]);
		json_set(detail, "backups", TAKE(backups));
		must(audit_log_add(
			 r, "removal", NULL, production, TAKE(detail), &e),
		    &e);
		let_go(r, ids[1]);
	}
}

/* One that was dated ahead, and was removed before that day came, shows
 * nothing. */
static void
what_was_dated_ahead_and_is_gone_shows_nothing(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(plan_free) struct plan p = { .n = 0 };
	char ids[2][BACKUP_ID_TEXT];
	struct err e = ERR_INIT;

	back_up(r, &(struct kind){ .type = NULL }, NIGHT + 90 * DAY, ids[0]);
	clock_s = NIGHT + DAY;
	must(audit_log_add(r, "removal", ids[0], production, NULL, &e), &e);
	back_up(r, &(struct kind){ .type = NULL }, NIGHT + DAY / 2, ids[1]);
	read_plan(r, &p);
	assert_true(entry(&p, ids[1])->known.not_before == 0);
	assert_true(entry(&p, ids[1])->verdict.counts);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(each_branch_is_judged_by_its_own_policy),
		RIG_TEST(what_is_known_of_a_backup_is_in_it),
		RIG_TEST(a_zone_that_the_host_lacks_is_said),
		RIG_TEST(one_that_begins_after_it_was_written_is_in_doubt),
		RIG_TEST(doubt_outlives_what_shows_it),
		RIG_TEST(what_was_dated_ahead_and_is_gone_shows_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
