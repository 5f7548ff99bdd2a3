/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's verdicts and the policy of its last prune flow in, yes or no flows
 * out.
 */
#include "retention/plan_limits.h"

#include <stdlib.h>

#include "retention/policy_log.h"

int
plan_allows(struct repo *r, const struct plan_branch *b, int64_t now,
    bool *allowed, char why[PLAN_WHY_TEXT], struct err *e)
{
	const struct policy_limits limits = {
		.removal_percent = r->settings->removal_percent,
		.removal_floor = r->settings->removal_floor
	};
	SCOPED(scope_free)
	struct policy_backup *known = mem_array(b->n + 1, sizeof(*known));
	struct policy before;
	bool found;

	if (policy_log_last(r, b->name, POLICY_LOG_PRUNED, &before, &found, e) <
	    0)
		return (-1);
	if (!found)
		before = b->policy;
	before.zone = b->zone;
	for (size_t i = 0; i < b->n; i++)
		known[i] = b->v[i].known;
	*allowed = policy_allows(
	    &b->policy, &before, &limits, known, b->n, now, why, PLAN_WHY_TEXT);
	return (0);
}
