/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chunk as its difference from up to four base chunks: zstd with the bases,
 * joined in order, as prefix (ZSTD_CCtx_refPrefix, RFC 8878 window of at most
 * 16 MiB).
 */
#ifndef REPOSITORY_DELTA_H
#define REPOSITORY_DELTA_H

#include "repository/format.h"

#define DELTA_PREFIX_MAX ((size_t)16 << 20)

/* out is replaced by the delta. Fails: ERR_SYSTEM (zstd), never half done. */
int delta_encode(int level, const void *p, size_t n, const void *prefix,
    size_t prefix_bytes, struct buf *out, struct err *e) MUST_USE;
/* Expands into exactly plain_bytes, replacing out's contents. Fails:
 * ERR_CORRUPT. */
int delta_expand(const void *p, size_t n, const void *prefix,
    size_t prefix_bytes, size_t plain_bytes, struct buf *out,
    struct err *e) MUST_USE;

#endif
