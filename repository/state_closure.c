/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closures of local state: a manifest's number flows in, the index objects and
 * packs that it needs flow out.
 */
#include <stdlib.h>

#include "repository/number_bits.h"
#include "repository/state_backups.h"
#include "repository/state_impl.h"

static int
get_closure(
    struct state_txn *t, uint64_t manifest, struct bytes *v, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	bool found;

	state_number_key(manifest, key);
	if (state_db_get(t, DB_CLOSURES, key, sizeof(key), v, &found, e) < 0)
		return (-1);
	return (found ? 0 : state_damaged(e, "a manifest without closure"));
}

/* What a closure needs of one index object. */
struct need {
	uint64_t index;
	struct bytes packs; /* its packs' numbers */
	bool is_read;	    /* packs are known */
	const uint8_t *bitmap;
	size_t bitmap_bytes;
};

static int
next_need(struct state_txn *t, struct bytes *closure, struct need *need,
    struct err *e)
{
	uint8_t key[NUMBER_KEY];

	need->index = bytes_u64(closure);
	need->bitmap_bytes = bytes_u32(closure);
	need->bitmap = bytes_take(closure, need->bitmap_bytes);
	if (closure->bad)
		return (state_damaged(e, "a closure"));
	state_number_key(need->index, key);
	return (state_db_get(
	    t, DB_INDEXES, key, sizeof(key), &need->packs, &need->is_read, e));
}

/* The next pack that is used, 0 at the end. *place moves along. */
static uint64_t
next_used(struct need *need, size_t *place)
{
	while (need->is_read && need->packs.n >= sizeof(uint64_t)) {
		uint64_t pack = bytes_u64(&need->packs);
		size_t i = (*place)++;

		if (i / 8 < need->bitmap_bytes &&
		    (need->bitmap[i / 8] >> (i % 8) & 1) != 0)
			return (pack);
	}
	return (0);
}

/* Does the bitmap speak of packs that the index does not have? */
static bool
asks_for_more(const struct need *need, size_t npacks)
{
	for (size_t i = npacks; i < need->bitmap_bytes * 8; i++)
		if ((need->bitmap[i / 8] >> (i % 8) & 1) != 0)
			return (true);
	return (false);
}

static int
count_missing(struct state_txn *t, uint64_t number, uint32_t bit,
    uint64_t *missing, struct err *e)
{
	struct state_object o;

	if (state_object_must(t, number, &o, e) < 0)
		return (-1);
	*missing += (o.confirmed & bit) == 0;
	return (0);
}

int
state_closure_missing(struct state *s, uint64_t manifest, uint8_t endpoint,
    uint64_t *missing, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint32_t bit = (uint32_t)1 << endpoint;
	struct bytes closure = bytes_of(NULL, 0);

	*missing = 0;
	if (state_read(s, &t, e) < 0 ||
	    get_closure(&t, manifest, &closure, e) < 0)
		return (-1);
	while (closure.n > 0) {
		struct need need = { .index = 0 };
		size_t place = 0;
		uint64_t pack;

		if (next_need(&t, &closure, &need, e) < 0 ||
		    count_missing(&t, need.index, bit, missing, e) < 0)
			return (-1);
		if (!need.is_read ||
		    asks_for_more(&need, need.packs.n / sizeof(uint64_t)))
			(*missing)++;
		while ((pack = next_used(&need, &place)) != 0)
			if (count_missing(&t, pack, bit, missing, e) < 0)
				return (-1);
	}
	return (0);
}

struct numbers {
	uint64_t *v;
	size_t n, cap;
};

static void
add_number(struct numbers *l, uint64_t number)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->v = mem_grow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = number;
}

static int
gather_packs(
    struct state_txn *t, struct bytes closure, struct numbers *l, struct err *e)
{
	while (closure.n > 0) {
		struct need need = { .index = 0 };
		size_t place = 0;
		uint64_t pack;

		if (next_need(t, &closure, &need, e) < 0)
			return (-1);
		while ((pack = next_used(&need, &place)) != 0)
			add_number(l, pack);
	}
	return (0);
}

static int
gather_closure(
    struct state *s, uint64_t manifest, struct numbers *l, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct bytes closure = bytes_of(NULL, 0), indexes;

	if (state_read(s, &t, e) < 0 ||
	    get_closure(&t, manifest, &closure, e) < 0)
		return (-1);
	for (indexes = closure; indexes.n > 0;) {
		struct need need = { .index = 0 };

		if (next_need(&t, &indexes, &need, e) < 0)
			return (-1);
		add_number(l, need.index);
	}
	return (gather_packs(&t, closure, l, e));
}

/* One may have gone since, with its backup. */
static int
get_one(struct state *s, uint64_t number, struct state_object *o, bool *found,
    struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	return (state_read(s, &t, e) < 0
		? -1
		: state_object_get(&t, number, o, found, e));
}

int
state_closure_each(struct state *s, uint64_t manifest,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct numbers l = { .v = NULL };
	SCOPED(scope_free) uint64_t *v = NULL;
	int failed = gather_closure(s, manifest, &l, e);

	v = l.v;
	if (failed < 0)
		return (-1);
	for (size_t i = 0; i < l.n; i++) {
		struct state_object o;
		bool found;
		int answer;

		if (get_one(s, v[i], &o, &found, e) < 0)
			return (-1);
		if (found && (answer = each(&o, arg, e)) != 0)
			return (answer);
	}
	return (0);
}

/* --- for the sweep and for claims --- */

int
state_closure_mark(struct state_txn *t, uint64_t manifest,
    struct number_bits *into, bool *is_whole, struct err *e)
{
	struct bytes closure = bytes_of(NULL, 0);

	if (get_closure(t, manifest, &closure, e) < 0)
		return (-1);
	while (closure.n > 0) {
		struct need need = { .index = 0 };
		size_t place = 0;
		uint64_t pack;

		if (next_need(t, &closure, &need, e) < 0)
			return (-1);
		number_bits_set(into, need.index);
		if (!need.is_read ||
		    asks_for_more(&need, need.packs.n / sizeof(uint64_t)))
			*is_whole = false;
		while ((pack = next_used(&need, &place)) != 0)
			number_bits_set(into, pack);
	}
	return (0);
}
