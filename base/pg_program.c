/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pg_dump fits a server? Its own major's writes what its own major reads;
 * a newer one's works but may write what the server refuses later, so the
 * lowest newer one is the second choice. Debian's packages put each major into
 * a folder of its own; elsewhere the PATH has one, which is asked.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pg.h"
#include "base/proc.h"

#define VERSIONS       "/usr/lib/postgresql"
#define ANSWER_MAX     ((size_t)4096)
#define ANSWER_WAIT_MS 10000

/* The best program found so far. */
struct choice {
	const char *name;
	int wanted; /* the server's major */
	int major;  /* the program's; INT_MAX: none yet */
	char *path;
};

/* Lower is better, but nothing under the server's own. Takes path. */
static void
consider(struct choice *best, int major, char *path)
{
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

/* Asks a program for its major: "pg_dump (PostgreSQL) 15.20 (Debian …)". 0 when
 * it gives no such answer. */
static int
ask_major(const char *path)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const char *const argv[] = { path, "--version", NULL };
	struct err ignored = ERR_INIT;
	const char *at;

	if (proc_run(argv, NULL, NULL, ANSWER_MAX, &out, ANSWER_WAIT_MS,
		&ignored) < 0)
		return (0);
	at = strstr(buf_text(&out), "(PostgreSQL) ");
	return (at != NULL ? major_of(at + strlen("(PostgreSQL) ")) : 0);
}

/* The first of that name in PATH, as a shell would find it. */
static void
look_in_path(struct choice *best)
{
	const char *at = getenv("PATH");
	SCOPED(scope_free) char *path = NULL;
	size_t n;
	int major;

	for (; at != NULL && *at != '\0'; at += n + (at[n] == ':' ? 1 : 0)) {
		n = strcspn(at, ":");
		if (at[0] != '/') /* the working folder is not to be trusted */
			continue;
		free(path);
		path = mem_printf("%.*s/%s", (int)n, at, best->name);
		if (access(path, X_OK) != 0)
			continue;
		major = ask_major(path);
		consider(best, major, TAKE(path));
		return;
	}
}

char *
pg_program(const char *name, int server_major, bool *is_newer, struct err *e)
{
	struct choice best = {
		.name = name, .wanted = server_major, .major = INT_MAX
	};
	struct err ignored = ERR_INIT;

	*is_newer = false;
	if (file_each(VERSIONS, look_in_version, &best, &ignored) < 0)
		err_clear(&ignored); /* not Debian: there is still PATH */
	if (best.major != server_major)
		look_in_path(&best);
	if (best.path == NULL) {
		(void)err_set(e, ERR_DATABASE,
		    "no %s for PostgreSQL %d, nor a newer one, in " VERSIONS
		    "/*/bin or PATH",
		    name, server_major);
		(void)err_hint(e, "install the package postgresql-client-%d",
		    server_major);
		return (NULL);
	}
	*is_newer = best.major > server_major;
	return (best.path);
}
