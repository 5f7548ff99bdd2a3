/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule: backups flow in, are put in order, doubted, and given slots; what
 * each of them is worth at a moment flows out. The steps are in policy_doubt.c
 * and policy_slots.c, the words in policy_reason.c.
 */
#include "retention/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "retention/policy_impl.h"

/* --- backups and their types --------------------------------------------- */

/* The types that fill no slot, and how long they are kept. */
static const struct lifetime {
	const char *type;
	size_t offset; /* in a struct policy */
} lifetimes[] = {
	{ "manual", offsetof(struct policy, keep_manual_s) },
	{ "update", offsetof(struct policy, keep_update_s) },
	{ "pre-restore", offsetof(struct policy, keep_pre_restore_s) },
	{ "pre-upgrade", offsetof(struct policy, keep_pre_upgrade_s) },
};
#define LIFETIMES (sizeof(lifetimes) / sizeof(lifetimes[0]))

/* NULL for a scheduled one. */
static const struct lifetime *
lifetime_of(const struct policy_backup *b)
{
	for (size_t i = 0; i < LIFETIMES; i++)
		if (strcmp(b->type, lifetimes[i].type) == 0)
			return (&lifetimes[i]);
	return (NULL);
}

int64_t
policy_later(int64_t when, uint64_t seconds)
{
	/* The sum of the two is less than INT64_MAX, or there is none. */
	if (seconds > INT64_MAX ||
	    (when > 0 && (int64_t)seconds > INT64_MAX - when))
		return (INT64_MAX);
	return (when + (int64_t)seconds);
}

int64_t
policy_end_of_life(const struct policy *p, const struct policy_backup *b)
{
	const struct lifetime *of = lifetime_of(b);
	uint64_t seconds = p->keep_manual_s; /* of incomplete ones */

	if (b->is_whole && of != NULL)
		memcpy(&seconds, (const char *)p + of->offset, sizeof(seconds));
	return (policy_later(b->started, seconds));
}

static int
newest_first(const void *left, const void *right)
{
	const struct policy_backup *a = ((const struct policy_item *)left)->b;
	const struct policy_backup *b = ((const struct policy_item *)right)->b;

	if (a->started != b->started)
		return (a->started < b->started ? 1 : -1);
	if (a->sequence != b->sequence)
		return (a->sequence < b->sequence ? 1 : -1);
	return (strcmp(b->id, a->id));
}

struct policy_items
policy_items_of(const struct policy *p, const struct policy_backup *b, size_t n)
{
	struct policy_items items = { n, mem_array(n, sizeof(*items.v)) };

	for (size_t i = 0; i < n; i++) {
		items.v[i].b = &b[i];
		items.v[i].at = i;
		zone_local(p->zone, b[i].started, &items.v[i].local);
	}
	if (n > 0)
		qsort(items.v, n, sizeof(*items.v), newest_first);
	policy_mark_doubt(&items);
	for (size_t i = 0; i < n; i++)
		items.v[i].counts = items.v[i].b->is_whole &&
		    !items.v[i].b->is_pending && !items.v[i].is_doubtful &&
		    lifetime_of(items.v[i].b) == NULL;
	return (items);
}

void
policy_items_free(struct policy_items *items)
{
	free(items->v);
	items->v = NULL;
	items->n = 0;
}

void
policy_insert(struct policy_items *items, const struct policy_item *item)
{
	size_t at = 0;

	while (at < items->n && newest_first(&items->v[at], item) < 0)
		at++;
	memmove(items->v + at + 1, items->v + at,
	    (items->n - at) * sizeof(*items->v));
	items->v[at] = *item;
	items->n++;
}

/* --- who stays ----------------------------------------------------------- */

struct policy_scene
policy_look(const struct policy *p, struct policy_items *items, int64_t now)
{
	struct policy_scene s = { .p = p, .now = now };

	policy_fill_slots(p, items);
	for (size_t i = items->n; i-- > 0;) {
		const struct policy_item *item = &items->v[i];

		if (item->counts)
			s.newest = item;
		else if (item->b->is_whole && !item->b->is_pending &&
		    !item->is_doubtful)
			s.last = item;
	}
	if (s.newest != NULL)
		s.last = NULL;
	return (s);
}

/* Of the slots that it fills, the one that keeps it longest. */
static enum policy_slot
slot_of(const struct policy_item *i)
{
	enum policy_slot slot = POLICY_YEARLY;

	while (slot != POLICY_NO_SLOT && !policy_fills(i, slot))
		slot--;
	return (slot);
}

static void
judge_counting(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out)
{
	int64_t end = policy_later(i->b->started, s->p->keep_within_s);

	out->slot = slot_of(i);
	out->rank = i->rank[out->slot];
	if (out->slot != POLICY_NO_SLOT) {
		out->is_chosen = true;
		out->until = POLICY_FOREVER;
	} else if (s->p->keep_within_s > 0 && end > s->now) {
		out->is_chosen = true;
		out->until = end;
	}
}

/* A good backup that is newer lets an incomplete one go, and time. */
static void
judge_incomplete(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out)
{
	bool has_newer = s->newest != NULL && s->newest < i;
	int64_t end = policy_end_of_life(s->p, i->b);

	out->is_chosen = !has_newer || end > s->now;
	out->until = has_newer ? end : POLICY_FOREVER;
}

static void
judge_unscheduled(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out)
{
	out->until = policy_end_of_life(s->p, i->b);
	out->is_chosen = out->until > s->now;
}

/* Whatever the rule says, this one stays. */
static void
hold(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out)
{
	int64_t locked_until = i->b->locked_until;

	out->keeps = out->is_chosen;
	if (i->is_doubtful || i->b->is_pending || i == s->newest ||
	    i == s->last || i->b->is_pinned) {
		out->keeps = true;
		out->until = POLICY_FOREVER;
	} else if (locked_until > s->now) {
		if (!out->keeps || out->until < locked_until)
			out->until = locked_until;
		out->keeps = true;
	}
}

void
policy_verdict(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out)
{
	memset(out, 0, sizeof(*out));
	out->counts = i->counts;
	out->is_doubtful = i->is_doubtful;
	out->until = s->now;
	if (i->counts)
		judge_counting(s, i, out);
	else if (i->b->is_pending)
		out->is_chosen = true;
	else if (!i->is_doubtful && !i->b->is_whole)
		judge_incomplete(s, i, out);
	else if (!i->is_doubtful)
		judge_unscheduled(s, i, out);
	hold(s, i, out);
}

void
policy_prune(const struct policy *p, struct policy_items *items, int64_t now,
    void (*gone)(const struct policy_item *i, void *arg), void *arg)
{
	struct policy_scene scene = policy_look(p, items, now);
	struct policy_verdict verdict;
	size_t kept = 0;

	/* The scene knows items by their place: all are judged before any
	 * takes another's. */
	for (size_t i = 0; i < items->n; i++) {
		policy_verdict(&scene, &items->v[i], &verdict);
		items->v[i].goes = !verdict.keeps;
	}
	for (size_t i = 0; i < items->n; i++)
		if (!items->v[i].goes)
			items->v[kept++] = items->v[i];
		else if (gone != NULL)
			gone(&items->v[i], arg);
	items->n = kept;
}

void
policy_judge(const struct policy *p, const struct policy_backup *b, size_t n,
    int64_t now, struct policy_verdict *out)
{
	SCOPED(policy_items_free)
	struct policy_items items = policy_items_of(p, b, n);
	struct policy_scene scene = policy_look(p, &items, now);

	for (size_t i = 0; i < n; i++) {
		struct policy_verdict *v = &out[items.v[i].at];

		policy_verdict(&scene, &items.v[i], v);
		policy_say(&scene, &items.v[i], v);
	}
}
