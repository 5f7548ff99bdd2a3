/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention backupd */
/*
 * pg_dump in a snapshot of ours, behind a session that waits for our leader,
 * with no watcher to notice. Without PGHOST in the environment nothing is
 * tested.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/archive.h"
#include "backupd/backup.h"
#include "backupd/definitions.h"
#include "backupd/run.h"
#include "backupd/snapshot.h"
#include "base/clock.h"
#include "tests/unit/rig.h"

struct dump {
	struct rig g;
	struct repo *r;
	PGconn *server, *other;
	char *database;
	struct branch_settings branch;
	struct backup_conf conf;
	struct run run;
	struct snapshot s;
	struct archive a;
};

static char branch_name[] = "shop";

static void
sql(PGconn *c, const char *text)
{
	struct err e = ERR_INIT;

	if (pg_exec(c, &e, "%s", text) < 0)
		fail_msg("%s", e.text);
}

static struct dump *
dump_new(void)
{
	struct dump *d = mem_new(sizeof(*d));
	SCOPED(scope_free) char *create = NULL;
	struct err e = ERR_INIT;

	rig_open_repository(&d->g, 1);
	d->r = rig_repo(&d->g, REPO_WRITE);
	d->server = pg_connect("", "postgres", &e);
	assert_non_null(d->server);
	create = mem_printf(
	    "CREATE DATABASE archive_live_%d TEMPLATE template0", getpid());
	sql(d->server, create);
	d->database = mem_printf("dbname=archive_live_%d", getpid());
	d->other = pg_connect(d->database, NULL, &e);
	assert_non_null(d->other);
	sql(d->other, "CREATE TABLE public.busy (i int)");
	d->branch.name = branch_name;
	d->branch.database = d->database;
	d->conf.branch = &d->branch;
	run_init(&d->run, d->r, &d->conf);
	d->run.in = ingest_open(d->r, &e);
	if (d->run.in == NULL || snapshot_take(&d->run, &d->s, &e) < 0)
		fail_msg("%s", e.text);
	return (d);
}

static void
dump_freep(struct dump **dp)
{
	struct dump *d = *dp;
	SCOPED(scope_free) char *drop = NULL;

	if (d == NULL)
		return;
	archive_free(&d->a);
	snapshot_free(&d->s);
	ingest_freep(&d->run.in);
	run_free(&d->run);
	repo_free(d->r);
	pg_close(d->other);
	drop = mem_printf(
	    "DROP DATABASE archive_live_%d WITH (FORCE)", getpid());
	sql(d->server, drop);
	pg_close(d->server);
	rig_close(&d->g);
	free(d->database);
	free(d);
}

/* The first words of a test. */
#define DUMP                                                                   \
	if (getenv("PGHOST") == NULL) /* NOLINT(concurrency-mt-unsafe) */      \
		skip();                                                        \
	(void)arg;                                                             \
	SCOPED(dump_freep) struct dump *d = dump_new()

/* The other session asks for the table for itself, and waits for us. */
static void
ask_for_busy(struct dump *d)
{
	SCOPED(scope_free) char *pid = NULL;
	SCOPED(scope_free) char *waits = NULL;
	const char *params[1];
	struct err e = ERR_INIT;

	pid = mem_printf("%d", PQbackendPID(d->other));
	params[0] = pid;
	assert_int_equal(
	    PQsendQuery(d->other, "ALTER TABLE public.busy ADD COLUMN j int"),
	    1);
	for (unsigned i = 0; waits == NULL && i < 100; i++) {
		waits = pg_value(d->server,
		    "SELECT 1 FROM pg_locks WHERE pid = $1::int AND NOT granted",
		    1, params, &e);
		assert_int_equal(clock_sleep_ms(100, &e), 0);
	}
	assert_non_null(waits);
}

static void
pg_dump_is_started_again_when_the_session_before_it_gives_up(void **arg)
{
	struct err e = ERR_INIT;
	uint64_t first;

	DUMP;
	sql(d->other, "SET lock_timeout = '7s'");
	ask_for_busy(d);
	assert_int_equal(archive_start(&d->run, &d->s, &d->a, &e), 0);
	first = d->a.started_ms;
	if (archive_read(&d->run, &d->a, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(d->a.started_ms > first);
	assert_true(d->a.recipe.bytes > 0);
	assert_int_equal(snapshot_end(&d->s, &e), 0);
}

static void
archive_read_wants_a_new_snapshot_when_it_does_not(void **arg)
{
	struct err e = ERR_INIT;

	DUMP;
	ask_for_busy(d);
	assert_int_equal(archive_start(&d->run, &d->s, &d->a, &e), 0);
	assert_int_equal(archive_read(&d->run, &d->a, &e), -1);
	assert_int_equal(e.kind, ERR_AGAIN);
}

static void
definitions_that_were_renamed_or_dropped_are_found(void **arg)
{
	static const char *const changes[] = { "DROP VIEW public.seen",
		"ALTER SEQUENCE public.seen_seq RENAME TO other",
		"ALTER TYPE public.seen_enum RENAME VALUE 'a' TO 'b'",
		"DROP FUNCTION public.seen_function()",
		"CREATE SCHEMA seen; ALTER SCHEMA seen_schema RENAME TO x" };

	DUMP;
	sql(d->other,
	    "CREATE VIEW public.seen AS SELECT 1; CREATE SEQUENCE public.seen_seq;"
	    " CREATE TYPE public.seen_enum AS ENUM ('a');"
	    " CREATE FUNCTION public.seen_function() RETURNS int LANGUAGE sql"
	    "  AS 'SELECT 1'; CREATE SCHEMA seen_schema");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		SCOPED(scope_free) char *before = NULL;
		struct err e = ERR_INIT;

		before = definitions_read(d->other, &e);
		assert_non_null(before);
		sql(d->other,
		    "CREATE TEMPORARY VIEW passing AS SELECT 1;"
		    " DROP VIEW passing");
		assert_int_equal(definitions_compare(&d->run, before, &e), 0);
		sql(d->other, changes[i]);
		assert_int_equal(definitions_compare(&d->run, before, &e), -1);
		assert_int_equal(e.kind, ERR_AGAIN);
		assert_non_null(strstr(e.text, "seen"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    pg_dump_is_started_again_when_the_session_before_it_gives_up),
		cmocka_unit_test(
		    archive_read_wants_a_new_snapshot_when_it_does_not),
		cmocka_unit_test(
		    definitions_that_were_renamed_or_dropped_are_found),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
