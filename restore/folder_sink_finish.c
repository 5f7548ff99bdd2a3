/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After the swap: staged files take their places, what the backup lacks goes,
 * folders get their looks. And the ways of a later run out of a crash: undo
 * before the swap, redo after it. Each of them may be done again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stage.h"
#include "base/stop.h"
#include "restore/folder_sink_impl.h"
#include "restore/inside.h"
#include "restore/keyset.h"

/* --- replacing --- */

struct replacing {
	int root;
	char *temporary; /* the first of a pair */
};

/* Temporary name and path come in turn. */
static int
replace_one(const char *path, void *arg, struct err *e)
{
	struct replacing *x = arg;
	SCOPED(scope_free) char *temporary = NULL;
	int rc;

	if (x->temporary == NULL) {
		x->temporary = mem_string(path);
		return (0);
	}
	temporary = TAKE(x->temporary);
	rc = inside_rename(x->root, temporary, path, e);
	/* Gone: an earlier run did it. */
	if (rc < 0 && e->kind == ERR_MISSING) {
		err_clear(e);
		rc = 0;
	}
	return (rc);
}

static int
replace_all(int root, const char *notes, struct err *e)
{
	SCOPED(scope_free) char *list = file_join(notes, "replace");
	struct replacing x = { .root = root };
	int rc = paths_file_each(list, replace_one, &x, e);

	free(x.temporary);
	return (rc);
}

/* --- removing --- */

static int
keep_path(const char *path, void *arg, struct err *e)
{
	struct folder_sink *f = arg;
	bool is_new;

	return (
	    keyset_add(f->wanted, keyset_key(path, strlen(path)), &is_new, e));
}

struct removing {
	struct folder_sink *f;
	int64_t before;
};

/* A folder that is in the way of nothing goes when it is empty. */
static int
remove_folder(struct folder_sink *f, const char *path)
{
	struct err ignored = ERR_INIT;
	const char *leaf;
	SCOPED(scope_close)
	int at = inside_parent(f->root, path, false, &leaf, &ignored);

	if (at >= 0)
		(void)unlinkat(at, leaf, AT_REMOVEDIR);
	return (0);
}

static int
remove_one(const char *path, const struct stat *st, void *arg, struct err *e)
{
	struct removing *x = arg;

	if (stop_check(e) < 0)
		return (-1);
	if (keyset_has(x->f->wanted, keyset_key(path, strlen(path))) ||
	    st->st_ctim.tv_sec >= x->before)
		return (0);
	if (S_ISDIR(st->st_mode))
		return (remove_folder(x->f, path));
	x->f->totals.removed++;
	return (inside_remove(x->f->root, path, e));
}

/* --- dressing folders --- */

static int
dress_folder(const struct tree_entry *t, void *arg, struct err *e)
{
	struct folder_sink *f = arg;
	SCOPED(scope_free) char *below = NULL;
	struct err ignored = ERR_INIT;
	struct inside_look look;
	const char *leaf;
	int at;

	if (t->kind != TREE_FOLDER)
		return (0);
	if (stop_check(e) < 0)
		return (-1);
	below = mem_printf("%s/x", t->path);
	at = inside_parent(f->root, below, false, &leaf, &ignored);
	if (at < 0)
		return (0);
	owners_look(&f->owners, t, &look);
	inside_dress(at, &look);
	(void)close(at);
	return (0);
}

int
folder_sink_keep(struct folder_sink *f, const char *paths, struct err *e)
{
	return (paths_file_each(paths, keep_path, f, e) < 0 ? -1 : 0);
}

int
folder_sink_finish(struct folder_sink *f, int64_t before, struct err *e)
{
	struct removing x = { .f = f, .before = before };

	stage_reached("files to be removed");
	if (replace_all(f->root, f->conf.notes, e) < 0 ||
	    inside_each(f->root, remove_one, &x, e) < 0)
		return (-1);
	if (contents_each(f->conf.contents, dress_folder, f, e) < 0)
		return (-1);
	return (inside_sync(f->root, e));
}

/* --- after a crash, or a failure --- */

struct undoing {
	int root;
	const struct keyset *live;
};

static int
remove_added(const char *path, void *arg, struct err *e)
{
	const struct undoing *x = arg;

	if (keyset_has(x->live, keyset_key(path, strlen(path))))
		return (0); /* Odoo shares it by now */
	return (inside_remove(x->root, path, e));
}

struct sweeping {
	int root;
	char prefix[64]; /* of the temporary names */
};

static int
sweep_one(const char *path, const struct stat *st, void *arg, struct err *e)
{
	const struct sweeping *x = arg;
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	if (S_ISDIR(st->st_mode) ||
	    strncmp(name, x->prefix, strlen(x->prefix)) != 0)
		return (0);
	return (inside_remove(x->root, path, e));
}

int
folder_sink_undo(const char *folder, const char *id, const char *notes,
    const struct keyset *live, struct err *e)
{
	SCOPED(scope_free) char *list = file_join(notes, "added");
	SCOPED(scope_close) int root = inside_open(folder, false, e);
	struct sweeping x = { .root = root };
	struct undoing undoing = { root, live };

	if (root < 0 && e->kind == ERR_MISSING) {
		err_clear(e);
		return (0);
	}
	if (root < 0 || paths_file_each(list, remove_added, &undoing, e) < 0)
		return (-1);
	(void)snprintf(
	    x.prefix, sizeof(x.prefix), FOLDER_SINK_TEMPORARY "%s-", id);
	return (inside_each(root, sweep_one, &x, e));
}

int
folder_sink_redo(
    const char *folder, const char *id, const char *notes, struct err *e)
{
	SCOPED(scope_close) int root = inside_open(folder, false, e);
	struct sweeping x = { .root = root };

	if (root < 0 || replace_all(root, notes, e) < 0 ||
	    inside_sync(root, e) < 0)
		return (-1);
	(void)snprintf(
	    x.prefix, sizeof(x.prefix), FOLDER_SINK_TEMPORARY "%s-", id);
	return (inside_each(root, sweep_one, &x, e));
}
