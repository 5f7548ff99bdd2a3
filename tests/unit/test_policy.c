/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository retention */
/*
 * The rule by example: who fills which slot, who is not asked, whose time is in
 * doubt. test_policy_days.c goes on day by day, test_policy_model.c compares it
 * with a model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/policy_world.h"

#define HOUR INT64_C(3600)

static const struct policy_verdict *
verdict(const struct world *w, const char *started)
{
	int64_t when = world_at(started);

	for (size_t i = 0; i < w->n; i++)
		if (w->b[i].started == when)
			return (&w->v[i]);
	fail_msg("no backup of %s", started);
	return (NULL);
}

static void
reason_is(const struct policy_verdict *v, bool keeps, const char *reason)
{
	if (v->keeps != keeps || strcmp(v->reason, reason) != 0)
		fail_msg("%s: '%s'; expected '%s'", v->keeps ? "stays" : "goes",
		    v->reason, reason);
}

/* The days of those that stay, newest first, are exactly these. */
static void
stays(const struct world *w, const char *const days[], size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		kept += w->v[i].keeps;
	for (size_t i = 0; i < n; i++)
		if (!verdict(w, days[i])->keeps)
			fail_msg("%s goes: %s", days[i],
			    verdict(w, days[i])->reason);
	assert_int_equal(kept, n);
}

/* --- slots --- */

static void
days_weeks_and_months_keep_what_the_rule_says(void **state)
{
	/* A Sunday; 2026-11-22 is one as well. */
	static const char *const kept[] = { "2026-11-22", "2026-11-21",
		"2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17",
		"2026-11-16", "2026-11-15", "2026-11-08", "2026-11-01",
		"2026-10-25", "2026-09-01", "2026-08-01", "2026-07-05" };
	struct world *w = *state;

	world_add_days(w, "2026-07-05", 141);
	world_judge(w, "2026-11-22T12:00");
	stays(w, kept, WORLD_COUNT(kept));
	reason_is(verdict(w, "2026-11-22"), true,
	    "daily 1 of 7: newest backup of 2026-11-22; the newest always stays");
	reason_is(verdict(w, "2026-11-16"), true,
	    "daily 7 of 7: newest backup of 2026-11-16");
	reason_is(verdict(w, "2026-11-08"), true,
	    "weekly 2 of 4: newest backup of ISO week 2026-W45");
	reason_is(verdict(w, "2026-08-01"), true,
	    "monthly 2 of 3: oldest backup of 2026-08");
	reason_is(verdict(w, "2026-11-14"), false,
	    "no slot: 2026-11-14 is not among the newest 7 days, 2026-W46 is kept by 20261115T023000Z, 2026-11 has a kept one");
	reason_is(verdict(w, "2026-10-24"), false,
	    "no slot: 2026-10-24 is not among the newest 7 days, 2026-W43 is kept by 20261025T023000Z, 2026-10 has a kept one");
	reason_is(verdict(w, "2026-09-20"), false,
	    "no slot: 2026-09-20 is not among the newest 7 days, 4 weeks, 2026-09 is kept by 20260901T023000Z");
	assert_int_equal(verdict(w, "2026-11-08")->slot, POLICY_WEEKLY);
	assert_int_equal(verdict(w, "2026-11-08")->rank, 2);
	assert_string_equal(verdict(w, "2026-11-08")->period, "2026-W45");
	assert_true(verdict(w, "2026-11-08")->until == POLICY_FOREVER);
	assert_true(
	    verdict(w, "2026-11-14")->until == world_at("2026-11-22T12:00"));
	assert_string_equal(policy_slot_text(POLICY_WEEKLY), "weekly");
}

/* What is in the spool alone may be gone tomorrow, with this machine. */
static void
a_pending_backup_stays_and_lets_no_other_go(void **state)
{
	struct world *w = *state;

	world_keep(w, "1 daily");
	(void)world_add(w, "2026-11-20", "daily");
	(void)world_add(w, "2026-11-21", "daily");
	world_add(w, "2026-11-22", "daily")->is_pending = true;
	world_judge(w, "2026-11-22T12:00");
	assert_false(verdict(w, "2026-11-20")->keeps);
	reason_is(verdict(w, "2026-11-21"), true,
	    "daily 1 of 1: newest backup of 2026-11-21; the newest always stays");
	reason_is(verdict(w, "2026-11-22"), true,
	    "pending: it counts when a quorum of the endpoints has it");
	assert_false(verdict(w, "2026-11-22")->counts);
	w->b[2].is_pending = false;
	world_judge(w, "2026-11-22T12:00");
	assert_false(verdict(w, "2026-11-21")->keeps);
}

static void
a_period_without_a_backup_uses_no_slot(void **state)
{
	static const char *const days[] = { "2026-11-22", "2026-11-20",
		"2026-11-02", "2026-10-30", "2026-10-04", "2026-09-01",
		"2026-08-02", "2026-06-14", "2026-06-07", "2026-05-25",
		"2025-12-31", "2024-02-29", "2020-01-01", "2016-12-24" };
	struct world *w = *state;

	for (size_t i = WORLD_COUNT(days); i-- > 0;)
		(void)world_add(w, days[i], "daily");
	world_judge(w, "2026-11-22T12:00");
	stays(w, days, WORLD_COUNT(days));
	assert_string_equal(verdict(w, "2026-08-02")->period, "2026-08-02");
	assert_string_equal(verdict(w, "2025-12-31")->period, "2026-W01");
	assert_string_equal(verdict(w, "2016-12-24")->period, "2016-12");
}

static void
of_a_day_the_newest_stays_and_of_a_month_the_oldest(void **state)
{
	struct world *w = *state;

	world_keep(w, "1 daily, 1 weekly, 1 monthly");
	(void)world_add(w, "2026-09-07T01:00", "daily");
	(void)world_add(w, "2026-09-07T02:00", "daily");
	(void)world_add(w, "2026-10-07T01:00", "daily");
	(void)world_add(w, "2026-10-08T01:00", "hourly");
	(void)world_add(w, "2026-10-08T02:00", "hourly");
	(void)world_add(w, "2026-11-22T01:00", "daily");
	(void)world_add(w, "2026-11-22T02:00", "daily");
	world_judge(w, "2026-11-22T12:00");
	reason_is(verdict(w, "2026-11-22T01:00"), false,
	    "no slot: 2026-11-22 is kept by 20261122T020000Z, 2026-W47 has a kept one, 2026-11 has a kept one");
	assert_true(verdict(w, "2026-11-22T02:00")->keeps);
	assert_true(verdict(w, "2026-10-08T02:00")->keeps);
	assert_false(verdict(w, "2026-10-08T01:00")->keeps);
	assert_false(verdict(w, "2026-10-07T01:00")->keeps);
	assert_false(verdict(w, "2026-09-07T02:00")->keeps);
	assert_true(verdict(w, "2026-09-07T01:00")->keeps);
}

static void
the_zone_says_which_day_it_is(void **state)
{
	struct world *w = *state;

	world_keep(w, "2 daily");
	(void)world_add(w, "2026-11-20T22:30", "daily");
	(void)world_add(w, "2026-11-20T23:30", "daily");
	(void)world_add(w, "2026-11-21T22:30", "daily");
	world_judge(w, "2026-11-22T12:00");
	assert_false(verdict(w, "2026-11-20T22:30")->keeps);
	assert_true(verdict(w, "2026-11-20T23:30")->keeps);
	world_keep(w, "1 daily, 1 weekly");
	world_be_in(w, "Asia/Tokyo");
	world_judge(w, "2026-11-22T12:00");
	assert_string_equal(
	    verdict(w, "2026-11-21T22:30")->period, "2026-11-22");
	assert_false(verdict(w, "2026-11-20T23:30")->keeps);
	world_be_in(w, "UTC");
	world_keep(w, "2 daily");
	world_be_in(w, "Pacific/Kiritimati");
	world_judge(w, "2026-11-22T12:00");
	assert_false(verdict(w, "2026-11-20T22:30")->keeps);
	assert_string_equal(
	    verdict(w, "2026-11-20T23:30")->period, "2026-11-21");
}

static void
an_hour_that_comes_twice_is_two(void **state)
{
	struct world *w = *state;

	world_be_in(w, "Europe/Brussels");
	world_keep(w, "4 hourly");
	for (int i = 0; i < 8; i++)
		(void)world_add_at(
		    w, world_at("2026-10-24T22:10") + i * HOUR / 2, "hourly");
	world_judge(w, "2026-10-25T02:00");
	/* 00:10 and 00:40 summer time, …, 02:10 and 02:40 of winter time. */
	assert_false(verdict(w, "2026-10-24T22:40")->keeps == false);
	reason_is(verdict(w, "2026-10-25T00:40"), true,
	    "hourly 2 of 4: newest backup of 2026-10-25T02");
	reason_is(verdict(w, "2026-10-25T01:40"), true,
	    "hourly 1 of 4: newest backup of 2026-10-25T02; the newest always stays");
	reason_is(verdict(w, "2026-10-25T00:10"), false,
	    "no slot: 2026-10-25T02 is kept by 20261025T004000Z");
	reason_is(verdict(w, "2026-10-24T22:40"), true,
	    "hourly 4 of 4: newest backup of 2026-10-25T00");
}

static void
of_several_slots_the_longest_is_told(void **state)
{
	struct world *w = *state;

	world_keep(w, "24 hourly, 2 daily, 1 yearly");
	(void)world_add(w, "2024-05-01T03:00", "daily");
	(void)world_add(w, "2025-05-01T03:00", "daily");
	(void)world_add(w, "2025-05-02T03:00", "daily");
	for (int i = 0; i < 30; i++)
		(void)world_add_at(
		    w, world_at("2026-11-21T00:10") + i * HOUR, "hourly");
	world_judge(w, "2026-11-22T12:00");
	reason_is(verdict(w, "2026-11-22T05:10"), true,
	    "daily 1 of 2: newest backup of 2026-11-22; the newest always stays");
	reason_is(verdict(w, "2026-11-21T23:10"), true,
	    "daily 2 of 2: newest backup of 2026-11-21");
	reason_is(verdict(w, "2026-11-22T04:10"), true,
	    "hourly 2 of 24: newest backup of 2026-11-22T04");
	reason_is(verdict(w, "2026-11-21T06:10"), true,
	    "hourly 24 of 24: newest backup of 2026-11-21T06");
	reason_is(verdict(w, "2026-11-21T05:10"), false,
	    "no slot: 2026-11-21T05 is not among the newest 24 hours, 2026-11-21 is kept by 20261121T231000Z, 2026 has a kept one");
	reason_is(verdict(w, "2025-05-01T03:00"), true,
	    "yearly 1 of 1: oldest backup of 2025");
	reason_is(verdict(w, "2025-05-02T03:00"), false,
	    "no slot: 2025-05-02T03 is not among the newest 24 hours, 2 days, 2025 is kept by 20250501T030000Z");
	reason_is(verdict(w, "2024-05-01T03:00"), false,
	    "no slot: 2024-05-01T03 is not among the newest 24 hours, 2 days, 1 year");
}

static void
keep_within_keeps_what_is_young(void **state)
{
	struct world *w = *state;

	world_keep(w, "1 daily");
	w->p.keep_within_s = (uint64_t)(2 * WORLD_DAY);
	(void)world_add(w, "2026-11-20T12:00", "daily");
	(void)world_add(w, "2026-11-20T12:01", "daily");
	(void)world_add(w, "2026-11-22T02:00", "daily");
	world_judge(w, "2026-11-22T12:00");
	assert_false(verdict(w, "2026-11-20T12:00")->keeps);
	assert_true(verdict(w, "2026-11-20T12:01")->until ==
	    world_at("2026-11-22T12:01"));
	reason_is(verdict(w, "2026-11-20T12:01"), true,
	    "within keep-within, until 2026-11-22 12:01");
	assert_int_equal(verdict(w, "2026-11-20T12:01")->slot, POLICY_NO_SLOT);
}

/* --- what fills no slot --- */

static void
others_have_a_lifetime_and_no_slot(void **state)
{
	static const struct {
		const char *type;
		int64_t days;
	} kinds[] = { { "manual", 7 }, { "update", 30 }, { "pre-restore", 31 },
		{ "pre-upgrade", 90 } };
	struct world *w = *state;

	world_keep(w, "1 daily");
	(void)world_add(w, "2026-01-01", "daily");
	for (size_t i = 0; i < WORLD_COUNT(kinds); i++)
		(void)world_add_at(
		    w, world_at("2026-01-02") + (int64_t)i, kinds[i].type);
	for (size_t i = 0; i < WORLD_COUNT(kinds); i++) {
		int64_t end = w->b[i + 1].started + kinds[i].days * WORLD_DAY;

		policy_judge(&w->p, w->b, w->n, end - 1, w->v);
		assert_true(w->v[i + 1].keeps);
		assert_true(w->v[i + 1].is_chosen);
		assert_true(w->v[i + 1].until == end);
		policy_judge(&w->p, w->b, w->n, end, w->v);
		assert_false(w->v[i + 1].keeps);
		assert_false(w->v[i + 1].counts);
		assert_true(w->v[0].keeps);
	}
	world_judge(w, "2026-02-01");
	reason_is(verdict(w, "2026-01-02"), false,
	    "manual: was kept until 2026-01-09 02:30");
	reason_is(&w->v[3], true, "pre-restore: kept until 2026-02-02 02:30");
}

static void
incomplete_ones_go_when_a_good_one_is_newer(void **state)
{
	struct world *w = *state;

	(void)world_add(w, "2026-01-01", "daily");
	world_add(w, "2026-01-02", "daily")->is_whole = false;
	world_judge(w, "2026-03-01");
	reason_is(verdict(w, "2026-01-02"), true,
	    "incomplete: no newer backup counts");
	assert_true(verdict(w, "2026-01-02")->until == POLICY_FOREVER);
	assert_false(verdict(w, "2026-01-02")->counts);
	(void)world_add(w, "2026-01-03", "manual");
	world_judge(w, "2026-03-01");
	assert_true(verdict(w, "2026-01-02")->keeps);
	(void)world_add(w, "2026-01-04", "daily");
	world_judge(w, "2026-01-09T02:29");
	reason_is(verdict(w, "2026-01-02"), true,
	    "incomplete: kept until 2026-01-09 02:30");
	world_judge(w, "2026-01-09");
	reason_is(verdict(w, "2026-01-02"), false,
	    "incomplete: was kept until 2026-01-09 02:30, and a newer backup counts");
}

static void
the_newest_that_counts_always_stays(void **state)
{
	struct world *w = *state;

	world_keep(w, "1 monthly");
	(void)world_add(w, "2026-11-20", "daily");
	(void)world_add(w, "2026-11-21", "daily");
	(void)world_add(w, "2026-11-22", "daily");
	world_add(w, "2026-11-23", "daily")->is_whole = false;
	world_judge(w, "2027-11-22");
	reason_is(verdict(w, "2026-11-22"), true,
	    "the newest backup that counts always stays");
	assert_false(verdict(w, "2026-11-22")->is_chosen);
	assert_true(verdict(w, "2026-11-22")->until == POLICY_FOREVER);
	assert_false(verdict(w, "2026-11-21")->keeps);
	assert_true(verdict(w, "2026-11-20")->keeps);
}

static void
where_none_counts_the_newest_whole_one_stays(void **state)
{
	struct world *w = *state;

	(void)world_add(w, "2026-01-01", "manual");
	(void)world_add(w, "2026-01-02", "update");
	world_add(w, "2026-01-03", "daily")->is_whole = false;
	world_judge(w, "2027-01-01");
	reason_is(verdict(w, "2026-01-02"), true,
	    "the newest whole backup stays: none counts");
	assert_true(verdict(w, "2026-01-02")->until == POLICY_FOREVER);
	assert_false(verdict(w, "2026-01-01")->keeps);
	assert_true(verdict(w, "2026-01-03")->keeps);
	(void)world_add(w, "2026-01-04", "daily");
	world_judge(w, "2027-01-01");
	assert_false(verdict(w, "2026-01-02")->keeps);
	assert_false(verdict(w, "2026-01-03")->keeps);
}

static void
a_pin_or_a_lock_holds_and_changes_nothing_else(void **state)
{
	struct world *w = *state;

	world_keep(w, "1 daily");
	world_add(w, "2026-11-19", "daily")->is_pinned = true;
	world_add(w, "2026-11-20", "daily")->locked_until = world_at(
	    "2026-12-24T18:00");
	world_add(w, "2026-11-21", "daily")->locked_until = world_at(
	    "2026-11-22T12:00");
	world_add(w, "2026-11-22", "manual")->locked_until = world_at(
	    "2026-12-24T18:00");
	world_add(w, "2026-11-22T03:00", "daily")->is_pinned = true;
	world_judge(w, "2026-11-22T12:00");
	reason_is(
	    verdict(w, "2026-11-19"), true, "pinned; the rule would remove it");
	assert_true(verdict(w, "2026-11-19")->until == POLICY_FOREVER);
	assert_false(verdict(w, "2026-11-19")->is_chosen);
	assert_true(verdict(w, "2026-11-19")->counts);
	reason_is(verdict(w, "2026-11-20"), true,
	    "locked until 2026-12-24 18:00; the rule would remove it");
	assert_true(
	    verdict(w, "2026-11-20")->until == world_at("2026-12-24T18:00"));
	assert_false(verdict(w, "2026-11-21")->keeps);
	reason_is(verdict(w, "2026-11-22"), true,
	    "manual: kept until 2026-11-29 02:30");
	assert_true(
	    verdict(w, "2026-11-22")->until == world_at("2026-12-24T18:00"));
	assert_true(verdict(w, "2026-11-22T03:00")->is_chosen);
}

/* --- doubt --- */

static void
what_is_dated_back_or_ahead_counts_for_nothing(void **state)
{
	struct world *w = *state;

	world_keep(w, "2 daily");
	(void)world_add(w, "2026-11-20", "daily");
	(void)world_add(w, "2026-11-21", "daily");
	world_add(w, "2026-11-20T12:00", "daily")->received = world_at(
	    "2026-11-21T12:00");
	world_add(w, "2027-11-21", "daily")->received = world_at(
	    "2026-11-21T13:00");
	world_add(w, "2026-11-21T02:30", "manual")->received = world_at(
	    "2026-11-22");
	world_judge(w, "2026-12-31");
	assert_true(verdict(w, "2026-11-20")->keeps);
	assert_true(w->v[1].keeps);
	for (size_t i = 2; i < 5; i++) {
		assert_true(w->v[i].is_doubtful);
		assert_true(w->v[i].keeps);
		assert_false(w->v[i].counts);
		assert_false(w->v[i].is_chosen);
		assert_true(w->v[i].until == POLICY_FOREVER);
	}
	reason_is(&w->v[2], true,
	    "its time is in doubt: 2026-11-20 12:00 is not later than 20261121T023000Z-00000002, which was made before it");
	reason_is(&w->v[3], true,
	    "its time is in doubt: 2027-11-21 02:30 is later than it was received, 2026-11-21 13:00");
	/* Those after it count again. */
	(void)world_add(w, "2026-11-22", "daily");
	world_judge(w, "2026-12-31");
	assert_true(w->v[5].counts);
	assert_false(verdict(w, "2026-11-20")->keeps);
}

static void
a_quarter_of_an_hour_is_no_doubt(void **state)
{
	struct world *w = *state;

	world_add(w, "2026-11-20T12:15", "daily")->received = world_at(
	    "2026-11-20T12:00");
	world_add(w, "2026-11-21T12:15", "daily")
	    ->received = world_at("2026-11-21T12:00") - 1;
	world_judge(w, "2026-11-22");
	assert_false(w->v[0].is_doubtful);
	assert_true(w->v[1].is_doubtful);
}

static void
one_that_is_gone_shows_it_still(void **state)
{
	struct world *w = *state;

	(void)world_add(w, "2026-11-01", "daily");
	world_add(w, "2026-11-05", "daily")->not_before = world_at(
	    "2026-11-06");
	world_add(w, "2026-11-06", "daily")->not_before = world_at(
	    "2026-11-06");
	world_add(w, "2026-11-07", "daily")->not_before = world_at(
	    "2026-11-06");
	world_judge(w, "2026-11-22");
	reason_is(&w->v[1], true,
	    "its time is in doubt: 2026-11-05 02:30 is not later than 2026-11-06 02:30, of one before it that is gone");
	assert_true(w->v[2].is_doubtful);
	assert_false(w->v[3].is_doubtful);
}

static void
ten_that_were_spooled_fill_ten_days(void **state)
{
	struct world *w = *state;

	world_keep(w, "10 daily");
	world_add_days(w, "2026-11-10", 11);
	for (size_t i = 0; i < w->n; i++)
		w->b[i].received = world_at("2026-11-21") + 1;
	world_judge(w, "2026-11-22");
	for (size_t i = 0; i < w->n; i++) {
		assert_true(w->v[i].counts);
		assert_true(w->v[i].keeps == (i > 0));
	}
}

static void
no_number_is_too_large(void **state)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1, 0,
		INT64_MAX - 1, INT64_MAX };
	struct world *w = *state;

	world_keep(w, "1 hourly, 1 daily, 1 weekly, 1 monthly, 1 yearly");
	w->p.keep_within_s = UINT64_MAX;
	w->p.keep_manual_s = UINT64_MAX;
	for (size_t i = 0; i < WORLD_COUNT(times); i++)
		for (size_t k = 0; k < WORLD_COUNT(times); k++) {
			struct policy_backup *b = world_add_at(
			    w, 0, k % 2 == 0 ? "daily" : "manual");

			b->started = times[i];
			b->received = times[k];
			b->is_whole = k % 3 != 0;
		}
	for (size_t i = 0; i < WORLD_COUNT(times); i++) {
		struct policy_future f;

		policy_judge(&w->p, w->b, w->n, times[i], w->v);
		for (size_t k = 0; k < w->n; k++)
			assert_true(w->v[k].reason[0] != '\0');
		if (policy_at(&w->p, w->b, w->n, times[i], times[i], &f))
			policy_future_free(&f);
	}
}

#define POLICY_TEST(fn)                                                        \
	cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		POLICY_TEST(days_weeks_and_months_keep_what_the_rule_says),
		POLICY_TEST(a_pending_backup_stays_and_lets_no_other_go),
		POLICY_TEST(a_period_without_a_backup_uses_no_slot),
		POLICY_TEST(
		    of_a_day_the_newest_stays_and_of_a_month_the_oldest),
		POLICY_TEST(the_zone_says_which_day_it_is),
		POLICY_TEST(an_hour_that_comes_twice_is_two),
		POLICY_TEST(of_several_slots_the_longest_is_told),
		POLICY_TEST(keep_within_keeps_what_is_young),
		POLICY_TEST(others_have_a_lifetime_and_no_slot),
		POLICY_TEST(incomplete_ones_go_when_a_good_one_is_newer),
		POLICY_TEST(the_newest_that_counts_always_stays),
		POLICY_TEST(where_none_counts_the_newest_whole_one_stays),
		POLICY_TEST(a_pin_or_a_lock_holds_and_changes_nothing_else),
		POLICY_TEST(what_is_dated_back_or_ahead_counts_for_nothing),
		POLICY_TEST(a_quarter_of_an_hour_is_no_doubt),
		POLICY_TEST(one_that_is_gone_shows_it_still),
		POLICY_TEST(ten_that_were_spooled_fill_ten_days),
		POLICY_TEST(no_number_is_too_large),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
