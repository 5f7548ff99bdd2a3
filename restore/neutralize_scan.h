/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is filled, looks like a credential by its name, and is known to no
 * rule: columns, system parameters, properties, files attached to a field.
 */
#ifndef RESTORE_NEUTRALIZE_SCAN_H
#define RESTORE_NEUTRALIZE_SCAN_H

#include "restore/neutralize_job.h"
#include "restore/neutralize_plan.h"

/*
 * Adds to job->out->unknown what neither the plan of all rules deals with nor
 * the rules' keep lists name. Counts alone are read, never a value.
 */
int neutralize_scan(struct neutralize_job *job,
    const struct neutralize_place *place, const struct neutralize_plan *plan,
    struct err *e) MUST_USE;

#endif
