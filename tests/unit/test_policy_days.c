/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository retention */
/*
 * The policy day by day: what is left after a thousand prunes, what a later day
 * will show, and how much may go at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/policy_world.h"

/* --- day by day --- */

/* 1,200 days in a zone, from a first day on: once 132 days are unbroken, there
 * are always 14, and the oldest is 91 to 132 days old. */
static void
run_steadily(struct world *w, const char *first)
{
	struct zone_time t;
	int64_t day, now, age;

	zone_local(w->zone, world_at(first), &t);
	day = t.day_number;
	w->n = 0;
	for (int64_t i = 0; i < 1200; i++) {
		now = zone_moment(w->zone, day + i, 2, 30);
		(void)world_add_at(w, now, "daily");
		world_prune(w, now);
		if (i < 132) {
			assert_true(w->n <= (size_t)i + 1);
			continue;
		}
		assert_int_equal(w->n, 14);
		zone_local(w->zone, w->b[0].started, &t);
		age = day + i - t.day_number;
		if (age < 91 || age > 132)
			fail_msg("the oldest is %lld days old", (long long)age);
	}
}

static void
steadily_there_are_14_of_91_to_132_days(void **state)
{
	static const char *const firsts[] = { "2023-01-01", "2023-02-14",
		"2023-12-31", "2024-02-29", "2026-08-05", "2026-11-29" };
	static const char *const names[] = { "UTC", "Europe/Brussels",
		"Pacific/Kiritimati", "America/Havana" };
	struct world *w = *state;

	for (size_t i = 0; i < WORLD_COUNT(names); i++) {
		world_be_in(w, names[i]);
		for (size_t k = 0; k < WORLD_COUNT(firsts); k++)
			run_steadily(w, firsts[k]);
	}
}

/* A first prune over what was never pruned reaches further. */
static void
a_first_prune_reaches_118_to_156_days(void **state)
{
	struct world *w = *state;
	int64_t least = INT64_MAX, most = 0;

	for (int64_t first = 0; first < 1461; first++) {
		int64_t now, age;

		w->n = 0;
		for (int64_t i = 0; i < 200; i++)
			(void)world_add_at(w,
			    world_at("2024-01-01") + (first + i) * WORLD_DAY,
			    "daily");
		now = w->b[w->n - 1].started;
		world_prune(w, now);
		age = (now - w->b[0].started) / WORLD_DAY;
		assert_int_equal(w->n, 14);
		least = age < least ? age : least;
		most = age > most ? age : most;
	}
	assert_int_equal(least, 118);
	assert_int_equal(most, 156);
}

/* Once an hour for eleven years, which no algorithm but a good one does in the
 * time that a test has. */
static void
many_are_judged_at_once(void **state)
{
	const size_t n = 100000;
	struct world *w = *state;
	SCOPED(scope_free)
	struct policy_backup *b = mem_array(n, sizeof(*b));
	SCOPED(scope_free)
	struct policy_verdict *v = mem_array(n, sizeof(*v));
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		b[i].is_whole = true;
		b[i].started = (int64_t)(n - i) * 3600;
		b[i].received = b[i].started;
		b[i].sequence = n - i;
	}
	policy_judge(&w->p, b, n, (int64_t)n * 3600, v);
	for (size_t i = 0; i < n; i++)
		kept += v[i].keeps;
	assert_int_equal(kept, 14);
	assert_int_equal(v[0].rank, 1);
}

/* --- the future --- */

static void
a_later_day_is_as_prune_each_day_would_leave_it(void **state)
{
	struct world *w = *state;
	struct policy_future f;
	int64_t now = world_at("2026-11-22T12:00");

	world_be_in(w, "Europe/Brussels");
	world_add_days(w, "2026-05-01", 206);
	(void)world_add(w, "2026-11-22T10:00", "manual");
	world_add(w, "2026-11-22T11:00", "daily")->is_whole = false;
	assert_true(
	    policy_at(&w->p, w->b, w->n, now, world_at("2027-04-30"), &f));
	world_prune(w, now);
	/* Half past two UTC is half past three there, and in summer not. */
	for (int64_t day = 1; day < 200; day++) {
		int64_t when = zone_moment(
		    w->zone, now / WORLD_DAY + day, 3, 30);

		if (when > world_at("2027-04-30"))
			break;
		(void)world_add_at(w, when, "daily");
		world_prune(w, when);
	}
	world_prune(w, world_at("2027-04-30"));
	world_judge(w, "2027-04-30");
	assert_int_equal(f.n, w->n);
	for (size_t i = 0; i < f.n; i++) {
		assert_true(f.b[i].started == w->b[i].started);
		assert_true(f.verdicts[i].keeps);
		assert_string_equal(f.verdicts[i].reason, w->v[i].reason);
		assert_int_equal(f.verdicts[i].slot, w->v[i].slot);
	}
	assert_string_equal(f.b[f.n - 1].id, "20270430T013000Z-expected");
	policy_future_free(&f);
	assert_null(f.b);
}

static void
the_future_has_bounds(void **state)
{
	struct world *w = *state;
	struct policy_future f;
	int64_t now = world_at("2026-11-22");

	assert_true(
	    policy_at(&w->p, w->b, 0, now, now + 20000 * WORLD_DAY, &f));
	assert_int_equal(f.n, 0);
	policy_future_free(&f);
	world_add_days(w, "2026-11-20", 3);
	assert_false(policy_at(&w->p, w->b, w->n, now, now - 1, &f));
	assert_false(
	    policy_at(&w->p, w->b, w->n, now, now + 20001 * WORLD_DAY, &f));
	assert_false(policy_at(&w->p, w->b, w->n, INT64_MIN, INT64_MAX, &f));
	assert_true(policy_at(&w->p, w->b, w->n, now, now, &f));
	assert_int_equal(f.n, 3);
	assert_string_equal(f.b[2].id, w->b[2].id);
	policy_future_free(&f);
	assert_true(
	    policy_at(&w->p, w->b, w->n, now, now + 20000 * WORLD_DAY, &f));
	assert_int_equal(f.n, 14);
	policy_future_free(&f);
}

/* What was in doubt stays so when what shows it goes. */
static void
doubt_outlives_what_shows_it(void **state)
{
	struct world *w = *state;
	struct policy_future f;

	world_keep(w, "2 daily, 1 monthly");
	(void)world_add(w, "2026-11-01", "daily");
	(void)world_add(w, "2026-11-20", "daily");
	world_add(w, "2026-11-10", "daily")->received = world_at(
	    "2026-11-20T12:00");
	assert_true(policy_at(&w->p, w->b, w->n, world_at("2026-11-20T12:00"),
	    world_at("2027-02-10T12:00"), &f));
	for (size_t i = 0; i < f.n; i++)
		assert_true(f.verdicts[i].is_doubtful ==
		    (f.b[i].started == world_at("2026-11-10")));
	policy_future_free(&f);
}

/* As the plan has it from the audit log: what goes leaves its time behind. */
static void
prune_and_remember(struct world *w, int64_t now)
{
	size_t kept = 0;

	policy_judge(&w->p, w->b, w->n, now, w->v);
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; !w->v[i].keeps && k < w->n; k++)
			if (w->b[k].sequence > w->b[i].sequence &&
			    w->b[k].not_before < w->b[i].started)
				w->b[k].not_before = w->b[i].started;
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].keeps)
			w->b[kept++] = w->b[i];
	w->n = kept;
}

/* 200 that are dated back by up to 100 days, and 100 that are dated ahead. */
static size_t
flood(struct world *w, int64_t now)
{
	for (int64_t i = 1; i <= 300; i++)
		world_add_at(w,
		    i % 3 == 0 ? now + i * WORLD_DAY : now - i * WORLD_DAY / 3,
		    "daily")
		    ->received = now;
	return (300);
}

/* A flood changes nothing on any later day, when all that shows it is gone. */
static void
a_flood_pushes_nothing_out_later_either(void **state)
{
	struct world *w = *state;
	void *other = NULL;
	struct world *dry;
	size_t wet = 0;

	assert_int_equal(world_setup(&other), 0);
	dry = other;
	for (int64_t day = 0; day < 500; day++) {
		int64_t now = world_at("2026-01-01") + day * WORLD_DAY;
		size_t k = 0;

		(void)world_add_at(w, now, "daily");
		(void)world_add_at(dry, now, "daily");
		if (day == 150)
			wet = flood(w, now + 3600);
		prune_and_remember(w, now + 7200);
		prune_and_remember(dry, now + 7200);
		assert_int_equal(w->n, dry->n + wet);
		for (size_t i = 0; i < w->n; i++)
			if (w->b[i].received - w->b[i].started == 60)
				assert_true(
				    w->b[i].started == dry->b[k++].started);
		assert_int_equal(k, dry->n);
	}
	assert_int_equal(world_teardown(&other), 0);
}

/* --- how much may go at once --- */

static const struct policy_limits half = { 50, 3 };

static bool
allows(const struct world *w, const struct policy *before, const char *now,
    const char *says)
{
	char why[400] = "";
	bool is_allowed = policy_allows(
	    &w->p, before, &half, w->b, w->n, world_at(now), why, sizeof(why));

	if (strstr(why, says) == NULL)
		fail_msg("'%s' is not in '%s'", says, why);
	assert_true(is_allowed == (why[0] == '\0'));
	return (is_allowed);
}

static void
what_missed_prunes_left_over_may_go(void **state)
{
	struct world *w = *state;

	world_add_days(w, "2026-01-01", 300);
	assert_true(allows(w, &w->p, "2026-10-28", ""));
}

static void
an_edit_that_takes_more_than_half_is_refused(void **state)
{
	struct world *w = *state;
	struct policy before = w->p;

	world_add_days(w, "2026-01-01", 300);
	world_prune(w, world_at("2026-10-27"));
	assert_int_equal(w->n, 14);
	world_keep(w, "7 daily");
	assert_true(allows(w, &before, "2026-10-28", ""));
	world_keep(w, "6 daily");
	assert_false(allows(w, &before, "2026-10-28",
	    "8 of 14 backups that count would go at once and 6 be left; removal-limit is 50 %, removal-floor 3. Look at the clock (2026-10-28 02:30) and at keep (6 daily); --force does it all the same"));
	/* Unpruned, much of it is what was left over, but not all. */
	world_keep(w, "2 daily");
	w->n = 0;
	world_add_days(w, "2026-01-01", 300);
	assert_false(allows(w, &before, "2026-10-28",
	    "13 of 300 backups that count would go at once (besides 285 that missed prunes left over) and 2 be left"));
}

static void
few_have_to_be_left(void **state)
{
	struct world *w = *state;
	struct policy before = w->p;

	world_add_days(w, "2026-11-19", 4);
	world_keep(w, "3 daily");
	assert_true(allows(w, &before, "2026-11-23", ""));
	world_keep(w, "2 daily");
	assert_false(allows(w, &before, "2026-11-23", "2 be left"));
	w->n = 2;
	assert_true(allows(w, &before, "2026-11-23", ""));
	w->n = 0;
	assert_true(allows(w, &before, "2026-11-23", ""));
}

static void
a_clock_that_jumps_ahead_takes_nothing(void **state)
{
	struct world *w = *state;

	world_keep(w, "4 daily");
	w->p.keep_within_s = (uint64_t)(30 * WORLD_DAY);
	world_add_days(w, "2026-10-24", 30);
	world_prune(w, world_at("2026-11-22T03:00"));
	assert_int_equal(w->n, 30);
	(void)world_add(w, "2026-11-23", "daily");
	assert_true(allows(w, &w->p, "2026-11-23T03:00", ""));
	assert_false(allows(w, &w->p, "2027-11-23T03:00",
	    "27 of 31 backups that count would go at once"));
}

#define POLICY_TEST(fn)                                                        \
	cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		POLICY_TEST(steadily_there_are_14_of_91_to_132_days),
		POLICY_TEST(a_first_prune_reaches_118_to_156_days),
		POLICY_TEST(many_are_judged_at_once),
		POLICY_TEST(a_later_day_is_as_prune_each_day_would_leave_it),
		POLICY_TEST(the_future_has_bounds),
		POLICY_TEST(doubt_outlives_what_shows_it),
		POLICY_TEST(a_flood_pushes_nothing_out_later_either),
		POLICY_TEST(what_missed_prunes_left_over_may_go),
		POLICY_TEST(an_edit_that_takes_more_than_half_is_refused),
		POLICY_TEST(few_have_to_be_left),
		POLICY_TEST(a_clock_that_jumps_ahead_takes_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
