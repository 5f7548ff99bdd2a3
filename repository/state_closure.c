/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closures of local state: a manifest's number flows in, the index objects and
 * packs that it needs flow out. Where a repack has written a pack anew, its
 * index object and the new packs stand for it: as soon as all endpoints have
 * them they alone are needed, until then the old one is, too.
 */
#include <stdlib.h>
#include <string.h>

#include "repository/number_bits.h"
#include "repository/state_backups.h"
#include "repository/state_impl.h"

#define REPLACED_DEPTH 16 /* a replacement may have been replaced itself */

/* --- a manifest's index objects and packs ----------------------------------
 */

struct closure {
	struct state_txn *t;
	char backup[BACKUP_ID_TEXT];
	struct bytes rest; /* of the entry: index:u64 bitmap-bytes:u32 bitmap */
};

/* What a closure needs of one index object. */
struct need {
	uint64_t index;
	struct bytes packs; /* its packs' numbers */
	bool is_read;	    /* packs are known */
	const uint8_t *bitmap;
	size_t bitmap_bytes;
};

static int
closure_open(
    struct closure *c, struct state_txn *t, uint64_t manifest, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct state_object o;
	const char *slash;
	bool found;

	*c = (struct closure){ .t = t };
	if (state_object_must(t, manifest, &o, e) < 0)
		return (-1);
	slash = strchr(o.name, '/');
	if (slash == NULL || strlen(slash + 1) >= sizeof(c->backup))
		return (state_damaged(e, "a manifest's name"));
	memcpy(c->backup, slash + 1, strlen(slash + 1) + 1);
	state_number_key(manifest, key);
	if (state_db_get(
		t, DB_CLOSURES, key, sizeof(key), &c->rest, &found, e) < 0)
		return (-1);
	return (found ? 0 : state_damaged(e, "a manifest without closure"));
}

static int
closure_next(struct closure *c, struct need *need, struct err *e)
{
	uint8_t key[NUMBER_KEY];

	need->index = bytes_u64(&c->rest);
	need->bitmap_bytes = bytes_u32(&c->rest);
	need->bitmap = bytes_take(&c->rest, need->bitmap_bytes);
	if (c->rest.bad)
		return (state_damaged(e, "a closure"));
	state_number_key(need->index, key);
	return (state_db_get(c->t, DB_INDEXES, key, sizeof(key), &need->packs,
	    &need->is_read, e));
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

static bool
is_whole(const struct need *need)
{
	return (need->is_read &&
	    !asks_for_more(need, need->packs.n / sizeof(uint64_t)));
}

/* --- what stands for a pack ------------------------------------------------
 */

/* The packs of an index object; *found false: it was never read. */
static int
packs_of(struct state_txn *t, uint64_t index, struct bytes *packs, bool *found,
    struct err *e)
{
	uint8_t key[NUMBER_KEY];

	state_number_key(index, key);
	*packs = bytes_of(NULL, 0);
	return (state_db_get(t, DB_INDEXES, key, sizeof(key), packs, found, e));
}

static int
is_at(struct state_txn *t, uint64_t number, uint32_t mask, bool *it_is,
    struct err *e)
{
	struct state_object o;
	bool found;

	if (state_object_get(t, number, &o, &found, e) < 0)
		return (-1);
	*it_is = found && !o.is_going && (o.confirmed & mask) == mask;
	return (0);
}

/* Is a pack, or what stands for it, at all endpoints of a mask? */
static int pack_is_at(struct closure *c, uint64_t pack, uint32_t mask,
    unsigned depth, bool *it_is, struct err *e);

static int
replacement_is_at(struct closure *c, uint64_t index, uint32_t mask,
    unsigned depth, bool *it_is, struct err *e)
{
	struct bytes packs;
	bool is_read;

	if (is_at(c->t, index, mask, it_is, e) < 0 ||
	    packs_of(c->t, index, &packs, &is_read, e) < 0)
		return (-1);
	*it_is = *it_is && is_read;
	while (*it_is && packs.n >= sizeof(uint64_t))
		if (pack_is_at(
			c, bytes_u64(&packs), mask, depth + 1, it_is, e) < 0)
			return (-1);
	return (0);
}

static int
find_replacement(
    struct closure *c, uint64_t pack, uint64_t *index, struct err *e)
{
	struct state_object o;
	bool found;

	*index = 0;
	if (state_object_get(c->t, pack, &o, &found, e) < 0)
		return (-1);
	return (found ? state_replacement(c->t, &o, c->backup, index, e) : 0);
}

static int
pack_is_at(struct closure *c, uint64_t pack, uint32_t mask, unsigned depth,
    bool *it_is, struct err *e)
{
	uint64_t index;

	if (is_at(c->t, pack, mask, it_is, e) < 0)
		return (-1);
	if (*it_is || depth == REPLACED_DEPTH)
		return (0);
	if (find_replacement(c, pack, &index, e) < 0)
		return (-1);
	return (index == 0
		? 0
		: replacement_is_at(c, index, mask, depth, it_is, e));
}

/* --- what is missing at an endpoint ----------------------------------------
 */

int
state_closure_missing(struct state *s, uint64_t manifest, uint8_t endpoint,
    uint64_t *missing, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint32_t bit = (uint32_t)1 << endpoint;
	struct closure c;
	bool there;

	*missing = 0;
	if (state_read(s, &t, e) < 0 || closure_open(&c, &t, manifest, e) < 0)
		return (-1);
	while (c.rest.n > 0) {
		struct need need = { .index = 0 };
		size_t place = 0;
		uint64_t pack;

		if (closure_next(&c, &need, e) < 0 ||
		    is_at(&t, need.index, bit, &there, e) < 0)
			return (-1);
		*missing += !there;
		*missing += !is_whole(&need);
		while ((pack = next_used(&need, &place)) != 0) {
			if (pack_is_at(&c, pack, bit, 0, &there, e) < 0)
				return (-1);
			*missing += !there;
		}
	}
	return (0);
}

/* --- everything that is needed ---------------------------------------------
 */

static int mark_pack(struct closure *c, uint64_t pack, uint32_t configured,
    unsigned depth, struct number_bits *into, struct err *e);

static int
mark_replacement(struct closure *c, uint64_t index, uint32_t configured,
    unsigned depth, struct number_bits *into, struct err *e)
{
	struct bytes packs;
	bool is_read;

	number_bits_set(into, index);
	if (packs_of(c->t, index, &packs, &is_read, e) < 0)
		return (-1);
	while (packs.n >= sizeof(uint64_t))
		if (mark_pack(c, bytes_u64(&packs), configured, depth + 1, into,
			e) < 0)
			return (-1);
	return (0);
}

/* The pack, unless what stands for it is at every endpoint; and that. */
static int
mark_pack(struct closure *c, uint64_t pack, uint32_t configured, unsigned depth,
    struct number_bits *into, struct err *e)
{
	bool is_replaced = false;
	uint64_t index = 0;

	if (depth < REPLACED_DEPTH && find_replacement(c, pack, &index, e) < 0)
		return (-1);
	if (index != 0 &&
	    (replacement_is_at(c, index, configured, depth, &is_replaced, e) <
		    0 ||
		mark_replacement(c, index, configured, depth, into, e) < 0))
		return (-1);
	if (!is_replaced)
		number_bits_set(into, pack);
	return (0);
}

int
state_closure_mark(struct state_txn *t, uint64_t manifest,
    struct number_bits *into, bool *is_all_known, struct err *e)
{
	struct closure c;
	uint32_t configured;

	if (closure_open(&c, t, manifest, e) < 0 ||
	    state_mask(t, &configured, e) < 0)
		return (-1);
	while (c.rest.n > 0) {
		struct need need = { .index = 0 };
		size_t place = 0;
		uint64_t pack;

		if (closure_next(&c, &need, e) < 0)
			return (-1);
		number_bits_set(into, need.index);
		if (!is_whole(&need))
			*is_all_known = false;
		while ((pack = next_used(&need, &place)) != 0)
			if (mark_pack(&c, pack, configured, 0, into, e) < 0)
				return (-1);
	}
	return (0);
}

/* --- walking ---------------------------------------------------------------
 */

static int
gather(
    struct state *s, uint64_t manifest, struct number_bits *out, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	bool ignored = true;

	return (state_read(s, &t, e) < 0
		? -1
		: state_closure_mark(&t, manifest, out, &ignored, e));
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

/* The objects of one class, by number. */
static int
each_of(struct state *s, const struct number_bits *needed,
    enum state_class class,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    void *arg, struct err *e)
{
	for (uint64_t i = 1; i < needed->n * 8; i++) {
		struct state_object o;
		bool found;
		int answer;

		if (!number_bits_has(needed, i))
			continue;
		if (get_one(s, i, &o, &found, e) < 0)
			return (-1);
		if (found && !o.is_going && o.class == class &&
		    (answer = each(&o, arg, e)) != 0)
			return (answer);
	}
	return (0);
}

int
state_closure_each(struct state *s, uint64_t manifest,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(number_bits_free) struct number_bits needed = NUMBER_BITS_INIT;
	int answer;

	if (gather(s, manifest, &needed, e) < 0)
		return (-1);
	answer = each_of(s, &needed, STATE_INDEX, each, arg, e);
	return (answer != 0 ? answer
			    : each_of(s, &needed, STATE_PACK, each, arg, e));
}
