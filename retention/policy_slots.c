/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hours, days, weeks, months and years, from fine to coarse: the backups that
 * count flow in, newest first, and each kind of slot goes through their periods
 * from the newest on, until it has filled as many as it may. A coarse kind
 * leaves out the periods of which a finer one keeps a backup, and takes only
 * what is older than all that those keep.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/scope.h"
#include "retention/policy_impl.h"

#define BIT(slot)   (1U << (slot))
#define HOURS_A_DAY 24
/* More than two offsets of a zone can differ by. */
#define OFFSETS INT64_C(262144)

static const struct rule {
	enum policy_slot slot;
	unsigned after; /* the finer kinds that bound it */
	bool takes_oldest;
	const char *text;
} rules[POLICY_SLOTS] = {
	{ POLICY_NO_SLOT, 0, false, "none" },
	{ POLICY_HOURLY, 0, false, "hourly" },
	{ POLICY_DAILY, 0, false, "daily" },
	{ POLICY_WEEKLY, BIT(POLICY_DAILY), false, "weekly" },
	{ POLICY_MONTHLY,
	    BIT(POLICY_HOURLY) | BIT(POLICY_DAILY) | BIT(POLICY_WEEKLY), true,
	    "monthly" },
	{ POLICY_YEARLY,
	    BIT(POLICY_HOURLY) | BIT(POLICY_DAILY) | BIT(POLICY_WEEKLY) |
		BIT(POLICY_MONTHLY),
	    true, "yearly" },
};

const char *
policy_slot_text(enum policy_slot slot)
{
	return (rules[slot].text);
}

unsigned
policy_slot_count(const struct keep *k, enum policy_slot slot)
{
	switch (slot) {
	case POLICY_HOURLY: return (k->hourly);
	case POLICY_DAILY: return (k->daily);
	case POLICY_WEEKLY: return (k->weekly);
	case POLICY_MONTHLY: return (k->monthly);
	case POLICY_YEARLY: return (k->yearly);
	case POLICY_NO_SLOT: break;
	}
	return (0);
}

/* A number for the period that a time is in; greater for a later one. */
static int64_t
period_of(enum policy_slot slot, const struct zone_time *t)
{
	switch (slot) {
	case POLICY_HOURLY:
		/* An hour that comes twice is two: the second has the lesser
		 * offset. */
		return ((t->day_number * HOURS_A_DAY + t->hour) * OFFSETS -
		    t->offset_s);
	case POLICY_DAILY: return (t->day_number);
	case POLICY_WEEKLY: return (t->day_number + 1 - t->weekday);
	case POLICY_MONTHLY: return (t->year * INT64_C(12) + t->month);
	case POLICY_YEARLY: return (t->year);
	case POLICY_NO_SLOT: break;
	}
	return (0);
}

void
policy_period_text(enum policy_slot slot, const struct zone_time *t,
    char out[POLICY_PERIOD_TEXT])
{
	int n = 0;

	switch (slot) {
	case POLICY_HOURLY:
		n = snprintf(out, POLICY_PERIOD_TEXT, "%04d-%02u-%02uT%02u",
		    t->year, t->month, t->day, t->hour);
		break;
	case POLICY_DAILY:
		n = snprintf(out, POLICY_PERIOD_TEXT, "%04d-%02u-%02u", t->year,
		    t->month, t->day);
		break;
	case POLICY_WEEKLY:
		n = snprintf(out, POLICY_PERIOD_TEXT, "%04d-W%02u", t->iso_year,
		    t->iso_week);
		break;
	case POLICY_MONTHLY:
		n = snprintf(
		    out, POLICY_PERIOD_TEXT, "%04d-%02u", t->year, t->month);
		break;
	case POLICY_YEARLY:
		n = snprintf(out, POLICY_PERIOD_TEXT, "%04d", t->year);
		break;
	case POLICY_NO_SLOT: break;
	}
	if (n <= 0)
		out[0] = '\0';
}

/* A backup that counts, by its period. */
struct entry {
	int64_t period;
	struct policy_item *i;
};

static int
newest_period_first(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->period != b->period)
		return (a->period < b->period ? 1 : -1);
	/* Items stand newest first. */
	return (a->i < b->i ? -1 : a->i > b->i);
}

/* By period, the newest first, and of each the newest first. */
static void
sort(struct entry *v, size_t n)
{
	/* They are in order but where clocks go back over midnight. */
	for (size_t i = 1; i < n; i++)
		if (newest_period_first(&v[i - 1], &v[i]) > 0) {
			qsort(v, n, sizeof(*v), newest_period_first);
			return;
		}
}

static bool
is_kept(const struct policy_item *i, unsigned kinds)
{
	for (unsigned slot = POLICY_HOURLY; slot < POLICY_SLOTS; slot++)
		if ((kinds & BIT(slot)) != 0 && i->lot[slot] == LOT_FILLS)
			return (true);
	return (false);
}

/* The oldest that these kinds keep, or NULL. */
static const struct policy_item *
oldest_kept(const struct policy_items *items, unsigned kinds)
{
	for (size_t i = items->n; kinds != 0 && i-- > 0;)
		if (is_kept(&items->v[i], kinds))
			return (&items->v[i]);
	return (NULL);
}

/* The one of a period that a kind would take, or NULL. */
static struct policy_item *
pick(const struct rule *rule, const struct entry *v, size_t n,
    const struct policy_item *oldest)
{
	struct policy_item *picked = NULL;

	for (size_t i = 0; i < n; i++) {
		assert(v[i].i != NULL);
		if ((oldest == NULL || v[i].i > oldest) &&
		    (picked == NULL || rule->takes_oldest))
			picked = v[i].i;
	}
	return (picked);
}

/* One period's backups; true when that uses the rank-th slot up. */
static bool
fill_period(const struct rule *rule, const struct entry *v, size_t n,
    const struct policy_item *oldest, unsigned rank)
{
	struct policy_item *picked = pick(rule, v, n, oldest);
	enum policy_lot lot = picked != NULL ? LOT_TAKEN : LOT_YOUNG;

	for (size_t i = 0; i < n; i++)
		if (is_kept(v[i].i, rule->after))
			lot = LOT_HELD;
	for (size_t i = 0; i < n; i++) {
		v[i].i->lot[rule->slot] = lot;
		v[i].i->taker[rule->slot] = picked != NULL ? picked->b : NULL;
	}
	if (lot != LOT_TAKEN)
		return (false);
	picked->lot[rule->slot] = LOT_FILLS;
	picked->rank[rule->slot] = rank;
	return (true);
}

static void
fill_slots(const struct rule *rule, unsigned count, struct policy_items *items,
    struct entry *v)
{
	const struct policy_item *oldest = oldest_kept(items, rule->after);
	size_t n = 0, end;
	unsigned filled = 0;

	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].counts)
			v[n++] = (struct entry){ period_of(rule->slot,
						     &items->v[i].local),
				&items->v[i] };
	sort(v, n);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && v[end].period == v[i].period;)
			end++;
		if (filled < count)
			filled += fill_period(
			    rule, v + i, end - i, oldest, filled + 1);
		else
			for (size_t k = i; k < end; k++)
				v[k].i->lot[rule->slot] = LOT_PAST;
	}
}

void
policy_fill_slots(const struct policy *p, struct policy_items *items)
{
	SCOPED(scope_free)
	struct entry *v = mem_array(items->n, sizeof(*v));

	for (size_t i = 0; i < items->n; i++)
		for (unsigned slot = 0; slot < POLICY_SLOTS; slot++) {
			items->v[i].lot[slot] = LOT_NONE;
			items->v[i].rank[slot] = 0;
			items->v[i].taker[slot] = NULL;
		}
	for (unsigned slot = POLICY_HOURLY; slot < POLICY_SLOTS; slot++) {
		unsigned count = policy_slot_count(
		    &p->keep, (enum policy_slot)slot);

		if (count > 0)
			fill_slots(&rules[slot], count, items, v);
	}
}
