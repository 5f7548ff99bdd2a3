/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May a branch's removals be carried out at once? As policy_allows, with the
 * settings' limits and the policy under which the branch was pruned last.
 */
#ifndef RETENTION_PLAN_LIMITS_H
#define RETENTION_PLAN_LIMITS_H

#include "retention/plan.h"

#define PLAN_WHY_TEXT 400

/* *allowed false: why says what stands against it. */
int plan_allows(struct repo *r, const struct plan_branch *b, int64_t now,
    bool *allowed, char why[PLAN_WHY_TEXT], struct err *e) MUST_USE;

#endif
