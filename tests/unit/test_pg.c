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

/* A folder with programs that answer --version with these words. */
static char *
fake_programs(const char *name, const char *answer)
{
	char *folder = mem_string("/tmp/triplicate-bin-XXXXXX");
	SCOPED(scope_free) char *path = NULL;
	SCOPED(scope_free)
	char *script = mem_printf("#!/bin/sh\necho '%s'\n", answer);
	struct err e = ERR_INIT;

	assert_non_null(mkdtemp(folder));
	path = file_join(folder, name);
	assert_int_equal(file_save(path, 0700, script, strlen(script), &e), 0);
	return (folder);
}

/* Puts the folder at the front of PATH. */
static void
prepend_path(const char *folder)
{
	SCOPED(scope_free)
	char *path = mem_printf(
	    "relative::/nonexistent:%s:%s", folder, getenv("PATH"));

	assert_int_equal(set_environment("PATH", path), 0);
}

static void
a_program_of_the_servers_major_is_found(void **state)
{
	SCOPED(scope_free)
	char *folder = fake_programs(
	    "pg_fake", "pg_fake (PostgreSQL) 98.4 (Debian x)");
	SCOPED(scope_free) char *before = mem_string(getenv("PATH"));
	SCOPED(scope_free) char *own = NULL;
	SCOPED(scope_free) char *newer = NULL;
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	prepend_path(folder);
	own = pg_program("pg_fake", 98, &is_newer, &e);
	assert_non_null(own);
	assert_false(is_newer);
	newer = pg_program("pg_fake", 15, &is_newer, &e);
	assert_non_null(newer);
	assert_true(is_newer);
	assert_string_equal(own, newer);
	assert_null(pg_program("pg_fake", 99, &is_newer, &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_false(is_newer);
	assert_string_equal(e.hint, "install the package postgresql-client-99");
	assert_int_equal(set_environment("PATH", before), 0);
	assert_int_equal(file_remove_tree(folder, &e), 0);
}

static void
a_program_that_tells_no_version_is_not_used(void **state)
{
	SCOPED(scope_free) char *folder = fake_programs("pg_fake", "hello");
	SCOPED(scope_free) char *before = mem_string(getenv("PATH"));
	struct err e = ERR_INIT;
	bool is_newer = true;

	(void)state;
	prepend_path(folder);
	assert_null(pg_program("pg_fake", 15, &is_newer, &e));
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_int_equal(set_environment("PATH", before), 0);
	assert_int_equal(file_remove_tree(folder, &e), 0);
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
		ALONE(a_program_of_the_servers_major_is_found),
		ALONE(a_program_that_tells_no_version_is_not_used),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
