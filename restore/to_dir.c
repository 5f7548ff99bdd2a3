/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backup becomes plain files below one folder:
 *
 *   database/restore.sql, pre-data.sql, <schema>.<table>.copy …, data.sql,
 *   post-data.sql; filestore/…; logs/…; streams/NAME
 *
 * What always holds: nothing outside the folder is written, nothing that is
 * there already is overwritten; a file appears whole.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stop.h"
#include "restore/check.h"
#include "restore/inside.h"
#include "restore/owners.h"
#include "restore/to_dir.h"

#define PART ((size_t)256 << 10)

/* --- what is selected --- */

/* "dir/" and "./dir" select as "dir" does. */
static const char *
trim(const char *path, size_t *n)
{
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	*n = strlen(path);
	while (*n > 0 && path[*n - 1] == '/')
		(*n)--;
	return (path);
}

bool
to_dir_wants(struct to_dir *d, const char *path)
{
	const char *wanted;
	bool found = d->npaths == 0;
	size_t i, n;

	for (i = 0; i < d->npaths; i++) {
		wanted = trim(d->paths[i], &n);
		if (strncmp(path, wanted, n) == 0 &&
		    (path[n] == '\0' || path[n] == '/' || n == 0))
			found = d->used[i] = true;
	}
	return (found);
}

static int
fail_nothing_at(const char *path, struct err *e)
{
	(void)err_set(e, ERR_MISSING, "the backup has nothing at %s", path);
	return (err_hint(e,
	    "PATHs begin with database/, filestore/, logs/ or streams/; "
	    "'triplicate show BACKUP --files' lists them"));
}

/* Every path selected something? */
static int
check_used(const struct to_dir *d, struct err *e)
{
	size_t i;

	for (i = 0; i < d->npaths; i++)
		if (!d->used[i])
			return (fail_nothing_at(d->paths[i], e));
	return (0);
}

/* --- files --- */

struct writing {
	int fd;
	struct progress *progress;
};

static int
write_part(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	struct writing *w = arg;

	progress_add(w->progress, n, 0, 0);
	return (file_write(w->fd, p, n, e));
}

struct comparing {
	int fd;
	bool same;
};

/* The file that is there must have these bytes next. */
static int
compare_part(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	struct comparing *c = arg;
	SCOPED(scope_free) uint8_t *there = mem_new(n);
	ssize_t got = file_read(c->fd, there, n, e);

	if (got < 0)
		return (-1);
	c->same = c->same && (size_t)got == n && memcmp(there, p, n) == 0;
	return (0);
}

static int
fail_exists(const struct to_dir *d, const char *path, struct err *e)
{
	(void)err_set(e, ERR_EXISTS, "%s/%s is there already, and different",
	    d->dir, path);
	return (err_hint(e, "choose another folder, or move it away"));
}

/* A file that is there stays when it is equal to the stream. */
static int
compare_file(struct to_dir *d, const char *path, const struct stat *st,
    const struct recipe *r, struct err *e)
{
	struct comparing c = { .fd = -1, .same = true };
	int rc;

	if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size != r->bytes)
		return (fail_exists(d, path, e));
	if ((c.fd = inside_read(d->root, path, e)) < 0)
		return (-1);
	rc = fetch_stream(d->j->fetch, r, compare_part, &c, e);
	scope_close(&c.fd);
	if (rc < 0)
		return (-1);
	return (c.same ? 0 : fail_exists(d, path, e));
}

int
to_dir_file(struct to_dir *d, const char *path,
    int (*write)(int fd, void *arg, struct err *e), void *arg,
    const struct inside_look *look, struct err *e)
{
	SCOPED(scope_free)
	char *temporary = mem_printf(".triplicate-%s", d->j->id);
	mode_t mode = look != NULL ? 0600 : 0644;
	int fd = inside_create(d->root, temporary, mode, e), at, rc;
	struct err ignored = ERR_INIT;
	const char *leaf;

	if (fd < 0)
		return (-1);
	rc = write(fd, arg, e);
	if (rc == 0 && look != NULL)
		inside_dress(fd, look);
	scope_close(&fd);
	/* The folders on the way are made by looking for its place. */
	if (rc == 0 &&
	    (rc = at = inside_parent(d->root, path, true, &leaf, e)) >= 0) {
		scope_close(&at);
		rc = inside_rename(d->root, temporary, path, e);
	}
	if (rc < 0)
		(void)!inside_remove(d->root, temporary, &ignored);
	return (rc < 0 ? -1 : 0);
}

struct stream_file {
	struct to_dir *d;
	const struct recipe *r;
};

static int
write_stream(int fd, void *arg, struct err *e)
{
	const struct stream_file *x = arg;
	struct writing w = { .fd = fd, .progress = x->d->j->r->progress };

	return (fetch_stream(x->d->j->fetch, x->r, write_part, &w, e));
}

int
to_dir_stream(struct to_dir *d, const char *path, uint32_t stream,
    const struct inside_look *look, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct stat st;
	bool found;

	if (contents_recipe(d->j->contents, stream, &r, e) < 0 ||
	    inside_stat(d->root, path, &st, &found, e) < 0)
		return (err_within(e, "%s", path));
	if (found) {
		if (compare_file(d, path, &st, &r, e) < 0)
			return (-1);
		d->out->files_reused++;
		d->out->bytes_reused += r.bytes;
		progress_add(d->j->r->progress, r.bytes, 0, 0);
	} else {
		struct stream_file x = { d, &r };

		if (to_dir_file(d, path, write_stream, &x, look, e) < 0)
			return (err_within(e, "%s/%s", d->dir, path));
		d->out->files_fetched++;
	}
	d->out->files++;
	progress_add(d->j->r->progress, 0, 0, 1);
	return (0);
}

/* --- the tree --- */

/* Where an entry goes, relative to the folder; "" for nowhere. */
static void
place_of(const struct to_dir *d, const struct tree_entry *t,
    char out[TREE_PATH_MAX + 16])
{
	const char *folder = NULL;

	if (t->kind == TREE_FILE || t->kind == TREE_FOLDER ||
	    t->kind == TREE_LINK)
		folder = d->filestore ? "filestore" : NULL;
	else if (t->kind == TREE_LOG)
		folder = d->logs ? "logs" : NULL;
	else if (t->kind == TREE_STDIN)
		folder = d->streams ? "streams" : NULL;
	out[0] = '\0';
	if (folder != NULL)
		(void)snprintf(
		    out, TREE_PATH_MAX + 16, "%s/%s", folder, t->path);
}

static int
expect_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	struct to_dir *d = arg;
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	char path[TREE_PATH_MAX + 16];

	place_of(d, t, path);
	if (path[0] == '\0' || t->stream == TREE_NO_STREAM ||
	    !to_dir_wants(d, path))
		return (0);
	d->bytes += t->size;
	if (contents_recipe(d->j->contents, t->stream, &r, e) < 0)
		return (-1);
	return (fetch_expect_recipe(d->j->fetch, &r, e));
}

/* A link is written as a link; what it points to is never followed here. */
static int
make_link(struct to_dir *d, const char *path, const struct tree_entry *t,
    struct err *e)
{
	SCOPED(scope_free)
	char *target = mem_printf(
	    "%.*s", (int)t->extra_bytes, (const char *)t->extra);
	const char *leaf;
	int at = inside_parent(d->root, path, true, &leaf, e), rc;

	if (at < 0)
		return (-1);
	rc = inside_link(at, leaf, target, e);
	scope_close(&at);
	return (rc);
}

/* A folder's descriptor; it is made when make. */
static int
open_folder(struct to_dir *d, const char *path, bool make, struct err *e)
{
	SCOPED(scope_free) char *below = mem_printf("%s/x", path);
	const char *leaf;

	return (inside_parent(d->root, below, make, &leaf, e));
}

static int
make_folder(struct to_dir *d, const char *path, struct err *e)
{
	int fd = open_folder(d, path, true, e);

	if (fd < 0)
		return (-1);
	scope_close(&fd);
	return (0);
}

/* When all is in it: its mode may forbid to write, and writing changes its
 * time. */
static int
dress_folder(const struct tree_entry *t, void *arg, struct err *e)
{
	struct to_dir *d = arg;
	char path[TREE_PATH_MAX + 16];
	struct inside_look look;
	int fd;

	if (stop_check(e) < 0)
		return (-1);
	if (t->kind != TREE_FOLDER)
		return (0);
	place_of(d, t, path);
	if (path[0] == '\0' || !to_dir_wants(d, path))
		return (0);
	if ((fd = open_folder(d, path, false, e)) < 0)
		return (-1);
	owners_look(&d->owners, t, &look);
	inside_dress(fd, &look);
	scope_close(&fd);
	return (0);
}

static int
write_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	struct to_dir *d = arg;
	char path[TREE_PATH_MAX + 16];
	struct inside_look look;

	place_of(d, t, path);
	if (stop_check(e) < 0)
		return (-1);
	if (path[0] == '\0' || !to_dir_wants(d, path))
		return (0);
	if (t->kind == TREE_FOLDER)
		return (make_folder(d, path, e));
	if (t->kind == TREE_LINK)
		return (make_link(d, path, t, e));
	owners_look(&d->owners, t, &look);
	return (to_dir_stream(d, path, t->stream, &look, e));
}

/* --- all of it --- */

static void
choose_parts(struct to_dir *d, const struct restore_conf *conf)
{
	bool only = conf->only_database || conf->only_filestore ||
	    conf->only_logs;
	const struct json *source = json_get(d->j->facts, "source");

	d->database = d->j->wants_database &&
	    json_get_string(source, "database") != NULL;
	d->filestore = only ? conf->only_filestore : true;
	d->logs = only ? conf->only_logs : true;
	d->streams = !only;
}

static int
run(struct to_dir *d, struct err *e)
{
	struct restoring *j = d->j;
	SCOPED(scope_free) char *scratch = NULL;

	/* In the order in which it is then read. */
	if ((d->database && to_dir_expect_database(d, e) < 0) ||
	    contents_each(j->contents, expect_entry, d, e) < 0 ||
	    check_used(d, e) < 0 ||
	    check_folder(d->dir, d->bytes, j->conf->force, e) < 0)
		return (-1);
	fetch_ahead(j->fetch);
	progress_phase(j->r->progress, "files", d->bytes);
	if ((d->root = inside_open(d->dir, true, e)) < 0 ||
	    (scratch = restoring_scratch(j, d->dir, e)) == NULL)
		return (-1);
	if (d->database && to_dir_database(d, e) < 0)
		return (-1);
	if (contents_each(j->contents, write_entry, d, e) < 0 ||
	    contents_each(j->contents, dress_folder, d, e) < 0)
		return (-1);
	fetch_forget_staged(j->fetch);
	return (inside_sync(d->root, e));
}

int
restore_to_dir(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, const char *dir,
    struct restore_result *out, struct err *e)
{
	SCOPED(restoring_free) struct restoring j = { .lock = -1 };
	SCOPED(remarks_free) struct remarks remarks;
	SCOPED(scope_free)
	bool *used = mem_array(conf->npaths + 1, sizeof(*used));
	struct restore_conf to_files = *conf;
	struct to_dir d = { .j = &j,
		.dir = dir,
		.npaths = conf->npaths,
		.paths = conf->paths,
		.used = used,
		.out = out,
		.root = -1 };
	uint64_t began = clock_ticks_ms();
	struct err ignored = ERR_INIT;
	int rc;

	remarks_init(&remarks);
	to_files.to = NULL;
	to_files.ntables = 0;
	owners_init(&d.owners, NULL);
	rc = restore_cleanup(r, e);
	if (rc == 0)
		rc = restoring_open(&j, r, backup, &to_files, &remarks, e);
	if (rc == 0) {
		choose_parts(&d, conf);
		rc = run(&d, e);
		owners_tell(&d.owners, &remarks);
		(void)!journal_remove(j.folder, &ignored);
	}
	scope_close(&d.root);
	out->has_files = out->files > 0;
	restoring_tell(&j, out, clock_ticks_ms() - began);
	return (rc);
}
