/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the policy share: backups in their order, with what each
 * step finds out about them. doubt says whose time counts, slots who fills
 * what, reasons puts it into words; limits and future do all of it day by day.
 */
#ifndef RETENTION_POLICY_IMPL_H
#define RETENTION_POLICY_IMPL_H

#include "retention/policy.h"

/* What becomes of a backup at one kind of slot. */
enum policy_lot {
	LOT_NONE,  /* there are no such slots, or it doesn't count */
	LOT_FILLS, /* it keeps its period */
	LOT_TAKEN, /* another backup keeps it */
	LOT_HELD,  /* a finer slot keeps one of that period */
	LOT_YOUNG, /* none of that period is older than what is kept */
	LOT_PAST   /* the slots went to newer periods */
};

struct policy_item {
	const struct policy_backup *b;
	size_t at; /* in the caller's array */
	struct zone_time local;
	bool counts, is_doubtful, goes; /* goes: while pruning */
	/* The backup that shows it, where there is one. */
	const struct policy_backup *shown_by;
	/* By enum policy_slot. */
	enum policy_lot lot[POLICY_SLOTS];
	unsigned rank[POLICY_SLOTS];
	const struct policy_backup *taker[POLICY_SLOTS];
};

/* Newest first, by "started" (two of one second by number). Points into the
 * caller's backups. */
struct policy_items {
	size_t n;
	struct policy_item *v; /* owned */
};

/* All backups of a branch, with their doubts. */
struct policy_items policy_items_of(
    const struct policy *p, const struct policy_backup *b, size_t n);
void policy_items_free(struct policy_items *items); /* also a SCOPED releaser */

/* Puts one among the others; there is room for it. */
void policy_insert(struct policy_items *items, const struct policy_item *item);

/* Whose time breaks the rule of DESIGN 3.7. Items may stand in any order. */
void policy_mark_doubt(struct policy_items *items);

/* Who fills which slot: all lots, ranks and takers. O(n log n). */
void policy_fill_slots(const struct policy *p, struct policy_items *items);
static inline bool
policy_fills(const struct policy_item *i, enum policy_slot slot)
{
	return (i->lot[slot] == LOT_FILLS);
}
/* How many of them there are. */
unsigned policy_slot_count(const struct keep *k, enum policy_slot slot);

/* The moment some seconds after another; INT64_MAX when there is none. */
int64_t policy_later(int64_t when, uint64_t seconds);

/* Who stays at a moment. Good until the items change. */
struct policy_scene {
	const struct policy *p;
	int64_t now;
	const struct policy_item *newest; /* that counts, or NULL */
	const struct policy_item *last;	  /* the newest whole one, where none
					     counts */
};
/* Fills the slots. Doubts stay as they are, whichever others are gone by now.
 */
struct policy_scene policy_look(
    const struct policy *p, struct policy_items *items, int64_t now);
/* Of one item: all of the verdict but the words, which stay empty. */
void policy_verdict(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out);
/* The words: period and reason, of a verdict that is known. */
void policy_say(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out);
/* How long a backup that fills no slot lives. */
int64_t policy_end_of_life(
    const struct policy *p, const struct policy_backup *b);

/* Takes those out that go at a moment, telling gone (may be NULL) of each. */
void policy_prune(const struct policy *p, struct policy_items *items,
    int64_t now, void (*gone)(const struct policy_item *i, void *arg),
    void *arg);

/* "2026-11-22", "2026-W47": what a slot of that kind stands for. */
void policy_period_text(enum policy_slot slot, const struct zone_time *t,
    char out[POLICY_PERIOD_TEXT]);

#endif
