/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to_dir.c (files), to_dir_database.c (COPY files), to_dir_scripts.c and
 * to_dir_sql.c (SQL) share.
 */
#ifndef RESTORE_TO_DIR_H
#define RESTORE_TO_DIR_H

#include "restore/owners.h"
#include "restore/restoring.h"

struct inside_look;

struct to_dir {
	struct restoring *j;
	const char *dir;
	int root;
	bool database, filestore, logs, streams; /* parts asked for */
	size_t npaths;
	const char *const *paths;
	bool *used; /* by path: it selected something */
	struct owners owners;
	uint64_t bytes; /* to write */
	struct restore_result *out;
};

/* Is a path, relative to the folder, selected? */
bool to_dir_wants(struct to_dir *d, const char *path);
/*
 * A file of that path that appears whole: write gives its bytes to fd, look
 * dresses it (NULL: it is like any new file).
 */
int to_dir_file(struct to_dir *d, const char *path,
    int (*write)(int fd, void *arg, struct err *e), void *arg,
    const struct inside_look *look, struct err *e) MUST_USE;
/* A stream as a file; one that is there must be equal. */
int to_dir_stream(struct to_dir *d, const char *path, uint32_t stream,
    const struct inside_look *look, struct err *e) MUST_USE;

/* The streams that the database's files need are expected of fetch. */
int to_dir_expect_database(struct to_dir *d, struct err *e) MUST_USE;
int to_dir_database(struct to_dir *d, struct err *e) MUST_USE;

/* Of a name below database/: is it selected? A text becomes a file there; one
 * that is there must be equal. */
bool to_dir_wants_below(struct to_dir *d, const char *name);
int to_dir_write_text(struct to_dir *d, const char *name, struct buf *text,
    struct err *e) MUST_USE;
/* The scripts of definitions and keys: is any selected? Those that are become
 * files. */
bool to_dir_wants_scripts(struct to_dir *d);
int to_dir_scripts(struct to_dir *d, struct err *e) MUST_USE;
/* restore.sql, for tables whose rows are in files, n of each. */
int to_dir_restore_sql(struct to_dir *d, const struct stored_table *tables,
    char **files, size_t n, struct err *e) MUST_USE;

/* "public.res_partner.copy": a table's file name, whatever its names hold;
 * number tells tables apart that would have the same. Allocated. */
char *to_dir_table_file(const char *schema, const char *name, unsigned number);

#endif
