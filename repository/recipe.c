/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recipes to bytes and back. What comes back is checked to be whole: no empty
 * part, none over the limit, and all of them together as long as the stream.
 */
#include "repository/recipe.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 32 /* identity to bytes */
#define PART_BYTES 36

void
recipe_free(struct recipe *r)
{
	free(r->parts);
	*r = (struct recipe)RECIPE_INIT;
}

static void
reserve_parts(struct recipe *r, size_t n)
{
	if (n <= r->cap)
		return;
	r->parts = mem_grow(r->parts, n, sizeof(*r->parts));
	r->cap = n;
}

void
recipe_add(struct recipe *r, const struct name *name, size_t plain_bytes)
{
	assert(r->n < RECIPE_PARTS_MAX);
	assert(plain_bytes > 0 && plain_bytes <= CHUNK_MAX);
	if (r->n == r->cap)
		reserve_parts(r, r->cap == 0 ? 4 : r->cap * 2);
	r->parts[r->n].name = *name;
	r->parts[r->n].plain_bytes = (uint32_t)plain_bytes;
	r->n++;
	r->bytes += plain_bytes;
}

void
recipe_encode(const struct recipe *r, struct buf *out)
{
	size_t i;

	buf_add(out, r->identity, sizeof(r->identity));
	buf_add_u8(out, r->kind);
	buf_add_u8(out, 0);
	buf_add_u16(out, 0);
	buf_add_u32(out, (uint32_t)r->n);
	buf_add_u64(out, r->bytes);
	if (r->n != 1)
		buf_add(out, r->checksum.b, NAME_BYTES);
	for (i = 0; i < r->n; i++) {
		buf_add(out, r->parts[i].name.b, NAME_BYTES);
		buf_add_u32(out, r->parts[i].plain_bytes);
	}
}

/* The parts, which are all there; their lengths add up to r->bytes. */
static int
decode_parts(struct bytes *b, struct recipe *r, size_t count, struct err *e)
{
	struct recipe_part *part;
	uint64_t sum = 0;

	reserve_parts(r, count);
	for (r->n = 0; r->n < count; r->n++) {
		part = &r->parts[r->n];
		bytes_copy(b, part->name.b, NAME_BYTES);
		part->plain_bytes = bytes_u32(b);
		if (part->plain_bytes == 0 || part->plain_bytes > CHUNK_MAX)
			return (err_set(e, ERR_CORRUPT,
			    "a recipe with a part of %u bytes",
			    part->plain_bytes));
		sum += part->plain_bytes;
	}
	if (sum != r->bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a recipe whose parts don't make up its stream"));
	if (r->n == 1)
		r->checksum = r->parts[0].name;
	return (0);
}

int
recipe_decode(struct bytes *b, struct recipe *r, bool *more, struct err *e)
{
	struct bytes at = *b;
	uint8_t kind, flags;
	uint16_t zero;
	uint32_t count;

	*more = false;
	bytes_copy(&at, r->identity, sizeof(r->identity));
	kind = bytes_u8(&at);
	flags = bytes_u8(&at);
	zero = bytes_u16(&at);
	count = bytes_u32(&at);
	r->bytes = bytes_u64(&at);
	if (at.bad) {
		*more = true;
		return (0);
	}
	if (kind < STREAM_ARCHIVE || kind > STREAM_STDIN)
		return (err_set(
		    e, ERR_CORRUPT, "a recipe of unknown kind %u", kind));
	if (flags != 0 || zero != 0 || count > RECIPE_PARTS_MAX)
		return (err_set(e, ERR_CORRUPT,
		    "a recipe with flags %u and %u parts", flags, count));
	r->kind = kind;
	if (count != 1)
		bytes_copy(&at, r->checksum.b, NAME_BYTES);
	if (at.bad || count > at.n / PART_BYTES) {
		*more = true;
		return (0);
	}
	if (decode_parts(&at, r, count, e) < 0)
		return (-1);
	*b = at;
	return (0);
}
