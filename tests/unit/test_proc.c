/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Children: what they are given, what they say, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/stop.h"

#define LONG_MS 60000

/* A vector for the shell: the tests' own text, never data. */
#define SHELL(script)                                                          \
	(const char *const[])                                                  \
	{                                                                      \
		"/bin/sh", "-c", script, NULL                                  \
	}

/* No other thread runs while a test sets the environment. */
static int
set_environment(const char *name, const char *value)
{
	return (setenv(name, value, 1)); /* NOLINT(concurrency-mt-unsafe) */
}

static int
lower(void **state)
{
	(void)state;
	stop_reset();
	return (0);
}

/* No child is left, dead or alive. */
static void
check_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
the_exit_status_is_returned(void **state)
{
	SCOPED(proc_freep) struct proc *p = NULL;
	struct err e = ERR_INIT;

	(void)state;
	p = proc_start(SHELL("exit 37"), NULL, 0, &e);
	assert_non_null(p);
	assert_int_equal(proc_stdin(p), -1);
	assert_int_equal(proc_stdout(p), -1);
	assert_int_equal(proc_wait(p, LONG_MS, &e), 37);
	assert_int_equal(proc_wait(p, 0, &e), 37);
	assert_string_equal(proc_stderr(p), "");
	check_no_children();
}

static void
a_program_that_is_not_there_is_missing(void **state)
{
	const char *const argv[] = { "/nonexistent/program", NULL };
	struct err e = ERR_INIT;

	(void)state;
	assert_null(proc_start(argv, NULL, PROC_STDIN | PROC_STDOUT, &e));
	assert_int_equal(e.kind, ERR_MISSING);
	assert_non_null(strstr(e.text, argv[0]));
	check_no_children();
}

static void
bytes_go_in_and_come_out(void **state)
{
	const char *const argv[] = { "/bin/cat", NULL };
	SCOPED(proc_freep) struct proc *p = NULL;
	struct err e = ERR_INIT;
	char got[8];

	(void)state;
	p = proc_start(argv, NULL, PROC_STDIN | PROC_STDOUT, &e);
	assert_non_null(p);
	assert_int_equal(file_write(proc_stdin(p), "abc", 3, &e), 0);
	proc_close_stdin(p);
	assert_int_equal(proc_stdin(p), -1);
	assert_int_equal(file_read(proc_stdout(p), got, sizeof(got), &e), 3);
	assert_memory_equal(got, "abc", 3);
	assert_int_equal(proc_wait(p, LONG_MS, &e), 0);
}

static void
a_child_inherits_only_the_standard_descriptors(void **state)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int leaked = dup(STDIN_FILENO); /* without close-on-exec */

	(void)state;
	assert_true(leaked > 2);
	assert_int_equal(proc_run(SHELL("exec ls -1 /proc/self/fd"), NULL, NULL,
			     100, &out, LONG_MS, &e),
	    0);
	assert_int_equal(close(leaked), 0);
	/* 3 is the folder that ls reads. */
	assert_string_equal(buf_text(&out), "0\n1\n2\n3\n");
}

static void
the_environment_is_added_to_ours(void **state)
{
	const char *const env[] = { "TRIPLICATE_A=child", "TRIPLICATE_C=c",
		NULL };
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(set_environment("TRIPLICATE_A", "ours"), 0);
	assert_int_equal(set_environment("TRIPLICATE_AB", "b"), 0);
	assert_int_equal(proc_run(SHELL("echo $TRIPLICATE_A $TRIPLICATE_AB "
					"$TRIPLICATE_C"),
			     env, NULL, 100, &out, LONG_MS, &e),
	    0);
	assert_string_equal(buf_text(&out), "child b c\n");
}

static void
the_tail_of_standard_error_is_kept(void **state)
{
	SCOPED(proc_freep) struct proc *p = NULL;
	struct err e = ERR_INIT;
	const char *words;

	(void)state;
	p = proc_start(SHELL("i=0; while [ $i -lt 3000 ]; do "
			     "echo line $i >&2; i=$((i+1)); done; "
			     "printf 'l\\033ast' >&2"),
	    NULL, 0, &e);
	assert_non_null(p);
	assert_int_equal(proc_wait(p, LONG_MS, &e), 0);
	words = proc_stderr(p);
	assert_true(strlen(words) > 4000 && strlen(words) <= 4096);
	assert_memory_equal(words, "line ", 5);
	assert_string_equal(words + strlen(words) - 16, "\nline 2999\nl?ast");
}

static void
a_child_that_is_too_slow_is_killed(void **state)
{
	SCOPED(proc_freep) struct proc *p = NULL;
	const char *const argv[] = { "/bin/sleep", "1000", NULL };
	struct err e = ERR_INIT;

	(void)state;
	p = proc_start(argv, NULL, 0, &e);
	assert_non_null(p);
	assert_int_equal(proc_wait(p, 50, &e), -1);
	assert_int_equal(e.kind, ERR_AGAIN);
	assert_string_equal(e.text, "sleep: not done after 50 ms");
	check_no_children();
	assert_int_equal(proc_wait(p, 0, &e), -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_string_equal(e.text, "sleep: ended by signal 15");
}

static void
a_child_that_ignores_the_polite_signal_is_killed(void **state)
{
	SCOPED(proc_freep) struct proc *p = NULL;
	struct err e = ERR_INIT;
	char ready;

	(void)state;
	p = proc_start(SHELL("trap '' TERM; echo; while :; do sleep 1; done"),
	    NULL, PROC_STDOUT, &e);
	assert_non_null(p);
	assert_int_equal(file_read(proc_stdout(p), &ready, 1, &e), 1);
	proc_kill(p);
	proc_kill(p);
	assert_int_equal(proc_wait(p, LONG_MS, &e), -1);
	assert_string_equal(e.text, "sh: ended by signal 9");
	check_no_children();
}

static void
a_stop_kills_the_child_that_is_waited_for(void **state)
{
	SCOPED(proc_freep) struct proc *p = NULL;
	const char *const argv[] = { "/bin/sleep", "1000", NULL };
	struct err e = ERR_INIT;

	(void)state;
	p = proc_start(argv, NULL, 0, &e);
	assert_non_null(p);
	stop_request();
	assert_int_equal(proc_wait(p, 0, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	check_no_children();
}

static void
freeing_kills(void **state)
{
	const char *const argv[] = { "/bin/cat", NULL };
	struct err e = ERR_INIT;
	struct proc *p = proc_start(argv, NULL, PROC_STDIN, &e);

	(void)state;
	assert_non_null(p);
	proc_free(p);
	check_no_children();
	proc_free(NULL);
}

static void
a_grandchild_with_our_pipe_does_not_hold_us(void **state)
{
	SCOPED(proc_freep) struct proc *p = NULL;
	struct err e = ERR_INIT;

	(void)state;
	p = proc_start(
	    SHELL("echo words >&2; sleep 1000 & echo $! >&2"), NULL, 0, &e);
	assert_non_null(p);
	assert_int_equal(proc_wait(p, LONG_MS, &e), 0);
	assert_memory_equal(proc_stderr(p), "words\n", 6);
	/* the sleeper is init's now, and ours to end */
	assert_int_equal(
	    kill((pid_t)strtol(proc_stderr(p) + 6, NULL, 10), SIGKILL), 0);
}

static void
a_short_life_takes_much_and_gives_much(void **state)
{
	const char *const argv[] = { "/bin/cat", NULL };
	SCOPED(buf_free) struct buf in = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_add_zeros(&in, 1000000);
	memset(in.p, 'x', in.n);
	buf_add_string(&out, "before");
	assert_int_equal(
	    proc_run(argv, NULL, &in, 1000000, &out, LONG_MS, &e), 0);
	assert_int_equal(out.n, 1000006);
	assert_memory_equal(out.p, "before", 6);
	assert_memory_equal(out.p + 6, in.p, in.n);
	in.n = 0;
	out.n = 0;
	assert_int_equal(proc_run(argv, NULL, &in, 10, &out, LONG_MS, &e), 0);
	assert_int_equal(out.n, 0);
}

static void
output_over_the_limit_is_refused(void **state)
{
	const char *const argv[] = { "/bin/cat", "/dev/zero", NULL };
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
	    proc_run(argv, NULL, NULL, 1000, &out, LONG_MS, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "cat: output is longer"));
	check_no_children();
}

static void
a_failing_child_is_quoted_by_its_last_line(void **state)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(proc_run(SHELL("echo one >&2; echo two >&2; exit 3"),
			     NULL, NULL, 10, &out, LONG_MS, &e),
	    -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_string_equal(e.text, "sh: exit status 3: two");
	assert_int_equal(
	    proc_run(SHELL("exit 4"), NULL, NULL, 10, &out, LONG_MS, &e), -1);
	assert_string_equal(e.text, "sh: exit status 4");
}

static void
a_child_that_does_not_read_is_no_death_of_ours(void **state)
{
	SCOPED(buf_free) struct buf in = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_add_zeros(&in, 1000000);
	assert_int_equal(proc_run(SHELL("exec 0<&-; echo done"), NULL, &in, 10,
			     &out, LONG_MS, &e),
	    0);
	assert_string_equal(buf_text(&out), "done\n");
}

static void
a_short_life_has_its_limit_and_its_stop(void **state)
{
	const char *const argv[] = { "/bin/sleep", "1000", NULL };
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(proc_run(argv, NULL, NULL, 10, &out, 50, &e), -1);
	assert_int_equal(e.kind, ERR_AGAIN);
	stop_request();
	assert_int_equal(proc_run(argv, NULL, NULL, 10, &out, 0, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	check_no_children();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_status_is_returned),
		cmocka_unit_test(a_program_that_is_not_there_is_missing),
		cmocka_unit_test(bytes_go_in_and_come_out),
		cmocka_unit_test(
		    a_child_inherits_only_the_standard_descriptors),
		cmocka_unit_test(the_environment_is_added_to_ours),
		cmocka_unit_test(the_tail_of_standard_error_is_kept),
		cmocka_unit_test(a_child_that_is_too_slow_is_killed),
		cmocka_unit_test(
		    a_child_that_ignores_the_polite_signal_is_killed),
		cmocka_unit_test_teardown(
		    a_stop_kills_the_child_that_is_waited_for, lower),
		cmocka_unit_test(freeing_kills),
		cmocka_unit_test(a_grandchild_with_our_pipe_does_not_hold_us),
		cmocka_unit_test(a_short_life_takes_much_and_gives_much),
		cmocka_unit_test(output_over_the_limit_is_refused),
		cmocka_unit_test(a_failing_child_is_quoted_by_its_last_line),
		cmocka_unit_test(
		    a_child_that_does_not_read_is_no_death_of_ours),
		cmocka_unit_test_teardown(
		    a_short_life_has_its_limit_and_its_stop, lower),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
