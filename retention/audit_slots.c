/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's verdicts flow in; which slots are filled, which are not and since
 * when, which days have no backup, and what goes next flow out. What an
 * unbroken series would have filled comes from the policy itself: its future,
 * asked from the branch's first backup on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "repository/schedule.h"
#include "retention/audit_impl.h"

#define DAY_S	  ((int64_t)86400)
#define SLACK_S	  ((int64_t)6 * 3600) /* a run may be late, and take long */
#define AFTER_S	  60		      /* a backup, and the prune after it */
#define GAPS_MOST 400
#define FIRST_ID  "20000101T000000Z-00000000"

/* --- slots --- */

static unsigned
slots_of(const struct keep *k, enum policy_slot kind)
{
	switch (kind) {
	case POLICY_HOURLY: return (k->hourly);
	case POLICY_DAILY: return (k->daily);
	case POLICY_WEEKLY: return (k->weekly);
	case POLICY_MONTHLY: return (k->monthly);
	case POLICY_YEARLY: return (k->yearly);
	case POLICY_NO_SLOT: break;
	}
	return (0);
}

static void
find_filled(struct audit_branch *b)
{
	const struct plan_branch *p = b->plan;

	b->filled = mem_array(p->n + 1, sizeof(*b->filled));
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_entry *entry = &p->v[i];

		if (entry->verdict.slot != POLICY_NO_SLOT)
			b->filled[b->nfilled++] = entry;
		if (!entry->verdict.counts)
			continue;
		if (b->newest == NULL ||
		    entry->known.started > b->newest->known.started)
			b->newest = entry;
		if (b->oldest == NULL ||
		    entry->known.started < b->oldest->known.started)
			b->oldest = entry;
	}
	b->present = (unsigned)b->nfilled;
}

static unsigned
filled_of(const struct audit_branch *b, enum policy_slot kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->nfilled; i++)
		n += b->filled[i]->verdict.slot == kind;
	return (n);
}

static bool
is_filled(
    const struct audit_branch *b, enum policy_slot kind, const char *period)
{
	for (size_t i = 0; i < b->nfilled; i++)
		if (b->filled[i]->verdict.slot == kind &&
		    strcmp(b->filled[i]->verdict.period, period) == 0)
			return (true);
	return (false);
}

/* --- what an unbroken series would have --- */

/* The moment that ends the hour, day, week, month or year of a moment. */
static int64_t
period_end(const struct zone *z, enum policy_slot kind, int64_t when)
{
	struct zone_time t;
	int64_t day;

	zone_local(z, when, &t);
	switch (kind) {
	case POLICY_HOURLY:
		return (when - (int64_t)(t.minute * 60 + t.second) + 3600);
	case POLICY_WEEKLY: day = t.day_number + 8 - (int64_t)t.weekday; break;
	case POLICY_MONTHLY: day = civil_days(t.year, t.month + 1, 1); break;
	case POLICY_YEARLY: day = civil_days(t.year + 1, 1, 1); break;
	case POLICY_DAILY:
	case POLICY_NO_SLOT:
	default: day = t.day_number + 1; break;
	}
	return (zone_moment(z, day, 0, 0));
}

/* One backup a day since the first, pruned day by day. Nothing when there is no
 * first, or it was today. */
static void
unbroken_series(
    const struct audit_branch *b, int64_t now, struct policy_future *out)
{
	struct policy_backup first = { .is_whole = true,
		.started = b->first,
		.received = b->first,
		.sequence = 1 };

	memset(out, 0, sizeof(*out));
	memcpy(first.id, FIRST_ID, sizeof(first.id));
	memcpy(first.type, "daily", sizeof("daily"));
	if (b->first == 0 ||
	    !policy_at(&b->plan->policy, &first, 1, b->first, now, out))
		memset(out, 0, sizeof(*out));
}

static void
add_missing(struct audit_branch *b, const struct audit_missing *one)
{
	b->missing = mem_grow(b->missing, b->nmissing + 1, sizeof(*b->missing));
	b->missing[b->nmissing++] = *one;
}

/* Periods that the series has and the branch lacks, the newest first, at most
 * as many as slots are really missing. */
static void
find_missing_periods(struct audit_branch *b, enum policy_slot kind,
    unsigned filled, unsigned most, const struct policy_future *series)
{
	for (size_t i = series->n; i > 0 && most > 0; i--) {
		const struct policy_verdict *v = &series->verdicts[i - 1];
		struct audit_missing one = { .kind = kind };

		if (v->slot != kind || is_filled(b, kind, v->period))
			continue;
		one.from = one.to = ++filled;
		memcpy(one.period, v->period, sizeof(one.period));
		one.since = period_end(
		    b->plan->zone, kind, series->b[i - 1].started);
		add_missing(b, &one);
		most--;
	}
}

static void
find_missing_of(struct audit_branch *b, enum policy_slot kind,
    const struct policy_future *series)
{
	unsigned n = slots_of(&b->plan->policy.keep, kind), due = 0;
	unsigned filled = filled_of(b, kind);

	for (size_t i = 0; i < series->n; i++)
		due += series->verdicts[i].slot == kind;
	if (due > n)
		due = n;
	if (due > filled)
		find_missing_periods(b, kind, filled, due - filled, series);
	else
		due = filled;
	if (due < n)
		add_missing(b,
		    &(struct audit_missing){ .kind = kind,
			.from = due + 1,
			.to = n,
			.is_young = true });
}

static void
find_missing(struct audit_branch *b, int64_t now)
{
	struct policy_future series;

	unbroken_series(b, now, &series);
	for (enum policy_slot kind = POLICY_HOURLY; kind <= POLICY_YEARLY;
	     kind++) {
		b->expected += slots_of(&b->plan->policy.keep, kind);
		find_missing_of(b, kind, &series);
	}
	policy_future_free(&series);
}

/* --- days without a backup --- */

uint64_t
audit_schedule_gap(const struct audit_branch *b)
{
	struct err ignored = ERR_INIT;
	uint64_t gap;

	if (b->plan->settings == NULL || b->plan->settings->schedule == NULL ||
	    schedule_longest_gap(b->plan->settings->schedule, &gap, &ignored) <
		0)
		return (0);
	return (gap);
}

static int64_t
day_of(const struct zone *z, int64_t when)
{
	struct zone_time t;

	zone_local(z, when, &t);
	return (t.day_number);
}

/* Days strictly between two moments that are too far apart. */
static void
add_gaps(struct audit_branch *b, int64_t older, int64_t newer, int64_t most)
{
	const struct zone *z = b->plan->zone;

	if (newer - older <= most)
		return;
	for (int64_t day = day_of(z, newer) - 1;
	     day > day_of(z, older) && b->ngaps < GAPS_MOST; day--) {
		b->gaps = mem_grow(b->gaps, b->ngaps + 1, sizeof(*b->gaps));
		b->gaps[b->ngaps++] = day;
	}
}

/* From now back to the oldest daily one: there every day has its newest backup
 * still, so a day without one never had any. */
static void
find_gaps(struct audit_branch *b, int64_t now)
{
	uint64_t scheduled = audit_schedule_gap(b);
	int64_t most = SLACK_S + (scheduled != 0 ? (int64_t)scheduled : DAY_S);
	int64_t newer = now;

	if (b->plan->settings == NULL || b->plan->policy.keep.daily == 0)
		return;
	for (size_t i = 0; i < b->nfilled; i++) {
		const struct plan_entry *entry = b->filled[i];

		if (entry->verdict.slot != POLICY_DAILY)
			continue;
		add_gaps(b, entry->known.started, newer, most);
		newer = entry->known.started;
	}
}

/* --- what goes next --- */

static void
add_next(struct audit_branch *b, const struct plan_entry *entry, int64_t at,
    const char *reason)
{
	size_t i;

	for (i = 0; i < b->nnext; i++)
		if (b->next[i].entry == entry)
			return;
	if (b->nnext == AUDIT_NEXT_MOST) {
		if (b->next[b->nnext - 1].at <= at)
			return;
		b->nnext--;
	}
	for (i = b->nnext++; i > 0 && b->next[i - 1].at > at; i--)
		b->next[i] = b->next[i - 1];
	b->next[i] = (struct audit_next){ .entry = entry, .at = at };
	(void)snprintf(
	    b->next[i].reason, sizeof(b->next[i].reason), "%s", reason);
}

static void
add_ends(struct audit_branch *b, int64_t now)
{
	for (size_t i = 0; i < b->plan->n; i++) {
		const struct plan_entry *entry = &b->plan->v[i];
		const struct policy_verdict *v = &entry->verdict;

		if (!v->keeps)
			add_next(b, entry, now, v->reason);
		else if (v->slot == POLICY_NO_SLOT &&
		    v->until != POLICY_FOREVER)
			add_next(b, entry, v->until, v->reason);
	}
}

static bool
is_left(const struct policy_future *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->b[i].id, id) == 0)
			return (true);
	return (false);
}

/* Which of the slots' backups are not there any more at a moment. */
static void
add_displaced(struct audit_branch *b, const struct policy_backup *known,
    int64_t now, int64_t at)
{
	struct policy_future f;

	if (!policy_at(&b->plan->policy, known, b->plan->n, now, at, &f))
		return;
	for (size_t i = 0; i < b->nfilled; i++)
		if (!is_left(&f, b->filled[i]->known.id))
			add_next(
			    b, b->filled[i], at, "newer backups take its slot");
	policy_future_free(&f);
}

/* A day at a time, each just after the backup that is expected then. */
static void
find_next(struct audit_branch *b, int64_t now)
{
	SCOPED(scope_free)
	struct policy_backup *known = mem_array(b->plan->n + 1, sizeof(*known));
	const struct zone *z = b->plan->zone;
	struct zone_time today, clock;

	add_ends(b, now);
	/* Nobody backs it up any more: nothing newer comes. */
	if (b->plan->settings == NULL || b->newest == NULL)
		return;
	for (size_t i = 0; i < b->plan->n; i++)
		known[i] = b->plan->v[i].known;
	zone_local(z, now, &today);
	zone_local(z, b->newest->known.started, &clock);
	for (int64_t day = 0;
	     day <= AUDIT_NEXT_DAYS && b->nnext < AUDIT_NEXT_MOST; day++) {
		int64_t at = zone_moment(z, today.day_number + day, clock.hour,
				 clock.minute) +
		    AFTER_S;

		if (at > now)
			add_displaced(b, known, now, at);
	}
}

/* --- the whole --- */

void
audit_slots_fill(struct audit_branch *b, int64_t now)
{
	char text[KEEP_TEXT];

	keep_text(&b->plan->policy.keep, text);
	(void)snprintf(b->policy, sizeof(b->policy), "%s%s", text,
	    b->plan->settings == NULL ? " (no longer configured)" : "");
	find_filled(b);
	if (b->oldest != NULL &&
	    (b->first == 0 || b->oldest->known.started < b->first))
		b->first = b->oldest->known.started;
	find_missing(b, now);
	find_gaps(b, now);
	find_next(b, now);
}
