/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flag that stops everything: set by SIGINT, SIGTERM or a cancelled job,
 * asked by every loop and every transfer.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

#include "base/err.h"

#define STOP_CLEANUP_MS 1500 /* for leaving in order, after the request */

/*
 * Installs handlers for SIGINT and SIGTERM that set the flag; SIGPIPE is
 * ignored. Another signal a second or more after the first one ends the process
 * at once with 130: the next run puts right what is left, as after a crash.
 */
void stop_on_signals(void);
void stop_request(void); /* async-signal-safe */
void stop_reset(void);	 /* for tests */
bool stop_is_requested(void);
/* How much of STOP_CLEANUP_MS is left; all of it before a request. */
unsigned stop_left_ms(void);
/* 0, or -1 with ERR_STOPPED "interrupted". */
int stop_check(struct err *e) MUST_USE;

#endif
