/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Chunks and parts through zstd and back, and frames that lie about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/compress.h"
#include "tests/unit/known.h"

static uint8_t *
rows(size_t n)
{
	uint8_t *p = mem_new(n > 0 ? n : 1);

	known_rows(p, n, 1);
	return (p);
}

static uint8_t *
noise(size_t n)
{
	uint8_t *p = mem_new(n > 0 ? n : 1);

	known_noise(p, n, 1);
	return (p);
}

/* There and back; returns the codec. */
static int
round_trip(int level, const uint8_t *p, size_t n)
{
	SCOPED(compressor_freep) struct compressor *c = compressor_new(level);
	SCOPED(buf_free) struct buf small = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	int codec = compress_chunk(c, p, n, &small);

	assert_true(small.n <= n);
	assert_int_equal(expand_chunk(codec, small.p, small.n, n, &out, &e), 0);
	assert_int_equal(out.n, n);
	if (n > 0)
		assert_memory_equal(out.p, p, n);
	return (codec);
}

static void
chunks_of_any_length_go_there_and_back(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 100, 1000, 65536, 131071,
		131072, 131073, 1000000, CHUNK_MAX };
	SCOPED(scope_free) uint8_t *text = rows(CHUNK_MAX);
	SCOPED(scope_free) uint8_t *random = noise(CHUNK_MAX);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int codec = round_trip(3, text, lengths[i]);

		if (lengths[i] >= 1000)
			assert_int_equal(codec, CODEC_ZSTD);
		assert_int_equal(round_trip(3, random, lengths[i]), CODEC_RAW);
	}
}

static void
every_level_and_those_beyond_go_there_and_back(void **state)
{
	SCOPED(scope_free) uint8_t *p = rows(200000);
	int level;

	(void)state;
	for (level = -5; level <= 25; level++)
		assert_int_equal(round_trip(level, p, 200000), CODEC_ZSTD);
}

static void
a_context_is_as_good_after_a_probe(void **state)
{
	SCOPED(compressor_freep) struct compressor *c = compressor_new(9);
	SCOPED(buf_free) struct buf fresh = BUF_INIT, used = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = rows(500000), *q = noise(500000);

	(void)state;
	assert_int_equal(compress_chunk(c, p, 500000, &fresh), CODEC_ZSTD);
	assert_int_equal(compress_chunk(c, q, 500000, &used), CODEC_RAW);
	assert_int_equal(compress_chunk(c, p, 500000, &used), CODEC_ZSTD);
	assert_int_equal(fresh.n, used.n);
	assert_memory_equal(fresh.p, used.p, used.n);
}

static void
begin_with(uint8_t *p, const char *text)
{
	while (*text != '\0')
		*p++ = (uint8_t)*text++;
}

static void
what_is_compressed_already_stays_raw(void **state)
{
	static const char *const magics[] = { "\xff\xd8\xff\xe0",
		"\x89PNG\r\n\x1a\n", "PK\x03\x04", "\x1f\x8b\x08" };
	SCOPED(scope_free) uint8_t *p = rows(100000);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		begin_with(p, magics[i]);
		assert_int_equal(round_trip(3, p, 100000), CODEC_RAW);
	}
	begin_with(p, "%PDF-1.7"); /* tried all the same */
	assert_int_equal(round_trip(3, p, 100000), CODEC_ZSTD);
}

static void
a_gain_below_three_percent_is_not_taken(void **state)
{
	SCOPED(scope_free) uint8_t *p = noise(100000);

	(void)state;
	memset(p, 0, 2000);
	assert_int_equal(round_trip(3, p, 100000), CODEC_RAW);
	memset(p, 0, 4000);
	assert_int_equal(round_trip(3, p, 100000), CODEC_ZSTD);
}

static enum err_kind
expand(int codec, const void *p, size_t n, size_t plain)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	return (expand_chunk(codec, p, n, plain, &out, &e) == 0 ? ERR_NONE
								: e.kind);
}

static void
any_other_length_than_the_declared_is_corrupt(void **state)
{
	SCOPED(compressor_freep) struct compressor *c = compressor_new(3);
	SCOPED(buf_free) struct buf small = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = rows(10000);
	size_t plain;

	(void)state;
	assert_int_equal(compress_chunk(c, p, 10000, &small), CODEC_ZSTD);
	for (plain = 0; plain < 20000; plain += 1 + plain / 50)
		if (plain != 10000)
			assert_int_equal(
			    expand(CODEC_ZSTD, small.p, small.n, plain),
			    ERR_CORRUPT);
	assert_int_equal(expand(CODEC_ZSTD, small.p, small.n, 10000), ERR_NONE);
	assert_int_equal(expand(CODEC_RAW, p, 10000, 9999), ERR_CORRUPT);
	assert_int_equal(expand(CODEC_RAW, p, 10000, 10001), ERR_CORRUPT);
}

static bool
takes_frame(const uint8_t *p, size_t n, const void *arg)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const size_t *plain = arg;
	struct err e = ERR_INIT;

	if (expand_chunk(CODEC_ZSTD, p, n, *plain, &out, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (false);
}

static void
a_cut_or_longer_frame_is_corrupt(void **state)
{
	SCOPED(compressor_freep) struct compressor *c = compressor_new(3);
	SCOPED(buf_free) struct buf small = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = rows(3000);
	size_t plain = 3000;
	struct attempt a = { takes_frame, &plain };

	(void)state;
	assert_int_equal(compress_chunk(c, p, plain, &small), CODEC_ZSTD);
	assert_int_equal(known_cuts_taken(&small, &a), 0);
	assert_int_equal(known_longer_taken(&small, &a), 0);
	/* Two frames are not one, even when together they are right. */
	buf_add(&small, small.p, small.n);
	plain = 6000;
	assert_false(takes_frame(small.p, small.n, &plain));
}

/* A frame of zeros, compressed n times over: what a bomb is made of. */
static void
make_bomb(size_t plain, struct buf *out)
{
	SCOPED(compressor_freep) struct compressor *c = compressor_new(19);
	SCOPED(scope_free) uint8_t *zeros = mem_new(plain);

	assert_int_equal(compress_chunk(c, zeros, plain, out), CODEC_ZSTD);
	assert_true(out->n < 1000);
}

static void
a_bomb_fails_at_the_exact_length(void **state)
{
	SCOPED(buf_free) struct buf bomb = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	make_bomb(CHUNK_MAX, &bomb);
	assert_int_equal(
	    expand(CODEC_ZSTD, bomb.p, bomb.n, CHUNK_MAX), ERR_NONE);
	assert_int_equal(
	    expand(CODEC_ZSTD, bomb.p, bomb.n, CHUNK_MAX - 1), ERR_CORRUPT);
	assert_int_equal(expand(CODEC_ZSTD, bomb.p, bomb.n, 0), ERR_CORRUPT);
	/* the frame now claims less than it holds: its content size field
	 * follows the magic and the descriptor */
	assert_int_equal(bomb.p[4] & 0xe0, 0xa0); /* 4 bytes, one segment */
	bomb.p[5] = 100;
	memset(bomb.p + 6, 0, 3);
	assert_int_equal(
	    expand_chunk(CODEC_ZSTD, bomb.p, bomb.n, 100, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_true(out.cap <= 4096);
}

static void
a_chunk_over_the_limit_and_an_unknown_codec_are_corrupt(void **state)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t p[4] = { 0 };

	(void)state;
	assert_int_equal(
	    expand(CODEC_RAW, p, CHUNK_MAX + 1, CHUNK_MAX + 1), ERR_CORRUPT);
	assert_int_equal(
	    expand_chunk(CODEC_ZSTD, p, 4, SIZE_MAX, &out, &e), -1);
	assert_int_equal(out.cap, 0);
	assert_int_equal(expand(CODEC_DELTA, p, 4, 4), ERR_CORRUPT);
	assert_int_equal(expand(3, p, 4, 4), ERR_CORRUPT);
	assert_int_equal(expand(-1, p, 4, 4), ERR_CORRUPT);
}

static void
parts_go_there_and_back_and_are_padded_for_what_is_outside(void **state)
{
	static const size_t lengths[] = { 0, 1, 2, 100, 5000, 300000 };
	SCOPED(scope_free) uint8_t *p = rows(300000);
	SCOPED(buf_free) struct buf part = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i, outside;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (outside = 0; outside < 200; outside += 19) {
			compress_part(p, lengths[i], outside, &part);
			assert_int_equal(
			    format_padme(part.n + outside), part.n + outside);
			assert_int_equal(
			    expand_part(part.p, part.n, lengths[i], &out, &e),
			    0);
			assert_int_equal(out.n, lengths[i]);
			assert_memory_equal(out.p, p, lengths[i]);
		}
}

static void
a_part_over_its_limit_allocates_nothing(void **state)
{
	SCOPED(buf_free) struct buf part = BUF_INIT, out = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = rows(300000);
	struct err e = ERR_INIT;

	(void)state;
	compress_part(p, 300000, 0, &part);
	assert_int_equal(expand_part(part.p, part.n, 299999, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(out.cap, 0);
}

static bool
takes_part(const uint8_t *p, size_t n, const void *arg)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)arg;
	if (expand_part(p, n, 100000, &out, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (false);
}

static void
a_cut_part_or_one_padded_with_anything_is_corrupt(void **state)
{
	SCOPED(buf_free) struct buf part = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = rows(20000);
	struct attempt a = { takes_part, NULL };
	struct bytes head;
	size_t frame;

	(void)state;
	compress_part(p, 20000, 0, &part);
	head = bytes_of(part.p, part.n);
	frame = bytes_u32(&head);
	assert_true(4 + frame < part.n); /* there is padding */
	part.p[part.n - 1] = 1;
	assert_false(takes_part(part.p, part.n, NULL));
	part.p[part.n - 1] = 0;
	part.n = 4 + frame;
	assert_true(takes_part(part.p, part.n, NULL));
	assert_int_equal(known_cuts_taken(&part, &a), 0);
	part.p[0]++;
	assert_false(takes_part(part.p, part.n, NULL));
	part.p[3] = 0xff;
	assert_false(takes_part(part.p, part.n, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_of_any_length_go_there_and_back),
		cmocka_unit_test(
		    every_level_and_those_beyond_go_there_and_back),
		cmocka_unit_test(a_context_is_as_good_after_a_probe),
		cmocka_unit_test(what_is_compressed_already_stays_raw),
		cmocka_unit_test(a_gain_below_three_percent_is_not_taken),
		cmocka_unit_test(any_other_length_than_the_declared_is_corrupt),
		cmocka_unit_test(a_cut_or_longer_frame_is_corrupt),
		cmocka_unit_test(a_bomb_fails_at_the_exact_length),
		cmocka_unit_test(
		    a_chunk_over_the_limit_and_an_unknown_codec_are_corrupt),
		cmocka_unit_test(
		    parts_go_there_and_back_and_are_padded_for_what_is_outside),
		cmocka_unit_test(a_part_over_its_limit_allocates_nothing),
		cmocka_unit_test(
		    a_cut_part_or_one_padded_with_anything_is_corrupt),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
