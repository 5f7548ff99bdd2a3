/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams flow in through fetch, and out as COPY FROM STDIN. Tables come
 * largest first, so that the threads end at about the same time. What always
 * holds: a table whose stream could not be read whole is not committed, since
 * each COPY is a transaction of its own.
 */
#include "restore/rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "base/stop.h"

#define SLICE ((size_t)64 << 10) /* what libpq is given at once */

/* --- one table --- */

struct copying {
	PGconn *c;
	struct progress *progress;
	const atomic_bool *failed; /* another thread's failure, or NULL */
};

/* Another thread's failure ends this one. */
static int
check_others(const struct copying *x, struct err *e)
{
	if (x->failed != NULL && atomic_load(x->failed))
		return (err_set(e, ERR_STOPPED, "interrupted"));
	return (0);
}

/* One slice on its way to the server, however long that takes it. */
static int
put_slice(const struct copying *x, const uint8_t *p, size_t n, struct err *e)
{
	bool is_taken = false, is_sent = false;

	while (!is_taken || !is_sent) {
		if (check_others(x, e) < 0)
			return (-1);
		if (!is_taken) {
			int rc = PQputCopyData(x->c, (const char *)p, (int)n);

			if (rc < 0)
				return (pg_fail(x->c, NULL, e, "COPY"));
			is_taken = rc == 1;
		}
		if (pg_flush_some(x->c, &is_sent, e) < 0)
			return (-1);
	}
	return (0);
}

static int
put_rows(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	struct copying *x = arg;
	size_t part;

	progress_add(x->progress, n, 0, 0);
	for (; n > 0; p += part, n -= part) {
		part = n < SLICE ? n : SLICE;
		if (put_slice(x, p, part, e) < 0)
			return (-1);
	}
	return (0);
}

static void
add_copy(struct buf *sql, const struct stored_table *t, const char *schema)
{
	size_t i;

	buf_add_string(sql, "COPY ");
	pg_add_qualified(sql, schema != NULL ? schema : t->schema, t->name);
	for (i = 0; i < t->ncolumns; i++) {
		buf_add_string(sql, i == 0 ? " (" : ", ");
		pg_add_name(sql, t->columns[i]);
	}
	buf_add_string(sql, t->ncolumns > 0 ? ") FROM STDIN" : " FROM STDIN");
}

/* Reads results until there is none. The first that is a failure is told, and
 * a COPY's count. */
static int
end_command(PGconn *c, uint64_t *rows, struct err *e)
{
	PGresult *r;
	struct err later = ERR_INIT;
	int rc = 0;

	for (;;) {
		if (pg_next_result(c, &r, rc == 0 ? e : &later) < 0)
			return (-1);
		if (r == NULL)
			return (rc);
		if (PQresultStatus(r) == PGRES_COMMAND_OK)
			*rows = strtoull(PQcmdTuples(r), NULL, 10);
		else if (rc == 0)
			rc = pg_fail(c, r, e, "COPY");
		PQclear(r);
	}
}

static int
copy_stream(struct copying *x, struct fetch *f, const struct recipe *r,
    const char *sql, uint64_t *rows, struct err *e)
{
	SCOPED(pg_clearp) PGresult *begun = pg_try(x->c, sql, e);
	struct err server = ERR_INIT;
	int rc;

	if (begun == NULL)
		return (-1);
	if (PQresultStatus(begun) != PGRES_COPY_IN)
		return (pg_fail(x->c, begun, e, "COPY"));
	rc = fetch_stream(f, r, put_rows, x, e);
	(void)PQputCopyEnd(x->c, rc < 0 ? "the backup's rows end" : NULL);
	if (rc == 0)
		return (end_command(x->c, rows, e));
	/* When the server gave up first, its reason is the real one. */
	if (end_command(x->c, rows, &server) < 0 && e->kind == ERR_DATABASE &&
	    server.kind != ERR_STOPPED)
		*e = server;
	return (-1);
}

static int
copy_table(struct copying *x, struct fetch *f, const struct contents *contents,
    const struct stored_table *t, const char *schema, uint64_t *rows,
    struct err *e)
{
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	*rows = 0;
	add_copy(&sql, t, schema);
	if (contents_recipe(contents, t->stream, &recipe, e) < 0 ||
	    copy_stream(x, f, &recipe, buf_text(&sql), rows, e) < 0)
		return (err_within(e, "table %s.%s", t->schema, t->name));
	if ((int64_t)*rows != t->rows)
		return (err_set(e, ERR_CORRUPT,
		    "table %s.%s has %llu rows now, its backup says %lld",
		    t->schema, t->name, (unsigned long long)*rows,
		    (long long)t->rows));
	return (0);
}

int
rows_copy(PGconn *c, struct fetch *f, const struct contents *contents,
    const struct stored_table *t, const char *schema, uint64_t *rows,
    struct err *e)
{
	struct copying x = { .c = c };

	return (copy_table(&x, f, contents, t, schema, rows, e));
}

/* --- all of them --- */

struct worker {
	pthread_t thread;
	struct rows *all;
	PGconn *c;
};

struct rows {
	struct fetch *fetch;
	const struct contents *contents;
	const struct stored_table *tables;
	size_t n;
	struct progress *progress;
	size_t nworkers;
	struct worker *workers;
	atomic_bool failed;
	pthread_mutex_t lock;
	/* guarded by lock */
	size_t next;
	uint64_t done, rows;
	struct err first;
};

static const struct stored_table *
next_table(struct rows *all)
{
	const struct stored_table *t = NULL;

	(void)pthread_mutex_lock(&all->lock);
	while (all->next < all->n && t == NULL) {
		t = &all->tables[all->next++];
		/* Its rows were never stored; it stays empty. */
		if (t->unreadable || t->stream == TREE_NO_STREAM)
			t = NULL;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return (t);
}

static void
note(struct rows *all, const struct err *e, uint64_t rows)
{
	(void)pthread_mutex_lock(&all->lock);
	if (e->kind == ERR_NONE) {
		all->done++;
		all->rows += rows;
	} else if (all->first.kind == ERR_NONE) {
		all->first = *e;
		atomic_store(&all->failed, true);
	}
	(void)pthread_mutex_unlock(&all->lock);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct rows *all = w->all;
	struct copying x = {
		.c = w->c, .progress = all->progress, .failed = &all->failed
	};
	const struct stored_table *t;

	while (!atomic_load(&all->failed) && (t = next_table(all)) != NULL) {
		struct err e = ERR_INIT;
		uint64_t rows = 0;

		(void)!copy_table(
		    &x, all->fetch, all->contents, t, NULL, &rows, &e);
		note(all, &e, rows);
		progress_add(all->progress, 0, 0, 1);
	}
	return (NULL);
}

struct rows *
rows_start(struct fetch *f, const struct contents *contents,
    const struct stored_table *tables, size_t n, PGconn *const *conns,
    size_t nconns, struct progress *progress)
{
	struct rows *all = mem_new(sizeof(*all));
	struct worker *w;
	size_t i;

	all->fetch = f;
	all->contents = contents;
	all->tables = tables;
	all->n = n;
	all->progress = progress;
	all->workers = mem_array(nconns, sizeof(*all->workers));
	(void)pthread_mutex_init(&all->lock, NULL);
	for (i = 0; i < nconns; i++) {
		w = &all->workers[all->nworkers];
		*w = (struct worker){ .all = all, .c = conns[i] };
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			break;
		all->nworkers++;
	}
	return (all);
}

int
rows_finish(struct rows *rows, uint64_t *tables, uint64_t *count, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < rows->nworkers; i++)
		(void)pthread_join(rows->workers[i].thread, NULL);
	*tables = rows->done;
	*count = rows->rows;
	if (rows->first.kind != ERR_NONE) {
		*e = rows->first;
		rc = -1;
	} else if (rows->nworkers == 0) {
		rc = err_set(e, ERR_SYSTEM, "no thread could be started");
	}
	(void)pthread_mutex_destroy(&rows->lock);
	free(rows->workers);
	free(rows);
	return (rc);
}

void
rows_abandon(struct rows *rows)
{
	struct err ignored = ERR_INIT;
	uint64_t unused;

	atomic_store(&rows->failed, true);
	(void)!rows_finish(rows, &unused, &unused, &ignored);
}
