/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the plan share.
 */
#ifndef RETENTION_PLAN_IMPL_H
#define RETENTION_PLAN_IMPL_H

#include "retention/plan.h"

/*
 * Sets not_before of every backup that was received long after it began, from
 * what the audit log says of backups that were removed. Reads the log only
 * where there is such a one.
 */
int plan_remember_gone(
    struct repo *r, const struct plan *p, struct err *e) MUST_USE;

#endif
