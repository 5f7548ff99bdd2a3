/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that delete. Only retention/ and tests/ include this header
 * (make lint checks it): the backup path cannot delete, by construction.
 */
#ifndef STORAGE_DRIVERS_STORE_DROP_H
#define STORAGE_DRIVERS_STORE_DROP_H

#include "storage-drivers/store.h"

/* Deletes an object, with all its versions where some are kept; a missing one
 * is success. Fails: ERR_LOCKED when a version is locked, saying until when. */
int store_drop(struct store *s, const char *name, struct err *e) MUST_USE;

/* Takes away the delete markers in front of an object, so that store_get has it
 * again; none is success. Fails: ERR_MISSING when nothing is behind them. */
int store_unhide(struct store *s, const char *name, struct err *e) MUST_USE;

#endif
