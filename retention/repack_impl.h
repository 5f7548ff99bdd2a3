/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What repack.c (which packs) and repack_write.c (the new ones) share.
 */
#ifndef RETENTION_REPACK_IMPL_H
#define RETENTION_REPACK_IMPL_H

#include "repository/state.h"
#include "retention/live.h"
#include "retention/repack.h"

/* A pack that is to be written anew. */
struct thin {
	uint64_t number;
	uint64_t live;	  /* bytes of boxes that are needed */
	uint64_t records; /* so many of them */
	uint64_t bytes;
};

/*
 * Writes the boxes of these packs that are needed into new packs, with one
 * index object or more. done counts the packs that were. *is_full: no more fits
 * into the spool.
 */
int repack_write(struct repo *r, const struct live *live, const struct thin *v,
    size_t n, size_t *done, bool *is_full, struct err *e) MUST_USE;

#endif
