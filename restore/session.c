/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQL flows into psql's standard input; what flows back are only our own
 * tokens, echoed when everything before them is done (results go to
 * /dev/null). Writing and waiting go by poll, so that a stop is noticed while
 * an index of an hour is made.
 */
#include "restore/session.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/secret.h"
#include "base/stop.h"
#include "base/text.h"
#include "restore/programs.h"

#define SLICE_MS 200
#define WRITE_MAX                                                              \
	((size_t)4096) /* what a pipe that is ready takes without blocking */
#define READ_MAX ((size_t)64 << 10)
#define END_MS	 10000
#define ASK_PID                                                                \
	"SELECT pg_catalog.pg_backend_pid() AS pid \\gset\n"                   \
	"\\echo pid :pid\n"

struct session {
	struct proc *p;
	const char *known; /* the place's */
	int pid;	   /* of the server process */
	unsigned tokens;
	struct buf answer;
};

void
session_place_free(struct session_place *p)
{
	if (p->password_env != NULL)
		secret_wipe(p->password_env, strlen(p->password_env));
	free(p->password_env);
	free(p->conninfo);
	free(p->psql);
	free(p->known);
	free(p->pg_restore);
	*p = (struct session_place){ .psql = NULL };
}

int
session_place_find(struct session_place *p, PGconn *c, const char *database,
    int reader, struct err *e)
{
	int major = pg_server_major(c);
	bool newer = false, newer_psql;

	p->psql = programs_find("psql", major, reader, &newer_psql, e);
	p->pg_restore = p->psql != NULL
	    ? programs_find("pg_restore", major, reader, &newer, e)
	    : NULL;
	if (p->pg_restore == NULL)
		return (-1);
	if (newer) {
		p->known = pg_value(c,
		    "SELECT ' ' || pg_catalog.string_agg(name, ' ') || ' ' "
		    "FROM pg_catalog.pg_settings",
		    0, NULL, e);
		if (p->known == NULL)
			return (-1);
	}
	p->conninfo = pg_child_conninfo(c, database, &p->password_env, e);
	return (p->conninfo != NULL ? 0 : -1);
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	proc_free(s->p);
	buf_free(&s->answer);
	free(s);
}

void
session_freep(struct session **s)
{
	session_free(*s);
	*s = NULL;
}

/* The line of psql's that says why it ended: the last with an error in it. */
static const char *
find_reason(char *words)
{
	char *line, *next, *at;
	const char *reason =
	    "it ended without a word: did the server end the connection?";

	for (line = words; line != NULL && *line != '\0'; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		if ((at = strstr(line, "ERROR:")) != NULL ||
		    (at = strstr(line, "FATAL:")) != NULL ||
		    (at = strstr(line, "error:")) != NULL)
			reason = at;
	}
	return (reason);
}

/* psql has gone, or doesn't take what it is given: its words say why. */
static int
ended(struct session *s, struct err *e)
{
	SCOPED(scope_free) char *words = NULL;
	struct err ignored = ERR_INIT;

	if (stop_check(e) < 0)
		return (-1);
	proc_close_stdin(s->p);
	if (proc_wait(s->p, END_MS, &ignored) < 0 &&
	    ignored.kind == ERR_STOPPED) {
		*e = ignored;
		return (-1);
	}
	words = mem_string(proc_stderr(s->p));
	return (err_set(e, ERR_DATABASE, "psql: %s", find_reason(words)));
}

/* Waits until the descriptor is ready for events. */
static int
wait_ready(int fd, short events, struct err *e)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int n;

	for (;;) {
		if (stop_check(e) < 0)
			return (-1);
		n = poll(&wait, 1, SLICE_MS);
		if (n > 0)
			return (0);
		if (n < 0 && errno != EINTR)
			return (err_errno(e, "poll"));
	}
}

static int
feed(struct session *s, const void *p, size_t n, struct err *e)
{
	const uint8_t *at = p;
	ssize_t done;

	while (n > 0) {
		if (wait_ready(proc_stdin(s->p), POLLOUT, e) < 0)
			return (-1);
		done = write(
		    proc_stdin(s->p), at, n < WRITE_MAX ? n : WRITE_MAX);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return (ended(s, e));
		at += done;
		n -= (size_t)done;
	}
	return (0);
}

/* Until psql has echoed a new token: everything before it is done. */
static int
settle(struct session *s, struct err *e)
{
	char command[64], token[32];
	char part[256];
	ssize_t got;

	(void)snprintf(token, sizeof(token), "triplicate-%u\n", ++s->tokens);
	/* The first newline ends whatever line came before. */
	(void)snprintf(command, sizeof(command), "\n\\echo %s", token);
	if (feed(s, command, strlen(command), e) < 0)
		return (-1);
	s->answer.n = 0;
	for (;;) {
		if (wait_ready(proc_stdout(s->p), POLLIN, e) < 0)
			return (-1);
		got = read(proc_stdout(s->p), part, sizeof(part));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (ended(s, e));
		buf_add(&s->answer, part, (size_t)got);
		if (strstr(buf_text(&s->answer), token) != NULL)
			return (0);
		if (s->answer.n > READ_MAX)
			s->answer.n = 0;
	}
}

/* "pid 123", or 0. */
static int
parse_pid(const char *text)
{
	char *end;
	long pid;

	if (strncmp(text, "pid ", 4) != 0)
		return (0);
	errno = 0;
	pid = strtol(text + 4, &end, 10);
	return (errno == 0 && end != text + 4 && pid > 0 && pid <= INT_MAX
		? (int)pid
		: 0);
}

struct session *
session_open(const struct session_place *place, struct err *e)
{
	SCOPED(session_freep) struct session *s = mem_new(sizeof(*s));
	const char *argv[] = { place->psql, "--no-psqlrc", "--quiet",
		"--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null",
		"--dbname", place->conninfo, NULL };
	static const char options[] = "PGOPTIONS=-c synchronous_commit=off "
				      "-c default_transaction_read_only=off";
	/* Nothing needs to be durable before the swap, whose own commit makes
	 * all of the log before it so: thousands of commits need not wait. */
	const char *env[] = { "PGAPPNAME=triplicate", options,
		/* empty: the database's own, whatever the operator set */
		"PGCLIENTENCODING=", place->password_env, NULL };

	s->known = place->known;
	s->p = proc_start(argv, env, PROC_STDIN | PROC_STDOUT, e);
	if (s->p == NULL || session_run(s, ASK_PID, e) < 0)
		return (NULL);
	s->pid = parse_pid(buf_text(&s->answer));
	if (s->pid <= 0) {
		(void)err_set(
		    e, ERR_DATABASE, "psql does not know its session");
		return (NULL);
	}
	return (TAKE(s));
}

int
session_pid(const struct session *s)
{
	return (s->pid);
}

int
session_run(struct session *s, const char *sql, struct err *e)
{
	if (feed(s, sql, strlen(sql), e) < 0)
		return (-1);
	return (settle(s, e));
}

/* A child's failure, with the last line that it wrote. */
static int
child_failed(struct proc *child, const char *program, int status, struct err *e)
{
	SCOPED(scope_free) char *words = mem_string(proc_stderr(child));
	const char *slash = strrchr(program, '/');

	return (err_set(e, ERR_DATABASE, "%s: exit status %d: %s",
	    slash != NULL ? slash + 1 : program, status, find_reason(words)));
}

/* All that the child writes, as far as this server knows it. */
static int
pass_on(struct session *s, struct proc *child, struct preamble *preamble,
    struct err *e)
{
	SCOPED(scope_free) uint8_t *part = mem_new(READ_MAX);
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	ssize_t got;

	for (;;) {
		if (wait_ready(proc_stdout(child), POLLIN, e) < 0)
			return (-1);
		got = read(proc_stdout(child), part, READ_MAX);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return (err_errno(e, "read from pg_restore"));
		if (got > 0)
			preamble_take(preamble, part, (size_t)got, &sql);
		else
			preamble_end(preamble, &sql);
		if (feed(s, sql.p, sql.n, e) < 0)
			return (-1);
		if (got == 0)
			return (0);
		sql.n = 0;
	}
}

int
session_run_output(struct session *s, const char *const argv[], struct err *e)
{
	SCOPED(proc_freep)
	struct proc *child = proc_start(argv, NULL, PROC_STDOUT, e);
	SCOPED(preamble_free)
	struct preamble preamble = { .known = s->known, .held = BUF_INIT };
	int status;

	if (child == NULL || pass_on(s, child, &preamble, e) < 0)
		return (-1);
	if ((status = proc_wait(child, 0, e)) != 0)
		return (
		    status < 0 ? -1 : child_failed(child, argv[0], status, e));
	return (settle(s, e));
}
