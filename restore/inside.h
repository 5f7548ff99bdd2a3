/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files inside a folder, and never outside of it: a path from a backup is
 * walked part by part, no link is followed, nothing that is no folder is
 * entered. The folder itself is the operator's and may be a link.
 */
#ifndef RESTORE_INSIDE_H
#define RESTORE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct stat;

/* The folder, made (0755 less the umask) with those above it when make. */
int inside_open(const char *folder, bool make, struct err *e) MUST_USE;
/*
 * The folder that path's last part is in, as a descriptor; *leaf points into
 * path. Missing folders are made when make.
 * Fails: ERR_REFUSED for a path that leads through a link or could leave root,
 * ERR_MISSING.
 */
int inside_parent(int root, const char *path, bool make, const char **leaf,
    struct err *e) MUST_USE;
/* lstat. *found tells. */
int inside_stat(int root, const char *path, struct stat *st, bool *found,
    struct err *e) MUST_USE;
/* Reads a regular file; no link, no device. */
int inside_read(int root, const char *path, struct err *e) MUST_USE;
/* A new file at path, which must not be there. */
int inside_create(
    int root, const char *path, mode_t mode, struct err *e) MUST_USE;
/* Over what is there, unless it is a folder. Durable after inside_sync. */
int inside_rename(
    int root, const char *from, const char *to, struct err *e) MUST_USE;
/* A link in the folder at; one that is there must be equal (ERR_EXISTS). */
int inside_link(
    int at, const char *leaf, const char *target, struct err *e) MUST_USE;
/* A file or link; a missing one is success. */
int inside_remove(int root, const char *path, struct err *e) MUST_USE;

/* All that was written and renamed below root is durable. */
int inside_sync(int root, struct err *e) MUST_USE;

/* What a file or folder is to look like. */
struct inside_look {
	mode_t mode;
	int64_t mtime;
	uint32_t nsec;
	bool owned; /* uid and gid count */
	uid_t uid;
	gid_t gid;
};
/* Gives it that look as far as allowed. Never fails. */
void inside_dress(int fd, const struct inside_look *look);

/*
 * Calls each for everything below root, folders after what is in them; a
 * non-zero answer ends it and is returned. Links are not followed.
 */
int inside_each(int root,
    int (*each)(
	const char *path, const struct stat *st, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

#endif
