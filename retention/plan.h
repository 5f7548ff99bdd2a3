/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy applied to what this repository holds: every backup of every
 * branch with its verdict. Read from local state alone; prune, audit, list and
 * status all look here, so that they never disagree.
 */
#ifndef RETENTION_PLAN_H
#define RETENTION_PLAN_H

#include "repository/catalog.h"
#include "retention/policy.h"

struct plan_entry {
	const struct catalog_entry *backup; /* in the plan's catalog */
	struct policy_backup known;
	struct policy_verdict verdict;
};

struct plan_branch {
	char name[64];
	const struct branch_settings *settings; /* NULL: no longer configured;
						   the default policy holds */
	struct policy policy;
	struct zone *zone; /* owned */
	size_t n;
	struct plan_entry *v; /* newest first; owned */
};

struct plan {
	int64_t now;
	struct catalog catalog;
	size_t n;
	struct plan_branch *v; /* by name; owned */
	size_t nentries;
	const struct plan_entry **by_id; /* of all branches; owned */
};

/*
 * Judges all backups at a moment; a configured branch that has none is there
 * with n 0. A branch's zone is its setting's, else that of its newest manifest,
 * else UTC. Fails: as catalog_read and audit_log_each; ERR_CONFIG for a zone
 * that the host does not know.
 */
int plan_read(
    struct repo *r, int64_t now, struct plan *out, struct err *e) MUST_USE;
void plan_free(struct plan *p); /* also a SCOPED releaser */

/* What a branch's settings say, without a zone; NULL: what holds for one that
 * is no longer configured. Fails: ERR_CONFIG for a keep that means nothing. */
int plan_policy(const struct branch_settings *s, struct policy *out,
    struct err *e) MUST_USE;

/* The entry of a backup, NULL when the plan has none of that id. */
const struct plan_entry *plan_find(const struct plan *p, const char *id);

#endif
