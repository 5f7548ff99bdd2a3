/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one call that deletes. Only retention/ and tests/ include this header
 * (make lint checks it): the backup path cannot delete, by construction.
 */
#ifndef STORAGE_DRIVERS_STORE_DROP_H
#define STORAGE_DRIVERS_STORE_DROP_H

#include "storage-drivers/store.h"

/* Deletes an object; a missing one is success. */
int store_drop(struct store *s, const char *name, struct err *e) MUST_USE;

#endif
