/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last resort for a pack that no endpoint gives any more: what was put
 * first under its name, where an endpoint keeps versions (S3 with Object Lock).
 * So what somebody deleted or overwrote everywhere is restored all the same.
 */
#ifndef RESTORE_FIRST_H
#define RESTORE_FIRST_H

#include "repository/repo.h"

/* The whole pack, checked against its name, replacing out's contents: it takes
 * its size in memory. False when there is none; stopping counts as that. */
bool first_load(struct repo *r, const char *object, struct buf *out);

#endif
