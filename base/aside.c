/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caller and the thread share a small ticket; the last of the two frees it,
 * and with it what the call worked on when the caller is gone.
 */
#include "base/aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/stop.h"

#define LOOK_MS 100

struct ticket {
	struct aside_call call;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool has_ended, is_left; /* guarded by lock */
};

static void
ticket_free(struct ticket *t)
{
	(void)pthread_cond_destroy(&t->ended);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

static void *
thread_main(void *arg)
{
	struct ticket *t = arg;
	bool is_left;

	t->call.run(t->call.arg);
	(void)pthread_mutex_lock(&t->lock);
	t->has_ended = true;
	is_left = t->is_left;
	(void)pthread_cond_signal(&t->ended);
	(void)pthread_mutex_unlock(&t->lock);
	if (is_left) {
		t->call.free(t->call.arg);
		ticket_free(t);
	}
	return (NULL);
}

/* The program's signals are its main thread's to take. */
static int
start(struct ticket *t, struct err *e)
{
	sigset_t all, before;
	pthread_t thread;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, thread_main, t);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return (err_set(e, ERR_SYSTEM, "cannot start a thread"));
	(void)pthread_detach(thread);
	return (0);
}

/* False when it is to be left behind. */
static bool
wait_for_end(struct ticket *t, unsigned leave_ms)
{
	uint64_t leave_at = 0;
	bool has_ended;

	(void)pthread_mutex_lock(&t->lock);
	while (!t->has_ended && !t->is_left) {
		clock_wait(&t->ended, &t->lock, LOOK_MS);
		if (!stop_is_requested())
			continue;
		if (leave_at == 0)
			leave_at = clock_ticks_ms() + leave_ms;
		t->is_left = !t->has_ended && clock_ticks_ms() >= leave_at;
	}
	has_ended = t->has_ended;
	(void)pthread_mutex_unlock(&t->lock);
	return (has_ended);
}

int
aside_run(const struct aside_call *call, unsigned leave_ms, struct err *e)
{
	struct ticket *t = mem_new(sizeof(*t));

	t->call = *call;
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->ended, NULL);
	if (start(t, e) < 0) {
		call->free(call->arg);
		ticket_free(t);
		return (-1);
	}
	/* Left behind, the ticket is the thread's. */
	if (!wait_for_end(t, leave_ms))
		return (err_set(e, ERR_STOPPED, "interrupted"));
	ticket_free(t);
	return (0);
}
