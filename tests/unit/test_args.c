/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base cli */
/*
 * The command line's words.
 */
#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct args_option known[] = { { "--to", "BRANCH" },
	{ "--yes", NULL }, { "-o", "FILE" }, { "--table", "TABLE…" },
	{ NULL, NULL } };

#define PARSE(a, e, ...)                                                       \
	args_parse((a), sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *),    \
	    (char *[]){ __VA_ARGS__ }, known, (e))

static void
args_take_options_and_operands_in_any_order(void **state)
{
	struct args a;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
	    PARSE(&a, &e, (char[]){ "x" }, (char[]){ "--to" }, (char[]){ "s" },
		(char[]){ "-" }, (char[]){ "--yes" }, (char[]){ "--" },
		(char[]){ "--to" }),
	    0);
	assert_int_equal(a.noperands, 3);
	assert_string_equal(a.operands[1], "-");
	assert_string_equal(a.operands[2], "--to");
	assert_string_equal(args_value(&a, "--to"), "s");
	assert_true(args_flag(&a, "--yes"));
	assert_null(args_value(&a, "-o"));
	args_free(&a);
}

static void
args_repeat_where_that_is_said(void **state)
{
	struct args a;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
	    PARSE(&a, &e, (char[]){ "--table=a" }, (char[]){ "--table=b=c" }),
	    0);
	assert_int_equal(args_count(&a, "--table"), 2);
	assert_string_equal(args_nth(&a, "--table", 0), "a");
	assert_string_equal(args_value(&a, "--table"), "b=c");
	assert_null(args_nth(&a, "--table", 2));
	args_free(&a);
	assert_int_equal(
	    PARSE(&a, &e, (char[]){ "--to=a" }, (char[]){ "--to=a" }), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.text, "--to is given twice"));
	args_free(&a);
	assert_int_equal(
	    PARSE(&a, &e, (char[]){ "--yes" }, (char[]){ "--yes" }), 0);
	args_free(&a);
}

static void
args_refuse_with_the_nearest_name(void **state)
{
	struct args a;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(PARSE(&a, &e, (char[]){ "--yess" }), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.hint, "--yes"));
	args_free(&a);
	assert_int_equal(PARSE(&a, &e, (char[]){ "--to" }), -1);
	assert_non_null(strstr(e.text, "BRANCH"));
	args_free(&a);
	assert_int_equal(
	    PARSE(&a, &e, (char[]){ "--to" }, (char[]){ "--yes" }), -1);
	assert_non_null(strstr(e.text, "--to: expected BRANCH"));
	args_free(&a);
	assert_int_equal(
	    PARSE(&a, &e, (char[]){ "--to" }, (char[]){ "--else" }), 0);
	args_free(&a);
	assert_int_equal(PARSE(&a, &e, (char[]){ "--yes=1" }), -1);
	args_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(args_take_options_and_operands_in_any_order),
		cmocka_unit_test(args_repeat_where_that_is_said),
		cmocka_unit_test(args_refuse_with_the_nearest_name),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
