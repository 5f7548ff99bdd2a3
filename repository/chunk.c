/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content-defined cutting. A chunk ends after the byte where the gear hash of
 * the last 64 bytes has zeros in the bits of a mask; the mask has two bits more
 * before the average length and two fewer after it, which draws lengths to the
 * average. With the data profile the mean of random bytes is about 570 KiB.
 *
 * A cut depends on the last 64 bytes and the length alone, so parts of any size
 * give the cuts of the whole: the hash starts from zero 64 bytes before the
 * least length (every earlier byte would be shifted out by then), and those
 * before it are only counted.
 */
#include "repository/chunk.h"

#include <sodium.h>

#include "base/buf.h"

#define WINDOW	       64 /* bits of the hash: bytes that it remembers */
#define GEAR_LABEL     "triplicate-gear\0" /* 16 bytes */
#define GEAR_PER_BLOCK 8
#define NORMAL_BITS    2

const struct chunk_profile chunk_data = { 128U << 10, 512U << 10, 4U << 20 };
const struct chunk_profile chunk_meta = { 4U << 10, 16U << 10, 64U << 10 };

static_assert(4U << 20 <= CHUNK_MAX, "no chunk is longer than the format says");

/*
 * Block i of the table (entries 8 i to 8 i + 7, little-endian) is the
 * BLAKE2b-512 of i under the name key. An endpoint that knew the table could
 * tell files by their chunks' lengths.
 */
static void
make_gear(struct chunker *c, const uint8_t *name_key)
{
	uint8_t block[GEAR_PER_BLOCK * 8];
	struct bytes in;
	uint8_t index[4] = { 0 };
	size_t i;

	for (i = 0; i < 256; i++) {
		if (i % GEAR_PER_BLOCK == 0) {
			index[0] = (uint8_t)(i / GEAR_PER_BLOCK);
			(void)crypto_generichash_blake2b_salt_personal(block,
			    sizeof(block), index, sizeof(index), name_key, 32,
			    NULL, (const uint8_t *)GEAR_LABEL);
			in = bytes_of(block, sizeof(block));
		}
		c->gear[i] = bytes_u64(&in);
	}
	secret_wipe(block, sizeof(block));
}

/* The topmost n bits: they depend on the most bytes. */
static uint64_t
mask_of(unsigned n)
{
	return (~(uint64_t)0 << (64 - n));
}

void
chunker_init(struct chunker *c, const struct keys *k,
    const struct chunk_profile *profile)
{
	unsigned bits = (unsigned)__builtin_ctz(profile->average);

	assert(keys_have_agent(k) && profile->least >= WINDOW);
	c->profile = profile;
	c->mask_small = mask_of(bits + NORMAL_BITS);
	c->mask_large = mask_of(bits - NORMAL_BITS);
	make_gear(c, keys_name_key(k));
	chunker_reset(c);
}

void
chunker_reset(struct chunker *c)
{
	c->hash = 0;
	c->length = 0;
}

static size_t
less(size_t a, size_t b)
{
	return (a < b ? a : b);
}

/* Passes over the bytes that can't end the chunk: counted, then hashed. */
static size_t
skip_least(struct chunker *c, const uint8_t *p, size_t n)
{
	const size_t least = c->profile->least - 1;
	size_t at = 0, end;

	if (c->length < least - (WINDOW - 1)) {
		at = less(n, least - (WINDOW - 1) - c->length);
		c->length += (uint32_t)at;
	}
	if (c->length >= least)
		return (at);
	end = at + less(n - at, least - c->length);
	c->length += (uint32_t)(end - at);
	for (; at < end; at++)
		c->hash = (c->hash << 1) + c->gear[p[at]];
	return (at);
}

/*
 * Rolls over p[at..end), and says where a cut is: the index after its last
 * byte, or end + 1 when there is none. Everything in locals: this loop is the
 * one that sees every byte.
 */
static size_t
roll(struct chunker *c, const uint8_t *p, size_t at, size_t end, uint64_t mask)
{
	const uint64_t *gear = c->gear;
	uint64_t hash = c->hash;

	while (at < end) {
		hash = (hash << 1) + gear[p[at++]];
		if ((hash & mask) == 0)
			return (at);
	}
	c->hash = hash;
	return (end + 1);
}

size_t
chunker_next(struct chunker *c, const uint8_t *p, size_t n, bool *cut)
{
	/* Bytes up to here are tested with the small mask: a chunk of exactly
	 * the average length already with the large one. */
	const size_t normal = c->profile->average - 1, most = c->profile->most;
	size_t at = skip_least(c, p, n), end, got;

	*cut = false;
	while (at < n) {
		bool small = c->length < normal;

		end = at + less(n - at, (small ? normal : most) - c->length);
		got = roll(
		    c, p, at, end, small ? c->mask_small : c->mask_large);
		*cut = got <= end;
		if (*cut)
			end = got;
		c->length += (uint32_t)(end - at);
		at = end;
		if (*cut || c->length == most) {
			*cut = true;
			chunker_reset(c);
			break;
		}
	}
	return (at);
}
