/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* What of base/pg needs no server: quoting, connection strings, programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pg.h"
#include "base/stop.h"

/* No other thread runs while a test sets the environment. */
static int
set_environment(const char *name, const char *value)
{
	return (setenv(name, value, 1)); /* NOLINT(concurrency-mt-unsafe) */
}

/* Nothing of the caller's environment decides a test. */
static int
clear_environment(void **state)
{
	static const char *const names[] = { "PGHOST", "PGHOSTADDR", "PGPORT",
		"PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE",
		"PGSERVICEFILE", "PGSSLMODE", "PGCONNECT_TIMEOUT" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
		if (unsetenv(names[i]) != 0)
			return (-1);
	return (0);
}

static void
names_are_quoted(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	pg_add_name(&b, "a");
	pg_add_name(&b, "A\"b\"\\'; --");
	pg_add_name(&b, "");
	assert_string_equal(buf_text(&b), "\"a\"\"A\"\"b\"\"\\'; --\"\"\"");
	b.n = 0;
	pg_add_qualified(&b, "s.\"1", "t\xc3\xa9");
	assert_string_equal(buf_text(&b), "\"s.\"\"1\".\"t\xc3\xa9\"");
}

static void
literals_are_quoted(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	pg_add_literal(&b, "it's \"x\"");
	assert_string_equal(buf_text(&b), "'it''s \"x\"'");
	b.n = 0;
	pg_add_literal(&b, "a\\'b\n");
	assert_string_equal(buf_text(&b), "E'a\\\\''b\n'");
	b.n = 0;
	pg_add_literal(&b, "");
	assert_string_equal(buf_text(&b), "''");
}

static void
check_database(const char *conninfo, const char *expected)
{
	struct err e = ERR_INIT;
	SCOPED(scope_free) char *name = pg_database_of(conninfo, &e);

	assert_non_null(name);
	assert_string_equal(name, expected);
}

static void
the_database_is_the_one_that_libpq_would_use(void **state)
{
	(void)state;
	check_database("dbname=acme host=nowhere.invalid", "acme");
	check_database("dbname='a b\\'c' user=u", "a b'c");
	check_database(
	    "postgresql://u:p@h1.invalid:1,h2.invalid:2/acme", "acme");
	check_database("host=a,b port=1,2 user=joe", "joe");
	check_database("user=joe dbname=''", "joe");
	assert_int_equal(set_environment("PGDATABASE", "fromenv"), 0);
	check_database("user=joe", "fromenv");
	check_database("dbname=a=b", "a=b");
}

static void
a_service_file_is_obeyed(void **state)
{
	static const char text[] = "[prod]\ndbname=served\nhost=x.invalid\n";
	char path[] = "/tmp/triplicate-pg-XXXXXX";
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(set_environment("PGSERVICEFILE", path), 0);
	check_database("service=prod", "served");
	check_database("service=prod dbname=own", "own");
	assert_null(pg_database_of("service=none", &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(unlink(path), 0);
}

static void
bad_connection_strings_are_refused_without_their_password(void **state)
{
	static const char *const bad[] = { "junk", "host=x password=hunter 2",
		"hosst=x password=hunter", "host=x password='hunter",
		"postgresql://u:hunter@h/d?nope=1", "PGPASSWORD=hunter" };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_null(pg_connect(bad[i], NULL, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_null(strstr(e.text, "hunter"));
		err_clear(&e);
		assert_null(pg_database_of(bad[i], &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_null(strstr(e.text, "hunter"));
	}
}

static void
a_server_that_is_not_there_is_named_without_the_password(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_null(pg_connect("host=/nonexistent port=7 user=joe dbname=d "
			       "password=hunter2",
	    "other", &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "database other at /nonexistent:7: "));
	assert_null(strstr(e.text, "hunter2"));
	assert_null(pg_connect(
	    "host=/nonexistent,/neither password=hunter2", "other", &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_null(strstr(e.text, "hunter2"));
}

static void
a_connection_that_failed_fails_every_query(void **state)
{
	SCOPED(pg_closep)
	PGconn *c = PQconnectdb("host=/nonexistent dbname=d user=u");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(pg_exec(c, &e, "SELECT %d", 1), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "SELECT 1: "));
	assert_null(pg_query(c, "SELECT 'secret'", 0, NULL, &e));
	assert_null(strstr(e.text, "secret"));
	assert_null(pg_value(c, "SELECT 1", 0, NULL, &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_string_equal(pg_sqlstate(NULL), "");
}

/* A connection that failed still knows where it was to lead. */
static void
a_child_gets_the_place_and_not_the_password(void **state)
{
	SCOPED(pg_closep)
	PGconn *c = PQconnectdb(
	    "host=/nonexistent port=7 user='o\\'d d' password=hunter2 "
	    "dbname=d sslmode=require keepalives_idle=9 connect_timeout=3 "
	    "client_encoding=latin1");
	SCOPED(scope_free) char *password = NULL;
	SCOPED(scope_free) char *conninfo = NULL;
	struct err e = ERR_INIT;

	(void)state;
	conninfo = pg_child_conninfo(c, "a'b\\c", &password, &e);
	assert_non_null(conninfo);
	assert_non_null(strstr(conninfo, "host='/nonexistent' port='7' "));
	assert_non_null(strstr(conninfo, "user='o\\'d d'"));
	assert_non_null(strstr(conninfo, "sslmode='require'"));
	assert_non_null(strstr(conninfo, "keepalives_idle='9'"));
	assert_non_null(strstr(conninfo, "dbname='a\\'b\\\\c'"));
	assert_null(strstr(conninfo, "hunter2"));
	assert_null(strstr(conninfo, "latin1"));
	assert_string_equal(password, "PGPASSWORD=hunter2");
	check_database(conninfo, "a'b\\c");
}

static void
a_child_without_a_password_gets_none(void **state)
{
	SCOPED(pg_closep)
	PGconn *c = PQconnectdb(
	    "host=/nonexistent user=u passfile=/nonexistent/p");
	SCOPED(scope_free) char *conninfo = NULL;
	struct err e = ERR_INIT;
	char *password = NULL;

	(void)state;
	conninfo = pg_child_conninfo(c, NULL, &password, &e);
	assert_non_null(conninfo);
	assert_non_null(strstr(conninfo, "dbname='u'"));
	assert_null(password);
}

static void
a_key_files_password_is_never_put_on_a_command_line(void **state)
{
	SCOPED(pg_closep)
	PGconn *c = PQconnectdb("host=/nonexistent user=u sslpassword=hunter2");
	struct err e = ERR_INIT;
	char *password = NULL;

	(void)state;
	assert_null(pg_child_conninfo(c, "d", &password, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "sslpassword"));
	assert_null(strstr(e.text, "hunter2"));
	assert_null(password);
}

/* --- programs --- */

/* A folder with a program pg_fake of these lines of shell. */
static char *
fake_program(const char *lines, mode_t mode)
{
	char *folder = mem_string("/tmp/triplicate-bin-XXXXXX");
	SCOPED(scope_free) char *path = NULL;
	SCOPED(scope_free) char *script = mem_printf("#!/bin/sh\n%s\n", lines);
	struct err e = ERR_INIT;

	assert_non_null(mkdtemp(folder));
	path = file_join(folder, "pg_fake");
	assert_int_equal(file_save(path, mode, script, strlen(script), &e), 0);
	return (folder);
}

static char *
fake_version(const char *version)
{
	SCOPED(scope_free)
	char *line = mem_printf("echo 'pg_fake (PostgreSQL) %s'", version);

	return (fake_program(line, 0700));
}

/* The folders are the PATH, and gone afterwards. */
struct folders {
	char *before, *v[4];
	size_t n;
};

static void
folders_free(struct folders *f)
{
	struct err e = ERR_INIT;
	size_t i;

	assert_int_equal(set_environment("PATH", f->before), 0);
	free(f->before);
	for (i = 0; i < f->n; i++) {
		assert_int_equal(file_remove_tree(f->v[i], &e), 0);
		free(f->v[i]);
	}
}

/* Takes up to four folders, NULL for none. */
static struct folders
use_folders(char *a, char *b, char *c, char *d)
{
	struct folders f = { .before = mem_string(getenv("PATH")),
		.v = { a, b, c, d } };
	SCOPED(buf_free) struct buf path = BUF_INIT;

	buf_add_string(&path, "relative::/nonexistent");
	for (; f.n < 4 && f.v[f.n] != NULL; f.n++)
		buf_printf(&path, ":%s", f.v[f.n]);
	assert_int_equal(set_environment("PATH", buf_text(&path)), 0);
	return (f);
}

/* Which folder's program is found for a major? */
static void
check_found(const char *folder, int major, bool newer)
{
	struct err e = ERR_INIT;
	bool is_newer = !newer;
	SCOPED(scope_free)
	char *found = pg_program("pg_fake", major, &is_newer, &e);

	assert_non_null(found);
	assert_memory_equal(found, folder, strlen(folder));
	assert_true(is_newer == newer);
}

static void
a_program_of_the_very_major_is_preferred_wherever_it_is(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(fake_version("99.1"),
	    fake_version("97.9"), fake_version("98.4 (Debian x)"), NULL);

	(void)state;
	check_found(f.v[2], 98, false);
	check_found(f.v[0], 99, false);
	check_found(f.v[1], 97, false);
}

static void
else_the_lowest_newer_one_is_taken_and_told(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(fake_version("99.1"),
	    fake_version("95.2"), fake_version("98beta1"), NULL);

	(void)state;
	check_found(f.v[2], 96, true);
	check_found(f.v[1], 15, true);
}

static void
of_two_equal_ones_the_first_in_path_is_taken(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(
	    fake_version("98.1"), fake_version("98.2"), NULL, NULL);

	(void)state;
	check_found(f.v[0], 98, false);
	check_found(f.v[0], 97, true);
}

static void
none_new_enough_says_what_is_there_and_what_to_install(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(
	    fake_version("97.3"), fake_version("98.4"), NULL, NULL);
	SCOPED(scope_free)
	char *expected = mem_printf(
	    "no pg_fake for PostgreSQL 99, nor a newer one, in "
	    "/usr/lib/postgresql/*/bin or PATH; there is %s/pg_fake "
	    "(PostgreSQL 97), %s/pg_fake (PostgreSQL 98)",
	    f.v[0], f.v[1]);
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	assert_null(pg_program("pg_fake", 99, &is_newer, &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_false(is_newer);
	assert_string_equal(e.text, expected);
	assert_string_equal(e.hint, "install the package postgresql-client-99");
}

static void
none_at_all_says_what_to_install(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(NULL, NULL, NULL, NULL);
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	assert_int_equal(f.n, 0);
	assert_null(pg_program("pg_fake", 17, &is_newer, &e));
	assert_string_equal(e.text,
	    "no pg_fake for PostgreSQL 17, nor a newer one, in "
	    "/usr/lib/postgresql/*/bin or PATH");
	assert_string_equal(e.hint, "install the package postgresql-client-17");
}

static void
a_broken_program_hides_none_behind_it(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(fake_program("echo hello", 0700),
	    fake_program("echo 'pg_fake (PostgreSQL) 98.1'; exit 1", 0700),
	    fake_program("echo 'pg_fake (PostgreSQL) 98.1'", 0600),
	    fake_version("98.4"));

	(void)state;
	check_found(f.v[3], 98, false);
}

static void
a_broken_program_is_not_used_and_named(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(fake_program("echo hello", 0700),
	    fake_program("echo bad luck >&2; exit 7", 0700),
	    fake_program("echo 'pg_fake (PostgreSQL) 98.1'", 0600), NULL);
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	assert_int_equal(f.n, 3);
	assert_null(pg_program("pg_fake", 15, &is_newer, &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "(no version in its answer"));
	assert_non_null(strstr(e.text, "exit status 7: bad luck)"));
	assert_non_null(strstr(e.text, "(may not be run)"));
}

static void
a_program_that_hangs_is_not_waited_for(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(
	    fake_program("exec /bin/sleep 600", 0700), fake_version("98.4"),
	    NULL, NULL);
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	check_found(f.v[1], 98, false);
	assert_null(pg_program("pg_fake", 99, &is_newer, &e));
	assert_non_null(strstr(e.text, "not done after"));
	assert_non_null(strstr(e.text, "(PostgreSQL 98)"));
}

static void
a_requested_stop_ends_the_search(void **state)
{
	SCOPED(folders_free)
	struct folders f = use_folders(fake_version("98.4"), NULL, NULL, NULL);
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	assert_int_equal(f.n, 1);
	stop_request();
	assert_null(pg_program("pg_fake", 98, &is_newer, &e));
	assert_int_equal(e.kind, ERR_STOPPED);
	stop_reset();
}

#define ALONE(test) cmocka_unit_test_setup(test, clear_environment)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ALONE(names_are_quoted),
		ALONE(literals_are_quoted),
		ALONE(the_database_is_the_one_that_libpq_would_use),
		ALONE(a_service_file_is_obeyed),
		ALONE(
		    bad_connection_strings_are_refused_without_their_password),
		ALONE(a_server_that_is_not_there_is_named_without_the_password),
		ALONE(a_connection_that_failed_fails_every_query),
		ALONE(a_child_gets_the_place_and_not_the_password),
		ALONE(a_child_without_a_password_gets_none),
		ALONE(a_key_files_password_is_never_put_on_a_command_line),
		ALONE(a_program_of_the_very_major_is_preferred_wherever_it_is),
		ALONE(else_the_lowest_newer_one_is_taken_and_told),
		ALONE(of_two_equal_ones_the_first_in_path_is_taken),
		ALONE(none_new_enough_says_what_is_there_and_what_to_install),
		ALONE(none_at_all_says_what_to_install),
		ALONE(a_broken_program_hides_none_behind_it),
		ALONE(a_broken_program_is_not_used_and_named),
		ALONE(a_program_that_hangs_is_not_waited_for),
		ALONE(a_requested_stop_ends_the_search),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
