/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an endpoint says of backups, before anything is deleted there: local
 * state alone is never trusted with that.
 */
#ifndef RETENTION_RELIST_H
#define RETENTION_RELIST_H

#include "repository/repo.h"

/*
 * Asks who writes, learns what local state doesn't know (so that no number of
 * the audit log is taken twice), and lists backups/: a manifest that was
 * unknown counts as any other now; one that was removed is to be deleted there,
 * too; when each was received is noted. With only_looks nothing is written.
 * Fails: ERR_TAKEN_OVER; ERR_REFUSED for a manifest that can't be read, naming
 * it: nothing may be deleted then; or the endpoint's error.
 */
int relist(struct repo *r, struct endpoint *ep, bool only_looks,
    struct err *e) MUST_USE;

#endif
