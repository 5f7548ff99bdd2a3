/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zstd, one whole chunk at a time, and skipped early for what does not
 * compress. The context is reused; one per thread.
 */
#ifndef REPOSITORY_COMPRESS_H
#define REPOSITORY_COMPRESS_H

#include "repository/format.h"

struct compressor;
struct compressor *compressor_new(int level);
void compressor_free(struct compressor *c);
void compressor_freep(struct compressor **c);
/* What one takes at a level, at most. */
uint64_t compress_memory(int level);

/*
 * Compresses a chunk; out is emptied first and then holds the bytes to seal.
 * Returns CODEC_ZSTD, or CODEC_RAW (out is a copy of p) when it would not
 * shrink by at least 3 %.
 */
int compress_chunk(
    struct compressor *c, const void *p, size_t n, struct buf *out);
/*
 * Expands into exactly plain_bytes (<= CHUNK_MAX), replacing out's contents.
 * codec is CODEC_RAW or CODEC_ZSTD. Fails: ERR_CORRUPT on any other length.
 */
int expand_chunk(int codec, const void *p, size_t n, size_t plain_bytes,
    struct buf *out, struct err *e) MUST_USE;

/*
 * A part of an object, of any length (a body, JSON):
 *
 *   part = frame-bytes:u32 zstd-frame zeros
 *
 * The zeros pad it so that its length and outside (what will stand around it)
 * together are a Padme length. Replaces out's contents.
 */
void compress_part(const void *p, size_t n, size_t outside, struct buf *out);
/* Replaces out's contents; at most limit bytes. Fails: ERR_CORRUPT. */
int expand_part(const void *p, size_t n, size_t limit, struct buf *out,
    struct err *e) MUST_USE;

#endif
