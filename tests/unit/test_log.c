/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* What reaches standard error, and that it is one clean line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Standard error, turned into a pipe and back. */
struct caught {
	int real, reading;
};

static struct caught
catch_lines(void)
{
	struct caught c = { -1, -1 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	c.real = dup(STDERR_FILENO);
	c.reading = ends[0];
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	assert_int_equal(close(ends[1]), 0);
	return (c);
}

static void
let_go(struct caught *c, char *out, size_t room)
{
	ssize_t got;

	assert_true(dup2(c->real, STDERR_FILENO) >= 0);
	got = read(c->reading, out, room - 1);
	assert_true(got >= 0);
	out[got] = '\0';
	assert_int_equal(close(c->real), 0);
	assert_int_equal(close(c->reading), 0);
}

static void
only_errors_and_warnings_are_shown_at_first(void **state)
{
	struct caught c = catch_lines();
	char out[500];

	(void)state;
	log_error("a %d", 1);
	log_warning("b");
	log_info("c");
	log_debug("d");
	let_go(&c, out, sizeof(out));
	assert_string_equal(out, "error: a 1\nwarning: b\n");
}

static void
the_level_decides_what_is_shown(void **state)
{
	struct caught c = catch_lines();
	char out[500];

	(void)state;
	log_set_level(LOG_DEBUGS);
	log_info("c");
	log_debug("d");
	log_set_level(LOG_ERRORS);
	log_warning("b");
	log_error("a");
	log_set_level(LOG_WARNINGS);
	let_go(&c, out, sizeof(out));
	assert_string_equal(out, "info: c\ndebug: d\nerror: a\n");
}

static void
a_line_stays_one_line(void **state)
{
	struct caught c = catch_lines();
	char out[500];

	(void)state;
	log_error("%s", "x\nerror: y\x1b[2J");
	let_go(&c, out, sizeof(out));
	assert_string_equal(out, "error: x?error: y?[2J\n");
}

static void
a_long_line_is_cut_and_ended(void **state)
{
	struct caught c = catch_lines();
	char out[5000];
	size_t n;

	(void)state;
	log_error("%4000s", "x");
	let_go(&c, out, sizeof(out));
	n = strlen(out);
	assert_true(n > 1000 && n < 2100);
	assert_ptr_equal(strchr(out, '\n'), out + n - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_errors_and_warnings_are_shown_at_first),
		cmocka_unit_test(the_level_decides_what_is_shown),
		cmocka_unit_test(a_line_stays_one_line),
		cmocka_unit_test(a_long_line_is_cut_and_ended),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
