/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads take tables from one list. Each table is copied in a transaction of
 * its own that imports the leader's snapshot, so that no connection gathers the
 * locks of thousands of tables. NOWAIT: a lock request queues behind whoever
 * waits before it, and an ALTER TABLE that waits for our leader would then hold
 * up our copy until one of them gives in; such tables are left to the leader,
 * which has its lock already. The first thread reads the archive before it
 * joins in: at most `jobs` streams are written at a time. Recipes stay in
 * memory until all rows are read: 36 bytes for each half MiB.
 */
#include "backupd/tables.h"

#include <stdlib.h>
#include <string.h>

#include "backupd/copy_table.h"
#include "backupd/run.h"
#include "base/log.h"
#include "base/stage.h"

#define MODE_TABLE 0600
#define LARGE_ROW  ((uint64_t)4 << 20)

struct work {
	struct run *run;
	const struct snapshot *s;
	struct archive *archive;
	size_t n;
	struct table **order; /* largest first; owned */
	pthread_mutex_t lock;
	/* guarded by lock */
	size_t next;	/* in order */
	bool has_begun; /* a thread took the archive */
	size_t nleft;
	struct table **left; /* to the leader; owned */
};

static int
by_size(const void *a, const void *b)
{
	const struct table *left = *(struct table *const *)a,
			   *right = *(struct table *const *)b;

	if (left->bytes != right->bytes)
		return (left->bytes < right->bytes ? 1 : -1);
	return ((left->oid > right->oid) - (left->oid < right->oid));
}

static void
work_init(struct work *w, struct run *run, const struct snapshot *s)
{
	uint64_t total = 0;

	w->run = run;
	w->s = s;
	(void)pthread_mutex_init(&w->lock, NULL);
	w->order = mem_array(s->tables.n + 1, sizeof(struct table *));
	w->left = mem_array(s->tables.n + 1, sizeof(struct table *));
	for (size_t i = 0; i < s->tables.n; i++) {
		if (!table_is_ours(&s->tables.v[i]) || s->tables.v[i].is_denied)
			continue;
		w->order[w->n++] = &s->tables.v[i];
		total += s->tables.v[i].bytes;
	}
	qsort(w->order, w->n, sizeof(struct table *), by_size);
	progress_phase(run->progress, "tables", total);
}

static void
work_free(struct work *w)
{
	free(w->order);
	free(w->left);
	(void)pthread_mutex_destroy(&w->lock);
}

static struct table *
next_table(struct work *w)
{
	struct table *t = NULL;

	(void)pthread_mutex_lock(&w->lock);
	if (w->next < w->n)
		t = w->order[w->next++];
	(void)pthread_mutex_unlock(&w->lock);
	return (t);
}

static void
leave_to_leader(struct work *w, struct table *t)
{
	char text[TABLE_TEXT];

	log_debug("table %s: somebody waits for it, left to the leader",
	    table_text(t, text));
	(void)pthread_mutex_lock(&w->lock);
	w->left[w->nleft++] = t;
	(void)pthread_mutex_unlock(&w->lock);
}

static bool
take_archive(struct work *w)
{
	bool mine;

	(void)pthread_mutex_lock(&w->lock);
	mine = !w->has_begun;
	w->has_begun = true;
	(void)pthread_mutex_unlock(&w->lock);
	return (mine);
}

/* Rows that row security hides from us are not read: the rest would look like
 * the whole. */
static bool
skip_hidden(struct run *run, struct table *t)
{
	char text[TABLE_TEXT];

	if (!t->has_hidden_rows)
		return (false);
	t->is_unreadable = true;
	progress_grow(run->progress, -(int64_t)t->bytes);
	run_unreadable(run,
	    "table %s can't be read whole: row security applies to our role (it needs BYPASSRLS)",
	    table_text(t, text));
	return (true);
}

/* Imports the snapshot and locks t. *locked is false when somebody stands in
 * the way. */
static int
begin(struct work *w, PGconn *c, const struct table *t, bool *locked,
    struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	char what[TABLE_TEXT + 8], text[TABLE_TEXT];

	buf_add_string(&sql,
	    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
	    " SET TRANSACTION SNAPSHOT ");
	pg_add_literal(&sql, w->s->id);
	buf_add_string(&sql, "; LOCK TABLE ONLY ");
	table_add_name(t, &sql);
	buf_add_string(&sql, " IN ACCESS SHARE MODE NOWAIT");
	if ((r = pg_try(c, buf_text(&sql), e)) == NULL)
		return (-1);
	*locked = PQresultStatus(r) == PGRES_COMMAND_OK;
	if (*locked)
		return (0);
	if (strcmp(pg_sqlstate(r), "55P03") == 0)
		return (pg_exec(c, e, "ROLLBACK"));
	(void)snprintf(what, sizeof(what), "table %s", table_text(t, text));
	return (pg_fail(c, r, e, what));
}

/* One table on a connection of a thread's own. */
static int
copy_beside(struct work *w, PGconn *c, struct table *t, struct err *e)
{
	bool locked = false;

	stage_reached("table to be locked");
	if (begin(w, c, t, &locked, e) < 0)
		return (-1);
	if (!locked) {
		leave_to_leader(w, t);
		return (0);
	}
	stage_reached("table locked");
	if (copy_table(w->run, c, t, e) < 0)
		return (-1);
	stage_reached("table copied");
	return (pg_exec(c, e, t->is_copied ? "COMMIT" : "ROLLBACK"));
}

static int
copy_some(struct work *w, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	struct table *t;

	if (take_archive(w) && archive_read(w->run, w->archive, e) < 0)
		return (-1);
	while ((t = next_table(w)) != NULL) {
		if (run_check(w->run, e) < 0)
			return (-1);
		if (skip_hidden(w->run, t))
			continue;
		if (c == NULL &&
		    (c = pg_connect(w->run->branch->database, NULL, e)) == NULL)
			return (-1);
		if (copy_beside(w, c, t, e) < 0)
			return (-1);
		/* libpq never gives back the room that a row took. */
		if (t->largest_row > LARGE_ROW)
			pg_closep(&c);
	}
	return (0);
}

static void *
thread_main(void *arg)
{
	struct work *w = arg;
	struct err e = ERR_INIT;

	if (copy_some(w, &e) < 0)
		run_fail(w->run, &e);
	return (NULL);
}

/* Runs `jobs` threads to their ends. */
static int
copy_in_threads(struct work *w, struct err *e)
{
	unsigned jobs = w->run->repo->settings->jobs, started = 0;
	SCOPED(scope_free)
	pthread_t *threads = mem_array((size_t)jobs + 1, sizeof(*threads));

	if (jobs == 0)
		jobs = 1;
	while (started < jobs &&
	    pthread_create(&threads[started], NULL, thread_main, w) == 0)
		started++;
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (started == 0)
		return (err_set(e, ERR_SYSTEM, "no thread could be started"));
	return (run_outcome(w->run, e));
}

/* What was left: on the leader, in a savepoint, so that a table that can't be
 * read doesn't end the snapshot. */
static int
copy_left(struct work *w, PGconn *leader, struct err *e)
{
	struct table *t;

	for (size_t i = 0; i < w->nleft; i++) {
		t = w->left[i];
		stage_reached("table left to the leader");
		if (pg_exec(leader, e, "SAVEPOINT one") < 0 ||
		    copy_table(w->run, leader, t, e) < 0 ||
		    (!t->is_copied &&
			pg_exec(leader, e, "ROLLBACK TO SAVEPOINT one") < 0) ||
		    pg_exec(leader, e, "RELEASE SAVEPOINT one") < 0)
			return (-1);
	}
	return (0);
}

int
tables_copy(
    struct run *run, struct snapshot *s, struct archive *a, struct err *e)
{
	SCOPED(work_free) struct work w = { .archive = a };

	work_init(&w, run, s);
	if (copy_in_threads(&w, e) < 0)
		return (-1);
	return (copy_left(&w, s->leader, e));
}

/* What is needed to put the rows back. */
static void
describe(const struct table *t, struct buf *out)
{
	SCOPED(json_freep) struct json *j = json_object();
	struct json *columns = NULL;
	struct err ignored = ERR_INIT;

	if (t->columns != NULL)
		columns = json_parse(t->columns, strlen(t->columns), &ignored);
	json_set_name(j, "schema", t->schema);
	json_set_name(j, "name", t->name);
	json_set(j, "columns", columns != NULL ? columns : json_array());
	json_set_integer(j, "rows", (int64_t)t->rows);
	json_set_integer(j, "oid", (int64_t)t->oid);
	json_set_string(j, "kind", (const char[]){ t->kind, '\0' });
	json_set_bool(j, "unreadable", !t->is_copied);
	json_write(j, false, out);
}

/* "schema.name" for people: a tree's path has parts, a table's name may hold
 * what parts may not. */
static void
make_path(const struct table *t, char out[TREE_PATH_MAX + 1])
{
	(void)snprintf(out, TREE_PATH_MAX, "%s.%s", t->schema, t->name);
	for (char *at = out; *at != '\0'; at++)
		if (*at == '/')
			*at = '_';
}

static int
add_one(struct run *run, const struct table *t, struct err *e)
{
	SCOPED(buf_free) struct buf extra = BUF_INIT;
	struct tree_entry entry = {
		.kind = TREE_TABLE, .stream = TREE_NO_STREAM, .mode = MODE_TABLE
	};

	if (t->is_copied &&
	    ingest_add_recipe(run->in, &t->recipe, &entry.stream, e) < 0)
		return (-1);
	describe(t, &extra);
	make_path(t, entry.path);
	entry.size = t->recipe.bytes;
	entry.extra = extra.p;
	entry.extra_bytes = extra.n;
	return (ingest_add_entry(run->in, &entry, e));
}

int
tables_add(struct run *run, const struct snapshot *s, struct err *e)
{
	for (size_t i = 0; i < s->tables.n; i++)
		if (table_is_ours(&s->tables.v[i]) &&
		    add_one(run, &s->tables.v[i], e) < 0)
			return (-1);
	return (0);
}
