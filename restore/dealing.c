/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the archive's list flow in, deals flow out. Each item has the
 * tables that it locks, by the numbers of their entries: a CREATE INDEX shares
 * its table, a key wants it alone, a foreign key wants both its tables, with
 * all their partitions, alone. Whatever we don't understand wants the whole
 * database alone, and goes when nothing else can. What always holds: two deals
 * that are out at the same time have no lock in common that both could wait
 * for, and everything that an item needs was done before, or stands before it
 * in the same deal.
 */
#include "restore/dealing.h"

#include <stdlib.h>
#include <string.h>

#define LOCKS_MAX  4
#define BATCH_COST ((uint64_t)32 << 20) /* bytes of tables, a deal */
#define LEAST_COST ((uint64_t)256 << 10)

enum state { WAITING, OUT, DONE };

struct lock {
	int table; /* an entry's number */
	int group; /* of partitions and heirs */
	bool alone;
	bool whole_group;
};

struct item {
	size_t entry;
	enum state state;
	bool database; /* wants everything alone */
	size_t nlocks;
	struct lock locks[LOCKS_MAX];
	uint64_t cost;
};

/* What the deals that are out hold of one table, and of one group. */
struct held {
	unsigned any, alone;		 /* the table */
	unsigned group_any, group_whole; /* the group; whole: alone */
};

struct dealing {
	const struct toc *l;
	size_t n;
	struct item *items; /* in the archive's order */
	size_t *by_cost;    /* items, dearest first, whole-database ones last */
	size_t *item_of;    /* by entry: item + 1, or 0 */
	size_t out;	    /* items that are out */
	bool database_out;
	int *group_of;	   /* by entry's number */
	struct held *held; /* by entry's number: of tables, and of groups */
};

bool
dealing_is_later(const struct toc_entry *a)
{
	return (toc_entry_is(a, "MATERIALIZED VIEW DATA") ||
	    toc_entry_is(a, "EVENT TRIGGER") || toc_entry_is(a, "ACL") ||
	    toc_entry_is(a, "DEFAULT ACL") ||
	    (toc_entry_is(a, "COMMENT") &&
		strncmp(a->what, "- EVENT TRIGGER ", 16) == 0));
}

/* --- tables and their groups --- */

static bool
is_table(const struct toc_entry *a)
{
	return (a != NULL &&
	    (toc_entry_is(a, "TABLE") || toc_entry_is(a, "FOREIGN TABLE") ||
		toc_entry_is(a, "MATERIALIZED VIEW") ||
		toc_entry_is(a, "VIEW")));
}

static int
group_of(struct dealing *d, int table)
{
	int at = table;

	while (d->group_of[at] != at)
		at = d->group_of[at] = d->group_of[d->group_of[at]];
	return (at);
}

/* A table that needs tables is their heir; TABLE ATTACH needs a partition and
 * its parent. All of them are one group. */
static void
find_groups(struct dealing *d)
{
	const struct toc_entry *a;
	size_t i, j;
	int first;

	d->group_of = mem_array(d->l->nplaces + 1, sizeof(int));
	d->held = mem_array(d->l->nplaces + 1, sizeof(*d->held));
	for (i = 0; i < d->l->nplaces; i++)
		d->group_of[i] = (int)i;
	for (i = 0; i < d->l->n; i++) {
		a = &d->l->v[i];
		if (!toc_entry_is(a, "TABLE") &&
		    !toc_entry_is(a, "TABLE ATTACH"))
			continue;
		first = toc_entry_is(a, "TABLE") ? a->id : -1;
		for (j = 0; j < a->nneeds; j++) {
			if (!is_table(toc_find(d->l, a->needs[j])))
				continue;
			if (first < 0)
				first = a->needs[j];
			d->group_of[group_of(d, a->needs[j])] = group_of(
			    d, first);
		}
	}
}

/* --- items --- */

static bool
has_lock(const struct item *it, int table)
{
	size_t i;

	for (i = 0; i < it->nlocks; i++)
		if (it->locks[i].table == table)
			return (true);
	return (false);
}

/* The tables that an entry needs become its locks. */
static void
find_locks(struct dealing *d, struct item *it, bool alone, bool whole_group)
{
	const struct toc_entry *a = &d->l->v[it->entry];
	size_t i;

	for (i = 0; i < a->nneeds; i++) {
		if (!is_table(toc_find(d->l, a->needs[i])) ||
		    has_lock(it, a->needs[i]))
			continue;
		if (it->nlocks == LOCKS_MAX) {
			it->database = true;
			return;
		}
		it->locks[it->nlocks++] = (struct lock){
			.table = a->needs[i],
			.group = group_of(d, a->needs[i]),
			.alone = alone,
			.whole_group = whole_group,
		};
	}
	if (it->nlocks == 0)
		it->database = true;
}

static void
find_cost(struct dealing *d, struct item *it,
    uint64_t (*bytes)(uint32_t oid, void *arg), void *arg)
{
	const struct toc_entry *table;
	size_t i;

	it->cost = LEAST_COST;
	for (i = 0; i < it->nlocks; i++) {
		table = toc_find(d->l, it->locks[i].table);
		it->cost += bytes(table->oid, arg);
	}
}

/* An entry as an item: what it locks, and how. */
static void
add_item(struct dealing *d, size_t entry,
    uint64_t (*bytes)(uint32_t oid, void *arg), void *arg)
{
	const struct toc_entry *a = &d->l->v[entry];
	struct item *it = &d->items[d->n++];

	it->entry = entry;
	d->item_of[entry] = d->n;
	if (toc_entry_is(a, "INDEX"))
		find_locks(d, it, false, false);
	else if (toc_entry_is(a, "CONSTRAINT") ||
	    toc_entry_is(a, "CHECK CONSTRAINT"))
		find_locks(d, it, true, false);
	else if (toc_entry_is(a, "FK CONSTRAINT"))
		find_locks(d, it, true, true);
	else
		it->database = true;
	find_cost(d, it, bytes, arg);
}

struct by_cost {
	bool database;
	uint64_t cost;
	size_t item;
};

static int
dearest_first(const void *pa, const void *pb)
{
	const struct by_cost *a = pa, *b = pb;

	if (a->database != b->database)
		return (a->database ? 1 : -1);
	if (!a->database && a->cost != b->cost)
		return (a->cost > b->cost ? -1 : 1);
	return (a->item < b->item ? -1 : a->item > b->item);
}

static void
sort_items(struct dealing *d)
{
	SCOPED(scope_free)
	struct by_cost *order = mem_array(d->n + 1, sizeof(*order));
	size_t i;

	for (i = 0; i < d->n; i++)
		order[i] = (struct by_cost){ d->items[i].database,
			d->items[i].cost, i };
	if (d->n > 0)
		qsort(order, d->n, sizeof(*order), dearest_first);
	d->by_cost = mem_array(d->n + 1, sizeof(*d->by_cost));
	for (i = 0; i < d->n; i++)
		d->by_cost[i] = order[i].item;
}

struct dealing *
dealing_new(
    const struct toc *l, uint64_t (*bytes)(uint32_t oid, void *arg), void *arg)
{
	struct dealing *d = mem_new(sizeof(*d));
	size_t i;

	d->l = l;
	d->items = mem_array(l->n + 1, sizeof(*d->items));
	d->item_of = mem_array(l->n + 1, sizeof(*d->item_of));
	find_groups(d);
	for (i = 0; i < l->n; i++)
		if (l->v[i].section == TOC_POST && !l->v[i].left_out &&
		    !dealing_is_later(&l->v[i]))
			add_item(d, i, bytes, arg);
	sort_items(d);
	return (d);
}

void
dealing_free(struct dealing *d)
{
	if (d == NULL)
		return;
	free(d->items);
	free(d->by_cost);
	free(d->item_of);
	free(d->group_of);
	free(d->held);
	free(d);
}

void
dealing_freep(struct dealing **d)
{
	dealing_free(*d);
}

/* --- dealing --- */

static bool
is_in_deal(const struct deal *out, size_t item)
{
	size_t i;

	for (i = 0; i < out->n; i++)
		if (out->items[i] == item)
			return (true);
	return (false);
}

/* Everything it needs is done, or stands before it in this deal? */
static bool
is_ready(const struct dealing *d, const struct item *it, const struct deal *out)
{
	const struct toc_entry *a = &d->l->v[it->entry], *need;
	size_t i, item;

	for (i = 0; i < a->nneeds; i++) {
		need = toc_find(d->l, a->needs[i]);
		if (need == NULL)
			continue;
		item = d->item_of[need - d->l->v];
		if (item != 0 && d->items[item - 1].state != DONE &&
		    !is_in_deal(out, item - 1))
			return (false);
	}
	return (true);
}

/* Would one of its locks wait for, or keep waiting, one of another deal? */
static bool
is_free(const struct dealing *d, const struct item *it)
{
	const struct lock *lock;
	size_t i;

	if (d->out == 0)
		return (true);
	if (it->database || d->database_out)
		return (false);
	for (i = 0; i < it->nlocks; i++) {
		lock = &it->locks[i];
		if (d->held[lock->group].group_whole > 0 ||
		    d->held[lock->table].alone > 0 ||
		    (lock->alone && d->held[lock->table].any > 0) ||
		    (lock->whole_group && d->held[lock->group].group_any > 0))
			return (false);
	}
	return (true);
}

/* A deal goes out, or comes back. */
static void
hold(struct dealing *d, const struct deal *deal, bool out)
{
	const struct item *it;
	const struct lock *lock;
	unsigned one = out ? 1U : -1U;
	size_t i, j;

	for (i = 0; i < deal->n; i++) {
		it = &d->items[deal->items[i]];
		for (j = 0; j < it->nlocks; j++) {
			lock = &it->locks[j];
			d->held[lock->table].any += one;
			d->held[lock->table].alone += lock->alone ? one : 0;
			d->held[lock->group].group_any += one;
			d->held[lock->group].group_whole += lock->whole_group
			    ? one
			    : 0;
		}
		if (it->database)
			d->database_out = out;
	}
	d->out += out ? deal->n : (size_t)0 - deal->n;
}

static void
give(struct dealing *d, size_t item, struct deal *out)
{
	struct item *it = &d->items[item];

	it->state = OUT;
	out->entries[out->n] = it->entry;
	out->items[out->n++] = item;
	out->cost += it->cost;
}

enum dealing_answer
dealing_next(struct dealing *d, struct deal *out)
{
	bool waiting = false;
	struct item *it;
	size_t i;

	*out = (struct deal){ .n = 0 };
	for (i = 0; i < d->n && out->n < DEALING_BATCH; i++) {
		it = &d->items[d->by_cost[i]];
		if (it->state != WAITING)
			continue;
		waiting = true;
		if (out->n > 0 && out->cost + it->cost > BATCH_COST)
			continue;
		/* Whole-database items come last, and only when no other item
		 * could go first. */
		if (it->database && out->n > 0 &&
		    !d->items[out->items[0]].database)
			break;
		if (is_ready(d, it, out) && is_free(d, it))
			give(d, d->by_cost[i], out);
	}
	/* Needs in a ring would wait for ever: the archive's order decides. */
	for (i = 0; i < d->n && out->n == 0 && waiting && d->out == 0; i++)
		if (d->items[i].state == WAITING)
			give(d, i, out);
	hold(d, out, true);
	if (out->n > 0)
		return (DEALING_GIVEN);
	return (waiting ? DEALING_WAIT : DEALING_END);
}

void
dealing_done(struct dealing *d, const struct deal *deal)
{
	size_t i;

	for (i = 0; i < deal->n; i++)
		d->items[deal->items[i]].state = DONE;
	hold(d, deal, false);
}
