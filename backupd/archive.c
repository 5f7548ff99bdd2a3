/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_dump gets our snapshot and one exact, quoted --exclude-table-data for each
 * table that we copy ourselves, never a wildcard: that would match sequences
 * and materialized views as well. It writes nothing before it has all its locks
 * and all it needs of the catalog, so a try that fails on a lock has written
 * nothing, and the next one uses the same stream. The password goes by the
 * environment.
 */
#include "backupd/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/run.h"
#include "backupd/snapshot.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define READ_BYTES	((size_t)256 << 10)
#define TRIES_MAX	2 /* in one snapshot */
#define LOCK_WAIT_MS	5000
#define END_WAIT_MS	60000 /* between its last byte and its end */
#define VERSION_WAIT_MS 10000
#define FILTER_SINCE	17 /* pg_dump --filter */
#define ARG_SPARE	((size_t)16 << 10)
#define WORDS_MAX	20 /* lines of its standard error worth keeping */

static void
add_word(struct archive *a, const char *word)
{
	buf_add(&a->words, word, strlen(word) + 1);
	a->nwords++;
}

static void
add_setting(struct archive *a, const char *name, const char *value)
{
	SCOPED(scope_free) char *word = mem_printf("--%s=%s", name, value);

	add_word(a, word);
}

/* One thing to leave out: as an argument, and as a line for --filter. */
static void
leave_out(
    struct archive *a, const char *what, const char *schema, const char *name)
{
	SCOPED(buf_free) struct buf pattern = BUF_INIT;
	bool only_rows = strcmp(what, "table_data") == 0;

	pg_add_qualified(&pattern, schema, name);
	add_setting(a, only_rows ? "exclude-table-data" : "exclude-table",
	    buf_text(&pattern));
	buf_printf(&a->patterns, "exclude %s %s\n", what, buf_text(&pattern));
}

static void
leave_out_tables(
    struct run *run, struct archive *a, const struct table_list *tables)
{
	const struct table *t;
	char text[TABLE_TEXT];

	for (size_t i = 0; i < tables->n; i++) {
		t = &tables->v[i];
		if (t->is_denied)
			leave_out(a, "table", t->schema, t->name);
		else if (!t->is_extensions)
			leave_out(a, "table_data", t->schema, t->name);
		if (t->is_denied)
			run_unreadable(run,
			    "table %s can't be read: no right to (GRANT SELECT, and USAGE on its schema)",
			    table_text(t, text));
	}
	for (size_t i = 0; i < a->check.nsequences; i++) {
		const struct sequence *s = &a->check.sequences[i];

		if (!s->is_denied)
			continue;
		/* Its definition comes along with its table's in any case. */
		leave_out(a, "table_data", s->schema, s->name);
		run_unreadable(run,
		    "the value of sequence %s.%s can't be read: no right to (GRANT SELECT)",
		    s->schema, s->name);
	}
}

bool
archive_parse_version(
    const char *text, char *version, size_t size, unsigned *major)
{
	const char *at = strstr(text, "(PostgreSQL) ");
	size_t n;

	if (at == NULL)
		return (false);
	at += strlen("(PostgreSQL) ");
	n = strcspn(at, " \r\n");
	*major = (unsigned)strtoul(at, NULL, 10);
	if (n == 0 || n >= size || *major == 0)
		return (false);
	memcpy(version, at, n);
	version[n] = '\0';
	return (true);
}

static int
find_program(struct run *run, PGconn *c, struct archive *a, struct err *e)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const char *argv[] = { NULL, "--version", NULL };
	int server = pg_server_major(c);
	bool is_newer = false;

	if ((a->program = pg_program("pg_dump", server, &is_newer, e)) == NULL)
		return (-1);
	argv[0] = a->program;
	if (proc_run(argv, NULL, NULL, 4096, &out, VERSION_WAIT_MS, e) < 0) {
		e->kind = ERR_DATABASE;
		return (-1);
	}
	if (!archive_parse_version(
		buf_text(&out), a->version, sizeof(a->version), &a->major))
		return (err_set(e, ERR_DATABASE,
		    "%s --version: no version in its answer", a->program));
	if (is_newer)
		run_warn(run,
		    "pg_dump %s is newer than the server (PostgreSQL %d): install postgresql-client-%d, or a restore into a server of that age may be refused",
		    a->version, server, server);
	return (0);
}

/* May a command of these words be started? The kernel counts the environment
 * as well, and a pointer for each. */
static int
check_size(struct archive *a, struct err *e)
{
	long most = sysconf(_SC_ARG_MAX);
	size_t need = a->words.n + a->nwords * sizeof(char *) + ARG_SPARE;

	for (char **v = environ; *v != NULL; v++)
		need += strlen(*v) + 1 + sizeof(char *);
	if (most < 0 || need <= (size_t)most)
		return (0);
	(void)err_set(e, ERR_DATABASE,
	    "so many tables that pg_dump's command line is too long (%zu bytes of %ld)",
	    need, most);
	return (err_hint(e,
	    "install the client programs of PostgreSQL 17 or newer, or raise 'ulimit -s'"));
}

static int
build_words(
    struct run *run, const struct snapshot *s, struct archive *a, struct err *e)
{
	SCOPED(scope_free) char *conninfo = NULL, *encoding = NULL;
	SCOPED(scope_free) char *wait = mem_printf("%d", LOCK_WAIT_MS);
	size_t fixed, nfixed;

	conninfo = pg_child_conninfo(s->leader, NULL, &a->password_env, e);
	encoding = conninfo == NULL
	    ? NULL
	    : pg_value(s->leader, "SELECT pg_catalog.getdatabaseencoding()", 0,
		  NULL, e);
	if (encoding == NULL)
		return (-1);
	add_word(a, a->program);
	add_word(a, "--format=custom");
	add_word(a, "--compress=0");
	add_word(a, "--no-password");
	add_setting(a, "snapshot", s->id);
	add_setting(a, "lock-wait-timeout", wait);
	add_setting(a, "encoding", encoding);
	add_setting(a, "dbname", conninfo);
	fixed = a->words.n;
	nfixed = a->nwords;
	leave_out_tables(run, a, &s->tables);
	if (a->major < FILTER_SINCE || check_size(a, e) == 0) {
		buf_free(&a->patterns);
		return (check_size(a, e));
	}
	err_clear(e);
	a->words.n = fixed;
	a->nwords = nfixed;
	add_word(a, "--filter=-");
	return (0);
}

static int
start(struct archive *a, struct err *e)
{
	SCOPED(scope_free)
	const char **argv = mem_array(a->nwords + 1, sizeof(*argv));
	const char *env[] = { a->password_env, NULL };
	const char *at = (const char *)a->words.p;

	for (size_t i = 0; i < a->nwords; i++, at += strlen(at) + 1)
		argv[i] = at;
	a->proc = proc_start(argv, a->password_env != NULL ? env : NULL,
	    PROC_STDOUT | (a->patterns.n > 0 ? PROC_STDIN : 0U), e);
	if (a->proc == NULL)
		return (err_within(e, "start pg_dump"));
	return (0);
}

int
archive_start(struct run *run, const struct snapshot *s, struct archive *out,
    struct err *e)
{
	*out = (struct archive){ .recipe = RECIPE_INIT };
	if (find_program(run, s->leader, out, e) < 0 ||
	    archive_check_init(&out->check, s->leader, &s->tables, e) < 0 ||
	    build_words(run, s, out, e) < 0)
		return (-1);
	return (start(out, e));
}

/* pg_dump reads its filter before all else, so this can't hold both up. */
static int
write_filter(struct archive *a, struct err *e)
{
	if (a->patterns.n == 0)
		return (0);
	if (file_write(proc_stdin(a->proc), a->patterns.p, a->patterns.n, e) <
		0 &&
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
	    check_list(a, e) < 0)
		return (-1);
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
	uint64_t begin = clock_ticks_ms(), total;
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
	if (total == 0 && clock_ticks_ms() - begin >= LOCK_WAIT_MS &&
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
	return (0);
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
	buf_free(&a->words);
	buf_free(&a->patterns);
	if (a->password_env != NULL)
		explicit_bzero(a->password_env, strlen(a->password_env));
	free(a->password_env);
	free(a->program);
}
