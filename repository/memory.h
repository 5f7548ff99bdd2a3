/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where `memory` becomes numbers: how much of what takes memory
 * there may be at a time. docs/design.md has the sum.
 */
#ifndef REPOSITORY_MEMORY_H
#define REPOSITORY_MEMORY_H

#include <stdint.h>

#define MEMORY_STEP ((uint64_t)16 << 20)

struct memory_plan {
	unsigned jobs;	    /* tables or files at a time, 1 or more */
	unsigned transfers; /* whole objects held for endpoints, 1 or more */
};

/* The least that a backup at this zstd level gets by with, a multiple of
 * MEMORY_STEP. */
uint64_t memory_least(int level);
/* What fits into memory (at least memory_least) of what is asked for. */
struct memory_plan memory_plan(
    uint64_t memory, int level, unsigned jobs, unsigned endpoints);

#endif
