/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flag that stops everything: set by SIGINT, SIGTERM or a cancelled job,
 * asked by every loop and every transfer.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

#include "base/err.h"

/* Installs handlers for SIGINT and SIGTERM that set the flag; SIGPIPE is
 * ignored. */
void stop_on_signals(void);
void stop_request(void); /* async-signal-safe */
void stop_reset(void);	 /* for tests */
bool stop_is_requested(void);
/* 0, or -1 with ERR_STOPPED "interrupted". */
int stop_check(struct err *e) MUST_USE;

#endif
