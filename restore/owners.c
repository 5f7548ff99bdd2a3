/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "odoo:odoo" flows in, numbers flow out. Numbers in the backup mean nothing
 * on another machine; names do.
 */
#include "restore/owners.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "restore/inside.h"

#define ANSWER_MAX ((size_t)64 << 10)

static bool
find_user(const char *name, uid_t *uid, gid_t *gid)
{
	SCOPED(scope_free) char *room = mem_new(ANSWER_MAX);
	struct passwd user, *found = NULL;

	if (getpwnam_r(name, &user, room, ANSWER_MAX, &found) != 0 ||
	    found == NULL)
		return (false);
	*uid = found->pw_uid;
	*gid = found->pw_gid;
	return (true);
}

static bool
find_group(const char *name, gid_t *gid)
{
	SCOPED(scope_free) char *room = mem_new(ANSWER_MAX);
	struct group group, *found = NULL;

	if (getgrnam_r(name, &group, room, ANSWER_MAX, &found) != 0 ||
	    found == NULL)
		return (false);
	*gid = found->gr_gid;
	return (true);
}

void
owners_init(struct owners *o, const char *owner)
{
	*o = (struct owners){ .can_give = geteuid() == 0 };
	if (o->can_give && owner != NULL)
		o->has_owner = find_user(owner, &o->uid, &o->gid);
}

/* "user:group" of an entry. */
static void
look_up(struct owners *o, const char *names, size_t n)
{
	char text[sizeof(o->names)];
	char *colon;
	gid_t users;

	if (strlen(o->names) == n && memcmp(o->names, names, n) == 0)
		return;
	o->known = false;
	o->names[0] = '\0';
	if (n >= sizeof(text))
		return;
	memcpy(text, names, n);
	text[n] = '\0';
	memcpy(o->names, text, n + 1);
	if ((colon = strchr(text, ':')) == NULL)
		return;
	*colon = '\0';
	o->known = find_user(text, &o->known_uid, &users) &&
	    find_group(colon + 1, &o->known_gid);
}

void
owners_look(
    struct owners *o, const struct tree_entry *t, struct inside_look *out)
{
	*out = (struct inside_look){
		.mode = t->mode,
		.mtime = t->mtime,
		.nsec = t->nsec,
		.owned = o->has_owner,
		.uid = o->uid,
		.gid = o->gid,
	};
	if (o->has_owner || t->kind == TREE_LINK || t->extra_bytes == 0)
		return;
	look_up(o, (const char *)t->extra, t->extra_bytes);
	if (o->known && o->can_give) {
		out->owned = true;
		out->uid = o->known_uid;
		out->gid = o->known_gid;
	} else if (!o->known || o->known_uid != geteuid()) {
		o->others++;
	}
}

void
owners_tell(struct owners *o, struct remarks *remarks)
{
	if (o->others == 0)
		return;
	remarks_warn(remarks,
	    "%llu files and folders belong to whoever restores them: %s",
	    (unsigned long long)o->others,
	    o->can_give ? "this machine lacks the users of the backup"
			: "only root can give them to the users of the backup");
	o->others = 0;
}
