/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealed boxes flow in, one object flows out, and its directory back. A pack is
 * built in memory, since no object is ever larger than PACK_MAX, and its name
 * is the hash of its bytes. The directory is sealed together with a hash of
 * what stands before the first box, so the key slots are authentic as well.
 */
#include "repository/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define FRONT_BYTES  (FORMAT_HEADER + 1) /* header, nslots */
#define TRAIL_BYTES  4			 /* directory-bytes */
#define DIR_BYTES    5			 /* pack kind, count */
#define RECORD_BYTES 44			 /* without bases */
#define CONTEXT_TEXT 72			 /* "pack " and 64 hex digits */
#define PACK_ROOM    (PACK_TARGET + BOX_MAX + ((size_t)2 << 20))

static_assert(PACK_ROOM <= PACK_MAX, "the room for a pack is within its limit");

struct pack {
	const struct keys *keys;
	struct buf bytes; /* the object as far as it goes */
	struct directory d;
	size_t cap;	  /* records allocated in d */
	size_t dir_bytes; /* what the directory takes by now */
};

void
directory_free(struct directory *d)
{
	free(d->slots);
	free(d->records);
	*d = (struct directory)DIRECTORY_INIT;
}

/* --- one record, one directory ------------------------------------------- */

static size_t
record_bytes(const struct record *r)
{
	return (RECORD_BYTES + (size_t)r->nbases * NAME_BYTES);
}

static void
record_encode(const struct record *r, struct buf *out)
{
	size_t i;

	buf_add(out, r->name.b, NAME_BYTES);
	buf_add_u8(out, r->kind);
	buf_add_u8(out, r->codec);
	buf_add_u8(out, r->slot);
	buf_add_u8(out, r->nbases);
	buf_add_u32(out, r->plain_bytes);
	buf_add_u32(out, r->box_bytes);
	for (i = 0; i < r->nbases; i++)
		buf_add(out, r->bases[i].b, NAME_BYTES);
}

/* A delta names one to four other chunks, each once; a full copy none. */
static bool
bases_are_good(const struct record *r)
{
	size_t i, j;

	if (r->codec != CODEC_DELTA)
		return (r->nbases == 0);
	if (r->nbases == 0 || r->kind != RECORD_DATA)
		return (false);
	for (i = 0; i < r->nbases; i++) {
		if (name_equals(&r->bases[i], &r->name))
			return (false);
		for (j = 0; j < i; j++)
			if (name_equals(&r->bases[i], &r->bases[j]))
				return (false);
	}
	return (true);
}

static bool
lengths_are_good(const struct record *r)
{
	size_t overhead = r->slot == SEAL_BY_INDEX_KEY ? SEAL_INDEX_OVERHEAD
						       : BOX_OVERHEAD;

	if (r->plain_bytes > CHUNK_MAX || r->box_bytes > BOX_MAX ||
	    r->box_bytes < overhead)
		return (false);
	return (
	    r->codec != CODEC_RAW || r->box_bytes == r->plain_bytes + overhead);
}

static int
record_decode(struct bytes *b, size_t nslots, struct record *r, struct err *e)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	bytes_copy(b, r->name.b, NAME_BYTES);
	r->kind = bytes_u8(b);
	r->codec = bytes_u8(b);
	r->slot = bytes_u8(b);
	r->nbases = bytes_u8(b);
	r->plain_bytes = bytes_u32(b);
	r->box_bytes = bytes_u32(b);
	if (r->nbases > BASES_MAX)
		return (err_set(
		    e, ERR_CORRUPT, "a record with %u bases", r->nbases));
	for (i = 0; i < r->nbases; i++)
		bytes_copy(b, r->bases[i].b, NAME_BYTES);
	if (b->bad)
		return (err_set(e, ERR_CORRUPT, "a directory is cut off"));
	if (r->kind < RECORD_DATA || r->kind > RECORD_TREE)
		return (err_set(
		    e, ERR_CORRUPT, "a record of unknown kind %u", r->kind));
	if (r->codec > CODEC_DELTA)
		return (err_set(
		    e, ERR_CORRUPT, "a record of unknown codec %u", r->codec));
	if (r->slot != SEAL_BY_INDEX_KEY && r->slot >= nslots)
		return (err_set(e, ERR_CORRUPT,
		    "a record names key slot %u of %zu", r->slot, nslots));
	if (!bases_are_good(r))
		return (err_set(
		    e, ERR_CORRUPT, "a record with bases it can't have"));
	if (!lengths_are_good(r))
		return (err_set(
		    e, ERR_CORRUPT, "a record with lengths it can't have"));
	return (0);
}

void
directory_encode(const struct directory *d, struct buf *out)
{
	size_t i;

	buf_add_u8(out, (uint8_t)d->kind);
	buf_add_u32(out, (uint32_t)d->n);
	for (i = 0; i < d->n; i++)
		record_encode(&d->records[i].record, out);
}

int
directory_decode(
    struct bytes *b, uint32_t first_box, struct directory *d, struct err *e)
{
	uint8_t kind = bytes_u8(b);
	uint32_t count = bytes_u32(b);
	uint64_t offset = first_box;
	struct placed *at;

	if (b->bad || count > PACK_RECORDS_MAX || count > b->n / RECORD_BYTES)
		return (err_set(
		    e, ERR_CORRUPT, "a directory longer than what holds it"));
	if (kind != PACK_DATA && kind != PACK_META)
		return (
		    err_set(e, ERR_CORRUPT, "a pack of unknown kind %u", kind));
	d->kind = (enum pack_kind)kind;
	d->records = mem_array(count > 0 ? count : 1, sizeof(*d->records));
	for (d->n = 0; d->n < count; d->n++) {
		at = &d->records[d->n];
		if (record_decode(b, d->nslots, &at->record, e) < 0)
			return (-1);
		at->offset = (uint32_t)offset;
		offset += at->record.box_bytes;
		if (offset > PACK_MAX)
			return (err_set(e, ERR_CORRUPT,
			    "boxes go past the end of their pack"));
	}
	return (0);
}

/* --- writing ------------------------------------------------------------- */

struct pack *
pack_new_for_moved(const struct keys *k, enum pack_kind kind,
    const uint8_t (*slots)[SEAL_KEY_SLOT], size_t n)
{
	struct pack *p = mem_new(sizeof(*p));

	assert(n <= PACK_SLOTS_MAX);
	p->keys = k;
	p->d.kind = kind;
	p->d.nslots = n;
	p->dir_bytes = DIR_BYTES;
	/* Pages are taken from the system as they are written. */
	buf_reserve(&p->bytes, PACK_ROOM);
	format_add_header(&p->bytes, FORMAT_PACK, keys_repo(k));
	buf_add_u8(&p->bytes, (uint8_t)n);
	if (n > 0) {
		p->d.slots = mem_array(n, SEAL_KEY_SLOT);
		memcpy(p->d.slots, slots, n * SEAL_KEY_SLOT);
		buf_add(&p->bytes, slots, n * SEAL_KEY_SLOT);
	}
	return (p);
}

struct pack *
pack_new(const struct keys *k, const struct pack_key *pk, enum pack_kind kind)
{
	uint8_t slot[1][SEAL_KEY_SLOT];

	if (pk != NULL)
		memcpy(slot[0], pack_key_slot(pk), SEAL_KEY_SLOT);
	return (pack_new_for_moved(
	    k, kind, (const uint8_t(*)[SEAL_KEY_SLOT])slot, pk != NULL));
}

void
pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	buf_free(&p->bytes);
	directory_free(&p->d);
	free(p);
}

void
pack_freep(struct pack **p)
{
	pack_free(*p);
}

void
pack_add(struct pack *p, const struct record *r, const void *box)
{
	struct placed *at;

	assert(!pack_is_full(p) && bases_are_good(r) && lengths_are_good(r));
	if (p->d.n == p->cap) {
		p->cap = p->cap == 0 ? 256 : p->cap * 2;
		p->d.records = mem_grow(
		    p->d.records, p->cap, sizeof(*p->d.records));
	}
	at = &p->d.records[p->d.n++];
	at->record = *r;
	at->offset = (uint32_t)p->bytes.n;
	p->dir_bytes += record_bytes(r);
	buf_add(&p->bytes, box, r->box_bytes);
}

bool
pack_is_full(const struct pack *p)
{
	return (p->d.n >= PACK_RECORDS_MAX ||
	    p->bytes.n + p->dir_bytes >= PACK_TARGET);
}

size_t
pack_count(const struct pack *p)
{
	return (p->d.n);
}

/* "pack <hash of all before the first box>": what the directory is bound to. */
static void
directory_context(const uint8_t *front, size_t n, char out[CONTEXT_TEXT])
{
	uint8_t sum[HASH_SHA256];
	char hex[2 * HASH_SHA256 + 1];

	hash_of(HASH_IS_SHA256, front, n, sum);
	hex_of(sum, sizeof(sum), hex);
	snprintf(out, CONTEXT_TEXT, "pack %s", hex);
}

static size_t
front_bytes(size_t nslots)
{
	return (FRONT_BYTES + nslots * SEAL_KEY_SLOT);
}

void
pack_end(struct pack *p, struct buf *out, struct directory *d)
{
	SCOPED(buf_free) struct buf plain = BUF_INIT;
	char context[CONTEXT_TEXT];
	size_t before = p->bytes.n;

	directory_encode(&p->d, &plain);
	format_pad(&plain, before + SEAL_INDEX_OVERHEAD + TRAIL_BYTES, 0);
	directory_context(p->bytes.p, front_bytes(p->d.nslots), context);
	seal_index(p->keys, context, plain.p, plain.n, &p->bytes);
	buf_add_u32(&p->bytes, (uint32_t)(p->bytes.n - before));
	assert(p->bytes.n <= PACK_MAX);

	p->d.bytes = p->bytes.n;
	hash_of(HASH_IS_SHA256, p->bytes.p, p->bytes.n, p->d.pack.b);
	directory_free(d);
	*d = p->d;
	p->d = (struct directory)DIRECTORY_INIT;
	buf_free(out);
	*out = p->bytes;
	p->bytes = (struct buf)BUF_INIT;
}

/* --- reading ------------------------------------------------------------- */

int
pack_tail_bytes(
    const uint8_t last[4], uint64_t pack_bytes, size_t *tail, struct err *e)
{
	struct bytes b = bytes_of(last, 4);
	uint64_t bytes = (uint64_t)bytes_u32(&b) + TRAIL_BYTES;

	if (pack_bytes > PACK_MAX ||
	    bytes < TRAIL_BYTES + SEAL_INDEX_OVERHEAD || bytes > pack_bytes ||
	    pack_bytes - bytes < FRONT_BYTES)
		return (err_set(e, ERR_CORRUPT,
		    "a directory of %llu bytes in a pack of %llu",
		    (unsigned long long)bytes, (unsigned long long)pack_bytes));
	*tail = (size_t)bytes;
	return (0);
}

static int
check_name(const void *p, size_t n, const struct sha256 *expected,
    struct directory *d, struct err *e)
{
	hash_of(HASH_IS_SHA256, p, n, d->pack.b);
	d->bytes = n;
	if (expected != NULL &&
	    memcmp(expected->b, d->pack.b, sizeof(d->pack.b)) != 0)
		return (err_set(e, ERR_CORRUPT,
		    "the bytes don't have the hash that the name says"));
	return (0);
}

/* header nslots slots; b then stands at the first box. */
static int
read_front(
    const struct keys *k, struct bytes *b, struct directory *d, struct err *e)
{
	const uint8_t *slots;

	if (format_check_header(b, FORMAT_PACK, keys_repo(k), NULL, e) < 0)
		return (-1);
	d->nslots = bytes_u8(b);
	slots = bytes_take(b, d->nslots * SEAL_KEY_SLOT);
	if (slots == NULL || d->nslots > PACK_SLOTS_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu key slots", d->nslots));
	if (d->nslots > 0) {
		d->slots = mem_array(d->nslots, SEAL_KEY_SLOT);
		memcpy(d->slots, slots, d->nslots * SEAL_KEY_SLOT);
	}
	return (0);
}

static int
check_padding(const struct bytes *b, struct err *e)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->p[i] != 0)
			return (err_set(
			    e, ERR_CORRUPT, "padding that is not zeros"));
	return (0);
}

/* The boxes fill exactly what is between the slots and the directory. */
static int
check_boxes(const struct directory *d, size_t boxes_end, struct err *e)
{
	const struct placed *last;
	size_t end = front_bytes(d->nslots);

	if (d->n > 0) {
		last = &d->records[d->n - 1];
		end = (size_t)last->offset + last->record.box_bytes;
	}
	if (end != boxes_end)
		return (err_set(e, ERR_CORRUPT,
		    "the boxes end at %zu, the directory begins at %zu", end,
		    boxes_end));
	return (0);
}

/* With the front read: the sealed directory at the end of the pack. */
static int
read_directory(const struct keys *k, const uint8_t *p, size_t n,
    struct directory *d, struct err *e)
{
	SCOPED(buf_free) struct buf plain = BUF_INIT;
	size_t front = front_bytes(d->nslots), tail;
	char context[CONTEXT_TEXT];
	struct bytes b;

	if (pack_tail_bytes(p + n - TRAIL_BYTES, n, &tail, e) < 0)
		return (-1);
	directory_context(p, front, context);
	if (unseal_index(
		k, context, p + n - tail, tail - TRAIL_BYTES, &plain, e) < 0)
		return (-1);
	b = bytes_of(plain.p, plain.n);
	if (directory_decode(&b, (uint32_t)front, d, e) < 0 ||
	    check_padding(&b, e) < 0)
		return (-1);
	return (check_boxes(d, n - tail, e));
}

int
pack_read(const struct keys *k, const void *p, size_t n,
    const struct sha256 *expected, struct directory *d, struct err *e)
{
	SCOPED(directory_free) struct directory got = DIRECTORY_INIT;
	struct bytes b = bytes_of(p, n);

	if (n > PACK_MAX || n < FRONT_BYTES + TRAIL_BYTES)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are no pack", n));
	if (check_name(p, n, expected, &got, e) < 0 ||
	    read_front(k, &b, &got, e) < 0 ||
	    read_directory(k, p, n, &got, e) < 0)
		return (-1);
	directory_free(d);
	*d = got;
	got = (struct directory)DIRECTORY_INIT;
	return (0);
}
