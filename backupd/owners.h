/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of users and groups, for tree entries: a restore on another machine
 * goes by name, not by number. A small cache, since millions of files belong to
 * one user.
 */
#ifndef BACKUPD_OWNERS_H
#define BACKUPD_OWNERS_H

#include <sys/stat.h>

#include "repository/tree.h"

#define OWNERS_TEXT 160

struct owners {
	bool is_filled;
	uid_t uid;
	gid_t gid;
	char text[OWNERS_TEXT]; /* "owner:group", "" parts for unknown ones */
};

/* Sets t's mode, time, owner and extra from a file's status. The extra points
 * into o. */
void owners_fill(struct owners *o, const struct stat *st, struct tree_entry *t);

#endif
