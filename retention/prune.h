/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Retention carried out (DESIGN 3.7): the plan's verdicts become removal
 * entries, what no backup needs any more is condemned and, after the grace,
 * deleted endpoint by endpoint. Neither waits for a running backup or restore
 * nor disturbs it. Killed at any moment, the next run goes on where it stood.
 */
#ifndef RETENTION_PRUNE_H
#define RETENTION_PRUNE_H

#include "repository/repo.h"
#include "retention/policy.h"

struct prune_conf {
	bool dry_run; /* nothing is changed, anywhere */
	bool force;   /* goes beyond removal-limit and removal-floor */
	int64_t now;
};

struct prune_decision {
	char id[BACKUP_ID_TEXT];
	char branch[64];
	bool keeps;
	char reason[POLICY_REASON_TEXT];
};

/* What came of one endpoint. */
struct prune_endpoint {
	const struct endpoint *ep;
	bool was_asked;		 /* it answered, and is ours */
	uint64_t backups, packs; /* deleted there now */
	uint64_t left;		 /* objects still to be deleted there */
	uint64_t locked;	 /* of them: not before their lock ends */
	struct err error;	 /* why it was left, or the last refusal */
};

struct prune_result {
	size_t n;
	struct prune_decision *v; /* by branch, oldest first; owned */
	uint64_t packs_removed, packs_rewritten;
	uint64_t bytes_freed;		 /* of one copy */
	uint64_t waiting, waiting_bytes; /* condemned packs within the grace */
	size_t nendpoints;
	struct prune_endpoint at[SETTINGS_ENDPOINTS_MAX];
};

/*
 * r is open for reading, on the machine that is the writer: the writer's lock
 * is the backup's. Fails: ERR_LOCKED (another prune), ERR_TAKEN_OVER before
 * anything is written or deleted, ERR_REFUSED (a limit, with what to look at;
 * or a backup at an endpoint that can't be read), ERR_NETWORK when no endpoint
 * answers, ERR_STOPPED; local state's errors. out is filled as far as it came;
 * an endpoint that is away, or refuses, is no failure: it says so in out.
 */
int prune_run(struct repo *r, const struct prune_conf *conf,
    struct prune_result *out, struct err *e) MUST_USE;
void prune_result_free(struct prune_result *out); /* also for SCOPED */

#endif
