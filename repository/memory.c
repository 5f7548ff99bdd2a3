/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ceiling flows in, numbers flow out. A backup is the job that takes most:
 * packs being filled and written, a workspace for each stream that is read, a
 * whole object for each endpoint that is sent to. Verifying holds an object and
 * an opened chunk for each transfer, restoring some chunks for each job; both
 * have no packs in memory, and so fit wherever a backup does.
 */
#include "repository/memory.h"

#include "repository/compress.h"
#include "repository/format.h"

#define MIB ((uint64_t)1 << 20)

/* The program, its libraries and connections; what is asked of local state. */
#define BASE_BYTES (8 * MIB)
/* Pages that one transaction of local state changes. */
#define STATE_BYTES (16 * MIB)
/* A chunk of overshoot is what makes a pack larger than its target. */
#define PACK_BYTES (PACK_TARGET + BOX_MAX)
/* Data and recipes being filled, a third being written; of the three the one
 * of recipes holds small boxes alone. */
#define PACKS_BYTES (2 * PACK_BYTES + PACK_TARGET + MIB)
/* A chunk as read, compressed and sealed, and a file as it is read. */
#define JOB_BYTES (4 * (uint64_t)BOX_MAX)
/* A pack on its way, with its directory. */
#define TRANSFER_BYTES (PACK_BYTES + MIB)

static uint64_t
sum(unsigned jobs, unsigned transfers, int level)
{
	return (BASE_BYTES + STATE_BYTES + PACKS_BYTES +
	    jobs * (JOB_BYTES + compress_memory(level)) +
	    transfers * TRANSFER_BYTES);
}

uint64_t
memory_least(int level)
{
	uint64_t least = sum(1, 1, level);

	return ((least + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP);
}

/* In turn, so that neither reading nor sending waits for the other. */
struct memory_plan
memory_plan(uint64_t memory, int level, unsigned jobs, unsigned endpoints)
{
	struct memory_plan p = { .jobs = 1, .transfers = 1 };
	bool has_grown = true;

	while (has_grown) {
		has_grown = false;
		if (p.transfers < endpoints &&
		    sum(p.jobs, p.transfers + 1, level) <= memory) {
			p.transfers++;
			has_grown = true;
		}
		if (p.jobs < jobs &&
		    sum(p.jobs + 1, p.transfers, level) <= memory) {
			p.jobs++;
			has_grown = true;
		}
	}
	return (p);
}
