/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A log is written to while it is read. What counts is the file that was
 * opened, up to the size it had then: it may grow behind that, be moved away by
 * a rotation, or be cut off by copytruncate, and gives what is left of it.
 * Links are not followed: whoever may write to the folder of the logs could
 * have any file of the system read.
 */
#include "backupd/logs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/file_reader.h"
#include "backupd/owner_names.h"
#include "backupd/run.h"

#define OPEN_LOG (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static int
by_bytes(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash != NULL ? slash + 1 : path);
}

static bool
is_taken(const struct logs *l, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(l->names[i], name) == 0)
			return (true);
	return (false);
}

void
logs_name(struct logs *l)
{
	const char *base;
	unsigned number;

	l->names = mem_array(l->n + 1, sizeof(*l->names));
	for (size_t i = 0; i < l->n; i++) {
		base = base_name(l->paths[i]);
		l->names[i] = mem_string(base);
		for (number = 2; is_taken(l, i, l->names[i]); number++) {
			free(l->names[i]);
			l->names[i] = mem_printf("%u-%s", number, base);
		}
	}
}

static void
add_paths(struct logs *l, const glob_t *found)
{
	l->paths = mem_grow(
	    l->paths, l->n + found->gl_pathc + 1, sizeof(*l->paths));
	for (size_t i = 0; i < found->gl_pathc; i++)
		l->paths[l->n++] = mem_string(found->gl_pathv[i]);
}

static int
expand(struct logs *l, const char *pattern, unsigned *unmatched, struct err *e)
{
	glob_t found;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread expands '~' */
	int rc = glob(pattern, GLOB_NOSORT, NULL, &found);

	if (rc == GLOB_NOMATCH) {
		(*unmatched)++;
		return (0);
	}
	if (rc != 0)
		return (err_set(e, ERR_SOURCE, "logs: %s: %s", pattern,
		    rc == GLOB_NOSPACE ? "out of memory"
				       : "a folder can't be listed"));
	add_paths(l, &found);
	globfree(&found);
	return (0);
}

/* Sorts, and drops what two patterns matched. */
static void
sort_unique(struct logs *l)
{
	size_t n = 0;

	if (l->n > 0)
		qsort(l->paths, l->n, sizeof(*l->paths), by_bytes);
	for (size_t i = 0; i < l->n; i++) {
		if (n > 0 && strcmp(l->paths[n - 1], l->paths[i]) == 0)
			free(l->paths[i]);
		else
			l->paths[n++] = l->paths[i];
	}
	l->n = n;
}

int
logs_find(
    const char *patterns, struct logs *out, unsigned *unmatched, struct err *e)
{
	const char *at = patterns;
	size_t n;

	*unmatched = 0;
	while (*at != '\0') {
		SCOPED(scope_free) char *pattern = NULL;

		at += strspn(at, ", \t");
		n = strcspn(at, ",");
		pattern = mem_printf("%.*s", (int)n, at);
		at += n;
		while (n > 0 && isspace((unsigned char)pattern[n - 1]))
			pattern[--n] = '\0';
		if (n > 0 && expand(out, pattern, unmatched, e) < 0)
			return (-1);
	}
	sort_unique(out);
	logs_name(out);
	return (0);
}

void
logs_free(struct logs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->paths[i]);
		if (l->names != NULL)
			free(l->names[i]);
	}
	free(l->paths);
	free(l->names);
	*l = (struct logs){ .n = 0 };
}

static int
add_log(struct run *run, struct owner_names *owners, const char *name,
    const struct stat *st, const struct recipe *r, struct err *e)
{
	struct tree_entry t = { .kind = TREE_LOG, .size = r->bytes };

	(void)snprintf(t.path, sizeof(t.path), "%s", name);
	owner_names_fill(owners, st, &t);
	if (ingest_add_recipe(run->in, r, &t.stream, e) < 0)
		return (-1);
	progress_add(run->progress, 0, 0, 1);
	return (ingest_add_entry(run->in, &t, e));
}

/* Opens a log. -1 when it isn't to be read, and said why where that matters. */
static int
open_log(struct run *run, const char *path, struct stat *st)
{
	struct err why = ERR_INIT;
	int fd;

	if (lstat(path, st) == 0 && !S_ISREG(st->st_mode)) {
		run_warn(run, "log %s is not a regular file: left out", path);
		return (-1);
	}
	fd = open(path, OPEN_LOG);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return (fd);
	if (fd >= 0)
		(void)close(fd);
	else if (errno != ENOENT && errno != ELOOP) {
		(void)err_errno(&why, "open");
		run_unreadable(run, "log %s can't be read: %s", path, why.text);
	}
	return (-1);
}

static int
copy_log(struct run *run, struct file_reader *reader,
    struct owner_names *owners, const struct logs *l, size_t i, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct stat st;
	SCOPED(scope_close) int fd = open_log(run, l->paths[i], &st);
	struct file_source from = {
		.kind = STREAM_LOG, .text = l->names[i], .fd = fd
	};

	if (fd < 0)
		return (0);
	from.most = (uint64_t)st.st_size;
	if (file_reader_read(reader, &from, &r, NULL, e) == 0)
		return (add_log(run, owners, l->names[i], &st, &r, e));
	if (e->kind != ERR_SOURCE)
		return (-1);
	run_unreadable(run, "log %s can't be read: %s", l->paths[i], e->text);
	err_clear(e);
	return (0);
}

int
logs_copy(struct run *run, struct err *e)
{
	SCOPED(logs_free) struct logs l = { .n = 0 };
	SCOPED(file_reader_freep) struct file_reader *reader = NULL;
	struct owner_names owners = { .is_filled = false };
	unsigned unmatched;
	uint64_t total = 0;
	struct stat st;

	if (logs_find(run->branch->logs, &l, &unmatched, e) < 0)
		return (-1);
	if (unmatched > 0)
		run_warn(run, "logs = %s: %u of the patterns match no file",
		    run->branch->logs, unmatched);
	for (size_t i = 0; i < l.n; i++)
		if (lstat(l.paths[i], &st) == 0 && S_ISREG(st.st_mode))
			total += (uint64_t)st.st_size;
	progress_phase(run->progress, "logs", total);
	reader = file_reader_new(run);
	for (size_t i = 0; i < l.n; i++)
		if (copy_log(run, reader, &owners, &l, i, e) < 0)
			return (-1);
	return (0);
}
