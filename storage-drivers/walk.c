/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders come in, from the prefix down; what is in them goes out, in rounds: a
 * number of folders is looked at by some threads, then the objects are handed
 * out and the folders in them are written down for a later round. It always
 * holds that no more than a round's entries are in memory, and that no thread
 * but the caller's outlives a round.
 */
#include "storage-drivers/walk.h"

#include <pthread.h>
#include <string.h>

#define ROUND_MAX   64 /* folders */
#define HELPERS_MAX 7
#define WORTH	    4 /* folders that a connection more is worth */

struct round {
	const struct walk *w;
	const char *folders[ROUND_MAX];
	struct walk_found found[ROUND_MAX];
	size_t n;
	pthread_mutex_t lock;
	/* guarded by lock */
	size_t next;	  /* folder to look at */
	struct err first; /* failure; after it no other folder is begun */
};

void
walk_found_free(struct walk_found *found)
{
	buf_free(&found->objects);
	buf_free(&found->folders);
}

void
walk_add_object(struct walk_found *found, const struct store_entry *entry)
{
	buf_add_u64(&found->objects, entry->bytes);
	buf_add_i64(&found->objects, entry->modified);
	buf_add(&found->objects, entry->name, strlen(entry->name) + 1);
}

void
walk_add_folder(struct walk_found *found, const char *name)
{
	buf_add(&found->folders, name, strlen(name));
	buf_add(&found->folders, "/", 2);
}

int
walk_give(const struct walk_found *found,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct bytes left = bytes_of(found->objects.p, found->objects.n);
	int rc = 0;

	while (rc == 0 && left.n > 0) {
		struct store_entry entry = { .bytes = bytes_u64(&left) };

		entry.modified = bytes_i64(&left);
		bytes_copy(&left, entry.name,
		    strnlen((const char *)left.p, left.n) + 1);
		rc = each(&entry, arg, e);
	}
	return (rc);
}

/* --- looking ------------------------------------------------------------- */

static bool
take_folder(struct round *r, size_t *at)
{
	bool has;

	(void)pthread_mutex_lock(&r->lock);
	has = r->first.kind == ERR_NONE && r->next < r->n;
	if (has)
		*at = r->next++;
	(void)pthread_mutex_unlock(&r->lock);
	return (has);
}

static void
keep_first(struct round *r, const struct err *e)
{
	(void)pthread_mutex_lock(&r->lock);
	if (r->first.kind == ERR_NONE)
		r->first = *e;
	(void)pthread_mutex_unlock(&r->lock);
}

static void *
look_at_some(void *arg)
{
	struct round *r = arg;
	const struct walk *w = r->w;
	struct err e = ERR_INIT;
	size_t i;

	while (take_folder(r, &i))
		if (w->look(w->store, r->folders[i], &r->found[i], &e) < 0)
			keep_first(r, &e);
	return (NULL);
}

/* This thread is one of those that look, and does without the others when they
 * can't be had. A few folders are looked at sooner than a further connection
 * is made. */
static int
look_at_all(struct round *r, struct err *e)
{
	pthread_t helpers[HELPERS_MAX];
	size_t n = 0;

	while (n < HELPERS_MAX && n + 1 < r->w->store->ops->parallel &&
	    n < r->n / WORTH &&
	    pthread_create(&helpers[n], NULL, look_at_some, r) == 0)
		n++;
	(void)look_at_some(r);
	while (n > 0)
		(void)pthread_join(helpers[--n], NULL);
	if (r->first.kind == ERR_NONE)
		return (0);
	*e = r->first;
	return (-1);
}

/* --- rounds -------------------------------------------------------------- */

static void
round_free(struct round *r)
{
	for (size_t i = 0; i < r->n; i++)
		walk_found_free(&r->found[i]);
	(void)pthread_mutex_destroy(&r->lock);
}

/* The folders from *at on, which moves behind them. They are not copied: todo
 * stays as it is until all of them have been looked at. */
static void
choose_folders(struct round *r, const struct buf *todo, size_t *at)
{
	while (r->n < ROUND_MAX && *at < todo->n) {
		r->folders[r->n] = (const char *)todo->p + *at;
		*at += strlen(r->folders[r->n]) + 1;
		r->n++;
	}
}

static int
hand_out(const struct round *r, struct buf *todo, struct err *e)
{
	const struct walk *w = r->w;
	int rc;

	for (size_t i = 0; i < r->n; i++) {
		const struct buf *folders = &r->found[i].folders;

		if ((rc = walk_give(&r->found[i], w->each, w->arg, e)) != 0)
			return (rc);
		buf_add(todo, folders->p, folders->n);
	}
	return (0);
}

static int
run_round(const struct walk *w, struct buf *todo, size_t *at, struct err *e)
{
	SCOPED(round_free) struct round r = { .w = w };

	(void)pthread_mutex_init(&r.lock, NULL);
	choose_folders(&r, todo, at);
	return (look_at_all(&r, e) < 0 ? -1 : hand_out(&r, todo, e));
}

int
walk_folders(const struct walk *w, const char *prefix, struct err *e)
{
	SCOPED(buf_free) struct buf todo = BUF_INIT;
	size_t at = 0;
	int rc = 0;

	buf_add(&todo, prefix, strlen(prefix) + 1);
	while (rc == 0 && at < todo.n)
		rc = run_round(w, &todo, &at, e);
	return (rc);
}
