/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An endpoint that keeps versions, as S3 with Object Lock does: what was put
 * first under a name stays, whatever is put or deleted later.
 */
#ifndef TESTS_UNIT_VERSIONS_H
#define TESTS_UNIT_VERSIONS_H

#include "storage-drivers/store.h"

/*
 * Wraps inner, and owns it. What inner holds already counts as put first.
 * store_put of a name that is taken puts a version over it, store_unhide takes
 * a delete marker away, store_drop fails with ERR_LOCKED.
 */
struct store *versions_new(struct store *inner);
/* What anybody who may write there can do: a delete marker. */
void versions_hide(struct store *s, const char *name);
/* Whether it is hidden now. */
bool versions_are_hidden(struct store *s, const char *name);
/* From now on unhiding is denied. */
void versions_deny_unhide(struct store *s);

#endif
