/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* The flag goes up by request and by signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/stop.h"

static int
lower(void **state)
{
	(void)state;
	stop_reset();
	return (0);
}

static void
nothing_is_requested_at_first(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(stop_is_requested());
	assert_int_equal(stop_check(&e), 0);
	assert_int_equal(e.kind, ERR_NONE);
}

static void
a_request_fails_every_check(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	stop_request();
	assert_true(stop_is_requested());
	assert_int_equal(stop_check(&e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	assert_string_equal(e.text, "interrupted");
	stop_reset();
	assert_int_equal(stop_check(&e), 0);
}

static void
both_signals_request_it(void **state)
{
	(void)state;
	stop_on_signals();
	assert_int_equal(raise(SIGINT), 0);
	assert_true(stop_is_requested());
	stop_reset();
	assert_int_equal(raise(SIGTERM), 0);
	assert_true(stop_is_requested());
}

/* In a child: the signal, a wait, the signal again. Its exit status. */
static int
twice(unsigned wait_ms)
{
	struct timespec ts = { .tv_sec = wait_ms / 1000,
		.tv_nsec = (long)(wait_ms % 1000) * 1000000L };
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		stop_on_signals();
		(void)raise(SIGINT);
		(void)nanosleep(&ts, NULL);
		(void)raise(SIGINT);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void
a_second_signal_ends_it_at_once_but_not_an_echo(void **state)
{
	(void)state;
	assert_int_equal(twice(1100), 130);
	assert_int_equal(twice(10), 0);
}

static void
the_time_for_leaving_runs_out(void **state)
{
	struct timespec ts = { .tv_nsec = 20 * 1000000L };
	unsigned left;

	(void)state;
	assert_int_equal(stop_left_ms(), STOP_CLEANUP_MS);
	stop_request();
	(void)nanosleep(&ts, NULL);
	left = stop_left_ms();
	assert_true(left < STOP_CLEANUP_MS);
	stop_request(); /* the first one counts */
	assert_true(stop_left_ms() <= left);
}

static void
a_broken_pipe_is_an_error_not_a_death(void **state)
{
	int ends[2];

	(void)state;
	stop_on_signals();
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(close(ends[1]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_requested_at_first, lower),
		cmocka_unit_test_teardown(a_request_fails_every_check, lower),
		cmocka_unit_test_teardown(both_signals_request_it, lower),
		cmocka_unit_test_teardown(
		    a_second_signal_ends_it_at_once_but_not_an_echo, lower),
		cmocka_unit_test_teardown(the_time_for_leaving_runs_out, lower),
		cmocka_unit_test_teardown(
		    a_broken_pipe_is_an_error_not_a_death, lower),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
