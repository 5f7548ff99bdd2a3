/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs that a repack has written anew: which index object's packs stand for
 * them, and for which backups. For a backup that is made later, and for one
 * that the repack didn't know, the old pack itself is needed.
 */
#ifndef REPOSITORY_STATE_REPLACED_H
#define REPOSITORY_STATE_REPLACED_H

#include "repository/index_object.h"
#include "repository/state.h"

/* An index object, which is known already, replaces packs. A later one for the
 * same pack takes the place of an earlier one. */
int state_add_replaced(struct state_txn *t, uint64_t index,
    const struct index_replaced *replaced, struct err *e) MUST_USE;

#endif
