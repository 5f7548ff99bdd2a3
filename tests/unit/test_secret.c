/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Secrets are copied, released, and fenced in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

static int
start(void **state)
{
	(void)state;
	secret_start();
	secret_start();
	return (0);
}

static void
a_new_secret_is_zero(void **state)
{
	struct secret s = SECRET_INIT;
	size_t i;

	(void)state;
	secret_new(&s, 100);
	assert_int_equal(s.n, 100);
	for (i = 0; i < s.n; i++)
		assert_int_equal(s.p[i], 0);
	secret_new(&s, 0);
	assert_int_equal(s.n, 0);
	secret_free(&s);
	assert_null(s.p);
	secret_free(&s);
}

static void
a_copy_may_come_from_itself(void **state)
{
	struct secret s = SECRET_INIT;

	(void)state;
	secret_copy(&s, "abcdef", 6);
	assert_int_equal(s.n, 6);
	assert_memory_equal(s.p, "abcdef", 6);
	secret_copy(&s, s.p + 2, 3);
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "cde", 3);
	secret_free(&s);
	assert_int_equal(s.n, 0);
}

static void
wiping_leaves_zeros(void **state)
{
	char text[] = "secret";

	(void)state;
	secret_wipe(text, sizeof(text));
	assert_memory_equal(text, "\0\0\0\0\0\0\0", sizeof(text));
}

static void
one_byte_too_far_ends_the_process(void **state)
{
	struct secret s = SECRET_INIT;
	int status = 0;
	pid_t pid;

	(void)state;
	secret_new(&s, 16);
	pid = fork();
	if (pid == 0) {
		(void)close(STDERR_FILENO);
		(void)signal(SIGSEGV, SIG_DFL); /* not the test runner's */
		((volatile uint8_t *)s.p)[16] = 1;
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	secret_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_secret_is_zero),
		cmocka_unit_test(a_copy_may_come_from_itself),
		cmocka_unit_test(wiping_leaves_zeros),
		cmocka_unit_test(one_byte_too_far_ends_the_process),
	};

	return (cmocka_run_group_tests(tests, start, NULL));
}
