/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COPY's rows come in as the server sends them and go out as they are: nothing
 * looks inside. libpq holds one row whole, whatever its size; beside it there
 * is one buffer of BATCH_BYTES for each copying thread. The count that the
 * server names at the end must be the number of rows that came.
 */
#include "backupd/copy_table.h"

#include <stdlib.h>
#include <string.h>

#include "backupd/run.h"

#define BATCH_BYTES	((size_t)256 << 10)
#define GENERATED_SINCE 120000 /* generated columns: PostgreSQL 12 */

struct copy {
	struct run *run;
	PGconn *c;
	struct table *t;
	struct stream *stream;
	struct buf batch;
	uint64_t rows, bytes;
	uint64_t credited; /* of the table's size, told to the progress */
};

/* Data exceptions, program limits, damage, unreadable files, rights. */
bool
copy_table_is_about_rows(const char *sqlstate)
{
	static const char *const classes[] = { "22", "54", "58", "XX",
		"42501" };

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
			return (true);
	return (false);
}

static int
fail(const struct copy *k, const PGresult *r, struct err *e)
{
	char what[TABLE_TEXT + 8], text[TABLE_TEXT];

	(void)snprintf(what, sizeof(what), "table %s", table_text(k->t, text));
	(void)pg_fail(k->c, r, e, what);
	if (e->kind != ERR_STOPPED)
		e->kind = ERR_DATABASE; /* AGAIN would promise too much */
	return (-1);
}

/* An error result: the table's fault (0, and said), or the backup's (-1). */
static int
judge(const struct copy *k, const PGresult *r, struct err *e)
{
	struct err why = ERR_INIT;

	(void)fail(k, r, &why);
	if (PQstatus(k->c) != CONNECTION_OK ||
	    !copy_table_is_about_rows(pg_sqlstate(r))) {
		*e = why;
		return (-1);
	}
	k->t->is_unreadable = true;
	run_unreadable(k->run, "%s", why.text);
	return (0);
}

/* How much of the table's size is behind us: by rows where their number is
 * known, since as text they are larger or smaller than on disk, but never quite
 * all before the end. */
static uint64_t
behind_us(const struct copy *k)
{
	uint64_t most = k->t->bytes - k->t->bytes / 20, at = k->bytes;

	if (k->t->rows_expected > 0)
		at = (uint64_t)((double)k->t->bytes * (double)k->rows /
		    (double)k->t->rows_expected);
	return (at < most ? at : most);
}

static void
tell_progress(struct copy *k, size_t bytes, bool ended)
{
	uint64_t at = ended ? k->t->bytes : behind_us(k);

	progress_add(k->run->progress, at - k->credited, bytes, ended ? 1 : 0);
	k->credited = at;
}

static int
flush(struct copy *k, struct err *e)
{
	if (k->batch.n == 0)
		return (0);
	if (stream_write(k->stream, k->batch.p, k->batch.n, e) < 0)
		return (-1);
	tell_progress(k, k->batch.n, false);
	k->batch.n = 0;
	return (run_check(k->run, e));
}

static int
take_row(struct copy *k, const char *row, size_t n, struct err *e)
{
	k->rows++;
	k->bytes += n;
	if (n > k->t->largest_row)
		k->t->largest_row = n;
	if (k->batch.n + n > BATCH_BYTES && flush(k, e) < 0)
		return (-1);
	if (n < BATCH_BYTES) {
		buf_add(&k->batch, row, n);
		return (0);
	}
	if (stream_write(k->stream, row, n, e) < 0)
		return (-1);
	tell_progress(k, n, false);
	return (0);
}

static int
wait_for_server(struct copy *k, struct err *e)
{
	if (run_wait_readable(k->run, PQsocket(k->c), e) < 0)
		return (-1);
	return (PQconsumeInput(k->c) == 1 ? 0 : fail(k, NULL, e));
}

/* The next result, without ever blocking where a stop would not be seen. */
static int
next_result(struct copy *k, PGresult **r, struct err *e)
{
	while (PQisBusy(k->c) != 0)
		if (wait_for_server(k, e) < 0)
			return (-1);
	*r = PQgetResult(k->c);
	return (0);
}

static int
take_rows(struct copy *k, struct err *e)
{
	char *row = NULL;
	int n, rc;

	for (;;) {
		n = PQgetCopyData(k->c, &row, 1);
		if (n > 0) {
			rc = take_row(k, row, (size_t)n, e);
			PQfreemem(row);
		} else if (n == 0) {
			rc = wait_for_server(k, e);
		} else {
			return (n == -1 ? flush(k, e) : fail(k, NULL, e));
		}
		if (rc < 0)
			return (-1);
	}
}

/* Takes what follows a command's result, up to the end. */
static int
drain(struct copy *k, struct err *e)
{
	PGresult *r = NULL;

	do {
		PQclear(r);
		if (next_result(k, &r, e) < 0)
			return (-1);
	} while (r != NULL);
	return (0);
}

/* After the last row: the server's verdict. *whole tells whether all came. */
static int
finish(struct copy *k, bool *whole, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	char text[TABLE_TEXT];
	uint64_t told;

	if (next_result(k, &r, e) < 0)
		return (-1);
	*whole = PQresultStatus(r) == PGRES_COMMAND_OK;
	if ((!*whole && judge(k, r, e) < 0) || drain(k, e) < 0)
		return (-1);
	told = strtoull(PQcmdTuples(r), NULL, 10);
	if (*whole && told != k->rows)
		return (err_set(e, ERR_DATABASE,
		    "table %s: the server sent %llu rows and counted %llu",
		    table_text(k->t, text), (unsigned long long)k->rows,
		    (unsigned long long)told));
	return (0);
}

/*
 * Was it this table whose rows came? COPY goes by name, and no lock on a table
 * holds its schema's name: after "a" became "b" another one's rows may have
 * come. Asked afterwards, since what the session knows only moves ahead.
 */
static int
check_name(struct copy *k, struct err *e)
{
	SCOPED(buf_free) struct buf name = BUF_INIT;
	SCOPED(scope_free) char *oid = NULL;
	const char *params[1];
	char text[TABLE_TEXT];

	table_add_name(k->t, &name);
	params[0] = buf_text(&name);
	oid = pg_value(
	    k->c, "SELECT pg_catalog.to_regclass($1)::oid", 1, params, e);
	if (e->kind != ERR_NONE)
		return (-1);
	if (oid != NULL && strtoul(oid, NULL, 10) == k->t->oid)
		return (0);
	return (err_set(e, ERR_AGAIN,
	    "table %s: its schema was renamed while it was read",
	    table_text(k->t, text)));
}

/* Reads the names of the columns that COPY gives; list gets them for COPY. */
static int
read_columns(struct copy *k, struct buf *list, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT, json = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	SCOPED(json_freep) struct json *names = json_array();

	buf_printf(&sql,
	    "SELECT a.attname FROM pg_catalog.pg_attribute a"
	    " WHERE a.attrelid = %u AND a.attnum > 0 AND NOT a.attisdropped"
	    "%s ORDER BY a.attnum",
	    k->t->oid,
	    PQserverVersion(k->c) >= GENERATED_SINCE
		? " AND a.attgenerated = ''"
		: "");
	if ((r = pg_query(k->c, buf_text(&sql), 0, NULL, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		buf_add_string(list, i == 0 ? " (" : ", ");
		pg_add_name(list, PQgetvalue(r, i, 0));
		json_append_name(names, PQgetvalue(r, i, 0));
	}
	if (PQntuples(r) > 0)
		buf_add_string(list, ")");
	json_write(names, false, &json);
	free(k->t->columns);
	k->t->columns = mem_string(buf_text(&json));
	return (0);
}

/* Sends COPY; *begun is false when the server refused for the table's sake. */
static int
begin(struct copy *k, bool *begun, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT, columns = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	bool is_sent = false;

	if (read_columns(k, &columns, e) < 0)
		return (-1);
	buf_add_string(&sql, "COPY ");
	table_add_name(k->t, &sql);
	buf_add_string(&sql, buf_text(&columns));
	buf_add_string(&sql, " TO STDOUT");
	if (PQsendQuery(k->c, buf_text(&sql)) == 0)
		return (fail(k, NULL, e));
	while (!is_sent)
		if (pg_flush_some(k->c, &is_sent, e) < 0)
			return (-1);
	if (next_result(k, &r, e) < 0)
		return (-1);
	*begun = PQresultStatus(r) == PGRES_COPY_OUT;
	if (*begun)
		return (0);
	return (judge(k, r, e) < 0 ? -1 : drain(k, e));
}

static int
copy_rows(struct copy *k, struct err *e)
{
	SCOPED(buf_free) struct buf identity = BUF_INIT;
	bool begun = false, whole = false;

	table_add_name(k->t, &identity);
	k->stream = stream_open(k->run->in, STREAM_TABLE, k->run->branch->name,
	    buf_text(&identity), e);
	if (k->stream == NULL || begin(k, &begun, e) < 0)
		return (-1);
	if (!begun)
		return (0);
	if (take_rows(k, e) < 0 || finish(k, &whole, e) < 0)
		return (-1);
	if (!whole)
		return (0);
	if (check_name(k, e) < 0 || stream_end(k->stream, &k->t->recipe, e) < 0)
		return (-1);
	k->t->is_copied = true;
	k->t->rows = k->rows;
	return (0);
}

int
copy_table(struct run *run, PGconn *c, struct table *t, struct err *e)
{
	struct copy k = { .run = run, .c = c, .t = t };
	char text[TABLE_TEXT];
	int rc;

	rc = copy_rows(&k, e);
	if (rc < 0 && e->kind != ERR_STOPPED &&
	    strstr(e->text, table_text(t, text)) == NULL)
		(void)err_within(e, "table %s", text);
	if (rc == 0)
		tell_progress(&k, 0, true);
	stream_free(k.stream);
	buf_free(&k.batch);
	return (rc);
}
