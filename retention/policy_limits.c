/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The safety catch: verdicts flow in, yes or no flows out. A clock that jumped
 * or a policy that was mistyped shows in one thing: much goes at once. What
 * goes because nobody pruned for a while does so, too; that much is found by
 * pruning after each backup in turn, as should have been done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "retention/policy_impl.h"

struct tally {
	bool *goes, *is_left_over;    /* by the caller's backups */
	size_t counting, going, held; /* held: against this policy */
};

static void
tally_free(struct tally *t)
{
	free(t->goes);
	free(t->is_left_over);
}

static void
count_going(const struct policy *p, struct policy_items *items, int64_t now,
    struct tally *t)
{
	struct policy_scene scene = policy_look(p, items, now);
	struct policy_verdict v;

	for (size_t i = 0; i < items->n; i++) {
		policy_verdict(&scene, &items->v[i], &v);
		t->goes[items->v[i].at] = v.counts && !v.keeps;
		t->counting += v.counts;
		t->going += v.counts && !v.keeps;
	}
	t->held = t->going;
}

/* --- what missed prunes left over ---------------------------------------- */

static int
oldest_made_first(const void *left, const void *right)
{
	const struct policy_item *a = left, *b = right;

	if (a->b->sequence != b->b->sequence)
		return (a->b->sequence < b->b->sequence ? -1 : 1);
	if (a->b->started != b->b->started)
		return (a->b->started < b->b->started ? -1 : 1);
	return (strcmp(a->b->id, b->b->id));
}

static void
leave_over(const struct policy_item *i, void *arg)
{
	struct tally *t = arg;

	t->is_left_over[i->at] = true;
}

/* Prunes after each backup but the newest. Whose time is in doubt is there, and
 * no clock. */
static void
simulate(const struct policy *before, const struct policy_backup *b, size_t n,
    struct tally *t)
{
	SCOPED(policy_items_free)
	struct policy_items all = policy_items_of(before, b, n);
	SCOPED(policy_items_free)
	struct policy_items there = { 0, mem_array(n, sizeof(*there.v)) };
	int64_t now = INT64_MIN;

	qsort(all.v, n, sizeof(*all.v), oldest_made_first);
	for (size_t i = 0; i + 1 < n; i++) {
		policy_insert(&there, &all.v[i]);
		if (!all.v[i].is_doubtful)
			now = all.v[i].b->started;
		policy_prune(before, &there, now, leave_over, t);
	}
}

/* --- the answer ---------------------------------------------------------- */

static bool
is_within(const struct tally *t, const struct policy_limits *limits)
{
	return (t->held == 0 ||
	    (t->held * 100 <= (uint64_t)limits->removal_percent * t->counting &&
		t->counting - t->going >= limits->removal_floor));
}

static void
say_why(const struct policy *p, const struct policy_limits *limits,
    const struct tally *t, int64_t now, char *why, size_t why_bytes)
{
	char keep[KEEP_TEXT], left_over[64] = "";
	struct zone_time at;

	zone_local(p->zone, now, &at);
	keep_text(&p->keep, keep);
	if (t->held < t->going)
		(void)snprintf(left_over, sizeof(left_over),
		    " (besides %zu that missed prunes left over)",
		    t->going - t->held);
	(void)snprintf(why, why_bytes,
	    "%zu of %zu backups that count would go at once%s and %zu be left; "
	    "removal-limit is %u %%, removal-floor %u. Look at the clock "
	    "(%04d-%02u-%02u %02u:%02u) and at keep (%s); --force does it all "
	    "the same",
	    t->held, t->counting, left_over, t->counting - t->going,
	    limits->removal_percent, limits->removal_floor, at.year, at.month,
	    at.day, at.hour, at.minute, keep);
}

bool
/* NOLINTNEXTLINE(readability-function-size): two policies, and one branch */
policy_allows(const struct policy *p, const struct policy *before,
    const struct policy_limits *limits, const struct policy_backup *b, size_t n,
    int64_t now, char *why, size_t why_bytes)
{
	SCOPED(policy_items_free)
	struct policy_items items = policy_items_of(p, b, n);
	SCOPED(tally_free)
	struct tally t = { .goes = mem_array(n, sizeof(bool)),
		.is_left_over = mem_array(n, sizeof(bool)) };

	count_going(p, &items, now, &t);
	if (is_within(&t, limits))
		return (true);
	simulate(before, b, n, &t);
	for (size_t i = 0; i < n; i++)
		t.held -= t.goes[i] && t.is_left_over[i];
	if (is_within(&t, limits))
		return (true);
	say_why(p, limits, &t, now, why, why_bytes);
	return (false);
}
