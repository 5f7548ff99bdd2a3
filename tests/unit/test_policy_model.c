/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository retention */
/*
 * The policy against a model of it: a hundred thousand histories with gaps,
 * bursts, failures, clocks that jump, and floods of what is dated wrong. The
 * model asks the C library for its calendar, and looks for each slot's backup
 * among all, as a person with a pencil would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "retention/policy.h"

#define DAY   INT64_C(86400)
#define MOST  120
#define FLOOD ((size_t)20) /* of each kind */
#define HOUR  INT64_C(3600)
#define LATE  900 /* a quarter of an hour */

/* What watches threads takes its time. */
#if defined(__SANITIZE_THREAD__)
#define HISTORIES 16000
#else
#define HISTORIES 100000
#endif

static const char *const zones[] = { "UTC", "Europe/Brussels",
	"America/New_York", "America/Sao_Paulo", "Asia/Kathmandu",
	"Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Beirut" };
#define ZONES (sizeof(zones) / sizeof(zones[0]))

/* --- the model --- */

struct card {
	const struct policy_backup *b;
	int64_t hour, day, week, month, year; /* numbers of their own kind */
	bool is_good, counts;
	bool fills[POLICY_SLOTS], is_chosen, keeps;
	unsigned rank[POLICY_SLOTS];
};

struct model {
	const struct policy *p;
	int64_t now;
	size_t n;
	struct card v[MOST];
};

/* What is written on a card, by the C library, which is told the zone. */
static void
write_card(struct card *c, const struct policy_backup *b)
{
	time_t t = (time_t)b->started;
	char week[16];
	struct tm tm;

	memset(c, 0, sizeof(*c));
	c->b = b;
	assert_non_null(localtime_r(&t, &tm));
	assert_true(strftime(week, sizeof(week), "%G%V", &tm) > 0);
	c->year = tm.tm_year;
	c->month = c->year * 100 + tm.tm_mon;
	c->week = atoi(week); /* NOLINT(cert-err34-c): digits */
	c->day = c->month * 100 + tm.tm_mday;
	/* The second 2 o'clock of a day is another hour. */
	c->hour = ((c->day * 100 + tm.tm_hour) * 100 - tm.tm_gmtoff / 3600) *
		10000 -
	    tm.tm_gmtoff % 3600;
}

static bool
was_made_before(const struct policy_backup *a, const struct policy_backup *b)
{
	if (a->sequence != b->sequence)
		return (a->sequence < b->sequence);
	if (a->started != b->started)
		return (a->started < b->started);
	return (strcmp(a->id, b->id) < 0);
}

/* In the order in which they were made, each against all good ones before. */
static void
find_good(struct model *m)
{
	bool done[MOST] = { false };

	for (size_t step = 0; step < m->n; step++) {
		struct card *c;
		size_t at = m->n;

		for (size_t i = 0; i < m->n; i++)
			if (!done[i] &&
			    (at == m->n ||
				was_made_before(m->v[i].b, m->v[at].b)))
				at = i;
		assert_true(at < m->n);
		c = &m->v[at];
		done[at] = true;
		c->is_good = c->b->started - c->b->received <= LATE &&
		    (c->b->not_before == 0 || c->b->started > c->b->not_before);
		for (size_t i = 0; i < m->n; i++)
			if (done[i] && &m->v[i] != c && m->v[i].is_good &&
			    c->b->started <= m->v[i].b->started)
				c->is_good = false;
	}
	for (size_t i = 0; i < m->n; i++) {
		const char *type = m->v[i].b->type;

		m->v[i].counts = m->v[i].is_good && m->v[i].b->is_whole &&
		    strcmp(type, "manual") != 0 &&
		    strcmp(type, "update") != 0 &&
		    strcmp(type, "pre-restore") != 0 &&
		    strcmp(type, "pre-upgrade") != 0;
	}
}

static int64_t
number_of(const struct card *c, enum policy_slot slot)
{
	int64_t numbers[POLICY_SLOTS] = { 0, c->hour, c->day, c->week, c->month,
		c->year };

	return (numbers[slot]);
}

/* May this card take a slot of a kind, beside those that finer kinds keep and
 * the slots of the kind that are filled? */
static bool
may_fill(const struct model *m, const struct card *c, enum policy_slot slot)
{
	if (!c->counts)
		return (false);
	for (size_t i = 0; i < m->n; i++) {
		const struct card *other = &m->v[i];
		bool is_finer = slot == POLICY_WEEKLY
		    ? other->fills[POLICY_DAILY]
		    : false;

		if (slot == POLICY_MONTHLY || slot == POLICY_YEARLY)
			for (unsigned s = POLICY_HOURLY; s < slot; s++)
				is_finer = is_finer || other->fills[s];
		if (is_finer &&
		    (c->b->started >= other->b->started ||
			number_of(c, slot) == number_of(other, slot)))
			return (false);
		if (other->fills[slot] &&
		    number_of(c, slot) == number_of(other, slot))
			return (false);
	}
	return (true);
}

static void
fill(struct model *m, enum policy_slot slot, unsigned count)
{
	for (unsigned rank = 1; rank <= count; rank++) {
		struct card *found = NULL;
		int64_t number;

		for (size_t i = 0; i < m->n; i++)
			if (may_fill(m, &m->v[i], slot) &&
			    (found == NULL ||
				m->v[i].b->started > found->b->started))
				found = &m->v[i];
		if (found == NULL)
			return;
		number = number_of(found, slot);
		/* Of months and years, the oldest. */
		for (size_t i = 0; i < m->n; i++)
			if (slot >= POLICY_MONTHLY &&
			    may_fill(m, &m->v[i], slot) &&
			    number_of(&m->v[i], slot) == number &&
			    m->v[i].b->started < found->b->started)
				found = &m->v[i];
		found->fills[slot] = true;
		found->rank[slot] = rank;
	}
}

static int64_t
lifetime(const struct model *m, const struct policy_backup *b)
{
	if (strcmp(b->type, "update") == 0)
		return ((int64_t)m->p->keep_update_s);
	if (strcmp(b->type, "pre-restore") == 0)
		return ((int64_t)m->p->keep_pre_restore_s);
	if (strcmp(b->type, "pre-upgrade") == 0)
		return ((int64_t)m->p->keep_pre_upgrade_s);
	return ((int64_t)m->p->keep_manual_s);
}

static void
decide(struct model *m, struct card *c)
{
	int64_t age = m->now - c->b->started;
	bool has_newer = false, has_counting = false, is_newest_whole = true;

	for (size_t i = 0; i < m->n; i++) {
		const struct card *o = &m->v[i];

		has_counting = has_counting || o->counts;
		has_newer = has_newer ||
		    (o->counts && o->b->started > c->b->started);
		if (o->is_good && o->b->is_whole &&
		    o->b->started > c->b->started)
			is_newest_whole = false;
	}
	c->keeps = false;
	if (c->counts) {
		for (unsigned s = POLICY_HOURLY; s < POLICY_SLOTS; s++)
			c->is_chosen = c->is_chosen || c->fills[s];
		if (m->p->keep_within_s > 0 &&
		    age < (int64_t)m->p->keep_within_s)
			c->is_chosen = true;
		c->keeps = !has_newer;
	} else if (c->is_good && !c->b->is_whole) {
		c->is_chosen = age < (int64_t)m->p->keep_manual_s || !has_newer;
	} else if (c->is_good) {
		c->is_chosen = age < lifetime(m, c->b);
		c->keeps = !has_counting && is_newest_whole;
	}
	if (c->is_chosen || !c->is_good || c->b->is_pinned ||
	    c->b->locked_until > m->now)
		c->keeps = true;
}

static void
model_judge(struct model *m, const struct policy *p,
    const struct policy_backup *b, size_t n, int64_t now)
{
	m->p = p;
	m->now = now;
	m->n = n;
	for (size_t i = 0; i < n; i++)
		write_card(&m->v[i], &b[i]);
	find_good(m);
	fill(m, POLICY_HOURLY, p->keep.hourly);
	fill(m, POLICY_DAILY, p->keep.daily);
	fill(m, POLICY_WEEKLY, p->keep.weekly);
	fill(m, POLICY_MONTHLY, p->keep.monthly);
	fill(m, POLICY_YEARLY, p->keep.yearly);
	for (size_t i = 0; i < n; i++)
		decide(m, &m->v[i]);
}

/* --- histories --- */

static uint64_t seed;

/* xorshift64*: the same in every run. 0 to below - 1. */
static int64_t
roll(int64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return ((int64_t)((seed * UINT64_C(2685821657736338717) >> 11) %
	    (uint64_t)below));
}

static bool
happens(int64_t percent)
{
	return (roll(100) < percent);
}

static void
roll_policy(struct policy *p, const struct zone *zone)
{
	memset(p, 0, sizeof(*p));
	p->zone = zone;
	do {
		p->keep.hourly = happens(30) ? (unsigned)roll(9) : 0;
		p->keep.daily = happens(85) ? (unsigned)roll(9) : 0;
		p->keep.weekly = happens(70) ? (unsigned)roll(6) : 0;
		p->keep.monthly = happens(70) ? (unsigned)roll(5) : 0;
		p->keep.yearly = happens(30) ? (unsigned)roll(4) : 0;
	} while (p->keep.hourly + p->keep.daily + p->keep.weekly +
		p->keep.monthly + p->keep.yearly ==
	    0);
	p->keep_within_s = happens(25) ? (uint64_t)roll(20 * DAY) : 0;
	p->keep_manual_s = (uint64_t)(1 + roll(14 * DAY));
	p->keep_update_s = (uint64_t)(1 + roll(60 * DAY));
	p->keep_pre_restore_s = (uint64_t)(1 + roll(60 * DAY));
	p->keep_pre_upgrade_s = (uint64_t)(1 + roll(120 * DAY));
}

struct history {
	size_t n;
	struct policy_backup b[MOST];
	int64_t now; /* by a clock that is right */
	uint64_t sequence;
	int64_t step, clock_off;
};

static void
history_begin(struct history *h)
{
	static const int64_t steps[] = { DAY, DAY, DAY, HOUR, 6 * HOUR, 7 * DAY,
		20 * DAY, 100 * DAY };

	h->n = 0;
	h->sequence = (uint64_t)roll(1000);
	h->now = INT64_C(1420070400) + roll(5479 * DAY);
	h->step = steps[roll(8)];
	h->clock_off = 0;
}

static void
let_time_pass(struct history *h)
{
	int64_t step = h->step;

	if (happens(5))
		step = 1 + roll(40 * DAY);
	else if (happens(10))
		step = 1 + roll(1800);
	else if (happens(50))
		step = step / 2 + roll(step);
	h->now += step;
	if (happens(2))
		h->clock_off = happens(50) ? 0
		    : happens(50)	   ? roll(400 * DAY) - 200 * DAY
					   : roll(7200) - 3600;
}

static void
back_up(struct history *h)
{
	static const char *const types[] = { "daily", "hourly", "weekly",
		"monthly", "another", "manual", "manual", "update",
		"pre-restore", "pre-upgrade" };
	struct policy_backup *b = &h->b[h->n];

	memset(b, 0, sizeof(*b));
	h->sequence += happens(99) ? 1 + (uint64_t)roll(3) : 0;
	(void)snprintf(
	    b->id, sizeof(b->id), "20000101T000000Z-%08x", (unsigned)h->n);
	(void)snprintf(b->type, sizeof(b->type), "%s",
	    types[happens(80) ? roll(5) : roll(10)]);
	b->is_whole = happens(90);
	b->started = h->now + h->clock_off;
	b->sequence = h->sequence;
	/* Told by an endpoint at once or later, or by the same wrong clock. */
	b->received = happens(70) ? h->now + roll(3600)
	    : happens(50)	  ? h->now + roll(30 * DAY)
				  : b->started + roll(3600);
	b->is_pinned = happens(4);
	b->locked_until = happens(4) ? h->now + roll(60 * DAY) : 0;
	b->not_before = happens(1) ? h->now - roll(10 * DAY) : 0;
	h->n++;
}

static void
shuffle(struct history *h)
{
	for (size_t i = h->n; i > 1; i--) {
		size_t k = (size_t)roll((int64_t)i);
		struct policy_backup other = h->b[k];

		h->b[k] = h->b[i - 1];
		h->b[i - 1] = other;
	}
}

/* --- one against the other --- */

static const char *
times_of(int64_t when, char out[32])
{
	time_t t = (time_t)when;
	struct tm tm;

	(void)strftime(out, 32, "%F %T", localtime_r(&t, &tm));
	return (out);
}

static void
tell(const struct history *h, const struct policy_verdict *v,
    const struct model *m)
{
	char a[32], b[32];

	for (size_t i = 0; i < h->n; i++)
		print_error("%s %-11s %s seq %llu %s%s%s-> %d%d%d; %d%d%d %s\n",
		    times_of(h->b[i].started, a), h->b[i].type,
		    times_of(h->b[i].received, b),
		    (unsigned long long)h->b[i].sequence,
		    h->b[i].is_whole ? "" : "incomplete ",
		    h->b[i].is_pinned ? "pinned " : "",
		    h->b[i].locked_until > 0 ? "locked " : "", v[i].keeps,
		    v[i].counts, v[i].is_chosen, m->v[i].keeps, m->v[i].counts,
		    m->v[i].is_chosen, v[i].reason);
}

static bool
agrees(const struct policy_verdict *v, const struct card *c, int64_t now)
{
	enum policy_slot slot = POLICY_YEARLY;

	while (slot != POLICY_NO_SLOT && !c->fills[slot])
		slot--;
	return (v->keeps == c->keeps && v->counts == c->counts &&
	    v->is_doubtful == !c->is_good && v->is_chosen == c->is_chosen &&
	    v->slot == slot && v->rank == c->rank[slot] &&
	    v->keeps == (v->until > now) && v->reason[0] != '\0' &&
	    (v->period[0] != '\0') == (slot != POLICY_NO_SLOT));
}

/* What has to hold whatever the rule is. */
static void
is_safe(const struct history *h, const struct policy_verdict *v)
{
	const struct policy_backup *newest = NULL;
	size_t at = 0, whole = 0, kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		whole += h->b[i].is_whole;
		kept += h->b[i].is_whole && v[i].keeps;
		assert_false(v[i].is_doubtful && v[i].counts);
		assert_false(v[i].is_doubtful && !v[i].keeps);
		if (v[i].counts &&
		    (newest == NULL || h->b[i].started > newest->started)) {
			newest = &h->b[i];
			at = i;
		}
	}
	assert_true(newest == NULL || v[at].keeps);
	assert_true(whole == 0 || kept > 0);
}

static void
compare(const struct policy *p, const struct history *h, int64_t now,
    struct policy_verdict v[MOST])
{
	static struct model m;

	policy_judge(p, h->b, h->n, now, v);
	model_judge(&m, p, h->b, h->n, now);
	for (size_t i = 0; i < h->n; i++)
		if (!agrees(&v[i], &m.v[i], now)) {
			tell(h, v, &m);
			fail_msg("%s, backup %zu", zone_name(p->zone), i);
		}
	is_safe(h, v);
}

/* Many that are dated back, and many that are dated ahead, after the newest
 * whose time is good: all that stayed stay, for the same reasons. */
static void
flood(const struct policy *p, struct history *h,
    const struct policy_verdict before[MOST])
{
	static struct policy_verdict after[MOST];
	int64_t good = INT64_MIN;
	size_t n = h->n;

	for (size_t i = 0; i < n; i++)
		if (!before[i].is_doubtful && h->b[i].started > good)
			good = h->b[i].started;
	if (good == INT64_MIN || n + 2 * FLOOD > MOST)
		return;
	h->sequence += 10;
	for (size_t i = 0; i < 2 * FLOOD; i++) {
		struct policy_backup *b = &h->b[n + i];

		h->clock_off = 0;
		back_up(h);
		b->is_whole = true;
		b->is_pinned = false;
		b->received = h->now;
		b->started = i % 2 == 0 ? good - roll(200 * DAY)
					: h->now + 901 + roll(200 * DAY);
	}
	compare(p, h, h->now, after);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(after[i].keeps, before[i].keeps);
		assert_string_equal(after[i].reason, before[i].reason);
	}
	for (size_t i = n; i < h->n; i++)
		assert_true(after[i].is_doubtful && after[i].keeps);
}

/* A prune after each backup. */
static void
prune_each_time(
    const struct policy *p, struct history *h, struct policy_verdict v[MOST])
{
	size_t kept = 0;

	compare(p, h, h->now, v);
	for (size_t i = 0; i < h->n; i++)
		if (v[i].keeps)
			h->b[kept++] = h->b[i];
	h->n = kept;
}

static void
try_history(const struct zone *zone)
{
	static struct policy_verdict v[MOST];
	static struct history h;
	size_t most = happens(5) ? 70 : 1 + (size_t)roll(24);
	bool prunes = happens(4);
	struct policy p;

	roll_policy(&p, zone);
	history_begin(&h);
	for (size_t i = 0; i < most; i++) {
		let_time_pass(&h);
		back_up(&h);
		if (prunes)
			prune_each_time(&p, &h, v);
	}
	if (happens(30))
		shuffle(&h);
	if (happens(50))
		h.now += happens(90) ? roll(3 * DAY) : roll(400 * DAY);
	compare(&p, &h, h.now, v);
	if (happens(10))
		flood(&p, &h, v);
}

/* No other thread runs while a test sets the environment. */
static void
let_libc_use(const char *zone)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void
a_hundred_thousand_histories_are_as_the_model_has_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZONES; i++) {
		struct err e = ERR_INIT;
		SCOPED(zone_freep) struct zone *zone = zone_open(zones[i], &e);

		if (zone == NULL)
			skip(); /* no database here */
		let_libc_use(zones[i]);
		seed = i + 1;
		for (size_t k = 0; k < HISTORIES / ZONES; k++)
			try_history(zone);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_hundred_thousand_histories_are_as_the_model_has_them),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
