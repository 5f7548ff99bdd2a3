/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing into a report; reading it is in neutralize.h.
 */
#ifndef RESTORE_NEUTRALIZE_REPORT_H
#define RESTORE_NEUTRALIZE_REPORT_H

#include "restore/neutralize.h"

/* The entry of that name, added as absent when it is not there yet. */
struct neutralize_rule *neutralize_report_rule(
    struct neutralize_report *r, const char *name);
/* message may be NULL. A failure stays a failure; rows add up. */
void neutralize_report_outcome(struct neutralize_rule *rule,
    enum neutralize_state state, int64_t rows, const char *message);

/* Adds found to the check of that name, made when it is not there yet; ok
 * false makes it fail for good. detail may be NULL. */
void neutralize_report_check(struct neutralize_report *r, const char *name,
    bool ok, int64_t found, const char *detail);
void neutralize_report_unknown(struct neutralize_report *r, const char *module,
    const char *table, const char *column, int64_t count);
void neutralize_report_warn(struct neutralize_report *r, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* Before a new proof: forgets the last one's results. */
void neutralize_report_forget_proof(struct neutralize_report *r);

#endif
