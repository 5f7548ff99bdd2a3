/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQL goes in; results, or the server's words as a struct err, come out.
 * Waiting for the server never makes the program deaf: while a query runs, a
 * requested stop cancels it. Quoting is here as well; connecting is in
 * pg_connect.c, finding programs in pg_program.c.
 */
#include "base/pg.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/aside.h"
#include "base/stop.h"
#include "base/text.h"

#define SLICE_MS  200
#define CANCEL_MS 300 /* for asking the server to cancel */
#define WHAT_MAX  48  /* bytes of a command that an error names */

#define SQLSTATE_CANCELLED     "57014"
#define SQLSTATE_DEADLOCK      "40P01"
#define SQLSTATE_SERIALIZATION "40001"

void
pg_clearp(PGresult **r)
{
	PQclear(*r);
	*r = NULL;
}

const char *
pg_sqlstate(const PGresult *r)
{
	const char *state = r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE)
				      : NULL;

	return (state != NULL ? state : "");
}

/* DETAIL is left out: it quotes rows. */
int
pg_fail(PGconn *c, const PGresult *r, struct err *e, const char *what)
{
	const char *state = pg_sqlstate(r), *text = NULL, *hint = NULL;
	SCOPED(scope_free) char *line = NULL;
	enum err_kind kind = ERR_DATABASE;

	if (r != NULL) {
		text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
		hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
		if (text == NULL)
			text = PQresultErrorMessage(r);
	}
	if (text == NULL || *text == '\0')
		text = PQerrorMessage(c);
	line = text_one_line(
	    *text != '\0' ? text : "no answer from the server");
	if (strcmp(state, SQLSTATE_DEADLOCK) == 0 ||
	    strcmp(state, SQLSTATE_SERIALIZATION) == 0)
		kind = ERR_AGAIN;
	else if (strcmp(state, SQLSTATE_CANCELLED) == 0 && stop_is_requested())
		kind = ERR_STOPPED;
	(void)err_set(e, kind, "%s: %s%s%s%s", what, line,
	    *state != '\0' ? " (SQLSTATE " : "", state,
	    *state != '\0' ? ")" : "");
	if (hint != NULL)
		(void)err_hint(e, "%s", hint);
	return (-1);
}

bool
pg_failed_with(const struct err *e, const char *sqlstate)
{
	char mark[32];

	(void)snprintf(mark, sizeof(mark), "(SQLSTATE %s)", sqlstate);
	return (strstr(e->text, mark) != NULL);
}

/* --- waiting --- */

static void
ask_to_cancel(void *arg)
{
	PGcancel *cancel = arg;
	char ignored[256];

	(void)PQcancel(cancel, ignored, sizeof(ignored));
}

static void
free_cancel(void *arg)
{
	PQfreeCancel(arg);
}

/* Beside us: it waits for the server, which may be the one that stalls. */
static void
cancel_query(PGconn *c)
{
	const struct aside_call call = {
		.run = ask_to_cancel, .free = free_cancel, .arg = PQgetCancel(c)
	};
	struct err ignored = ERR_INIT;

	if (call.arg != NULL && aside_run(&call, CANCEL_MS, &ignored) == 0)
		free_cancel(call.arg);
}

/* One query's waiting. One that begins after a stop was requested is one that
 * cleans up (DROP DATABASE …): it is not cancelled. */
struct wait {
	bool is_cleanup, is_cancelled;
};

static struct wait
wait_begin(void)
{
	struct wait w = { .is_cleanup = stop_is_requested() };

	return (w);
}

/* A stop cancels the query, once. When the time for leaving is over nobody
 * waits any more: the server ends by itself what it has begun. */
static int
look_for_stop(PGconn *c, struct wait *w, struct err *e)
{
	if (!stop_is_requested())
		return (0);
	if (stop_left_ms() == 0)
		return (err_set(e, ERR_STOPPED,
		    "interrupted, and the server does not answer in time"));
	if (w->is_cleanup || w->is_cancelled)
		return (0);
	w->is_cancelled = true;
	cancel_query(c);
	return (0);
}

/* Until the socket has something, or takes something where wants_out, or
 * SLICE_MS have gone by. */
static void
wait_for_socket(PGconn *c, bool wants_out)
{
	struct pollfd wait = { .fd = PQsocket(c),
		.events = (short)(wants_out ? POLLIN | POLLOUT : POLLIN) };

	if (wait.fd >= 0)
		(void)poll(&wait, 1, SLICE_MS);
}

/* Until PQgetResult does not block. A lost connection is its to tell. */
static int
await(PGconn *c, struct wait *w, struct err *e)
{
	int unsent = PQflush(c);

	while (unsent == 1 || PQisBusy(c) != 0) {
		if (look_for_stop(c, w, e) < 0)
			return (-1);
		if (PQsocket(c) < 0)
			return (0);
		wait_for_socket(c, unsent == 1);
		if (PQconsumeInput(c) == 0)
			return (0);
		if (unsent == 1)
			unsent = PQflush(c);
	}
	return (0);
}

int
pg_next_result(PGconn *c, PGresult **r, struct err *e)
{
	struct wait w = wait_begin();

	*r = NULL;
	if (await(c, &w, e) < 0)
		return (-1);
	*r = PQgetResult(c);
	return (0);
}

PGresult *
pg_try(PGconn *c, const char *sql, struct err *e)
{
	SCOPED(pg_clearp) PGresult *last = NULL;
	struct wait w = wait_begin();
	PGresult *r;

	if (PQsendQuery(c, sql) != 1) {
		(void)pg_fail(c, NULL, e, "send a command");
		return (NULL);
	}
	for (;;) {
		if (await(c, &w, e) < 0)
			return (NULL);
		if ((r = PQgetResult(c)) == NULL)
			break;
		/* What comes behind a failure says nothing more. */
		if (PQresultStatus(last) == PGRES_FATAL_ERROR && last != NULL) {
			PQclear(r);
			continue;
		}
		PQclear(last);
		last = r;
		if (PQresultStatus(r) == PGRES_COPY_IN ||
		    PQresultStatus(r) == PGRES_COPY_OUT)
			break;
	}
	if (last == NULL)
		(void)pg_fail(c, NULL, e, "a command");
	return (TAKE(last));
}

int
pg_flush_some(PGconn *c, bool *done, struct err *e)
{
	int unsent = PQflush(c);

	*done = unsent == 0;
	if (unsent < 0)
		return (pg_fail(c, NULL, e, "send"));
	if (*done)
		return (0);
	if (stop_check(e) < 0)
		return (-1);
	wait_for_socket(c, true);
	/* What it says meanwhile must be read, or it may wait for us. */
	if (PQconsumeInput(c) == 0)
		return (pg_fail(c, NULL, e, "send"));
	return (0);
}

/* A script must not speak COPY: nobody is here to give or take rows. */
static int
end_copy(PGconn *c, ExecStatusType status, struct err *e)
{
	char *row;

	if (status == PGRES_COPY_IN) {
		(void)PQputCopyEnd(c, "no rows are given here");
	} else {
		while (PQgetCopyData(c, &row, 0) > 0)
			PQfreemem(row);
	}
	return (err_set(e, ERR_DATABASE, "COPY is not possible here"));
}

/* 0 when r is no failure. */
static int
check(PGconn *c, const PGresult *r, const char *what, struct err *e)
{
	ExecStatusType status = PQresultStatus(r);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	    status == PGRES_EMPTY_QUERY)
		return (0);
	if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
	    status == PGRES_COPY_BOTH)
		return (end_copy(c, status, e));
	return (pg_fail(c, r, e, what));
}

/* All results of what was sent: the last one, or NULL and the first failure. */
static PGresult *
collect(PGconn *c, const char *what, struct err *e)
{
	SCOPED(pg_clearp) PGresult *last = NULL;
	struct wait w = wait_begin();
	struct err later = ERR_INIT;
	bool failed = false;
	PGresult *r;

	for (;;) {
		if (await(c, &w, failed ? &later : e) < 0)
			return (NULL);
		if ((r = PQgetResult(c)) == NULL)
			break;
		PQclear(last);
		last = r;
		if (check(c, r, what, failed ? &later : e) < 0)
			failed = true;
	}
	if (!failed && last == NULL)
		(void)pg_fail(c, NULL, e, what);
	return (failed ? NULL : TAKE(last));
}

/* The beginning of a command, for messages: no value gets in, since it ends
 * before the first quote. */
static void
name_command(const char *sql, char what[WHAT_MAX])
{
	size_t n;

	sql += strspn(sql, " \t\r\n");
	n = strcspn(sql, "'$\r\n;");
	if (n >= WHAT_MAX)
		n = WHAT_MAX - 1;
	while (n > 0 && sql[n - 1] == ' ')
		n--;
	memcpy(what, sql, n);
	what[n] = '\0';
}

int
pg_exec(PGconn *c, struct err *e, const char *fmt, ...)
{
	SCOPED(scope_free) char *sql = NULL;
	SCOPED(pg_clearp) PGresult *r = NULL;
	char what[WHAT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&sql, fmt, ap);
	va_end(ap);
	if (n < 0) {
		sql = NULL;
		return (err_set(e, ERR_SYSTEM, "no memory for a command"));
	}
	name_command(sql, what);
	if (PQsendQuery(c, sql) != 1)
		return (pg_fail(c, NULL, e, what));
	r = collect(c, what, e);
	return (r != NULL ? 0 : -1);
}

PGresult *
pg_query(PGconn *c, const char *sql, int nparams, const char *const params[],
    struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	char what[WHAT_MAX];

	name_command(sql, what);
	if (PQsendQueryParams(c, sql, nparams, NULL, params, NULL, NULL, 0) !=
	    1) {
		(void)pg_fail(c, NULL, e, what);
		return (NULL);
	}
	if ((r = collect(c, what, e)) == NULL)
		return (NULL);
	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		(void)err_set(e, ERR_DATABASE, "%s: gives no rows", what);
		return (NULL);
	}
	return (TAKE(r));
}

char *
pg_value(PGconn *c, const char *sql, int nparams, const char *const params[],
    struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;

	err_clear(e);
	if ((r = pg_query(c, sql, nparams, params, e)) == NULL)
		return (NULL);
	if (PQntuples(r) < 1 || PQnfields(r) < 1 || PQgetisnull(r, 0, 0) != 0)
		return (NULL);
	return (mem_string(PQgetvalue(r, 0, 0)));
}

/* text with every quote, and whatever else is in twice, written twice. Safe
 * byte by byte: in the encodings that a database can have, no part of a longer
 * character looks like ASCII. */
static void
add_doubled(struct buf *b, const char *text, const char *twice)
{
	for (; *text != '\0'; text++) {
		if (strchr(twice, *text) != NULL)
			buf_add(b, text, 1);
		buf_add(b, text, 1);
	}
}

void
pg_add_name(struct buf *b, const char *name)
{
	buf_add_string(b, "\"");
	add_doubled(b, name, "\"");
	buf_add_string(b, "\"");
}

void
pg_add_qualified(struct buf *b, const char *schema, const char *name)
{
	pg_add_name(b, schema);
	buf_add_string(b, ".");
	pg_add_name(b, name);
}

/* Means the same whatever standard_conforming_strings says. */
void
pg_add_literal(struct buf *b, const char *text)
{
	if (strchr(text, '\\') != NULL)
		buf_add_string(b, "E");
	buf_add_string(b, "'");
	add_doubled(b, text, "'\\");
	buf_add_string(b, "'");
}

int
pg_server_major(PGconn *c)
{
	return (PQserverVersion(c) / 10000);
}
