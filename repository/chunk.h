/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts a stream at content-defined points (FastCDC, Xia et al., USENIX ATC
 * 2016: gear hash, normalized chunking), with a gear table derived from the
 * name key. Bytes in, lengths out: a value type that owns no memory. Cutting in
 * parts of any size gives the same cuts as cutting the whole.
 */
#ifndef REPOSITORY_CHUNK_H
#define REPOSITORY_CHUNK_H

#include "repository/keys.h"

struct chunk_profile {
	uint32_t least, average, most; /* average is a power of two */
};
/* Data: 128 KiB, 512 KiB, 4 MiB. Meta (recipes and trees): 4, 16, 64 KiB. */
extern const struct chunk_profile chunk_data;
extern const struct chunk_profile chunk_meta;

struct chunker {
	const struct chunk_profile *profile;
	uint64_t gear[256];
	uint64_t hash;
	uint32_t length; /* of the chunk that is growing */
	uint64_t mask_small, mask_large;
};

void chunker_init(struct chunker *c, const struct keys *k,
    const struct chunk_profile *profile);
/*
 * Looks at the next n bytes of the stream: returns how many of them belong to
 * the growing chunk, and sets *cut when it ends there; call again with the
 * rest.
 */
size_t chunker_next(struct chunker *c, const uint8_t *p, size_t n, bool *cut);
/* The stream (or a forced boundary) ends here: the next byte starts a chunk. */
void chunker_reset(struct chunker *c);

#endif
