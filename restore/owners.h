/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose restored files are to be: the branch's owner where a system user has
 * that name, else the users and groups that the backup names, where they are
 * here. Only root can give files away; for anyone else all stay his own.
 */
#ifndef RESTORE_OWNERS_H
#define RESTORE_OWNERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "repository/tree.h"
#include "restore/remarks.h"

struct inside_look;

struct owners {
	bool can_give;	/* we are root */
	bool has_owner; /* the branch's owner is a system user */
	uid_t uid;
	gid_t gid;
	/* the last names that were looked up */
	char names[300];
	bool known;
	uid_t known_uid;
	gid_t known_gid;
	uint64_t others; /* entries that could not be given to their users */
};

void owners_init(struct owners *o, const char *owner);
/* One thread. */
void owners_look(
    struct owners *o, const struct tree_entry *t, struct inside_look *out);
/* One remark on those that could not be given to their users. */
void owners_tell(struct owners *o, struct remarks *remarks);

#endif
