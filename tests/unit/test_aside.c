/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* A call beside us is waited for, or left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdlib.h>

#include "base/aside.h"
#include "base/stop.h"

static sem_t may_end, was_freed;

struct sum {
	int from, result;
	bool waits;
};

static void
add_one(void *arg)
{
	struct sum *s = arg;

	if (s->waits)
		while (sem_wait(&may_end) != 0)
			;
	s->result = s->from + 1;
}

static void
free_sum(void *arg)
{
	free(arg);
	(void)sem_post(&was_freed);
}

static struct aside_call
make_call(int from, bool waits)
{
	struct sum *s = mem_new(sizeof(*s));

	s->from = from;
	s->waits = waits;
	return (
	    (struct aside_call){ .run = add_one, .free = free_sum, .arg = s });
}

static void
a_call_that_ends_leaves_its_result(void **state)
{
	struct aside_call call = make_call(41, false);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(aside_run(&call, 0, &e), 0);
	assert_int_equal(((struct sum *)call.arg)->result, 42);
	free_sum(call.arg);
	assert_int_equal(sem_trywait(&was_freed), 0);
}

static void
a_stop_leaves_it_behind_and_it_frees_itself(void **state)
{
	struct aside_call call = make_call(1, true);
	struct err e = ERR_INIT;

	(void)state;
	stop_request();
	assert_int_equal(aside_run(&call, 0, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	stop_reset();
	assert_int_equal(sem_trywait(&was_freed), -1);
	assert_int_equal(sem_post(&may_end), 0);
	while (sem_wait(&was_freed) != 0)
		;
}

static void
after_a_stop_a_short_call_is_still_waited_for(void **state)
{
	struct aside_call call = make_call(7, false);
	struct err e = ERR_INIT;

	(void)state;
	stop_request();
	assert_int_equal(aside_run(&call, 60000, &e), 0);
	stop_reset();
	assert_int_equal(((struct sum *)call.arg)->result, 8);
	free_sum(call.arg);
	assert_int_equal(sem_trywait(&was_freed), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_ends_leaves_its_result),
		cmocka_unit_test(a_stop_leaves_it_behind_and_it_frees_itself),
		cmocka_unit_test(after_a_stop_a_short_call_is_still_waited_for),
	};

	(void)sem_init(&may_end, 0, 0);
	(void)sem_init(&was_freed, 0, 0);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
