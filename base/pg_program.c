/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pg_dump fits a server? Its own major's writes what its own major reads;
 * a newer one's works but may write what the server refuses later, so the
 * lowest newer one is the second choice. Debian's packages put each major into
 * a folder of its own; elsewhere those of PATH are asked.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pg.h"
#include "base/proc.h"

#define VERSIONS       "/usr/lib/postgresql"
#define ANSWER_MAX     ((size_t)4096)
#define ANSWER_WAIT_MS 5000

/* The best program found so far. */
struct choice {
	const char *name;
	int wanted; /* at least this major */
	int major;  /* the program's; INT_MAX: none yet */
	char *path;
	struct buf refused; /* what was found and won't do, in words */
};

static void
refuse(struct choice *c, const char *path, const char *why)
{
	buf_printf(
	    &c->refused, "%s%s (%s)", c->refused.n > 0 ? ", " : "", path, why);
}

/* Lower is better, but nothing under what is wanted. Takes path. */
static void
consider(struct choice *best, int major, char *path)
{
	char number[32];

	if (major < best->wanted) {
		(void)snprintf(number, sizeof(number), "PostgreSQL %d", major);
		refuse(best, path, number);
	}
	if (major < best->wanted || major >= best->major) {
		free(path);
		return;
	}
	free(best->path);
	best->path = path;
	best->major = major;
}

/* "15", or 0 when text does not begin with a number. */
static int
major_of(const char *text)
{
	long major = strtol(text, NULL, 10);

	return (major > 0 && major < INT_MAX ? (int)major : 0);
}

/* One folder of /usr/lib/postgresql. */
static int
look_in_version(const char *version, void *arg, struct err *e)
{
	struct choice *best = arg;
	SCOPED(scope_free)
	char *path = mem_printf("%s/%s/bin/%s", VERSIONS, version, best->name);
	int major = major_of(version);

	(void)e;
	if (major > 0 && access(path, X_OK) == 0)
		consider(best, major, TAKE(path));
	return (0);
}

/*
 * Asks a program for its major: "pg_dump (PostgreSQL) 15.20 (Debian …)". 0 when
 * it gives no such answer. Fails: ERR_STOPPED.
 */
static int
ask_major(struct choice *best, const char *path, int *major, struct err *e)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const char *const argv[] = { path, "--version", NULL };
	struct err why = ERR_INIT;
	const char *at;

	*major = 0;
	if (proc_run(argv, NULL, NULL, ANSWER_MAX, &out, ANSWER_WAIT_MS, &why) <
	    0) {
		if (why.kind == ERR_STOPPED) {
			*e = why;
			return (-1);
		}
		refuse(best, path, why.text);
		return (0);
	}
	at = strstr(buf_text(&out), "(PostgreSQL) ");
	if (at != NULL)
		*major = major_of(at + strlen("(PostgreSQL) "));
	if (*major == 0)
		refuse(best, path, "no version in its answer to --version");
	return (0);
}

/* Those of PATH, in order, until one is of the very major. A broken one must
 * not hide another behind it. */
static int
look_in_path(struct choice *best, struct err *e)
{
	const char *at = getenv("PATH");
	size_t n;
	int major;

	for (; at != NULL && *at != '\0' && best->major != best->wanted;
	     at += n + (at[n] == ':' ? 1 : 0)) {
		SCOPED(scope_free) char *path = NULL;

		n = strcspn(at, ":");
		if (at[0] != '/') /* the working folder is not to be trusted */
			continue;
		path = mem_printf("%.*s/%s", (int)n, at, best->name);
		if (access(path, F_OK) != 0)
			continue;
		if (access(path, X_OK) != 0) {
			refuse(best, path, "may not be run");
			continue;
		}
		if (ask_major(best, path, &major, e) < 0)
			return (-1);
		if (major > 0)
			consider(best, major, TAKE(path));
	}
	return (0);
}

char *
pg_program(const char *name, int major, bool *is_newer, struct err *e)
{
	struct choice best = { .name = name,
		.wanted = major,
		.major = INT_MAX,
		.refused = BUF_INIT };
	struct err ignored = ERR_INIT;
	int rc = 0;

	*is_newer = false;
	if (file_each(VERSIONS, look_in_version, &best, &ignored) < 0)
		err_clear(&ignored); /* not Debian: there is still PATH */
	if (best.major != major)
		rc = look_in_path(&best, e);
	if (rc == 0 && best.path == NULL) {
		(void)err_set(e, ERR_DATABASE,
		    "no %s for PostgreSQL %d, nor a newer one, in " VERSIONS
		    "/*/bin or PATH%s%s",
		    name, major, best.refused.n > 0 ? "; there is " : "",
		    buf_text(&best.refused));
		rc = err_hint(
		    e, "install the package postgresql-client-%d", major);
	}
	buf_free(&best.refused);
	if (rc < 0) {
		free(best.path);
		return (NULL);
	}
	*is_newer = best.major > major;
	return (best.path);
}
