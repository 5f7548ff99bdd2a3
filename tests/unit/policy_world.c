/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups at known times, judged and pruned.
 */
#include "tests/unit/policy_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int64_t
world_at(const char *text)
{
	char whole[CLOCK_TEXT];
	int64_t when;

	(void)snprintf(whole, sizeof(whole), "%s%sZ", text,
	    strlen(text) == 10 ? "T02:30:00" : ":00");
	if (!clock_parse(whole, &when))
		fail_msg("no time: %s", text);
	return (when);
}

void
world_keep(struct world *w, const char *keep)
{
	assert_true(keep_parse(keep, &w->p.keep));
}

void
world_be_in(struct world *w, const char *zone)
{
	struct err e = ERR_INIT;

	zone_free(w->zone);
	w->zone = zone_open(zone, &e);
	if (w->zone == NULL)
		fail_msg("%s", e.text);
	w->p.zone = w->zone;
}

int
world_setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));

	*state = w;
	world_be_in(w, "UTC");
	world_keep(w, KEEP_DEFAULT);
	w->p.keep_manual_s = (uint64_t)(7 * WORLD_DAY);
	w->p.keep_update_s = (uint64_t)(30 * WORLD_DAY);
	w->p.keep_pre_restore_s = (uint64_t)(31 * WORLD_DAY);
	w->p.keep_pre_upgrade_s = (uint64_t)(90 * WORLD_DAY);
	return (0);
}

int
world_teardown(void **state)
{
	struct world *w = *state;

	zone_free(w->zone);
	free(w);
	return (0);
}

struct policy_backup *
world_add_at(struct world *w, int64_t started, const char *type)
{
	struct policy_backup *b = &w->b[w->n];
	char stamp[CLOCK_TEXT];

	assert_true(w->n < WORLD_MOST);
	w->n++;
	memset(b, 0, sizeof(*b));
	clock_stamp(started, stamp);
	(void)snprintf(b->type, sizeof(b->type), "%s", type);
	b->is_whole = true;
	b->started = started;
	b->received = started + 60;
	b->sequence = ++w->made;
	(void)snprintf(
	    b->id, sizeof(b->id), "%.16s-%08x", stamp, (unsigned)b->sequence);
	return (b);
}

struct policy_backup *
world_add(struct world *w, const char *started, const char *type)
{
	return (world_add_at(w, world_at(started), type));
}

void
world_add_days(struct world *w, const char *first, size_t days)
{
	for (size_t i = 0; i < days; i++)
		(void)world_add_at(
		    w, world_at(first) + (int64_t)i * WORLD_DAY, "daily");
}

void
world_judge(struct world *w, const char *now)
{
	policy_judge(&w->p, w->b, w->n, world_at(now), w->v);
	for (size_t i = 0; i < w->n; i++)
		assert_true(w->v[i].reason[0] != '\0');
}

void
world_prune(struct world *w, int64_t now)
{
	size_t kept = 0;

	policy_judge(&w->p, w->b, w->n, now, w->v);
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].keeps)
			w->b[kept++] = w->b[i];
	w->n = kept;
}
