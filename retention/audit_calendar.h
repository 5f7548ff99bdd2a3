/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's days at a glance: the last 20 weeks as a picture (SVG), a column a
 * week, a cell a day; older backups as a row of months below. What a cell says
 * by color it says by a letter, too, for paper without colors.
 */
#ifndef RETENTION_AUDIT_CALENDAR_H
#define RETENTION_AUDIT_CALENDAR_H

#include "retention/audit_facts.h"

/* Both appended to out. */
void audit_calendar(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out);
void audit_calendar_legend(struct buf *out);
/* The styles of both. */
const char *audit_calendar_style(void);

#endif
