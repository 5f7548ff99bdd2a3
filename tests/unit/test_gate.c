/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* At most so many at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/gate.h"
#include "base/stop.h"

#define THREADS 6
#define TURNS	20

struct crowd {
	struct gate *gate;
	atomic_uint inside, most, turns;
};

static void *
go_in_and_out(void *arg)
{
	struct crowd *c = arg;
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < TURNS; i++) {
		unsigned now, most;

		if (gate_enter(c->gate, &e) < 0)
			return (NULL);
		now = atomic_fetch_add(&c->inside, 1) + 1;
		most = atomic_load(&c->most);
		while (now > most &&
		    !atomic_compare_exchange_weak(&c->most, &most, now))
			;
		(void)!clock_sleep_ms(1, &e);
		(void)atomic_fetch_sub(&c->inside, 1);
		(void)atomic_fetch_add(&c->turns, 1);
		gate_leave(c->gate);
	}
	return (NULL);
}

static void
gate_lets_everybody_in_but_never_too_many(void **state)
{
	struct crowd c = { .gate = gate_new(2) };
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, go_in_and_out, &c), 0);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&c.most), 1, 2);
	assert_int_equal(atomic_load(&c.turns), THREADS * TURNS);
	gate_free(c.gate);
}

static void
gate_does_not_wait_after_a_stop(void **state)
{
	struct gate *g = gate_new(1);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(gate_enter(g, &e), 0);
	stop_request();
	assert_int_equal(gate_enter(g, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	stop_reset();
	gate_leave(g);
	err_clear(&e);
	assert_int_equal(gate_enter(g, &e), 0);
	gate_leave(g);
	gate_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate_lets_everybody_in_but_never_too_many),
		cmocka_unit_test(gate_does_not_wait_after_a_stop),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
