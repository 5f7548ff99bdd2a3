/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of the backup's tables, over several connections at once, each
 * stream checked on its way in against its checksum and its count of rows.
 */
#ifndef RESTORE_ROWS_H
#define RESTORE_ROWS_H

#include "base/pg.h"
#include "restore/contents.h"

struct progress;

/* One table into schema.name over c; NULL: its own. *rows is what the server
 * counted. Fails: ERR_CORRUPT (another count than the backup's), ERR_DATABASE.
 */
int rows_copy(PGconn *c, struct fetch *f, const struct contents *contents,
    const struct stored_table *t, const char *schema, uint64_t *rows,
    struct err *e) MUST_USE;

/* Rows of all tables, begun in a thread for each connection. */
struct rows;
struct rows *rows_start(struct fetch *f, const struct contents *contents,
    const struct stored_table *tables, size_t n, PGconn *const *conns,
    size_t nconns, struct progress *progress);
/* Waits. The first failure of any thread ends them all. rows and tables count
 * what was copied. Frees. */
int rows_finish(struct rows *rows, uint64_t *tables, uint64_t *count,
    struct err *e) MUST_USE;
/* Stops them, and frees. */
void rows_abandon(struct rows *rows);

#endif
