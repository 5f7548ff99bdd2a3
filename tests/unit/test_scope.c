/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Memory and releasers: what is given is zero, what is too much ends us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"

static void
new_memory_is_zero(void **state)
{
	SCOPED(scope_free) uint8_t *p = mem_new(4096);
	size_t i;

	(void)state;
	for (i = 0; i < 4096; i++)
		assert_int_equal(p[i], 0);
}

static void
no_bytes_are_memory_too(void **state)
{
	SCOPED(scope_free) void *a = mem_new(0);
	SCOPED(scope_free) void *b = mem_array(0, 8);
	SCOPED(scope_free) void *c = mem_grow(NULL, 0, 8);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
}

/* Runs act in a child whose standard error is closed; returns its status. */
static int
status_of(void (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(STDERR_FILENO);
		act();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (status);
}

static void
overflow_array(void)
{
	free(mem_array(SIZE_MAX / 2, 3));
}

static void
overflow_growth(void)
{
	free(mem_grow(NULL, SIZE_MAX / 2, 3));
}

static void
an_array_over_the_address_space_ends_the_process(void **state)
{
	int status = status_of(overflow_array);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
a_growth_over_the_address_space_ends_the_process(void **state)
{
	int status = status_of(overflow_growth);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
growing_keeps_what_was_there(void **state)
{
	SCOPED(scope_free) char *p = mem_string("kept");

	(void)state;
	p = mem_grow(p, 1000, 8);
	assert_string_equal(p, "kept");
}

static void
printing_gives_a_string_of_its_own(void **state)
{
	SCOPED(scope_free) char *p = mem_printf("%s-%d", "a", 7);

	(void)state;
	assert_string_equal(p, "a-7");
}

static void
a_scoped_descriptor_is_closed_at_the_end(void **state)
{
	int kept;

	(void)state;
	{
		SCOPED(scope_close) int fd = open("/dev/null", O_RDONLY);

		assert_true(fd >= 0);
		kept = fd;
	}
	assert_int_equal(fcntl(kept, F_GETFD), -1);
}

static char *
take_out(void)
{
	SCOPED(scope_free) char *p = mem_string("taken");

	return (TAKE(p));
}

static void
what_is_taken_is_not_released(void **state)
{
	SCOPED(scope_free) char *p = take_out();

	(void)state;
	assert_string_equal(p, "taken");
}

static void
releasers_accept_nothing(void **state)
{
	int fd = -1;
	FILE *file = NULL;
	void *p = NULL;

	(void)state;
	scope_close(&fd);
	scope_fclose(&file);
	scope_free(&p);
	assert_int_equal(fd, -1);
	assert_null(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_memory_is_zero),
		cmocka_unit_test(no_bytes_are_memory_too),
		cmocka_unit_test(
		    an_array_over_the_address_space_ends_the_process),
		cmocka_unit_test(
		    a_growth_over_the_address_space_ends_the_process),
		cmocka_unit_test(growing_keeps_what_was_there),
		cmocka_unit_test(printing_gives_a_string_of_its_own),
		cmocka_unit_test(a_scoped_descriptor_is_closed_at_the_end),
		cmocka_unit_test(what_is_taken_is_not_released),
		cmocka_unit_test(releasers_accept_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
