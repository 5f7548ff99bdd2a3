/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signal or a cancelled job comes in, a flag is up. Nothing else happens
 * here: who works asks the flag and leaves in order.
 */
#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static atomic_bool requested; /* lock-free, so a handler may set it */

static void
on_signal(int number)
{
	(void)number;
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
	atomic_store(&requested, true);
}

void
stop_reset(void)
{
	atomic_store(&requested, false);
}

bool
stop_is_requested(void)
{
	return (atomic_load(&requested));
}

int
stop_check(struct err *e)
{
	if (stop_is_requested())
		return (err_set(e, ERR_STOPPED, "interrupted"));
	return (0);
}
