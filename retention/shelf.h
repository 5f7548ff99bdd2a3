/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks of recipes, plain, in a file without a name: each is fetched once,
 * pack by pack, however many backups share it.
 */
#ifndef RETENTION_SHELF_H
#define RETENTION_SHELF_H

#include "repository/repo.h"
#include "repository/seal.h"

struct shelf;
struct shelf *shelf_new(struct repo *r);
void shelf_free(struct shelf *s);
void shelf_freep(struct shelf **s);

/* These chunks will be asked for. */
void shelf_want(struct shelf *s, const struct name *names, size_t n);
/* Fetches all that is wanted. Fails: ERR_MISSING (a chunk that nobody has),
 * ERR_CORRUPT, ERR_STOPPED, or the disk's error. */
int shelf_fill(struct shelf *s, struct err *e) MUST_USE;
/* A chunk, appended to out. After shelf_fill. Fails: ERR_MISSING when it was
 * not wanted. */
int shelf_get(struct shelf *s, const struct name *name, struct buf *out,
    struct err *e) MUST_USE;

#endif
