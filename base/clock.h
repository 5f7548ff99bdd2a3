/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: the only door to it. Tests replace the wall clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CLOCK_TEXT 32

int64_t clock_now(void);       /* seconds since 1970, UTC */
int64_t clock_now_ms(void);    /* the same in milliseconds */
uint64_t clock_ticks_ms(void); /* monotonic, for durations */
/* Waits for a condition, with its lock held, but not longer than wait_ms,
 * whatever becomes of the wall clock meanwhile. May return for no reason. */
void clock_wait(pthread_cond_t *c, pthread_mutex_t *lock, unsigned wait_ms);
/* Sleeps, in slices that notice base/stop. Fails: ERR_STOPPED. */
int clock_sleep_ms(unsigned wait_ms, struct err *e) MUST_USE;

/* "2026-11-22T02:30:00Z" (RFC 3339) */
void clock_text(int64_t when, char out[CLOCK_TEXT]);
/* "20261122T023000Z", as in backup ids */
void clock_stamp(int64_t when, char out[CLOCK_TEXT]);
/* Both ways back. False when text is anything else. */
bool clock_parse(const char *text, int64_t *when);

/* Tests: from now on the wall clock answers this function; NULL restores it.
 * TRIPLICATE_CLOCK_OFFSET=SECONDS in the environment shifts it as well. */
void clock_replace(int64_t (*now_ms)(void));

#endif
