/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rule held when: each branch's policy in the audit log, written anew
 * whenever a writer comes with another one.
 *
 *   event policy, branch, detail {"keep":"7 daily, 4 weekly, 3 monthly",
 *     "keep_within_s","keep_manual_s","keep_update_s","keep_pre_restore_s",
 *     "keep_pre_upgrade_s","pruned"}
 *
 * A backup notes what the configuration says, a prune what it carries out. They
 * are kept apart, because a change that a backup has seen is still to be
 * weighed against removal-limit by the first prune under it.
 */
#ifndef RETENTION_POLICY_LOG_H
#define RETENTION_POLICY_LOG_H

#include "repository/repo.h"
#include "retention/policy.h"

enum policy_log { POLICY_LOG_SEEN, POLICY_LOG_PRUNED };

/*
 * Compares the policy of every configured branch with its newest entry of that
 * sort, and adds one where it differs or there is none. For a writer that knows
 * its chain (replicate_wait_known); the entries go out with the next objects.
 */
int policy_log_note(
    struct repo *r, enum policy_log sort, struct err *e) MUST_USE;

/*
 * The policy of a branch's newest entry of that sort; *found tells. Its zone is
 * NULL: it is not part of a policy, and the caller's to set.
 * Fails: ERR_CORRUPT for an entry that names no policy; local state's errors.
 */
int policy_log_last(struct repo *r, const char *branch, enum policy_log sort,
    struct policy *out, bool *found, struct err *e) MUST_USE;

#endif
