/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole pack, opened: every box unsealed, expanded, and compared with its
 * name. What verification at its deepest does.
 */
#ifndef REPOSITORY_OPEN_PACK_H
#define REPOSITORY_OPEN_PACK_H

#include "repository/lookup.h"

/*
 * pack is the whole object, read from ep, from where the bases of its delta
 * copies are read too. Needs the restore key.
 * Fails: ERR_CORRUPT naming the chunk, ERR_KEY, or the endpoint's error.
 */
int open_pack_check(struct repo *r, const struct endpoint *ep, struct opener *o,
    const struct buf *pack, struct err *e) MUST_USE;

#endif
