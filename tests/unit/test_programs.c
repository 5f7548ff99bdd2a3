/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Which pg_restore reads an archive, and what of a newer one's text goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "restore/programs.h"

#define KNOWN " statement_timeout lock_timeout client_encoding "

static void
check_reader(const char *pg_dump, int expected)
{
	SCOPED(json_freep) struct json *facts = json_object();
	struct json *archive = json_object();

	if (pg_dump != NULL)
		json_set_string(archive, "pg_dump", pg_dump);
	json_set(facts, "archive", archive);
	assert_int_equal(programs_reader(facts), expected);
}

static void
a_reader_is_as_new_as_the_archives_format(void **state)
{
	(void)state;
	check_reader("13.16 (Debian 13.16-0+deb11u1)", 0);
	check_reader("15.20", 0);
	check_reader("16.1", 16);
	check_reader("17.11", 17);
	check_reader("18.6", 17);
	check_reader("19beta1", 19);
	check_reader("", 0);
	check_reader("devel", 0);
	check_reader("99999999999999999999", 0);
	check_reader(NULL, 0);
	assert_int_equal(programs_reader(NULL), 0);
}

static void
the_source_is_the_servers_major(void **state)
{
	SCOPED(json_freep) struct json *facts = json_object();
	struct json *server = json_object();

	(void)state;
	assert_int_equal(programs_source(facts), 0);
	json_set_integer(server, "version_num", 150020);
	json_set(facts, "server", server);
	assert_int_equal(programs_source(facts), 15);
}

/* In pieces of n bytes. */
static void
check_pieces(
    const char *known, const char *text, const char *expected, size_t n)
{
	SCOPED(preamble_free)
	struct preamble p = { .known = known, .held = BUF_INIT };
	SCOPED(buf_free) struct buf out = BUF_INIT;
	size_t at, length = strlen(text);

	for (at = 0; at < length; at += n)
		preamble_take(
		    &p, text + at, length - at < n ? length - at : n, &out);
	preamble_end(&p, &out);
	assert_string_equal(buf_text(&out), expected);
}

static void
check_preamble(const char *known, const char *text, const char *expected)
{
	size_t n;

	for (n = 1; n <= strlen(text) + 1; n += n < 8 ? 1 : n)
		check_pieces(known, text, expected, n);
}

static void
settings_that_the_server_does_not_know_go(void **state)
{
	(void)state;
	check_preamble(KNOWN,
	    "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\n"
	    "SET statement_timeout = 0;\nSET transaction_timeout = 0;\n"
	    "SET client_encoding = 'UTF8';\n"
	    "SELECT pg_catalog.set_config('search_path', '', false);\n"
	    "SET lock = 0;\nCREATE TABLE a ();\n",
	    "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\n"
	    "SET statement_timeout = 0;\n"
	    "SET client_encoding = 'UTF8';\n"
	    "SELECT pg_catalog.set_config('search_path', '', false);\n"
	    "CREATE TABLE a ();\n");
}

static void
what_comes_after_the_first_statement_stays(void **state)
{
	static const char text[] =
	    "SET lock_timeout = 0;\nCREATE FUNCTION f() AS $$\n"
	    "SET transaction_timeout = 0;\n$$;\nSET other = 1;\n";

	(void)state;
	check_preamble(KNOWN, text, text);
}

static void
without_a_list_everything_stays(void **state)
{
	(void)state;
	check_preamble(NULL, "SET transaction_timeout = 0;\n",
	    "SET transaction_timeout = 0;\n");
}

static void
a_last_line_needs_no_newline(void **state)
{
	(void)state;
	check_preamble(KNOWN, "SET lock_timeout = 0;\nCREATE",
	    "SET lock_timeout = 0;\nCREATE");
	check_preamble(KNOWN, "SET lock_timeout = 0;\nSET x = 0;",
	    "SET lock_timeout = 0;\n");
	check_preamble(KNOWN, "", "");
}

static void
an_endless_line_is_not_kept(void **state)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	size_t i;

	(void)state;
	buf_add_string(&text, "CREATE ");
	for (i = 0; i < 2000; i++)
		buf_add_string(&text, "words ");
	check_pieces(KNOWN, buf_text(&text), buf_text(&text), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_is_as_new_as_the_archives_format),
		cmocka_unit_test(the_source_is_the_servers_major),
		cmocka_unit_test(settings_that_the_server_does_not_know_go),
		cmocka_unit_test(what_comes_after_the_first_statement_stays),
		cmocka_unit_test(without_a_list_everything_stays),
		cmocka_unit_test(a_last_line_needs_no_newline),
		cmocka_unit_test(an_endless_line_is_not_kept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
