/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tree entries flow in; files are fetched by several threads, each written
 * under a temporary name beside its place, synced, and renamed. What always
 * holds: nothing outside the folder is touched; a file that was there before
 * the swap stays as it is until the swap; what was added is listed before it
 * appears.
 */
#include "restore/folder_sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "base/queue.h"
#include "base/stage.h"
#include "base/stop.h"
#include "restore/folder_sink_impl.h"
#include "restore/inside.h"
#include "restore/keyset.h"

#define QUEUE_LIMIT 64
#define PART	    ((size_t)256 << 10)

struct folder_sink *
folder_sink_open(const struct folder_sink_conf *conf, struct err *e)
{
	SCOPED(folder_sink_freep) struct folder_sink *f = mem_new(sizeof(*f));

	f->conf = *conf;
	f->root = f->added = f->replace = -1;
	(void)pthread_mutex_init(&f->lock, NULL);
	owners_init(&f->owners, conf->owner);
	if ((f->wanted = keyset_new(conf->notes, e)) == NULL)
		return (NULL);
	f->root = inside_open(conf->folder, !conf->dry, e);
	if (f->root < 0 && conf->dry && e->kind == ERR_MISSING)
		err_clear(e); /* it will be made */
	else if (f->root < 0)
		return (NULL);
	return (TAKE(f));
}

void
folder_sink_free(struct folder_sink *f)
{
	if (f == NULL)
		return;
	scope_close(&f->root);
	scope_close(&f->added);
	scope_close(&f->replace);
	keyset_free(f->wanted);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

void
folder_sink_freep(struct folder_sink **f)
{
	folder_sink_free(*f);
}

void
folder_sink_totals(const struct folder_sink *f, struct folder_sink_totals *out)
{
	*out = f->totals;
}

bool
folder_sink_has_kind(const struct tree_entry *t)
{
	return (t->kind == TREE_FILE || t->kind == TREE_FOLDER ||
	    t->kind == TREE_LINK);
}

/* --- the plan --- */

static int
plan_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	struct folder_sink *f = arg;
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct stat st;
	bool found = false, is_new;

	if (!folder_sink_has_kind(t))
		return (0);
	if (stop_check(e) < 0 ||
	    keyset_add(f->wanted, keyset_key(t->path, strlen(t->path)), &is_new,
		e) < 0)
		return (-1);
	if (t->kind != TREE_FILE)
		return (0);
	f->totals.files++;
	f->totals.bytes += t->size;
	if (f->root >= 0 && inside_stat(f->root, t->path, &st, &found, e) < 0)
		return (-1);
	if (found && S_ISREG(st.st_mode) && (uint64_t)st.st_size == t->size) {
		f->totals.reused_bytes += t->size;
		return (0);
	}
	if (contents_recipe(f->conf.contents, t->stream, &r, e) < 0)
		return (err_within(e, "file %s", t->path));
	return (fetch_expect_recipe(f->conf.fetch, &r, e));
}

int
folder_sink_plan(struct folder_sink *f, struct err *e)
{
	f->totals = (struct folder_sink_totals){ .files = 0 };
	return (contents_each(f->conf.contents, plan_entry, f, e));
}

/* --- one file --- */

/* What a thread needs to place an entry. */
struct task {
	uint8_t kind;
	uint32_t stream;
	uint64_t size;
	struct inside_look look;
	char *path;
	char *target; /* of a link */
};

static void
task_free(struct task *t)
{
	if (t == NULL)
		return;
	free(t->path);
	free(t->target);
	free(t);
}

static void
task_freep(struct task **t)
{
	task_free(*t);
}

/* "ab/.triplicate-<id>-17" beside "ab/ab12…". Allocated. */
static char *
temporary_name(struct folder_sink *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	int folder = slash != NULL ? (int)(slash + 1 - path) : 0;

	return (mem_printf("%.*s" FOLDER_SINK_TEMPORARY "%s-%lu", folder, path,
	    f->conf.id, (unsigned long)atomic_fetch_add(&f->temporaries, 1)));
}

/* The keyed hash of what is there is that of the stream? */
static int
has_contents(struct folder_sink *f, const char *path, const struct recipe *r,
    bool *same, struct err *e)
{
	SCOPED(scope_close) int fd = inside_read(f->root, path, e);
	SCOPED(seal_sum_freep)
	struct seal_sum *sum = seal_sum_new(f->conf.r->keys);
	SCOPED(scope_free) uint8_t *part = mem_new(PART);
	struct name checksum;
	ssize_t got;

	*same = false;
	/* Gone meanwhile, or not ours to read: the backup's takes its place. */
	if (fd < 0 && (e->kind == ERR_MISSING || e->kind == ERR_DENIED)) {
		err_clear(e);
		return (0);
	}
	if (fd < 0)
		return (-1);
	while ((got = file_read(fd, part, PART, e)) > 0) {
		if (stop_check(e) < 0)
			return (-1);
		seal_sum_add(sum, part, (size_t)got);
	}
	seal_sum_end(sum, &checksum);
	*same = got == 0 && name_equals(&checksum, &r->checksum);
	return (got < 0 ? -1 : 0);
}

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

/* Fetches a file to a temporary name, whole and durable. */
static int
bring_file(struct folder_sink *f, const struct task *t, const struct recipe *r,
    const char *temporary, struct err *e)
{
	SCOPED(scope_close)
	int fd = inside_create(f->root, temporary, 0600, e);
	struct writing w = { .fd = fd, .progress = f->conf.r->progress };

	if (fd < 0 || fetch_stream(f->conf.fetch, r, write_part, &w, e) < 0)
		return (-1);
	inside_dress(fd, &t->look);
	return (file_sync(fd, e));
}

/* From the temporary name to the real one: now when nothing is there, after
 * the swap otherwise. Both are listed first. */
static int
put_in_place(struct folder_sink *f, const struct task *t, const char *temporary,
    bool occupied, struct err *e)
{
	int rc;

	(void)pthread_mutex_lock(&f->lock);
	if (occupied)
		rc = paths_file_add(f->replace, temporary, e) < 0
		    ? -1
		    : paths_file_add(f->replace, t->path, e);
	else
		rc = paths_file_add(f->added, t->path, e);
	if (rc < 0)
		(void)err_within(e, "list of files in %s", f->conf.notes);
	if (rc == 0 && occupied)
		f->totals.replaced++;
	(void)pthread_mutex_unlock(&f->lock);
	if (rc < 0 || occupied)
		return (rc);
	return (inside_rename(f->root, temporary, t->path, e));
}

static void
count_file(struct folder_sink *f, const struct task *t, bool reused)
{
	(void)pthread_mutex_lock(&f->lock);
	f->totals.files++;
	f->totals.bytes += t->size;
	if (reused) {
		f->totals.reused++;
		f->totals.reused_bytes += t->size;
	} else {
		f->totals.fetched++;
	}
	(void)pthread_mutex_unlock(&f->lock);
	progress_add(f->conf.r->progress, reused ? t->size : 0, 0, 1);
}

/* Looks like the backup's already? Then only dress it. */
static void
redress(struct folder_sink *f, const struct task *t, const struct stat *st)
{
	SCOPED(scope_close) int fd = -1;
	struct err ignored = ERR_INIT;

	if (st->st_mtim.tv_sec == t->look.mtime &&
	    (st->st_mode & 0777) == (t->look.mode & 0777) &&
	    (!t->look.owned ||
		(st->st_uid == t->look.uid && st->st_gid == t->look.gid)))
		return;
	if ((fd = inside_read(f->root, t->path, &ignored)) >= 0)
		inside_dress(fd, &t->look);
}

static int
place_file(struct folder_sink *f, const struct task *t, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	SCOPED(scope_free) char *temporary = NULL;
	struct err ignored = ERR_INIT;
	bool found, same = false;
	struct stat st;

	if (contents_recipe(f->conf.contents, t->stream, &r, e) < 0 ||
	    inside_stat(f->root, t->path, &st, &found, e) < 0)
		return (-1);
	if (found && S_ISREG(st.st_mode) && (uint64_t)st.st_size == t->size &&
	    has_contents(f, t->path, &r, &same, e) < 0)
		return (-1);
	stage_reached("file to be placed");
	if (same) {
		redress(f, t, &st);
		count_file(f, t, true);
		return (0);
	}
	if (found && S_ISDIR(st.st_mode))
		return (err_set(e, ERR_REFUSED,
		    "%s is a folder here and a file in the backup", t->path));
	temporary = temporary_name(f, t->path);
	if (bring_file(f, t, &r, temporary, e) < 0 ||
	    put_in_place(f, t, temporary, found, e) < 0) {
		(void)!inside_remove(f->root, temporary, &ignored);
		return (-1);
	}
	count_file(f, t, false);
	return (0);
}

static int
place_link(struct folder_sink *f, const struct task *t, struct err *e)
{
	SCOPED(scope_free) char *temporary = temporary_name(f, t->path);
	char there[TREE_PATH_MAX + 1];
	const char *leaf;
	SCOPED(scope_close)
	int at = inside_parent(f->root, t->path, true, &leaf, e);
	SCOPED(scope_close) int temporary_at = -1;
	struct stat st;
	ssize_t n;
	bool found;

	if (at < 0 || inside_stat(f->root, t->path, &st, &found, e) < 0)
		return (-1);
	n = readlinkat(at, leaf, there, sizeof(there) - 1);
	if (n >= 0 && (size_t)n == strlen(t->target) &&
	    memcmp(there, t->target, (size_t)n) == 0)
		return (0);
	if (found && S_ISDIR(st.st_mode))
		return (err_set(e, ERR_REFUSED,
		    "%s is a folder here and a link in the backup", t->path));
	temporary_at = inside_parent(f->root, temporary, false, &leaf, e);
	if (temporary_at < 0)
		return (-1);
	file_step("symlink");
	if (symlinkat(t->target, temporary_at, leaf) != 0)
		return (err_errno(e, "make link %s", t->path));
	return (put_in_place(f, t, temporary, found, e));
}

/* Makes a folder; it is dressed when all is in it. */
static int
place_folder(struct folder_sink *f, const struct task *t, struct err *e)
{
	SCOPED(scope_free) char *below = mem_printf("%s/x", t->path);
	const char *leaf;
	SCOPED(scope_close)
	int at = inside_parent(f->root, below, true, &leaf, e);

	if (at >= 0 && t->look.owned)
		(void)!fchown(at, t->look.uid, t->look.gid);
	return (at < 0 ? -1 : 0);
}

/* --- all files --- */

struct adding {
	struct folder_sink *f;
	struct queue *tasks;
	pthread_mutex_t lock;
	struct err first; /* guarded by lock */
};

static void
note_failure(struct adding *a, const struct err *e)
{
	(void)pthread_mutex_lock(&a->lock);
	if (a->first.kind == ERR_NONE)
		a->first = *e;
	(void)pthread_mutex_unlock(&a->lock);
	queue_close(a->tasks);
}

static bool
has_failed(struct adding *a)
{
	bool failed;

	(void)pthread_mutex_lock(&a->lock);
	failed = a->first.kind != ERR_NONE;
	(void)pthread_mutex_unlock(&a->lock);
	return (failed);
}

static void *
add_work(void *arg)
{
	struct adding *a = arg;
	struct err closed = ERR_INIT;
	void *item;

	while (queue_get(a->tasks, &item, &closed) == 0) {
		SCOPED(task_freep) struct task *t = item;
		struct err e = ERR_INIT;
		int rc;

		if (has_failed(a))
			continue;
		rc = t->kind == TREE_FILE  ? place_file(a->f, t, &e)
		    : t->kind == TREE_LINK ? place_link(a->f, t, &e)
					   : place_folder(a->f, t, &e);
		if (rc < 0) {
			(void)err_within(
			    &e, "%s/%s", a->f->conf.folder, t->path);
			note_failure(a, &e);
		}
	}
	return (NULL);
}

static int
queue_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	struct adding *a = arg;
	SCOPED(task_freep) struct task *task = NULL;
	const char *extra = (const char *)t->extra;

	if (!folder_sink_has_kind(t))
		return (0);
	if (stop_check(e) < 0)
		return (-1);
	task = mem_new(sizeof(*task));
	task->kind = t->kind;
	task->stream = t->stream;
	task->size = t->size;
	task->path = mem_string(t->path);
	if (t->kind == TREE_LINK)
		task->target = mem_printf("%.*s", (int)t->extra_bytes, extra);
	owners_look(&a->f->owners, t, &task->look);
	if (queue_put(a->tasks, task, e) < 0)
		return (-1);
	task = NULL;
	return (0);
}

static int
open_lists(struct folder_sink *f, struct err *e)
{
	SCOPED(scope_free) char *added = file_join(f->conf.notes, "added");
	SCOPED(scope_free) char *replace = file_join(f->conf.notes, "replace");

	if ((f->added = paths_file_open(added, e)) < 0 ||
	    (f->replace = paths_file_open(replace, e)) < 0)
		return (-1);
	return (0);
}

int
folder_sink_add(struct folder_sink *f, struct err *e)
{
	struct adding a = { .f = f, .tasks = queue_new(QUEUE_LIMIT) };
	unsigned i, jobs = f->conf.r->settings->jobs;
	SCOPED(scope_free)
	pthread_t *threads = mem_array(jobs + 1, sizeof(*threads));
	struct err closed = ERR_INIT;
	void *item;
	int rc;

	progress_phase(f->conf.r->progress, "attachments", f->totals.bytes);
	f->totals = (struct folder_sink_totals){ .files = 0 };
	(void)pthread_mutex_init(&a.lock, NULL);
	rc = open_lists(f, e);
	for (i = 0; rc == 0 && i < (jobs > 0 ? jobs : 1); i++)
		if (pthread_create(&threads[i], NULL, add_work, &a) != 0)
			break;
	if (rc == 0 && i == 0)
		rc = err_set(e, ERR_SYSTEM, "no thread could be started");
	if (rc == 0)
		rc = contents_each(f->conf.contents, queue_entry, &a, e);
	queue_close(a.tasks);
	while (i > 0)
		(void)pthread_join(threads[--i], NULL);
	/* After a failure nobody took the rest. */
	while (queue_get(a.tasks, &item, &closed) == 0)
		task_free(item);
	queue_free(a.tasks);
	(void)pthread_mutex_destroy(&a.lock);
	if (a.first.kind != ERR_NONE) {
		*e = a.first;
		return (-1);
	}
	owners_tell(&f->owners, f->conf.remarks);
	if (rc == 0)
		stage_reached("files added");
	return (rc == 0 ? inside_sync(f->root, e) : rc);
}
