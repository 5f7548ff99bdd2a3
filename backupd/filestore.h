/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through a folder: everything below it, once, sorted by the bytes of
 * the whole path, without ever following a symbolic link or opening anything
 * but folders and regular files. Odoo's checklist/ (marks for its garbage
 * collection) and sessions/ (live log-ins) are left out.
 */
#ifndef BACKUPD_FILESTORE_H
#define BACKUPD_FILESTORE_H

#include <sys/stat.h>

#include "repository/tree.h"

struct filestore;

enum filestore_kind {
	FILESTORE_FILE,
	FILESTORE_FOLDER,
	FILESTORE_LINK,
	FILESTORE_SPECIAL,   /* a socket, device or pipe: never opened */
	FILESTORE_UNREADABLE /* it is there, and sys says why it isn't read */
};
struct filestore_entry {
	enum filestore_kind kind;
	char path[TREE_PATH_MAX + 1];	/* relative to the folder */
	struct stat st;			/* of all but the unreadable ones */
	char target[TREE_PATH_MAX + 1]; /* of a link */
	int sys;
};

/* Fails: ERR_SOURCE when the folder is missing or can't be read. */
struct filestore *filestore_open(const char *folder, struct err *e) MUST_USE;
void filestore_free(struct filestore *f);
void filestore_freep(struct filestore **f);

/* The next entry: 1, 0 at the end, or -1 (ERR_SYSTEM, ERR_STOPPED). */
int filestore_next(
    struct filestore *f, struct filestore_entry *out, struct err *e) MUST_USE;
/*
 * Opens the file that filestore_next has just given. Returns a descriptor, or
 * -1 with errno's reason in *sys (ENOENT: it is gone).
 */
int filestore_open_file(const struct filestore *f, int *sys);
/* The folder's own status. */
const struct stat *filestore_root(const struct filestore *f);

#endif
