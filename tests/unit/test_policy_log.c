/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/* A branch's policy in the audit log, and what the first prune under another
 * one may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "repository/audit_log.h"
#include "repository/state_backups.h"
#include "retention/plan_limits.h"
#include "retention/policy_log.h"
#include "tests/unit/rig.h"

#define DAY_S ((int64_t)86400)
#define NOW   ((int64_t)1795953600) /* 2026-11-29 12:00 UTC */

static char fourteen[] = "14 daily", three[] = "3 daily";

static int64_t shown_ms;

static int64_t
show_ms(void)
{
	return (shown_ms);
}

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

static int
set_up(void **state)
{
	static char name[] = "production", zone[] = "UTC";
	struct rig *g = mem_new(sizeof(*g));

	shown_ms = NOW * 1000;
	clock_replace(show_ms);
	rig_open_repository(g, 1);
	g->settings.nbranches = 1;
	g->settings.removal_percent = 50;
	g->settings.removal_floor = 3;
	g->branches[0] = (struct branch_settings){ .name = name,
		.stage = STAGE_PRODUCTION,
		.zone = zone,
		.keep_manual_s = 7 * (uint64_t)DAY_S,
		.keep_update_s = 30 * (uint64_t)DAY_S,
		.keep_pre_restore_s = 30 * (uint64_t)DAY_S,
		.keep_pre_upgrade_s = 90 * (uint64_t)DAY_S };
	*state = g;
	return (0);
}

static int
tear_down(void **state)
{
	clock_replace(NULL);
	rig_close(*state);
	free(*state);
	return (0);
}

static void
note(struct repo *r, enum policy_log sort)
{
	struct err e = ERR_INIT;

	must(policy_log_note(r, sort, &e), &e);
}

static bool
last(struct repo *r, enum policy_log sort, struct policy *out)
{
	struct err e = ERR_INIT;
	bool found;

	must(policy_log_last(r, "production", sort, out, &found, &e), &e);
	return (found);
}

static int
count_policy(const struct audit_entry *a, void *arg, struct err *e)
{
	(void)e;
	*(size_t *)arg += strcmp(a->event, "policy") == 0;
	return (0);
}

static size_t
policies(struct repo *r)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	must(audit_log_each(r, count_policy, &n, &e), &e);
	return (n);
}

static void
a_policy_is_written_when_it_is_another_one(void **state)
{
	static char same[] = "3 monthly,4 weekly , 7 daily", less[] = "2 daily";
	struct rig *g = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct policy p;

	assert_false(last(r, POLICY_LOG_SEEN, &p));
	note(r, POLICY_LOG_SEEN);
	note(r, POLICY_LOG_SEEN);
	assert_int_equal(policies(r), 1);
	g->branches[0].keep = same; /* spelled otherwise */
	note(r, POLICY_LOG_SEEN);
	assert_int_equal(policies(r), 1);
	g->branches[0].keep = less;
	note(r, POLICY_LOG_SEEN);
	g->branches[0].keep_manual_s = 5;
	note(r, POLICY_LOG_SEEN);
	assert_int_equal(policies(r), 3);
	assert_true(last(r, POLICY_LOG_SEEN, &p));
	assert_int_equal(p.keep.daily, 2);
	assert_int_equal(p.keep.weekly, 0);
	assert_int_equal(p.keep_manual_s, 5);
	assert_int_equal(p.keep_update_s, 30 * DAY_S);
	assert_null(p.zone);
}

static void
what_a_backup_saw_is_not_what_a_prune_did(void **state)
{
	struct rig *g = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct policy p;

	note(r, POLICY_LOG_PRUNED);
	assert_true(last(r, POLICY_LOG_SEEN, &p)); /* it was seen as well */
	note(r, POLICY_LOG_SEEN);
	assert_int_equal(policies(r), 1);
	g->branches[0].keep = three;
	note(r, POLICY_LOG_SEEN);
	assert_true(last(r, POLICY_LOG_PRUNED, &p));
	assert_int_equal(p.keep.daily, 7);
	assert_true(last(r, POLICY_LOG_SEEN, &p));
	assert_int_equal(p.keep.daily, 3);
	note(r, POLICY_LOG_PRUNED);
	assert_true(last(r, POLICY_LOG_PRUNED, &p));
	assert_int_equal(p.keep.daily, 3);
	assert_int_equal(policies(r), 3);
}

static void
an_entry_that_names_no_policy_is_written_over(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	struct json *detail = json_object();
	struct policy p;
	struct err e = ERR_INIT;
	bool found;

	json_set_string(detail, "keep", "all of them");
	must(audit_log_add(r, "policy", NULL, "production", detail, &e), &e);
	assert_int_equal(
	    policy_log_last(r, "production", POLICY_LOG_SEEN, &p, &found, &e),
	    -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	note(r, POLICY_LOG_SEEN);
	assert_true(last(r, POLICY_LOG_SEEN, &p));
	assert_int_equal(p.keep.daily, 7);
}

/* Recovery reads entries as an endpoint lists them. */
static void
the_newest_entry_wins_whatever_the_order(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(buf_free) struct buf detail = BUF_INIT;
	struct err e = ERR_INIT;
	bool found;

	for (uint64_t seq = 9; seq >= 7; seq--) {
		SCOPED(audit_entry_free) struct audit_entry a;
		SCOPED(state_abortp)
		struct state_txn *t = state_begin(r->state, &e);
		SCOPED(buf_free) struct buf object = BUF_INIT;

		must(t == NULL, &e);
		audit_log_fill(&a, "policy", NULL, "production", json_object());
		json_set_integer(a.detail, "n", (int64_t)seq);
		a.epoch = 1;
		a.seq = seq;
		a.previous.b[0] = 1;
		audit_encode(r->keys, &a, &object);
		must(state_add_audit(t, &a, object.p, object.n, &e), &e);
		must(state_commit(&t, &e), &e);
	}
	must(state_get_policy(
		 r->state, "production", false, &detail, &found, &e),
	    &e);
	assert_true(found);
	assert_string_equal(buf_text(&detail), "{\"n\":9}");
	must(
	    state_get_policy(r->state, "production", true, &detail, &found, &e),
	    &e);
	assert_false(found);
}

static bool
may_prune(struct repo *r)
{
	SCOPED(plan_free) struct plan p = { .n = 0 };
	char why[PLAN_WHY_TEXT];
	struct err e = ERR_INIT;
	bool allowed;

	must(plan_read(r, NOW, &p, &e), &e);
	assert_int_equal(p.n, 1);
	must(plan_allows(r, &p.v[0], NOW, &allowed, why, &e), &e);
	return (allowed);
}

/* The backup of that night must not make it the policy that was always there.
 */
static void
an_edited_policy_is_held_against_the_limit_though_a_backup_saw_it(void **state)
{
	struct rig *g = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);

	g->branches[0].keep = fourteen;
	note(r, POLICY_LOG_PRUNED);
	for (int day = 13; day >= 0; day--) {
		SCOPED(manifest_free) struct manifest m;
		SCOPED(ingest_freep) struct ingest *in = NULL;
		struct err e = ERR_INIT;

		shown_ms = (NOW - day * DAY_S - 60) * 1000;
		in = ingest_open(r, &e);
		must(in == NULL, &e);
		manifest_init(&m);
		memcpy(m.branch, "production", sizeof("production"));
		memcpy(m.stage, "production", sizeof("production"));
		memcpy(m.type, "daily", sizeof("daily"));
		memcpy(m.state, "complete", sizeof("complete"));
		m.started = clock_now();
		m.finished = m.started + 1;
		m.counts = json_object();
		m.facts = json_object();
		must(ingest_commit(in, &m, &e), &e);
		/* Pending, it would not count. */
		for (size_t i = 0; i < r->nendpoints; i++)
			(void)rig_send(r, i);
	}
	shown_ms = NOW * 1000;
	assert_true(may_prune(r));
	g->branches[0].keep = three;
	assert_false(may_prune(r));
	note(r, POLICY_LOG_SEEN);
	assert_false(may_prune(r));
	note(r, POLICY_LOG_PRUNED); /* as a forced prune does first */
	assert_true(may_prune(r));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_policy_is_written_when_it_is_another_one),
		TEST(what_a_backup_saw_is_not_what_a_prune_did),
		TEST(an_entry_that_names_no_policy_is_written_over),
		TEST(the_newest_entry_wins_whatever_the_order),
		TEST(
		    an_edited_policy_is_held_against_the_limit_though_a_backup_saw_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
