/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_dump and what it is told: our snapshot, and one exact, quoted
 * --exclude-table-data for each table that we copy ourselves, never a wildcard,
 * which would match sequences and materialized views as well. The password goes
 * by the environment.
 */
#include "backupd/archive_command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/run.h"
#include "backupd/snapshot.h"
#include "base/proc.h"

#define VERSION_WAIT_MS 10000
#define ANSWER_MAX	((size_t)4096)
#define FILTER_SINCE	17 /* pg_dump --filter */
#define ARG_SPARE	((size_t)16 << 10)

static void
add_word(struct archive_command *a, const char *word)
{
	buf_add(&a->words, word, strlen(word) + 1);
	a->nwords++;
}

static void
add_setting(struct archive_command *a, const char *name, const char *value)
{
	SCOPED(scope_free) char *word = mem_printf("--%s=%s", name, value);

	add_word(a, word);
}

/* One thing to leave out: as an argument, and as a line for --filter. */
static void
leave_out(struct archive_command *a, const char *what, const char *schema,
    const char *name)
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
    struct run *run, struct archive_command *a, const struct table_list *tables)
{
	const struct table *t;
	char text[TABLE_TEXT];

	for (size_t i = 0; i < tables->n; i++) {
		t = &tables->v[i];
		/* Of an extension's own tables pg_dump knows which it needs. */
		if (t->is_extensions)
			continue;
		leave_out(a, t->is_denied ? "table" : "table_data", t->schema,
		    t->name);
		if (t->is_denied)
			run_unreadable(run,
			    "table %s can't be read: no right to (GRANT SELECT, and USAGE on its schema)",
			    table_text(t, text));
	}
}

static void
leave_out_sequences(struct run *run, struct archive_command *a,
    const struct archive_check *check)
{
	for (size_t i = 0; i < check->nsequences; i++) {
		const struct sequence *s = &check->sequences[i];

		if (!s->is_denied)
			continue;
		/* Its definition comes along with its table's in any case. */
		leave_out(a, "table_data", s->schema, s->name);
		run_unreadable(run,
		    "the value of sequence %s.%s can't be read: no right to (GRANT SELECT)",
		    s->schema, s->name);
	}
}

/* Large objects that we may not read; pg_dump would end at the first. */
static const char closed_objects_sql[] =
    "SELECT pg_catalog.count(*), pg_catalog.min(m.oid)"
    " FROM pg_catalog.pg_largeobject_metadata m"
    " WHERE pg_catalog.current_setting('lo_compat_privileges') = 'off'"
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.aclexplode("
    "   coalesce(m.lomacl, pg_catalog.acldefault('L', m.lomowner))) x"
    "  WHERE x.privilege_type = 'SELECT'"
    "  AND (x.grantee = 0 OR pg_catalog.pg_has_role(x.grantee, 'USAGE')))"
    " AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r"
    "  WHERE r.rolname = current_user)"
    " HAVING pg_catalog.count(*) > 0";

/* pg_dump takes all large objects or none. */
static int
leave_out_large_objects(
    struct run *run, PGconn *c, struct archive_command *a, struct err *e)
{
	SCOPED(pg_clearp)
	PGresult *r = pg_query(c, closed_objects_sql, 0, NULL, e);

	if (r == NULL)
		return (err_within(e, "look at the large objects"));
	if (PQntuples(r) == 0)
		return (0);
	add_word(a, "--no-blobs");
	run_unreadable(run,
	    "the large objects can't be read: no right to %s of them, %s the first (GRANT SELECT ON LARGE OBJECT)",
	    PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1));
	return (0);
}

bool
archive_command_parse_version(
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
find_program(
    struct run *run, PGconn *c, struct archive_command *a, struct err *e)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const char *argv[] = { NULL, "--version", NULL };
	int server = pg_server_major(c);
	bool is_newer = false;

	if ((a->program = pg_program("pg_dump", server, &is_newer, e)) == NULL)
		return (-1);
	argv[0] = a->program;
	if (proc_run(argv, NULL, NULL, ANSWER_MAX, &out, VERSION_WAIT_MS, e) <
	    0) {
		e->kind = ERR_DATABASE;
		return (-1);
	}
	if (!archive_command_parse_version(
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
check_size(struct archive_command *a, struct err *e)
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
build_words(struct run *run, const struct snapshot *s,
    const struct archive_check *check, struct archive_command *a, struct err *e)
{
	SCOPED(scope_free) char *conninfo = NULL, *encoding = NULL;
	SCOPED(scope_free)
	char *wait = mem_printf("%d", ARCHIVE_COMMAND_LOCK_WAIT_MS);
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
	if (leave_out_large_objects(run, s->leader, a, e) < 0)
		return (-1);
	fixed = a->words.n;
	nfixed = a->nwords;
	leave_out_tables(run, a, &s->tables);
	leave_out_sequences(run, a, check);
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

int
archive_command_build(struct run *run, const struct snapshot *s,
    const struct archive_check *check, struct archive_command *out,
    struct err *e)
{
	*out = (struct archive_command){ .program = NULL };
	if (find_program(run, s->leader, out, e) < 0)
		return (-1);
	return (build_words(run, s, check, out, e));
}

const char **
archive_command_argv(const struct archive_command *a)
{
	const char **argv = mem_array(a->nwords + 1, sizeof(*argv));
	const char *at = (const char *)a->words.p;

	for (size_t i = 0; i < a->nwords; i++, at += strlen(at) + 1)
		argv[i] = at;
	return (argv);
}

void
archive_command_free(struct archive_command *a)
{
	buf_free(&a->words);
	buf_free(&a->patterns);
	if (a->password_env != NULL)
		explicit_bzero(a->password_env, strlen(a->password_env));
	free(a->password_env);
	free(a->program);
	*a = (struct archive_command){ .program = NULL };
}
