/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing to the audit log, and reading it: entries go into local state and
 * the spool like any object.
 */
#ifndef REPOSITORY_AUDIT_LOG_H
#define REPOSITORY_AUDIT_LOG_H

#include "repository/audit.h"
#include "repository/repo.h"

/*
 * detail is taken. backup and branch may be NULL. r may be open for reading
 * too, when this machine is the writer. Fails: ERR_REFUSED when it is not.
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

struct state_txn;

/*
 * The two steps of audit_log_add, for a batch of local state: audit_log_fill
 * takes detail and sets who and when; audit_log_append gives the entry its
 * place in the chain. *bytes gets its object's size.
 */
void audit_log_fill(struct audit_entry *a, const char *event,
    const char *backup, const char *branch, struct json *detail);
int audit_log_append(struct repo *r, struct state_txn *t, struct audit_entry *a,
    uint64_t *bytes, struct err *e) MUST_USE;

#endif
