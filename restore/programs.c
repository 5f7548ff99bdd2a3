/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Versions flow in, programs flow out. The preamble is pg_restore's comments,
 * settings and psql commands before its first statement: only there is a line
 * that begins with SET a setting, and not a part of somebody's function.
 */
#include "restore/programs.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/pg.h"

#define SETS	 "SET "
#define SETS_BY	 "SELECT pg_catalog.set_config("
#define LINE_MAX ((size_t)4096) /* of the preamble */

int
programs_source(const struct json *facts)
{
	return ((
	    int)(json_get_integer(json_get(facts, "server"), "version_num", 0) /
	    10000));
}

int
programs_reader(const struct json *facts)
{
	const char *text = json_get_string(
	    json_get(facts, "archive"), "pg_dump");
	long major = text != NULL ? strtol(text, NULL, 10) : 0;

	/* Formats 1.14 (12 to 15), 1.15 (16) and 1.16 (17 and 18). */
	if (major < 16 || major > 1000)
		return (0);
	return (major == 18 ? 17 : (int)major);
}

char *
programs_find(
    const char *name, int server, int reader, bool *is_newer, struct err *e)
{
	char *path = pg_program(
	    name, reader > server ? reader : server, is_newer, e);

	if (path != NULL && reader > server)
		*is_newer = true;
	if (path == NULL && e->kind == ERR_DATABASE && reader > server)
		(void)err_within(e,
		    "the backup was made by the pg_dump of PostgreSQL %d or "
		    "newer",
		    reader);
	return (path);
}

/* --- the preamble --- */

static bool
begins(const char *line, const char *with)
{
	return (strncmp(line, with, strlen(with)) == 0);
}

/* Before the first statement there is nothing else. */
static bool
is_preamble(const char *line)
{
	return (*line == '\n' || begins(line, "--") || *line == '\\' ||
	    begins(line, SETS) || begins(line, SETS_BY));
}

/* "SET name = value;" */
static bool
is_known(const struct preamble *p, const char *line)
{
	SCOPED(scope_free) char *word = NULL;
	const char *name;

	if (!begins(line, SETS))
		return (true);
	name = line + strlen(SETS);
	word = mem_printf(" %.*s ", (int)strcspn(name, " =;\n"), name);
	return (strstr(p->known, word) != NULL);
}

/* One line that is whole, or the last. */
static void
take_line(struct preamble *p, struct buf *out)
{
	const char *line = buf_text(&p->held);

	p->over = !is_preamble(line);
	if (p->over || is_known(p, line))
		buf_add(out, p->held.p, p->held.n);
	p->held.n = 0;
}

void
preamble_take(struct preamble *p, const void *text, size_t n, struct buf *out)
{
	const char *at = text, *end;
	size_t length;

	while (n > 0 && !p->over && p->known != NULL) {
		end = memchr(at, '\n', n);
		length = end != NULL ? (size_t)(end - at) + 1 : n;
		buf_add(&p->held, at, length);
		at += length;
		n -= length;
		if (end != NULL || p->held.n > LINE_MAX)
			take_line(p, out);
	}
	if (n > 0)
		buf_add(out, at, n);
}

void
preamble_end(struct preamble *p, struct buf *out)
{
	if (p->held.n > 0)
		take_line(p, out);
}

void
preamble_free(struct preamble *p)
{
	buf_free(&p->held);
}
