/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two walks: the first notes each name, and which of them are files or links;
 * the second asks of each entry whether it is below one of those. (An entry may
 * stand behind what is below it.) Sets of keys in mapped files, so memory does
 * not grow with the number of files.
 */
#include "restore/tree_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "base/text.h"
#include "restore/keyset.h"

struct checking {
	struct contents *contents;
	struct keyset *names, *leaves; /* owned */
};

/* The filestore, the logs and the streams each have names of their own. */
static char
room_of(const struct tree_entry *t)
{
	switch (t->kind) {
	case TREE_FILE:
	case TREE_FOLDER:
	case TREE_LINK: return ('f');
	case TREE_LOG: return ('l');
	case TREE_STDIN: return ('s');
	default: return ('\0'); /* its path is for people */
	}
}

/* The key of the first n bytes of an entry's path, in its room. */
static uint64_t
key_of(const struct tree_entry *t, size_t n)
{
	char name[TREE_PATH_MAX + 2];

	name[0] = room_of(t);
	memcpy(name + 1, t->path, n);
	return (keyset_key(name, n + 1));
}

static int
refuse(const struct tree_entry *t, const char *why, struct err *e)
{
	SCOPED(scope_free) char *path = text_escaped(t->path);

	return (err_set(e, ERR_CORRUPT,
	    "the backup contradicts itself: %.200s %s", path, why));
}

static int
note_name(const struct tree_entry *t, void *arg, struct err *e)
{
	struct checking *x = arg;
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	uint64_t key;
	bool is_new;

	if (stop_check(e) < 0)
		return (-1);
	if (room_of(t) == '\0')
		return (0);
	key = key_of(t, strlen(t->path));
	if (keyset_add(x->names, key, &is_new, e) < 0)
		return (-1);
	if (!is_new)
		return (refuse(t, "is in it twice", e));
	if (t->kind == TREE_FOLDER)
		return (0);
	if (keyset_add(x->leaves, key, &is_new, e) < 0)
		return (-1);
	if (t->kind == TREE_LINK)
		return (0);
	if (contents_recipe(x->contents, t->stream, &r, e) < 0)
		return (-1);
	if (r.bytes != t->size)
		return (refuse(t, "is not as long as its stream", e));
	return (0);
}

static int
check_place(const struct tree_entry *t, void *arg, struct err *e)
{
	struct checking *x = arg;
	const char *slash = t->path;

	if (stop_check(e) < 0)
		return (-1);
	if (room_of(t) == '\0')
		return (0);
	while ((slash = strchr(slash, '/')) != NULL) {
		if (keyset_has(x->leaves, key_of(t, (size_t)(slash - t->path))))
			return (refuse(t, "is below what is no folder", e));
		slash++;
	}
	return (0);
}

int
tree_check(struct contents *c, const char *folder, struct err *e)
{
	struct checking x = { .contents = c };
	int rc = -1;

	x.names = keyset_new(folder, e);
	if (x.names != NULL)
		x.leaves = keyset_new(folder, e);
	if (x.leaves != NULL)
		rc = contents_each(c, note_name, &x, e);
	if (rc == 0 && keyset_count(x.leaves) > 0)
		rc = contents_each(c, check_place, &x, e);
	keyset_free(x.names);
	keyset_free(x.leaves);
	return (rc);
}
