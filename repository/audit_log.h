/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing to the audit log, and reading it: entries go into local state and
 * the spool like any object.
 */
#ifndef REPOSITORY_AUDIT_LOG_H
#define REPOSITORY_AUDIT_LOG_H

#include "repository/audit.h"
#include "repository/repo.h"

/* detail is taken. backup and branch may be NULL. r must be open for writing.
 */
int audit_log_add(struct repo *r, const char *event, const char *backup,
    const char *branch, struct json *detail, struct err *e) MUST_USE;
/* Newest entry's number and hash; 0 and zeros when there is none. */
int audit_log_head(
    struct repo *r, uint64_t *seq, struct sha256 *head, struct err *e) MUST_USE;
/* Oldest first; each returns non-zero to end. */
int audit_log_each(struct repo *r,
    int (*each)(const struct audit_entry *a, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

#endif
