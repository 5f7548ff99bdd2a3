/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks, packs and index objects of local state. A chunk's copies are sorted
 * duplicates under its name, so full ones stand before deltas:
 *
 *   copy = is-delta:u8 pack:u64(big-endian) offset:u32 plain:u32 box:u32
 *          kind:u8 codec:u8 slot:u8 nbases:u8 base[32]*
 *   pack = index:u64 nslots:u8 slot[84]*
 */
#include "repository/state_chunks.h"

#include <stdlib.h>
#include <string.h>

#include "repository/state_impl.h"

#define COPIES_WALK_MAX 1024 /* of one name; the rest would be never needed */

/* --- copies --- */

static void
encode_copy(uint64_t pack, const struct placed *p, struct buf *out)
{
	uint8_t key[NUMBER_KEY];

	out->n = 0;
	state_number_key(pack, key);
	buf_add_u8(out, p->record.codec == CODEC_DELTA);
	buf_add(out, key, sizeof(key));
	buf_add_u32(out, p->offset);
	buf_add_u32(out, p->record.plain_bytes);
	buf_add_u32(out, p->record.box_bytes);
	buf_add_u8(out, p->record.kind);
	buf_add_u8(out, p->record.codec);
	buf_add_u8(out, p->record.slot);
	buf_add_u8(out, p->record.nbases);
	buf_add(out, p->record.bases, p->record.nbases * sizeof(struct name));
}

int
state_copy_decode(const struct name *name, struct bytes *b,
    struct state_copy *c, struct err *e)
{
	uint8_t key[NUMBER_KEY];

	memset(c, 0, sizeof(*c));
	c->record.name = *name;
	bytes_u8(b);
	bytes_copy(b, key, sizeof(key));
	c->pack = state_key_number(key);
	c->offset = bytes_u32(b);
	c->record.plain_bytes = bytes_u32(b);
	c->record.box_bytes = bytes_u32(b);
	c->record.kind = bytes_u8(b);
	c->record.codec = bytes_u8(b);
	c->record.slot = bytes_u8(b);
	c->record.nbases = bytes_u8(b);
	if (c->record.nbases > BASES_MAX || c->record.plain_bytes > CHUNK_MAX ||
	    c->record.box_bytes > BOX_MAX)
		return (state_damaged(e, "a chunk's limits"));
	bytes_copy(b, c->record.bases, c->record.nbases * sizeof(struct name));
	return (bytes_done(b) ? 0 : state_damaged(e, "a chunk's copy"));
}

/* Walks the copies of one name; a non-zero answer of each ends it and is
 * returned. */
static int
each_copy(struct state_txn *t, const struct name *name,
    int (*each)(struct state_txn *t, const struct state_copy *c, void *arg,
	struct err *e),
    void *arg, struct err *e)
{
	struct name key = *name;
	MDB_val k = { .mv_size = sizeof(key), .mv_data = &key }, v;
	MDB_cursor *cursor;
	int rc, answer = 0;

	if ((rc = mdb_cursor_open(t->txn, t->s->dbi[DB_CHUNKS], &cursor)) != 0)
		return (state_fail(e, rc, "chunks"));
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
	for (unsigned i = 0; rc == 0 && answer == 0 && i < COPIES_WALK_MAX;
	     i++) {
		struct bytes b = bytes_of(v.mv_data, v.mv_size);
		struct state_copy c;

		answer = state_copy_decode(name, &b, &c, e);
		if (answer == 0)
			answer = each(t, &c, arg, e);
		if (answer == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT_DUP);
	}
	mdb_cursor_close(cursor);
	if (answer != 0 || rc == 0 || rc == MDB_NOTFOUND)
		return (answer);
	return (state_fail(e, rc, "chunks"));
}

static int
pack_lives(struct state_txn *t, uint64_t pack, bool *lives, struct err *e)
{
	struct state_object o;
	uint32_t configured;
	bool found;

	*lives = false;
	if (state_mask(t, &configured, e) < 0 ||
	    state_object_get(t, pack, &o, &found, e) < 0)
		return (-1);
	*lives = found && state_object_lives(&o, configured);
	return (0);
}

struct base_search {
	uint64_t pack;
};

/* Answers 1 at the first living full copy. */
static int
is_living_base(
    struct state_txn *t, const struct state_copy *c, void *arg, struct err *e)
{
	struct base_search *search = arg;
	bool lives;

	if (c->record.codec == CODEC_DELTA || c->record.kind != RECORD_DATA)
		return (0);
	if (pack_lives(t, c->pack, &lives, e) < 0)
		return (-1);
	search->pack = c->pack;
	return (lives);
}

struct search {
	uint8_t kind;
	bool only_wanted; /* not in a pack that is on its way out */
	struct state_use *use;
};

/* Condemned, or written anew elsewhere. */
static int
is_leaving(struct state_txn *t, uint64_t pack, bool *leaves, struct err *e)
{
	struct state_object o;
	uint64_t index;
	int64_t since;

	if (state_object_must(t, pack, &o, e) < 0 ||
	    state_get_since(t, pack, &since, e) < 0 ||
	    state_replacement(t, &o, NULL, &index, e) < 0)
		return (-1);
	*leaves = since != 0 || index != 0;
	return (0);
}

/* Answers 1 when this copy, and all it needs, is alive; use is filled then. */
static int
is_usable(
    struct state_txn *t, const struct state_copy *c, void *arg, struct err *e)
{
	struct search *search = arg;
	bool lives, leaves = false;

	if (search->kind != 0 && c->record.kind != search->kind)
		return (0);
	if (pack_lives(t, c->pack, &lives, e) < 0 ||
	    (lives && search->only_wanted &&
		is_leaving(t, c->pack, &leaves, e) < 0))
		return (-1);
	if (!lives || leaves)
		return (0);
	search->use->n = 1;
	search->use->packs[0] = c->pack;
	for (uint8_t i = 0; i < c->record.nbases; i++) {
		struct base_search base = { .pack = 0 };
		int answer = each_copy(
		    t, &c->record.bases[i], is_living_base, &base, e);

		if (answer <= 0)
			return (answer);
		search->use->packs[search->use->n++] = base.pack;
	}
	return (1);
}

int
state_knows(struct state *s, const struct name *name, uint8_t kind,
    struct state_use *use, bool *known, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct search search = {
		.kind = kind, .only_wanted = true, .use = use
	};
	int answer;

	if (state_read(s, &t, e) < 0)
		return (-1);
	answer = each_copy(&t, name, is_usable, &search, e);
	search.only_wanted = false;
	if (answer == 0)
		answer = each_copy(&t, name, is_usable, &search, e);
	*known = answer == 1;
	return (answer < 0 ? -1 : 0);
}

struct gathering {
	bool living;
	struct state_copy *out;
	size_t n;
};

static int
gather(
    struct state_txn *t, const struct state_copy *c, void *arg, struct err *e)
{
	struct gathering *g = arg;
	struct state_use use;
	struct search search = { .kind = 0, .use = &use };
	int answer = is_usable(t, c, &search, e);
	struct state_object pack;
	bool found;

	if (answer < 0 || state_object_get(t, c->pack, &pack, &found, e) < 0)
		return (-1);
	if (found && !pack.is_going && (answer == 1) == g->living)
		g->out[g->n++] = *c;
	return (g->n == LOOKUP_COPIES_MAX);
}

int
state_copies(struct state *s, const struct name *name,
    struct state_copy out[LOOKUP_COPIES_MAX], size_t *n, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct gathering g = { .living = true, .out = out };
	int answer;

	if (state_read(s, &t, e) < 0)
		return (-1);
	answer = each_copy(&t, name, gather, &g, e);
	g.living = false;
	if (answer == 0)
		answer = each_copy(&t, name, gather, &g, e);
	*n = g.n;
	return (answer < 0 ? -1 : 0);
}

/* --- packs --- */

static int
get_pack(struct state_txn *t, uint64_t pack, struct bytes *v, bool *found,
    struct err *e)
{
	uint8_t key[NUMBER_KEY];

	state_number_key(pack, key);
	return (state_db_get(t, DB_PACKS, key, sizeof(key), v, found, e));
}

static int
put_pack(struct state_txn *t, uint64_t pack, const struct directory *d,
    struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	state_number_key(pack, key);
	buf_add_u64(&b, 0);
	buf_add_u8(&b, (uint8_t)d->nslots);
	for (size_t i = 0; i < d->nslots; i++)
		buf_add(&b, d->slots[i], SEAL_KEY_SLOT);
	return (state_db_put(t, DB_PACKS, key, sizeof(key), b.p, b.n, e));
}

static int
put_records(struct state_txn *t, uint64_t pack, const struct directory *d,
    bool keep, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	for (size_t i = 0; i < d->n; i++) {
		const struct placed *p = &d->records[i];

		encode_copy(pack, p, &b);
		if (state_db_put(t, DB_CHUNKS, p->record.name.b, NAME_BYTES,
			b.p, b.n, e) < 0)
			return (-1);
	}
	if (!keep)
		return (0);
	b.n = 0;
	directory_encode(d, &b);
	state_number_key(pack, key);
	return (state_db_put(t, DB_DIRECTORIES, key, sizeof(key), b.p, b.n, e));
}

/* A new object's size and hash, or a known one whose file has come back. */
static int
settle_object(struct state_txn *t, struct state_object *o, bool known,
    bool spooled, struct err *e)
{
	struct state_object was = *o;

	if (known && (o->spooled || !spooled))
		return (0);
	o->spooled = spooled;
	return (state_object_put(t, known ? &was : NULL, o, e));
}

int
state_add_pack(struct state_txn *t, const struct directory *d, bool spooled,
    bool keep_directory, uint64_t *number, struct err *e)
{
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	struct bytes v;
	bool known, has_record;

	format_pack_name(&d->pack, name);
	if (state_object_add(t, name, STATE_PACK, &o, &known, e) < 0)
		return (-1);
	o.bytes = d->bytes;
	o.sha = d->pack;
	if (settle_object(t, &o, known, spooled, e) < 0 ||
	    get_pack(t, o.number, &v, &has_record, e) < 0)
		return (-1);
	*number = o.number;
	if (has_record)
		return (0);
	if (put_pack(t, o.number, d, e) < 0)
		return (-1);
	return (put_records(t, o.number, d, keep_directory, e));
}

int
state_slot(struct state *s, uint64_t pack, uint8_t slot,
    uint8_t out[SEAL_KEY_SLOT], struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct bytes v;
	bool found;
	uint8_t nslots;

	if (state_read(s, &t, e) < 0 || get_pack(&t, pack, &v, &found, e) < 0)
		return (-1);
	if (found) {
		bytes_u64(&v);
		nslots = bytes_u8(&v);
		bytes_take(&v, (size_t)slot * SEAL_KEY_SLOT);
		bytes_copy(&v, out, SEAL_KEY_SLOT);
		if (slot < nslots && !v.bad)
			return (0);
	}
	return (
	    err_set(e, ERR_MISSING, "local state: pack %llu has no key slot %u",
		(unsigned long long)pack, slot));
}

/* --- index objects --- */

/* Notes which index object describes a pack; its directory can go. */
static int
describe(struct state_txn *t, uint64_t pack, uint64_t index, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];
	struct bytes v;
	bool found;

	if (get_pack(t, pack, &v, &found, e) < 0)
		return (-1);
	if (!found)
		return (state_damaged(e, "an index names an unknown pack"));
	bytes_u64(&v);
	buf_add_u64(&b, index);
	buf_add(&b, v.p, v.n);
	state_number_key(pack, key);
	if (state_db_put(t, DB_PACKS, key, sizeof(key), b.p, b.n, e) < 0)
		return (-1);
	return (state_db_drop(t, DB_DIRECTORIES, key, sizeof(key), e));
}

static int
put_packs(struct state_txn *t, uint64_t index, const uint64_t *packs, size_t n,
    struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	for (size_t i = 0; i < n; i++) {
		buf_add_u64(&b, packs[i]);
		if (describe(t, packs[i], index, e) < 0)
			return (-1);
	}
	state_number_key(index, key);
	return (state_db_put(t, DB_INDEXES, key, sizeof(key), b.p, b.n, e));
}

int
/* NOLINTNEXTLINE(readability-function-size): an object's facts and its packs */
state_add_index(struct state_txn *t, const char *name, const struct sha256 *sha,
    uint64_t bytes, bool spooled, const uint64_t *packs, size_t n,
    uint64_t *number, struct err *e)
{
	struct state_object o;
	bool known;

	if (state_object_add(t, name, STATE_INDEX, &o, &known, e) < 0)
		return (-1);
	if (!known) {
		o.bytes = bytes;
		o.sha = *sha;
	}
	if (settle_object(t, &o, known, spooled, e) < 0)
		return (-1);
	*number = o.number;
	return (packs == NULL ? 0 : put_packs(t, o.number, packs, n, e));
}

int
state_index_of(
    struct state_txn *t, uint64_t pack, uint64_t *index, struct err *e)
{
	struct bytes v;
	bool found;

	if (get_pack(t, pack, &v, &found, e) < 0)
		return (-1);
	*index = found ? bytes_u64(&v) : 0;
	return (0);
}

int
state_described_by(
    struct state *s, uint64_t pack, uint64_t *index, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	return (
	    state_read(s, &t, e) < 0 ? -1 : state_index_of(&t, pack, index, e));
}

int
state_index_packs(
    struct state *s, uint64_t index, uint64_t **packs, size_t *n, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint8_t key[NUMBER_KEY];
	struct bytes v;
	bool found;

	state_number_key(index, key);
	*packs = NULL;
	*n = 0;
	if (state_read(s, &t, e) < 0 ||
	    state_db_get(&t, DB_INDEXES, key, sizeof(key), &v, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	*n = v.n / sizeof(uint64_t);
	*packs = mem_array(*n + 1, sizeof(uint64_t));
	for (size_t i = 0; i < *n; i++)
		(*packs)[i] = bytes_u64(&v);
	return (0);
}

/* --- packs that no index object describes --- */

/* The next one that lives after *pack, and its directory encoded. */
static int
next_directory(struct state_txn *t, uint64_t *pack, struct buf *out,
    bool *found, struct err *e)
{
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_DIRECTORIES };
	uint8_t key[NUMBER_KEY];
	bool lives = false;

	state_number_key(*pack, key);
	buf_add(&w.key, key, sizeof(key));
	while (!lives) {
		if (state_db_next(t, &w, found, e) < 0)
			return (-1);
		if (!*found)
			return (0);
		if (w.key.n != NUMBER_KEY)
			return (state_damaged(e, "a pack's number"));
		*pack = state_key_number(w.key.p);
		if (pack_lives(t, *pack, &lives, e) < 0)
			return (-1);
	}
	buf_add(out, w.value.p, w.value.n);
	return (0);
}

/* The next one's number after *pack and its directory; *found false at the end.
 */
static int
next_undescribed(struct state *s, uint64_t *pack, struct directory *d,
    bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	SCOPED(buf_free) struct buf raw = BUF_INIT;
	struct state_object o;
	struct bytes v, body;
	bool has_record;

	if (state_read(s, &t, e) < 0 ||
	    next_directory(&t, pack, &raw, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	if (state_object_must(&t, *pack, &o, e) < 0 ||
	    get_pack(&t, *pack, &v, &has_record, e) < 0)
		return (-1);
	if (!has_record)
		return (state_damaged(e, "a directory without its pack"));
	bytes_u64(&v);
	d->nslots = bytes_u8(&v);
	d->slots = mem_array(d->nslots + 1, SEAL_KEY_SLOT);
	bytes_copy(&v, d->slots, d->nslots * SEAL_KEY_SLOT);
	d->pack = o.sha;
	d->bytes = o.bytes;
	body = bytes_of(raw.p, raw.n);
	return (directory_decode(&body,
	    (uint32_t)(FORMAT_HEADER + 1 + d->nslots * SEAL_KEY_SLOT), d, e));
}

int
state_undescribed(struct state *s,
    int (*each)(uint64_t pack, struct directory *d, void *arg, struct err *e),
    void *arg, struct err *e)
{
	uint64_t pack = 0;

	for (;;) {
		SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
		bool found;
		int answer;

		if (next_undescribed(s, &pack, &d, &found, e) < 0)
			return (-1);
		if (!found)
			return (0);
		if ((answer = each(pack, &d, arg, e)) != 0)
			return (answer);
	}
}
