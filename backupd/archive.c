/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_dump writes nothing before it has all its locks and all it needs of the
 * catalog, so a try that fails on a lock has written nothing, and the next one
 * uses the same stream. What it writes goes through the list's reader into the
 * ingest, block by block.
 */
#include "backupd/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/definitions.h"
#include "backupd/run.h"
#include "backupd/snapshot.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stage.h"

#define READ_BYTES  ((size_t)256 << 10)
#define TRIES_MAX   2	  /* in one snapshot */
#define END_WAIT_MS 60000 /* between its last byte and its end */
#define WORDS_MAX   20	  /* lines of its standard error worth keeping */

static int
start(struct archive *a, struct err *e)
{
	SCOPED(scope_free)
	const char **argv = archive_command_argv(&a->command);
	const char *password = a->command.password_env;
	const char *const env[] = { password, NULL };

	a->started_ms = clock_ticks_ms();
	a->proc = proc_start(argv, password != NULL ? env : NULL,
	    PROC_STDOUT | (a->command.patterns.n > 0 ? PROC_STDIN : 0U), e);
	if (a->proc == NULL)
		return (err_within(e, "start pg_dump"));
	return (0);
}

int
archive_start(struct run *run, const struct snapshot *s, struct archive *out,
    struct err *e)
{
	*out = (struct archive){ .recipe = RECIPE_INIT };
	out->definitions = definitions_read(s->leader, e);
	if (out->definitions == NULL ||
	    archive_check_init(&out->check, s->leader, &s->tables, e) < 0 ||
	    archive_command_build(run, s, &out->check, &out->command, e) < 0)
		return (-1);
	return (start(out, e));
}

/* pg_dump reads its filter before all else, so this can't hold both up. */
static int
write_filter(struct archive *a, struct err *e)
{
	if (a->command.patterns.n == 0)
		return (0);
	if (file_write(proc_stdin(a->proc), a->command.patterns.p,
		a->command.patterns.n, e) < 0 &&
	    e->sys != EPIPE)
		return (-1);
	err_clear(e); /* a pg_dump that has ended says why by itself */
	proc_close_stdin(a->proc);
	return (0);
}

static int
check_list(struct archive *a, struct err *e)
{
	struct archive_entry entry;
	int rc;

	while ((rc = archive_list_next(&a->list, &entry, e)) == 1)
		if (archive_check_entry(&a->check, &entry, e) < 0)
			return (-1);
	return (rc);
}

/* Some bytes of the archive: looked at, and into the stream. The time of the
 * dump ends its chunk. */
static int
take(struct archive *a, struct stream *to, const uint8_t *p, size_t n,
    struct err *e)
{
	size_t cut;

	if (archive_list_feed(&a->list, p, n, &cut, e) < 0 ||
	    check_list(a, e) < 0) {
		/* Nothing that is stored is damaged: it was told wrong. */
		if (e->kind == ERR_CORRUPT)
			e->kind = ERR_DATABASE;
		return (err_within(e, "pg_dump"));
	}
	if (cut != SIZE_MAX) {
		if (stream_write(to, p, cut, e) < 0 || stream_cut(to, e) < 0)
			return (-1);
		p += cut;
		n -= cut;
	}
	return (n == 0 ? 0 : stream_write(to, p, n, e));
}

/* All that it writes; *total counts. */
static int
pump(struct run *run, struct archive *a, struct stream *to, uint64_t *total,
    struct err *e)
{
	SCOPED(scope_free) uint8_t *block = mem_new(READ_BYTES);
	int fd = proc_stdout(a->proc);
	ssize_t n;

	*total = 0;
	if (write_filter(a, e) < 0)
		return (-1);
	for (;;) {
		if (run_wait_readable(run, fd, e) < 0)
			return (-1);
		n = read(fd, block, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return (err_errno(e, "read from pg_dump"));
		if (n == 0)
			return (0);
		*total += (uint64_t)n;
		progress_add(run->progress, 0, (uint64_t)n, 0);
		if (take(a, to, block, (size_t)n, e) < 0)
			return (-1);
	}
}

/* The last line in which it says what is wrong: "pg_dump: error: …"; what
 * follows one is the query. The whole text when there is no such line. */
static const char *
last_words(const char *text)
{
	static const char mark[] = "pg_dump: ", detail[] = "pg_dump: detail: ";
	const char *line = text;

	for (const char *at = text; (at = strstr(at, mark)) != NULL; at++)
		if ((at == text || at[-1] == '\n') &&
		    strncmp(at, detail, sizeof(detail) - 1) != 0)
			line = at + sizeof(mark) - 1;
	return (line);
}

static void
fail_with_last_words(struct archive *a, int status, struct err *e)
{
	const char *words = last_words(proc_stderr(a->proc));

	(void)err_set(e, ERR_DATABASE, "pg_dump: exit status %d: %.*s", status,
	    (int)strcspn(words, "\n"), words);
}

/* What it said although it succeeded. */
static void
keep_words(struct run *run, struct archive *a)
{
	const char *at = proc_stderr(a->proc);
	unsigned lines = 0;
	size_t n;

	for (; *at != '\0' && lines < WORDS_MAX; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		if (n > 0) {
			run_warn(run, "%.*s", (int)n, at);
			lines++;
		}
	}
}

static int
check_whole(struct run *run, const struct archive *a, struct err *e)
{
	if (a->list.phase == ARCHIVE_LIST_UNKNOWN) {
		run_warn(run,
		    "pg_dump's archive is of format %u.%u, newer than this program knows: its list was not checked",
		    a->list.major, a->list.minor);
		return (0);
	}
	if (a->list.phase != ARCHIVE_LIST_DONE)
		return (err_set(
		    e, ERR_DATABASE, "pg_dump's archive ends in its list"));
	return (archive_check_end(&a->check, e));
}

enum outcome { WHOLE, LOCKED_OUT };

/* One run of pg_dump, from its first byte to its exit status. */
static int
read_once(struct run *run, struct archive *a, struct stream *to, struct err *e)
{
	uint64_t total;
	int status;

	if (pump(run, a, to, &total, e) < 0)
		return (-1);
	if ((status = proc_wait(a->proc, END_WAIT_MS, e)) < 0) {
		if (e->kind != ERR_STOPPED)
			e->kind = ERR_DATABASE;
		return (err_within(e, "pg_dump"));
	}
	if (status == 0) {
		keep_words(run, a);
		return (check_whole(run, a, e) < 0 ? -1 : WHOLE);
	}
	fail_with_last_words(a, status, e);
	if (total == 0 &&
	    clock_ticks_ms() - a->started_ms >= ARCHIVE_COMMAND_LOCK_WAIT_MS &&
	    strstr(proc_stderr(a->proc), "LOCK TABLE") != NULL)
		return (LOCKED_OUT);
	return (-1);
}

int
archive_read(struct run *run, struct archive *a, struct err *e)
{
	SCOPED(stream_freep) struct stream *to = NULL;
	unsigned tries = 1;
	int rc;

	to = stream_open(
	    run->in, STREAM_ARCHIVE, run->branch->name, "archive.pgdump", e);
	if (to == NULL)
		return (-1);
	while ((rc = read_once(run, a, to, e)) == LOCKED_OUT) {
		if (tries++ == TRIES_MAX) {
			e->kind = ERR_AGAIN;
			return (-1);
		}
		log_info("%s: pg_dump waited for a lock in vain, once more",
		    run->branch->name);
		proc_freep(&a->proc);
		err_clear(e);
		if (start(a, e) < 0)
			return (-1);
	}
	if (rc < 0 || stream_end(to, &a->recipe, e) < 0)
		return (-1);
	proc_freep(&a->proc);
	stage_reached("archive read");
	return (definitions_compare(run, a->definitions, e));
}

int
archive_add(
    struct run *run, const struct archive *a, uint32_t *stream, struct err *e)
{
	struct tree_entry t = { .kind = TREE_ARCHIVE,
		.size = a->recipe.bytes,
		.mode = 0600,
		.path = "archive.pgdump" };

	if (ingest_add_recipe(run->in, &a->recipe, stream, e) < 0)
		return (-1);
	t.stream = *stream;
	return (ingest_add_entry(run->in, &t, e));
}

void
archive_free(struct archive *a)
{
	proc_freep(&a->proc);
	archive_check_free(&a->check);
	archive_list_free(&a->list);
	recipe_free(&a->recipe);
	archive_command_free(&a->command);
	free(TAKE(a->definitions));
}
