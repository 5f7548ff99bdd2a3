/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moments, sizes and an audit's facts in short words, for the text and the HTML
 * of a report alike. All write into the caller's text and return it.
 */
#ifndef RETENTION_AUDIT_WORDS_H
#define RETENTION_AUDIT_WORDS_H

#include "retention/audit_facts.h"

#define AUDIT_WORD 48
#define AUDIT_LINE 200

/* "2026-11-22 02:30" in a zone; NULL: UTC. 0 is "never". */
const char *audit_moment(
    const struct zone *z, int64_t when, char out[AUDIT_WORD]);
/* "2026-11-22" of a local day's number. */
const char *audit_day(int64_t day_number, char out[AUDIT_WORD]);
/* "12.3 MiB" */
const char *audit_bytes(uint64_t bytes, char out[AUDIT_WORD]);
/* "3 of 3" endpoints hold it whole. */
const char *audit_copies(const struct audit_facts *f,
    const struct plan_entry *entry, char out[AUDIT_WORD]);
/* Where it is not whole: "waw pending, ams damaged", or "". */
const char *audit_lacking(const struct audit_facts *f,
    const struct plan_entry *entry, char out[AUDIT_LINE]);
/* "daily 3", or the type of one without a slot. */
const char *audit_place(const struct plan_entry *entry, char out[AUDIT_WORD]);
/* Until when: a moment, or "newer ones", or "unpinned". */
const char *audit_until(
    const struct zone *z, const struct plan_entry *entry, char out[AUDIT_WORD]);
/* "weekly 2 to 4", and why it is empty. */
const char *audit_ranks(const struct audit_missing *m, char out[AUDIT_WORD]);
const char *audit_emptiness(
    const struct zone *z, const struct audit_missing *m, char out[AUDIT_LINE]);
/* "gone with the next prune", or about when. */
const char *audit_when_next(const struct audit_facts *f, const struct zone *z,
    const struct audit_next *next, char out[AUDIT_WORD]);
/* "hash, 2026-11-20 03:00", or "never". */
const char *audit_verified(const struct zone *z, int64_t when,
    const char *depth, char out[AUDIT_WORD]);

#endif
