/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that gather an audit's facts share. Only they include it.
 */
#ifndef RETENTION_AUDIT_IMPL_H
#define RETENTION_AUDIT_IMPL_H

#include "retention/audit_facts.h"

/* --- a branch's slots and future (audit_slots.c) --- */

/* b has its plan, and what the log tells of it; fills the rest. */
void audit_slots_fill(struct audit_branch *b, int64_t now);
/* Its schedule's longest gap in seconds; 0 when it has none. */
uint64_t audit_schedule_gap(const struct audit_branch *b);

/* --- the log (audit_events.c) --- */

/* One entry, oldest first. arg is the struct audit_facts, whose branches have
 * their plans. */
int audit_events_take(
    const struct audit_entry *a, void *arg, struct err *e) MUST_USE;

/* --- endpoints (audit_endpoints.c) --- */

int audit_endpoints_fill(
    struct repo *r, struct audit_facts *f, struct err *e) MUST_USE;

/* --- what is to be looked at (audit_judge.c) --- */

void audit_judge(struct repo *r, struct audit_facts *f);

#endif
