/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signal or a cancelled job comes in, a flag is up. Nothing else happens
 * here: who works asks the flag and leaves in order.
 */
#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_MS 1000 /* less is one key that was heard twice */
#define EXIT_NOW 130

/* When, in ms of the monotonic clock; 0 never. Lock-free, so a handler may set
 * it. */
static atomic_ullong requested_ms;

/* Not base/clock: a handler may call only what POSIX lists. */
static unsigned long long
ticks_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((unsigned long long)ts.tv_sec * 1000 +
	    (unsigned long long)ts.tv_nsec / 1000000 + 1);
}

static void
on_signal(int number)
{
	unsigned long long since = atomic_load(&requested_ms);

	(void)number;
	if (since != 0 && ticks_ms() - since >= AGAIN_MS)
		_exit(EXIT_NOW);
	stop_request();
}

/* No SA_RESTART: a read from a terminal or pipe must come back to be asked. */
void
stop_on_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	(void)sigemptyset(&action.sa_mask);
	action.sa_handler = on_signal;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

void
stop_request(void)
{
	unsigned long long never = 0;

	(void)atomic_compare_exchange_strong(&requested_ms, &never, ticks_ms());
}

void
stop_reset(void)
{
	atomic_store(&requested_ms, 0);
}

bool
stop_is_requested(void)
{
	return (atomic_load(&requested_ms) != 0);
}

unsigned
stop_left_ms(void)
{
	unsigned long long since = atomic_load(&requested_ms), gone;

	if (since == 0)
		return (STOP_CLEANUP_MS);
	gone = ticks_ms() - since;
	return (
	    gone < STOP_CLEANUP_MS ? (unsigned)(STOP_CLEANUP_MS - gone) : 0);
}

int
stop_check(struct err *e)
{
	if (stop_is_requested())
		return (err_set(e, ERR_STOPPED, "interrupted"));
	return (0);
}
