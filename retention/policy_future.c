/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backups of today flow in, those of a later day flow out: one more each
 * day, at the time of day of the newest, and a prune after each. The rule
 * depends on what earlier prunes left, so no day can be left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/scope.h"
#include "retention/policy_impl.h"

#define DAYS_MOST 20000
#define EXPECTED  "-expected"

/* Items point into backups: these never move. */
struct course {
	const struct policy *p;
	struct policy_backup *backups; /* owned */
	size_t nbackups, room;
	uint64_t sequence; /* the highest */
	struct policy_items items;
};

static void
course_free(struct course *c)
{
	free(c->backups);
	policy_items_free(&c->items);
}

static struct course
course_begin(const struct policy *p, const struct policy_backup *b, size_t n,
    size_t expected)
{
	struct course c = { .p = p, .nbackups = n, .room = n + expected };

	c.backups = mem_array(c.room, sizeof(*c.backups));
	if (n > 0)
		memcpy(c.backups, b, n * sizeof(*b));
	c.items = policy_items_of(p, c.backups, n);
	c.items.v = mem_grow(c.items.v, c.room, sizeof(*c.items.v));
	for (size_t i = 0; i < n; i++)
		if (b[i].sequence > c.sequence)
			c.sequence = b[i].sequence;
	return (c);
}

/* A backup that counts, made then. */
static void
expect(struct course *c, int64_t when)
{
	struct policy_backup *b = &c->backups[c->nbackups];
	struct policy_item item = { .b = b, .at = c->nbackups, .counts = true };
	char stamp[CLOCK_TEXT];

	clock_stamp(when, stamp);
	(void)snprintf(b->id, sizeof(b->id), "%.16s" EXPECTED, stamp);
	(void)snprintf(b->type, sizeof(b->type), "daily");
	b->is_whole = true;
	b->started = when;
	b->received = when;
	b->sequence = ++c->sequence;
	zone_local(c->p->zone, when, &item.local);
	policy_insert(&c->items, &item);
	c->nbackups++;
}

/* From the first expected one after now and after the newest, until at. */
static void
go_on(struct course *c, int64_t now, int64_t at)
{
	const struct policy_item *newest = policy_look(c->p, &c->items, now)
					       .newest;
	struct zone_time clock, first;
	int64_t since, when, day;

	if (newest == NULL)
		return;
	clock = newest->local;
	since = newest->b->started > now ? newest->b->started : now;
	zone_local(c->p->zone, since, &first);
	for (day = 0; day < DAYS_MOST + 3 && c->nbackups < c->room; day++) {
		when = zone_moment(c->p->zone, first.day_number + day,
		    clock.hour, clock.minute);
		if (when > at)
			return;
		if (when <= since)
			continue;
		expect(c, when);
		policy_prune(c->p, &c->items, when, NULL, NULL);
	}
}

static void
hand_out(struct course *c, int64_t at, struct policy_future *out)
{
	struct policy_scene scene = policy_look(c->p, &c->items, at);

	out->n = c->items.n;
	out->b = mem_array(out->n, sizeof(*out->b));
	out->verdicts = mem_array(out->n, sizeof(*out->verdicts));
	for (size_t i = 0; i < out->n; i++) {
		const struct policy_item *item = &c->items.v[out->n - 1 - i];

		out->b[i] = *item->b;
		policy_verdict(&scene, item, &out->verdicts[i]);
		policy_say(&scene, item, &out->verdicts[i]);
	}
}

bool
policy_at(const struct policy *p, const struct policy_backup *b, size_t n,
    int64_t now, int64_t at, struct policy_future *out)
{
	SCOPED(course_free) struct course c = { .p = p };
	uint64_t days;

	*out = (struct policy_future){ .n = 0 };
	if (at < now)
		return (false);
	days = ((uint64_t)at - (uint64_t)now) / (uint64_t)CIVIL_DAY_S;
	if (days > DAYS_MOST)
		return (false);
	/* Days are 23 hours long now and then, and both ends may have one. */
	c = course_begin(p, b, n, (size_t)days + days / 16 + 3);
	policy_prune(p, &c.items, now, NULL, NULL);
	go_on(&c, now, at);
	policy_prune(p, &c.items, at, NULL, NULL);
	hand_out(&c, at, out);
	return (true);
}

void
policy_future_free(struct policy_future *f)
{
	free(f->b);
	free(f->verdicts);
	*f = (struct policy_future){ .n = 0 };
}
