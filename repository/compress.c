/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole buffers in, whole zstd frames out, and back. Frames state their content
 * size and carry no checksum of zstd's: they are only ever stored inside a
 * sealed box, whose tag says more. Expanding never allocates more than the
 * caller's limit, and never believes a frame about its length without having
 * compared it first.
 */
#include "repository/compress.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "repository/seal.h"

#define LEVEL_DEFAULT 3
#define LEVEL_LEAST   1
#define LEVEL_MOST    19 /* beyond it zstd's windows cost too much memory */
#define PROBE_LEVEL   1
#define PROBE_SLICE   ((size_t)16 << 10)
#define PROBE_SLICES  3
#define PROBE_FROM    ((size_t)128 << 10) /* shorter ones are simply tried */
#define GAIN_PERCENT  3

struct compressor {
	ZSTD_CCtx *ctx;
	int level;
};

static_assert(ZSTD_COMPRESSBOUND(CHUNK_MAX) <= BOX_MAX - BOX_OVERHEAD,
    "what zstd makes of a chunk fits into a box");

/* A context that writes frames as this file promises. */
static ZSTD_CCtx *
context_new(int level)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();

	if (ctx == NULL)
		abort();
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, level);
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 1);
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 0);
	return (ctx);
}

static int
level_within(int level)
{
	if (level == 0)
		return (LEVEL_DEFAULT);
	if (level < LEVEL_LEAST)
		return (LEVEL_LEAST);
	return (level > LEVEL_MOST ? LEVEL_MOST : level);
}

/* As ZSTD_sizeof_CCtx says of 1.5.4 after a chunk of CHUNK_MAX, and some more
 * for other versions. */
uint64_t
compress_memory(int level)
{
	static const uint8_t mib[LEVEL_MOST + 1] = { 0, 1, 1, 2, 3, 4, 4, 8, 8,
		14, 27, 27, 54, 37, 54, 72, 37, 54, 54, 54 };

	return ((uint64_t)mib[level_within(level)] << 20);
}

struct compressor *
compressor_new(int level)
{
	struct compressor *c = mem_new(sizeof(*c));

	c->level = level_within(level);
	c->ctx = context_new(c->level);
	return (c);
}

void
compressor_free(struct compressor *c)
{
	if (c == NULL)
		return;
	(void)ZSTD_freeCCtx(c->ctx);
	free(c);
}

void
compressor_freep(struct compressor **c)
{
	compressor_free(*c);
}

/*
 * The first bytes of what is compressed already: worth a look, since these are
 * most of a filestore. PDF is not among them: what Odoo prints deflates its
 * streams, but scans and forms differ, so the probe decides about them.
 */
static bool
starts_compressed(const uint8_t *p, size_t n)
{
	static const struct {
		const char *magic;
		size_t n;
	} known[] = {
		{ "\xff\xd8\xff", 3 },	    /* JPEG */
		{ "\x89PNG\r\n\x1a\n", 8 }, /* PNG */
		{ "PK\x03\x04", 4 },	    /* zip, and office documents */
		{ "\x1f\x8b\x08", 3 },	    /* gzip */
		{ "\xfd"
		  "7zXZ",
		    6 },		     /* xz; its NUL counts */
		{ "\x28\xb5\x2f\xfd", 4 },   /* zstd */
		{ "7z\xbc\xaf\x27\x1c", 6 }, /* 7z */
		{ "OggS", 4 },		     /* Ogg */
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (n >= known[i].n &&
		    memcmp(p, known[i].magic, known[i].n) == 0)
			return (true);
	return (false);
}

static bool
is_gain(size_t small, size_t n)
{
	return (small <= n - n * GAIN_PERCENT / 100 && small < n);
}

/*
 * Would it shrink? Three slices of 16 KiB (start, middle, end) at level 1 cost
 * a tenth of a 512 KiB chunk at level 1, and some 3 % of one at level 3, and
 * tell random-looking chunks (encrypted, media in the middle of their stream)
 * from rows and text. A chunk that only repeats itself at a distance would be
 * missed; chunks of that kind are found by their names.
 */
static bool
probe_shrinks(struct compressor *c, const uint8_t *p, size_t n, struct buf *out)
{
	size_t i, off, got, sum = 0;

	out->n = 0;
	buf_reserve(out, ZSTD_COMPRESSBOUND(PROBE_SLICE));
	(void)ZSTD_CCtx_setParameter(
	    c->ctx, ZSTD_c_compressionLevel, PROBE_LEVEL);
	for (i = 0; i < PROBE_SLICES; i++) {
		off = (n - PROBE_SLICE) / (PROBE_SLICES - 1) * i;
		got = ZSTD_compress2(
		    c->ctx, out->p, out->cap, p + off, PROBE_SLICE);
		if (ZSTD_isError(got))
			got = PROBE_SLICE;
		sum += got;
	}
	(void)ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_compressionLevel, c->level);
	return (is_gain(sum, PROBE_SLICES * PROBE_SLICE));
}

static int
keep_raw(const void *p, size_t n, struct buf *out)
{
	out->n = 0;
	buf_add(out, p, n);
	return (CODEC_RAW);
}

int
compress_chunk(struct compressor *c, const void *p, size_t n, struct buf *out)
{
	size_t got;

	assert(n <= CHUNK_MAX);
	if (starts_compressed(p, n) ||
	    (n >= PROBE_FROM && !probe_shrinks(c, p, n, out)))
		return (keep_raw(p, n, out));
	out->n = 0;
	buf_reserve(out, ZSTD_compressBound(n));
	got = ZSTD_compress2(c->ctx, out->p, out->cap, p, n);
	if (ZSTD_isError(got) || !is_gain(got, n))
		return (keep_raw(p, n, out));
	out->n = got;
	return (CODEC_ZSTD);
}

/*
 * One frame, n bytes long, of exactly plain_bytes. The caller compared
 * plain_bytes with a limit of its own.
 */
static int
expand_frame(
    const void *p, size_t n, size_t plain_bytes, struct buf *out, struct err *e)
{
	size_t got;

	if (ZSTD_findFrameCompressedSize(p, n) != n)
		return (err_set(e, ERR_CORRUPT, "not one whole zstd frame"));
	if (ZSTD_getFrameContentSize(p, n) != plain_bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a zstd frame of another length than %zu", plain_bytes));
	out->n = 0;
	buf_reserve(out, plain_bytes);
	got = ZSTD_decompress(out->p, plain_bytes, p, n);
	if (ZSTD_isError(got))
		return (err_set(
		    e, ERR_CORRUPT, "zstd: %s", ZSTD_getErrorName(got)));
	if (got != plain_bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a zstd frame gave %zu bytes, not %zu", got, plain_bytes));
	out->n = got;
	return (0);
}

int
expand_chunk(int codec, const void *p, size_t n, size_t plain_bytes,
    struct buf *out, struct err *e)
{
	if (plain_bytes > CHUNK_MAX)
		return (err_set(e, ERR_CORRUPT,
		    "a chunk of %zu bytes is over the limit", plain_bytes));
	if (codec == CODEC_ZSTD)
		return (expand_frame(p, n, plain_bytes, out, e));
	if (codec != CODEC_RAW)
		return (err_set(
		    e, ERR_CORRUPT, "codec %d has to be known first", codec));
	if (n != plain_bytes)
		return (err_set(e, ERR_CORRUPT, "%zu raw bytes instead of %zu",
		    n, plain_bytes));
	(void)keep_raw(p, n, out);
	return (0);
}

static void
context_freep(ZSTD_CCtx **ctx)
{
	(void)ZSTD_freeCCtx(*ctx);
}

void
compress_part(const void *p, size_t n, size_t outside, struct buf *out)
{
	SCOPED(context_freep) ZSTD_CCtx *ctx = context_new(LEVEL_DEFAULT);
	size_t got;

	out->n = 0;
	buf_add_u32(out, 0);
	buf_reserve(out, ZSTD_compressBound(n));
	got = ZSTD_compress2(ctx, out->p + 4, out->cap - 4, p, n);
	if (ZSTD_isError(got) || got > UINT32_MAX)
		abort(); /* the room is there, so only memory can be lacking */
	out->n = 0;
	buf_add_u32(out, (uint32_t)got);
	out->n += got;
	format_pad(out, outside, 0);
}

int
expand_part(
    const void *p, size_t n, size_t limit, struct buf *out, struct err *e)
{
	struct bytes in = bytes_of(p, n);
	uint32_t bytes = bytes_u32(&in);
	const uint8_t *frame = bytes_take(&in, bytes);
	unsigned long long plain;

	if (frame == NULL)
		return (err_set(e, ERR_CORRUPT, "a part is cut off"));
	for (; in.n > 0; in.p++, in.n--)
		if (*in.p != 0)
			return (err_set(
			    e, ERR_CORRUPT, "padding that is not zeros"));
	plain = ZSTD_getFrameContentSize(frame, bytes);
	if (plain > limit) /* unknown and error are the largest values */
		return (err_set(e, ERR_CORRUPT,
		    "a part of unknown length, or over %zu bytes", limit));
	return (expand_frame(frame, bytes, (size_t)plain, out, e));
}
