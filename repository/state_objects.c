/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of local state: a record each, and what follows from it. Every
 * change of a record goes through state_object_put, which keeps the pending
 * keys and the spool's totals equal to what the records say.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "repository/state_chunks.h"
#include "repository/state_impl.h"

#define WALK_STEP 128 /* objects copied out under one read transaction */

/* --- records --- */

/* The second byte; the mask of an object that goes follows it. */
#define IS_SPOOLED 1
#define IS_GOING   2

static void
encode(const struct state_object *o, struct buf *out)
{
	buf_add_u8(out, o->class);
	buf_add_u8(out,
	    (uint8_t)((o->spooled ? IS_SPOOLED : 0) |
		(o->is_going ? IS_GOING : 0)));
	if (o->is_going)
		buf_add_u32(out, o->deleting);
	buf_add_u32(out, o->confirmed);
	buf_add_u32(out, o->pending);
	buf_add_u32(out, o->damaged);
	buf_add_u32(out, o->missing);
	buf_add_u64(out, o->bytes);
	buf_add_i64(out, o->created);
	buf_add(out, o->sha.b, sizeof(o->sha.b));
	buf_add_string(out, o->name);
}

static int
decode(uint64_t number, struct bytes *b, struct state_object *o, struct err *e)
{
	uint8_t flags;

	memset(o, 0, sizeof(*o));
	o->number = number;
	o->class = bytes_u8(b);
	flags = bytes_u8(b);
	o->spooled = (flags & IS_SPOOLED) != 0;
	o->is_going = (flags & IS_GOING) != 0;
	if (o->is_going)
		o->deleting = bytes_u32(b);
	o->confirmed = bytes_u32(b);
	o->pending = bytes_u32(b);
	o->damaged = bytes_u32(b);
	o->missing = bytes_u32(b);
	o->bytes = bytes_u64(b);
	o->created = bytes_i64(b);
	bytes_copy(b, o->sha.b, sizeof(o->sha.b));
	if (b->bad || o->class >= STATE_CLASSES || b->n == 0 ||
	    b->n >= sizeof(o->name))
		return (state_damaged(e, "an object's record"));
	bytes_copy(b, o->name, b->n);
	return (0);
}

int
state_object_get(struct state_txn *t, uint64_t number, struct state_object *o,
    bool *found, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes v;

	state_number_key(number, key);
	if (state_db_get(t, DB_OBJECTS, key, sizeof(key), &v, found, e) < 0)
		return (-1);
	return (*found ? decode(number, &v, o, e) : 0);
}

int
state_object_must(
    struct state_txn *t, uint64_t number, struct state_object *o, struct err *e)
{
	bool found;

	if (state_object_get(t, number, o, &found, e) < 0)
		return (-1);
	return (found ? 0 : state_damaged(e, "an object is gone"));
}

int
state_object_find(struct state_txn *t, const char *name, struct state_object *o,
    bool *found, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes v;

	*found = false;
	memset(o, 0, sizeof(*o));
	if (name[0] == '\0' || strlen(name) >= OBJECT_NAME_TEXT)
		return (0);
	if (state_db_get(t, DB_NAMES, name, strlen(name), &v, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	bytes_copy(&v, key, sizeof(key));
	if (!bytes_done(&v))
		return (state_damaged(e, "an object's number"));
	if (state_object_get(t, state_key_number(key), o, found, e) < 0)
		return (-1);
	return (*found ? 0 : state_damaged(e, "a name without an object"));
}

/* --- what follows from a record --- */

void
state_pending_key(
    uint8_t endpoint, uint8_t class, uint64_t number, uint8_t key[PENDING_KEY])
{
	key[0] = endpoint;
	key[1] = class;
	state_number_key(number, key + 2);
}

/* A key an endpoint in a queue: those whose bits changed come or go. */
static int
put_queue(struct state_txn *t, enum state_db db, uint32_t was, uint32_t is,
    const struct state_object *o, struct err *e)
{
	for (uint8_t i = 0; i < STATE_ENDPOINTS_MAX; i++) {
		uint32_t bit = (uint32_t)1 << i;
		uint8_t key[PENDING_KEY];
		int failed;

		if (((was ^ is) & bit) == 0)
			continue;
		state_pending_key(i, o->class, o->number, key);
		if (is & bit)
			failed = state_db_put(
			    t, db, key, sizeof(key), "", 0, e);
		else
			failed = state_db_drop(t, db, key, sizeof(key), e);
		if (failed < 0)
			return (-1);
	}
	return (0);
}

struct spool_totals {
	uint64_t packs, objects, bytes;
};

static int
get_totals(struct state_txn *t, struct spool_totals *out, struct err *e)
{
	uint8_t raw[24] = { 0 };
	struct bytes b = bytes_of(raw, sizeof(raw));
	bool found;

	if (state_meta_get(t, "spool", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	out->packs = bytes_u64(&b);
	out->objects = bytes_u64(&b);
	out->bytes = bytes_u64(&b);
	return (0);
}

bool
state_object_has_file(const struct state_object *o)
{
	return (o != NULL && o->spooled &&
	    (o->class == STATE_PACK || o->class == STATE_INDEX));
}

static int
put_totals(struct state_txn *t, const struct state_object *was,
    const struct state_object *o, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct spool_totals spool;

	if (state_object_has_file(was) == state_object_has_file(o))
		return (0);
	if (get_totals(t, &spool, e) < 0)
		return (-1);
	if (state_object_has_file(o)) {
		spool.packs += o->class == STATE_PACK;
		spool.objects++;
		spool.bytes += o->bytes;
	} else {
		spool.packs -= o->class == STATE_PACK;
		spool.objects--;
		spool.bytes -= o->bytes;
	}
	buf_add_u64(&b, spool.packs);
	buf_add_u64(&b, spool.objects);
	buf_add_u64(&b, spool.bytes);
	return (state_meta_put(t, "spool", b.p, b.n, e));
}

int
state_object_highest(struct state_txn *t, uint64_t *number, struct err *e)
{
	bool found;

	*number = 0;
	return (
	    state_meta_get(t, "highest", number, sizeof(*number), &found, e));
}

/* A number is never given twice, also not that of a forgotten object. */
static int
give_number(struct state_txn *t, struct state_object *o, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	if (state_object_highest(t, &o->number, e) < 0)
		return (-1);
	buf_add_u64(&b, ++o->number);
	state_number_key(o->number, key);
	if (state_meta_put(t, "highest", b.p, b.n, e) < 0)
		return (-1);
	return (state_db_put(
	    t, DB_NAMES, o->name, strlen(o->name), key, sizeof(key), e));
}

int
state_object_put(struct state_txn *t, const struct state_object *was,
    struct state_object *o, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	if (was == NULL && give_number(t, o, e) < 0)
		return (-1);
	t->changed = true;
	encode(o, &b);
	state_number_key(o->number, key);
	if (state_db_put(t, DB_OBJECTS, key, sizeof(key), b.p, b.n, e) < 0 ||
	    put_queue(t, DB_PENDING, was == NULL ? 0 : was->pending, o->pending,
		o, e) < 0 ||
	    put_queue(t, DB_DELETING, was == NULL ? 0 : was->deleting,
		o->deleting, o, e) < 0)
		return (-1);
	return (put_totals(t, was, o, e));
}

int
state_object_add(struct state_txn *t, const char *name, enum state_class class,
    struct state_object *o, bool *known, struct err *e)
{
	if (state_object_find(t, name, o, known, e) < 0)
		return (-1);
	if (*known && o->class != class)
		return (state_damaged(e, "an object of two classes"));
	if (*known)
		return (0);
	memset(o, 0, sizeof(*o));
	if (name[0] == '\0' || strlen(name) >= sizeof(o->name))
		return (
		    err_set(e, ERR_CORRUPT, "an object's name is too long"));
	memcpy(o->name, name, strlen(name) + 1);
	o->class = (uint8_t) class;
	o->created = clock_now();
	return (state_mask(t, &o->pending, e));
}

int
state_object_add_body(struct state_txn *t, const char *name,
    enum state_class class, const struct buf *body, struct state_object *o,
    bool *known, struct err *e)
{
	uint8_t key[NUMBER_KEY];

	if (state_object_add(t, name, class, o, known, e) < 0)
		return (-1);
	if (*known)
		return (0);
	o->spooled = true;
	o->bytes = body->n;
	hash_of(HASH_IS_SHA256, body->p, body->n, o->sha.b);
	if (state_object_put(t, NULL, o, e) < 0)
		return (-1);
	state_number_key(o->number, key);
	return (
	    state_db_put(t, DB_BODIES, key, sizeof(key), body->p, body->n, e));
}

bool
state_object_lives(const struct state_object *o, uint32_t configured)
{
	return (
	    !o->is_going && (o->spooled || (o->confirmed & configured) != 0));
}

/* --- looking --- */

int
state_find(struct state *s, const char *name, struct state_object *out,
    bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0)
		return (-1);
	return (state_object_find(&t, name, out, found, e));
}

int
state_get(
    struct state *s, uint64_t number, struct state_object *out, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	bool found;

	if (state_read(s, &t, e) < 0 ||
	    state_object_get(&t, number, out, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_MISSING,
		    "local state: no object with number %llu",
		    (unsigned long long)number));
	return (0);
}

int
state_highest(struct state *s, uint64_t *number, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0)
		return (-1);
	return (state_object_highest(&t, number, e));
}

/* The next objects from *number on, at most WALK_STEP; moves *number. */
static int
next_objects(struct state *s, uint64_t *number, uint64_t last,
    struct state_object v[WALK_STEP], size_t *n, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	*n = 0;
	if (state_read(s, &t, e) < 0)
		return (-1);
	for (; *number <= last && *n < WALK_STEP; (*number)++) {
		bool found;

		if (state_object_get(&t, *number, &v[*n], &found, e) < 0)
			return (-1);
		*n += found;
	}
	return (0);
}

int
state_each(struct state *s, int class,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(scope_free)
	struct state_object *v = mem_array(WALK_STEP, sizeof(*v));
	uint64_t number = 1, last;

	if (state_highest(s, &last, e) < 0)
		return (-1);
	while (number <= last) {
		size_t n;

		if (next_objects(s, &number, last, v, &n, e) < 0)
			return (-1);
		for (size_t i = 0; i < n; i++) {
			int answer;

			if (class >= 0 && v[i].class != class)
				continue;
			if ((answer = each(&v[i], arg, e)) != 0)
				return (answer);
		}
	}
	return (0);
}

int
state_body(struct state *s, uint64_t number, struct buf *out, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint8_t key[NUMBER_KEY];
	struct bytes v;
	bool found;

	state_number_key(number, key);
	if (state_read(s, &t, e) < 0 ||
	    state_db_get(&t, DB_BODIES, key, sizeof(key), &v, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_MISSING,
		    "local state: no bytes for object %llu",
		    (unsigned long long)number));
	buf_add(out, v.p, v.n);
	return (0);
}

/* --- root objects --- */

int
state_put_root(struct state_txn *t, const char *name, const void *p, size_t n,
    struct err *e)
{
	SCOPED(buf_free) struct buf body = BUF_INIT;
	struct state_object was, o;
	uint8_t key[NUMBER_KEY];
	bool known;

	buf_add(&body, p, n);
	if (state_object_add_body(t, name, STATE_ROOT, &body, &o, &known, e) <
	    0)
		return (-1);
	if (!known)
		return (0);
	was = o;
	o.bytes = n;
	hash_of(HASH_IS_SHA256, p, n, o.sha.b);
	if (memcmp(&o.sha, &was.sha, sizeof(o.sha)) == 0)
		return (0);
	/* Whatever stands there under the name is not this, though a listing
	 * may find it of the same length: not confirmed until it was sent. */
	o.confirmed = o.missing = 0;
	if (state_mask(t, &o.pending, e) < 0 ||
	    state_mask(t, &o.damaged, e) < 0 ||
	    state_object_put(t, &was, &o, e) < 0)
		return (-1);
	state_number_key(o.number, key);
	return (state_db_put(t, DB_BODIES, key, sizeof(key), p, n, e));
}

int
state_forget_root(struct state_txn *t, const char *name, struct err *e)
{
	struct state_object was, o;
	uint8_t key[NUMBER_KEY];
	bool known;

	if (state_object_find(t, name, &was, &known, e) < 0)
		return (-1);
	if (!known)
		return (0);
	o = was;
	o.pending = 0;
	state_number_key(o.number, key);
	if (state_object_put(t, &was, &o, e) < 0 ||
	    state_db_drop(t, DB_BODIES, key, sizeof(key), e) < 0 ||
	    state_db_drop(t, DB_NAMES, name, strlen(name), e) < 0)
		return (-1);
	return (state_db_drop(t, DB_OBJECTS, key, sizeof(key), e));
}

int
state_spool_bytes(struct state *s, uint64_t *bytes, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct spool_totals spool;

	if (state_read(s, &t, e) < 0 || get_totals(&t, &spool, e) < 0)
		return (-1);
	*bytes = spool.bytes;
	return (0);
}
