/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose time can be believed (DESIGN 3.7): each backup, in the order in which
 * they were made, has to begin later than the newest before it that does so
 * itself, and not after it was received. What is dated back or ahead, by a
 * clock or by a thief of keys, then fills no slot of another.
 */
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "retention/policy_impl.h"

/* As catalog_read has it: by number, two writers' by their times. */
static int
oldest_made_first(const void *left, const void *right)
{
	const struct policy_backup *a = (*(struct policy_item *const *)left)->b;
	const struct policy_backup *b = (*(struct policy_item *const *)right)
					    ->b;

	if (a->sequence != b->sequence)
		return (a->sequence < b->sequence ? -1 : 1);
	if (a->started != b->started)
		return (a->started < b->started ? -1 : 1);
	return (strcmp(a->id, b->id));
}

/* good: the newest before it whose time is believed, or NULL. */
static void
doubt(struct policy_item *i, const struct policy_backup *good)
{
	const struct policy_backup *b = i->b;

	i->shown_by = NULL;
	if (good != NULL && b->started <= good->started)
		i->shown_by = good;
	i->is_doubtful = i->shown_by != NULL ||
	    b->started > policy_later(b->received, POLICY_LATE_S) ||
	    (b->not_before != 0 && b->started <= b->not_before);
}

void
policy_mark_doubt(struct policy_items *items)
{
	SCOPED(scope_free)
	struct policy_item **order = mem_array(items->n, sizeof(*order));
	const struct policy_backup *good = NULL;

	for (size_t i = 0; i < items->n; i++)
		order[i] = &items->v[i];
	if (items->n > 0)
		qsort(order, items->n, sizeof(*order), oldest_made_first);
	for (size_t i = 0; i < items->n; i++) {
		doubt(order[i], good);
		if (!order[i]->is_doubtful)
			good = order[i]->b;
	}
}
