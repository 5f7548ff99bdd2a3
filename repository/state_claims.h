/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims: packs that a running backup or restore counts on, so that no sweep
 * lets them go (DESIGN 3.7). A job is alive while it holds the lock of its file
 * <state>/jobs/<16 hex>; claims of dead ones count for nothing and are dropped
 * by the next sweep. "Is it there?" and the claim are one transaction, and a
 * claim takes the mark from a pack that was condemned.
 */
#ifndef REPOSITORY_STATE_CLAIMS_H
#define REPOSITORY_STATE_CLAIMS_H

#include "repository/number_bits.h"
#include "repository/state.h"

struct state_job {
	struct state *s;
	uint64_t id;
	char *path; /* of its file; owned. NULL: no job */
	int lock;   /* descriptor, with a path */
};
#define STATE_JOB_INIT                                                         \
	{                                                                      \
		.path = NULL                                                   \
	}
int state_job_begin(
    struct state *s, struct state_job *out, struct err *e) MUST_USE;
/* Drops its claims. One that never began is left alone; also for SCOPED. */
void state_job_end(struct state_job *job);

/*
 * Claims packs, each with the index object that describes it. *got is false,
 * and nothing is claimed, when one of them goes already or is nowhere: then it
 * is not known. claimed gets the bits of what need not be claimed again: these,
 * and other packs of the same index objects that nobody has condemned, since
 * who needs one mostly needs the next.
 */
int state_claim(struct state_job *job, const uint64_t *packs, size_t n,
    struct number_bits *claimed, bool *got, struct err *e) MUST_USE;
/* A pack that the job itself has made. */
int state_claim_new(const struct state_job *job, struct state_txn *t,
    uint64_t pack, struct err *e) MUST_USE;
/* All that a backup needs. Fails: ERR_MISSING when it goes already. */
int state_claim_backup(
    struct state_job *job, const char *backup, struct err *e) MUST_USE;

/* Drops the claims of jobs that died; *n gets how many jobs. */
int state_claims_clean(struct state *s, uint64_t *n, struct err *e) MUST_USE;

#endif
