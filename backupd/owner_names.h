/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of users and groups, for tree entries: a restore on another machine
 * goes by name, not by number. A small cache, since millions of files belong to
 * one user.
 */
#ifndef BACKUPD_OWNER_NAMES_H
#define BACKUPD_OWNER_NAMES_H

#include <sys/stat.h>

#include "repository/tree.h"

#define OWNER_NAMES_TEXT 160

struct owner_names {
	bool is_filled;
	uid_t uid;
	gid_t gid;
	char text[OWNER_NAMES_TEXT]; /* "owner:group", "" parts for unknown ones
				      */
};

/* Sets t's mode, time, owner and extra from a file's status. The extra points
 * into o. */
void owner_names_fill(
    struct owner_names *o, const struct stat *st, struct tree_entry *t);

#endif
