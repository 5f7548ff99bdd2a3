/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A number without a name stays a number: its part of the text is empty.
 */
#include "backupd/owner_names.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES 4096
#define NAME_SHOWN   64
#define MODE_BITS    07777U

static void
find_names(struct owner_names *o)
{
	char answer[ANSWER_BYTES], group_answer[ANSWER_BYTES];
	struct passwd user, *user_found = NULL;
	struct group group, *group_found = NULL;

	if (getpwuid_r(o->uid, &user, answer, sizeof(answer), &user_found) != 0)
		user_found = NULL;
	if (getgrgid_r(o->gid, &group, group_answer, sizeof(group_answer),
		&group_found) != 0)
		group_found = NULL;
	(void)snprintf(o->text, sizeof(o->text), "%.*s:%.*s", NAME_SHOWN,
	    user_found != NULL ? user_found->pw_name : "", NAME_SHOWN,
	    group_found != NULL ? group_found->gr_name : "");
}

void
owner_names_fill(
    struct owner_names *o, const struct stat *st, struct tree_entry *t)
{
	if (!o->is_filled || o->uid != st->st_uid || o->gid != st->st_gid) {
		o->uid = st->st_uid;
		o->gid = st->st_gid;
		find_names(o);
		o->is_filled = true;
	}
	t->mode = (uint32_t)st->st_mode & MODE_BITS;
	t->uid = (uint32_t)st->st_uid;
	t->gid = (uint32_t)st->st_gid;
	t->mtime = (int64_t)st->st_mtim.tv_sec;
	t->nsec = (uint32_t)st->st_mtim.tv_nsec;
	t->extra = (const uint8_t *)o->text;
	t->extra_bytes = strlen(o->text);
}
