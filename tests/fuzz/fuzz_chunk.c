/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/*
 * A stream all the way in and out: cut in parts of fuzzed sizes, compressed,
 * sealed, packed; the pack read, unsealed, expanded, joined: the same bytes,
 * and the cuts of the whole.
 */
#include <string.h>

#include "repository/chunk.h"
#include "repository/compress.h"
#include "repository/pack.h"
#include "tests/fuzz/sealing.h"

#define REPEAT_MAX 64		      /* inputs are short, chunks are not */
#define INPUT_MAX  ((size_t)64 << 10) /* repeated it still fits into a pack */

struct way {
	const struct keys *k;
	struct pack_key *pk;
	struct pack *pack;
	struct compressor *compressor;
	struct buf small, box; /* reused */
};

static void
way_free(struct way *w)
{
	pack_free(w->pack);
	pack_key_free(w->pk);
	compressor_free(w->compressor);
	buf_free(&w->small);
	buf_free(&w->box);
}

static void
store(struct way *w, const uint8_t *p, size_t n)
{
	struct record r = { .kind = RECORD_DATA };

	seal_name(w->k, p, n, &r.name);
	r.plain_bytes = (uint32_t)n;
	r.codec = (uint8_t)compress_chunk(w->compressor, p, n, &w->small);
	w->box.n = 0;
	seal_box(w->k, w->pk, &r, w->small.p, w->small.n, &w->box);
	pack_add(w->pack, &r, w->box.p);
}

/* The end of the chunk that starts at from, fed in parts of fuzzed sizes. */
static size_t
cut_in_parts(
    struct chunker *c, const struct buf *s, size_t from, struct bytes *sizes)
{
	size_t at = from, part;
	bool cut = false;

	while (!cut && at < s->n) {
		part = 1 + bytes_u16(sizes) % 5000;
		if (sizes->bad || part > s->n - at)
			part = s->n - at;
		at += chunker_next(c, s->p + at, part, &cut);
	}
	return (at);
}

static void
go_in(struct way *w, const struct buf *s, struct bytes sizes)
{
	struct chunker parts, whole;
	size_t from = 0, end, n;
	bool cut;

	chunker_init(&parts, w->k, &chunk_meta);
	chunker_init(&whole, w->k, &chunk_meta);
	while (from < s->n) {
		end = cut_in_parts(&parts, s, from, &sizes);
		n = chunker_next(&whole, s->p + from, s->n - from, &cut);
		if (n != end - from || n > chunk_meta.most)
			abort();
		store(w, s->p + from, n);
		from = end;
	}
}

static void
come_out(struct way *w, const struct buf *object, struct buf *out)
{
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err e = ERR_INIT;
	struct name name;
	size_t i;

	if (pack_read(w->k, object->p, object->n, NULL, &d, &e) < 0)
		abort();
	for (i = 0; i < d.n; i++) {
		const struct record *r = &d.records[i].record;

		w->small.n = 0;
		if (unseal_box(w->k, w->pk, r, object->p + d.records[i].offset,
			r->box_bytes, &w->small, &e) < 0 ||
		    expand_chunk(r->codec, w->small.p, w->small.n,
			r->plain_bytes, &w->box, &e) < 0)
			abort();
		seal_name(w->k, w->box.p, w->box.n, &name);
		if (!name_equals(&name, &r->name))
			abort();
		buf_add(out, w->box.p, w->box.n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(way_free) struct way w = { .k = sealing_keys() };
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf s = BUF_INIT, object = BUF_INIT;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct bytes in = bytes_of(p, n);
	size_t i, times = bytes_u8(&in) % REPEAT_MAX + 1;

	if (n > INPUT_MAX)
		return (0);
	for (i = 0; i < times; i++) {
		buf_add(&s, in.p, in.n);
		buf_add_u32(&s, (uint32_t)i * 2654435761U);
	}
	w.pk = pack_key_new(w.k);
	w.pack = pack_new(w.k, w.pk, PACK_DATA);
	w.compressor = compressor_new(1);
	go_in(&w, &s, in);
	pack_end(w.pack, &object, &d);
	come_out(&w, &object, &out);
	/* s is never empty: each turn adds its number. */
	if (out.n != s.n || s.p == NULL || out.p == NULL ||
	    memcmp(out.p, s.p, s.n) != 0)
		abort();
	return (0);
}
