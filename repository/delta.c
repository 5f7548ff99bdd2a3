/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chunk and its bases flow in, a zstd frame that can't be read without the
 * bases flows out, and back. The bases are joined in order by the caller. As in
 * compress.c a frame states its content size, which is compared before it is
 * believed; the caller checks the names of the bases before, and of the result
 * after.
 */
#include "repository/delta.h"

#include <zstd.h>

/* Level 1 finds almost nothing in a prefix (measured), 3 does. */
#define LEVEL_LEAST  3
#define LEVEL_MOST   19
#define WINDOW_LEAST 17
#define WINDOW_MOST  24 /* 16 MiB */

static void
encoder_freep(ZSTD_CCtx **ctx)
{
	(void)ZSTD_freeCCtx(*ctx);
}

static void
decoder_freep(ZSTD_DCtx **ctx)
{
	(void)ZSTD_freeDCtx(*ctx);
}

static int
failed(size_t code, enum err_kind kind, struct err *e)
{
	return (err_set(e, kind, "zstd: %s", ZSTD_getErrorName(code)));
}

/* The least window that sees all of the prefix from the chunk's end, up to the
 * most that a reader must accept. */
static int
window_of(size_t bytes)
{
	int window = WINDOW_LEAST;

	while (window < WINDOW_MOST && ((size_t)1 << window) < bytes)
		window++;
	return (window);
}

int
delta_encode(int level, const void *p, size_t n, const void *prefix,
    size_t prefix_bytes, struct buf *out, struct err *e)
{
	SCOPED(encoder_freep) ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t got;

	assert(n <= CHUNK_MAX && prefix_bytes <= DELTA_PREFIX_MAX);
	if (ctx == NULL)
		return (err_set(e, ERR_SYSTEM, "no memory for zstd"));
	if (level < LEVEL_LEAST)
		level = LEVEL_LEAST;
	if (level > LEVEL_MOST)
		level = LEVEL_MOST;
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, level);
	(void)ZSTD_CCtx_setParameter(
	    ctx, ZSTD_c_windowLog, window_of(n + prefix_bytes));
	/* The level's own tables are too small for a long prefix: of a chunk
	 * of 4 MiB found again in 16 MiB level 3 left 260 KB of rows and all of
	 * noise, with this 10 KB of either, at the same speed (measured). */
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_enableLongDistanceMatching, 1);
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 1);
	(void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 0);
	got = ZSTD_CCtx_refPrefix(ctx, prefix, prefix_bytes);
	if (ZSTD_isError(got))
		return (failed(got, ERR_SYSTEM, e));
	out->n = 0;
	buf_reserve(out, ZSTD_compressBound(n));
	got = ZSTD_compress2(ctx, out->p, out->cap, p, n);
	if (ZSTD_isError(got))
		return (failed(got, ERR_SYSTEM, e));
	out->n = got;
	return (0);
}

/* The lengths are as promised and within their limits. */
static int
check_lengths(const void *p, size_t n, size_t prefix_bytes, size_t plain_bytes,
    struct err *e)
{
	if (plain_bytes > CHUNK_MAX || prefix_bytes > DELTA_PREFIX_MAX)
		return (err_set(e, ERR_CORRUPT,
		    "a delta of %zu bytes on %zu is over the limits",
		    plain_bytes, prefix_bytes));
	if (ZSTD_findFrameCompressedSize(p, n) != n)
		return (err_set(e, ERR_CORRUPT, "not one whole zstd frame"));
	if (ZSTD_getFrameContentSize(p, n) != plain_bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a delta of another length than %zu", plain_bytes));
	return (0);
}

int
delta_expand(const void *p, size_t n, const void *prefix, size_t prefix_bytes,
    size_t plain_bytes, struct buf *out, struct err *e)
{
	SCOPED(decoder_freep) ZSTD_DCtx *ctx = NULL;
	size_t got;

	if (check_lengths(p, n, prefix_bytes, plain_bytes, e) < 0)
		return (-1);
	if ((ctx = ZSTD_createDCtx()) == NULL)
		return (err_set(e, ERR_SYSTEM, "no memory for zstd"));
	got = ZSTD_DCtx_refPrefix(ctx, prefix, prefix_bytes);
	if (ZSTD_isError(got))
		return (failed(got, ERR_SYSTEM, e));
	out->n = 0;
	buf_reserve(out, plain_bytes);
	got = ZSTD_decompressDCtx(ctx, out->p, plain_bytes, p, n);
	if (ZSTD_isError(got))
		return (failed(got, ERR_CORRUPT, e));
	if (got != plain_bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a delta gave %zu bytes, not %zu", got, plain_bytes));
	out->n = got;
	return (0);
}
