/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Senders: one thread an endpoint takes what the spool holds for it, packs and
 * index objects first, an audit entry or manifest only when everything it needs
 * is confirmed there. Started before a backup reads its first byte, so a slow
 * endpoint delays nobody; each begins by checking that the endpoint is ours and
 * by listing it, so that what it lost is queued again.
 */
#ifndef REPOSITORY_REPLICATE_H
#define REPOSITORY_REPLICATE_H

#include "repository/manifest.h"
#include "repository/repo.h"

struct replicate;

struct endpoint_report {
	bool reached;	 /* it answered and is ours */
	bool up_to_date; /* nothing is left for it */
	uint64_t packs;	 /* sent now */
	uint64_t bytes_sent;
	uint64_t behind_packs, behind_bytes; /* objects left for it */
	struct err error; /* why it was set aside, or kind ERR_NONE */
};

enum {
	REPLICATE_PREPARE = 1, /* make missing folders, write config to an empty
				  endpoint (sync, repair) */
	/* what the spool has let go is copied from another endpoint */
	REPLICATE_FROM_OTHERS = 2,
	/* does not list, sends audit entries alone: what a command that wrote
	   one does before it ends */
	REPLICATE_AUDIT_ONLY = 4,
	/* with the one above: learns what an endpoint holds all the same, since
	   a number of the audit log is going to be taken */
	REPLICATE_LEARN = 8
};

/*
 * Starts senders for the endpoints in which (a bit an endpoint of r), all when
 * 0. They go on until replicate_finish, waiting for more.
 */
struct replicate *replicate_start(
    struct repo *r, unsigned which, unsigned flags, struct err *e) MUST_USE;
/* Waits until local state knows what every endpoint that answers holds: before
 * that, no number of a chain may be taken. */
int replicate_wait_known(struct replicate *rep, struct err *e) MUST_USE;
/* Has an endpoint said by now that another machine took over? Then this fails,
 * with ERR_TAKEN_OVER. */
int replicate_check(struct replicate *rep, struct err *e) MUST_USE;
/* Waits until every sender has sent what there is or was set aside; reports[i]
 * for r->endpoints[i]. */
int replicate_finish(struct replicate *rep, struct endpoint_report reports[],
    struct err *e) MUST_USE;
/*
 * Sends audit entries that were just written, where an endpoint answers; what
 * does not get there goes with the next run. Endpoints in without (a bit each)
 * are not tried: who calls has just waited for them in vain.
 */
int replicate_audit(struct repo *r, unsigned without, struct err *e) MUST_USE;
void replicate_free(
    struct replicate *rep); /* stops them without waiting for the rest */
void replicate_freep(struct replicate **rep);

#endif
