/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of databases and the branch's keep-replaced flow in, DROP DATABASE
 * flows out. A production branch's replaced database is never dropped unless
 * keep-replaced says when.
 */
#include "restore/replaced.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/file.h"
#include "base/stage.h"
#include "restore/inside.h"
#include "restore/keyset.h"
#include "restore/live_files.h"
#include "restore/paths_file.h"
#include "restore/restore.h"
#include "restore/restoring.h"

#define KEPT_MAX 256 /* replaced databases of one branch */

/* Names may hold anything; the hex of their key does not. */
static char *
folder_of(const struct repo *r, const struct branch_settings *branch)
{
	return (mem_printf("%s/replaced/%016llx", r->settings->state,
	    (unsigned long long)keyset_key(
		branch->name, strlen(branch->name))));
}

char *
replaced_paths(const struct repo *r, const struct branch_settings *branch,
    const char *database, struct err *e)
{
	SCOPED(scope_free) char *folder = folder_of(r, branch);

	if (file_make_folders(folder, 0700, e) < 0)
		return (NULL);
	return (mem_printf("%s/%016llx.paths", folder,
	    (unsigned long long)keyset_key(database, strlen(database))));
}

struct listing {
	const char *folder;
	int (*each)(const char *paths, void *arg, struct err *e);
	void *arg;
};

static int
give_list(const char *name, void *arg, struct err *e)
{
	const struct listing *x = arg;
	SCOPED(scope_free) char *paths = file_join(x->folder, name);

	return (x->each(paths, x->arg, e));
}

int
replaced_each(const struct repo *r, const struct branch_settings *branch,
    int (*each)(const char *paths, void *arg, struct err *e), void *arg,
    struct err *e)
{
	SCOPED(scope_free) char *folder = folder_of(r, branch);
	struct listing x = { folder, each, arg };

	if (!file_exists(folder))
		return (0);
	return (file_each(folder, give_list, &x, e));
}

bool
replaced_is_kept(const struct branch_settings *branch, int64_t when,
    bool newest, int64_t now)
{
	uint64_t seconds;

	if (branch->keep_replaced == NULL ||
	    strcmp(branch->keep_replaced, "none") == 0)
		return (branch->stage == STAGE_PRODUCTION);
	if (strcmp(branch->keep_replaced, "next") == 0)
		return (newest);
	if (!conf_parse_duration(branch->keep_replaced, &seconds))
		return (true);
	return (when + (int64_t)seconds > now);
}

/* One that is there. */
struct kept {
	char name[TARGET_NAME_MAX + 1];
	int64_t when;
};

static int
list_replaced(struct target *t, struct kept *list, size_t *n, struct err *e)
{
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT datname FROM pg_catalog.pg_database "
	    "WHERE datname LIKE '%\\_replaced\\_%' ORDER BY datname",
	    0, NULL, e);
	int i;

	*n = 0;
	if (r == NULL)
		return (-1);
	for (i = 0; i < PQntuples(r) && *n < KEPT_MAX; i++)
		if (target_parse_replaced(
			PQgetvalue(r, i, 0), t->name, &list[*n].when)) {
			(void)snprintf(list[*n].name, sizeof(list[*n].name),
			    "%s", PQgetvalue(r, i, 0));
			(*n)++;
		}
	return (0);
}

int
replaced_name(
    struct target *t, int64_t now, char out[TARGET_NAME_MAX + 1], struct err *e)
{
	SCOPED(scope_free)
	struct kept *list = mem_array(KEPT_MAX, sizeof(*list));
	size_t n;

	if (list_replaced(t, list, &n, e) < 0)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (list[i].when >= now)
			now = list[i].when + 1;
	target_replaced_name(t->name, now, out);
	return (0);
}

/* Lists whose database is gone: dropped just now, or by a run that died before
 * it came to this; or never there, since the swap did not happen. */
struct orphans {
	struct repo *r;
	struct target *t;
	struct kept *list; /* those that are there; "" was dropped */
	size_t n;
	int (*goes)(const char *paths, void *arg, struct err *e);
	void *arg;
};

static int
let_go(const char *paths, void *arg, struct err *e)
{
	struct orphans *x = arg;

	for (size_t i = 0; i < x->n; i++) {
		SCOPED(scope_free) char *of = NULL;

		if (x->list[i].name[0] == '\0')
			continue;
		of = replaced_paths(x->r, x->t->branch, x->list[i].name, e);
		if (of == NULL)
			return (-1);
		if (strcmp(paths, of) == 0)
			return (0);
	}
	return (x->goes != NULL ? x->goes(paths, x->arg, e)
				: file_remove(paths, e));
}

int
replaced_sweep(struct repo *r, struct target *t, unsigned *dropped,
    int (*goes)(const char *paths, void *arg, struct err *e), void *arg,
    struct remarks *remarks, struct err *e)
{
	SCOPED(scope_free)
	struct kept *list = mem_array(KEPT_MAX, sizeof(*list));
	int64_t now = clock_now(), newest = INT64_MIN;
	struct err why = ERR_INIT;
	size_t i, n;

	*dropped = 0;
	if (list_replaced(t, list, &n, e) < 0)
		return (-1);
	for (i = 0; i < n; i++)
		if (list[i].when > newest)
			newest = list[i].when;
	for (i = 0; i < n; i++) {
		if (replaced_is_kept(
			t->branch, list[i].when, list[i].when == newest, now))
			continue;
		if (target_drop(t, list[i].name, &why) < 0) {
			remarks_look_at(remarks,
			    "database %s could not be dropped: %s",
			    list[i].name, why.text);
			continue;
		}
		(*dropped)++;
		stage_reached("replaced database dropped");
		list[i].name[0] = '\0';
	}
	/* More than we can list may be there: then no list is an orphan. */
	if (n == KEPT_MAX)
		return (0);
	struct orphans x = { r, t, list, n, goes, arg };

	return (replaced_each(r, t->branch, let_go, &x, e) == 0 ? 0 : -1);
}

/* --- without a restore --- */

/* What the branch's folder must keep: what the live database names, and the
 * lists of those that stay. */
struct needs {
	struct keyset *paths;
	int root;
};

static int
need_path(const char *path, void *arg, struct err *e)
{
	struct needs *x = arg;
	bool is_new;

	return (
	    keyset_add(x->paths, keyset_key(path, strlen(path)), &is_new, e));
}

static int
remove_unneeded(const char *path, void *arg, struct err *e)
{
	struct needs *x = arg;

	if (keyset_has(x->paths, keyset_key(path, strlen(path))))
		return (0);
	return (inside_remove(x->root, path, e));
}

/* Lists of databases that went, until what they alone needed is gone too. */
struct gone {
	struct needs needs;
	size_t n;
	char *lists[KEPT_MAX];
};

static int
note_needs(const char *paths, void *arg, struct err *e)
{
	struct gone *x = arg;
	size_t i;

	for (i = 0; i < x->n; i++)
		if (strcmp(paths, x->lists[i]) == 0)
			return (0);
	return (paths_file_each(paths, need_path, &x->needs, e) < 0 ? -1 : 0);
}

static int
note_gone(const char *paths, void *arg, struct err *e)
{
	struct gone *x = arg;

	(void)e;
	if (x->n < KEPT_MAX) /* what is over goes the next time */
		x->lists[x->n++] = mem_string(paths);
	return (0);
}

/* Without the live database's own word nothing is removed. */
static int
remove_files(struct repo *r, struct gone *x, struct target *t, struct err *e)
{
	SCOPED(pg_closep) PGconn *hold = NULL;
	struct err why = ERR_INIT;
	bool sure = t->branch->filestore != NULL &&
	    live_files_hold(t->branch, x->needs.paths, &hold, &why) == 0 &&
	    hold != NULL &&
	    replaced_each(r, t->branch, note_needs, x, &why) == 0;
	size_t i;
	int rc = 0;

	if (sure)
		x->needs.root = inside_open(t->branch->filestore, false, &why);
	for (i = 0; i < x->n; i++) {
		if (rc == 0 && sure && x->needs.root >= 0 &&
		    paths_file_each(
			x->lists[i], remove_unneeded, &x->needs, e) < 0)
			rc = -1;
		if (rc == 0)
			rc = file_remove(x->lists[i], e);
		free(x->lists[i]);
	}
	scope_close(&x->needs.root);
	return (rc);
}

int
restore_drop_replaced(struct repo *r, const struct branch_settings *branch,
    unsigned *dropped, struct err *e)
{
	SCOPED(target_free) struct target t = { .c = NULL };
	SCOPED(remarks_free) struct remarks remarks;
	SCOPED(scope_close) int lock = -1;
	struct gone gone = { .needs = { .root = -1 } };
	struct err ignored = ERR_INIT;
	int rc;

	remarks_init(&remarks);
	*dropped = 0;
	if (branch->database == NULL)
		return (0);
	if ((lock = restoring_lock_branch(r, branch->name, e)) < 0 ||
	    target_open(&t, branch, e) < 0 ||
	    (gone.needs.paths = keyset_new(r->settings->state, e)) == NULL)
		return (-1);
	rc = replaced_sweep(r, &t, dropped, note_gone, &gone, &remarks, e);
	if (remove_files(r, &gone, &t, rc == 0 ? e : &ignored) < 0)
		rc = -1;
	keyset_free(gone.needs.paths);
	return (rc);
}
