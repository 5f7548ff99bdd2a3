/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Order, limits and the end of a queue, also under many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "base/queue.h"

#define WRITERS 4
#define READERS 3
#define EACH	2000

static void
items_come_out_in_order(void **state)
{
	struct queue *q = queue_new(3);
	struct err e = ERR_INIT;
	int items[7], i, round;
	void *got = NULL;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 3; i++)
			assert_int_equal(queue_put(q, &items[i], &e), 0);
		for (i = 0; i < 3; i++) {
			assert_int_equal(queue_get(q, &got, &e), 0);
			assert_ptr_equal(got, &items[i]);
		}
		/* so that the ring's start moves on */
		assert_int_equal(queue_put(q, &items[6], &e), 0);
		assert_int_equal(queue_get(q, &got, &e), 0);
	}
	queue_free(q);
}

static void
a_closed_queue_gives_its_rest_and_takes_nothing(void **state)
{
	struct queue *q = queue_new(4);
	struct err e = ERR_INIT;
	void *got = NULL;
	int item;

	(void)state;
	assert_int_equal(queue_put(q, &item, &e), 0);
	queue_close(q);
	queue_close(q);
	assert_int_equal(queue_put(q, &item, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	assert_int_equal(queue_get(q, &got, &e), 0);
	assert_ptr_equal(got, &item);
	err_clear(&e);
	assert_int_equal(queue_get(q, &got, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	queue_free(q);
	queue_free(NULL);
}

static void *
wait_for_item(void *arg)
{
	struct err e = ERR_INIT;
	void *got = NULL;

	return (queue_get(arg, &got, &e) < 0 ? arg : NULL);
}

static void *
wait_for_room(void *arg)
{
	struct err e = ERR_INIT;

	return (queue_put(arg, arg, &e) < 0 ? arg : NULL);
}

/* Whether close comes before or after they wait, all of them come back. */
static void
closing_wakes_everybody(void **state)
{
	struct queue *empty = queue_new(1), *full = queue_new(1);
	struct err e = ERR_INIT;
	pthread_t getting[3], putting[3];
	void *result, *got;
	int i;

	(void)state;
	assert_int_equal(queue_put(full, &i, &e), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(
		    pthread_create(&getting[i], NULL, wait_for_item, empty), 0);
		assert_int_equal(
		    pthread_create(&putting[i], NULL, wait_for_room, full), 0);
	}
	queue_close(empty);
	queue_close(full);
	for (i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(getting[i], &result), 0);
		assert_ptr_equal(result, empty);
		assert_int_equal(pthread_join(putting[i], &result), 0);
		assert_ptr_equal(result, full);
	}
	assert_int_equal(queue_get(full, &got, &e), 0);
	queue_free(empty);
	queue_free(full);
}

static void *
write_many(void *arg)
{
	struct queue *q = arg;
	struct err e = ERR_INIT;
	size_t i, *item;

	for (i = 1; i <= EACH; i++) {
		item = mem_new(sizeof(*item));
		*item = i;
		if (queue_put(q, item, &e) < 0)
			abort();
	}
	return (NULL);
}

static void *
read_many(void *arg)
{
	struct queue *q = arg;
	struct err e = ERR_INIT;
	size_t *sum = mem_new(sizeof(*sum));
	void *item = NULL;

	while (queue_get(q, &item, &e) == 0) {
		*sum += *(size_t *)item;
		free(item);
	}
	return (sum);
}

static void
many_threads_lose_nothing(void **state)
{
	struct queue *q = queue_new(5);
	pthread_t writers[WRITERS], readers[READERS];
	size_t all = 0, i;
	void *sum;

	(void)state;
	for (i = 0; i < READERS; i++)
		assert_int_equal(
		    pthread_create(&readers[i], NULL, read_many, q), 0);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(
		    pthread_create(&writers[i], NULL, write_many, q), 0);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(writers[i], NULL), 0);
	queue_close(q);
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(readers[i], &sum), 0);
		all += *(size_t *)sum;
		free(sum);
	}
	assert_int_equal(all, (size_t)WRITERS * EACH * (EACH + 1) / 2);
	queue_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_out_in_order),
		cmocka_unit_test(
		    a_closed_queue_gives_its_rest_and_takes_nothing),
		cmocka_unit_test(closing_wakes_everybody),
		cmocka_unit_test(many_threads_lose_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
