/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log entries of the tree flow into new files of a new folder; the branch's own
 * logs are not touched.
 */
#include "restore/logs_sink.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "restore/inside.h"
#include "restore/owners.h"

char *
logs_sink_folder(const char *patterns)
{
	SCOPED(scope_free) char *first = NULL;
	char *slash;
	size_t n;

	while (isspace((unsigned char)*patterns))
		patterns++;
	first = mem_printf("%.*s", (int)strcspn(patterns, ","), patterns);
	/* The part before what is a pattern. */
	n = strcspn(first, "*?[");
	first[n] = '\0';
	if ((slash = strrchr(first, '/')) == NULL)
		return (NULL);
	*slash = '\0';
	return (*first != '\0' ? TAKE(first) : mem_string("/"));
}

struct logging {
	struct restoring *j;
	struct restore_result *out;
	struct owners owners;
	int root;
	int fd; /* of the file that is being written */
};

static int
write_part(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	const struct logging *x = arg;

	return (file_write(x->fd, p, n, e));
}

static int
expect_log(const struct tree_entry *t, void *arg, struct err *e)
{
	struct logging *x = arg;
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;

	if (t->kind != TREE_LOG || t->stream == TREE_NO_STREAM)
		return (0);
	if (contents_recipe(x->j->contents, t->stream, &r, e) < 0)
		return (-1);
	return (fetch_expect_recipe(x->j->fetch, &r, e));
}

static int
write_log(const struct tree_entry *t, void *arg, struct err *e)
{
	struct logging *x = arg;
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct inside_look look;
	int rc = -1;

	if (t->kind != TREE_LOG || t->stream == TREE_NO_STREAM)
		return (0);
	if (contents_recipe(x->j->contents, t->stream, &r, e) < 0 ||
	    (x->fd = inside_create(x->root, t->path, 0600, e)) < 0)
		return (err_within(e, "log %s", t->path));
	if (fetch_stream(x->j->fetch, &r, write_part, x, e) == 0) {
		owners_look(&x->owners, t, &look);
		inside_dress(x->fd, &look);
		rc = file_sync(x->fd, e);
	}
	scope_close(&x->fd);
	if (rc < 0)
		return (err_within(e, "log %s", t->path));
	x->out->files++;
	x->out->files_fetched++;
	return (0);
}

/* A folder of logs appears whole. Its name is of the first second from now on
 * that no other restore has taken. */
static int
give_name(const char *scratch, const char *beside, char **folder, struct err *e)
{
	int64_t now = clock_now();
	char stamp[CLOCK_TEXT];

	do {
		free(*folder);
		clock_stamp(now++, stamp);
		*folder = mem_printf("%s/restored_%s", beside, stamp);
	} while (file_exists(*folder));
	if (file_rename(scratch, *folder, e) < 0)
		return (-1);
	return (file_sync_parent(*folder, e));
}

int
logs_sink_restore(
    struct restoring *j, struct restore_result *out, struct err *e)
{
	struct logging x = { .j = j, .out = out, .root = -1, .fd = -1 };
	SCOPED(scope_free) char *beside = logs_sink_folder(j->conf->to->logs);
	SCOPED(scope_free) char *scratch = NULL, *folder = NULL;
	struct err ignored = ERR_INIT;
	int rc;

	if (beside == NULL)
		return (err_set(e, ERR_CONFIG,
		    "branch %s: logs = %s names no folder", j->conf->to->name,
		    j->conf->to->logs));
	progress_phase(j->r->progress, "logs", 0);
	owners_init(&x.owners, j->conf->to->owner);
	if (contents_each(j->contents, expect_log, &x, e) < 0 ||
	    file_make_folders(beside, 0755, e) < 0 ||
	    (scratch = restoring_scratch(j, beside, e)) == NULL ||
	    (x.root = inside_open(scratch, true, e)) < 0)
		return (-1);
	fetch_ahead(j->fetch);
	rc = contents_each(j->contents, write_log, &x, e);
	scope_close(&x.root);
	owners_tell(&x.owners, j->remarks);
	if (rc == 0)
		rc = give_name(scratch, beside, &folder, e);
	if (rc == 0 || file_remove_tree(scratch, &ignored) == 0)
		(void)!journal_remove(j->folder, &ignored);
	if (rc == 0) {
		out->has_files = true;
		remarks_warn(j->remarks, "the logs are in %s", folder);
	}
	return (rc);
}
