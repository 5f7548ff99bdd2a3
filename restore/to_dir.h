/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to_dir.c (files) and to_dir_database.c (SQL and COPY files) share.
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

/* "public.res_partner.copy": a table's file name, whatever its names hold;
 * number tells tables apart that would have the same. Allocated. */
char *to_dir_table_file(const char *schema, const char *name, unsigned number);

#endif
