/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the few calls of libraries that wait long and can't be told to stop: they
 * go to a thread of their own, which a stopped program leaves behind.
 */
#ifndef BASE_ASIDE_H
#define BASE_ASIDE_H

#include "base/err.h"

struct aside_call {
	void (*run)(void *arg);
	void (*free)(void *arg); /* called once, by whoever is last */
	void *arg; /* on the heap: it may outlive the caller's frame */
};

/*
 * Runs call and waits for its end. When a stop is requested it goes on waiting
 * for leave_ms, then leaves the call behind.
 * Owns: takes arg, unless it returns 0, when the caller looks at what run put
 * there and then frees it. Fails: ERR_STOPPED, ERR_SYSTEM (no thread).
 */
int aside_run(
    const struct aside_call *call, unsigned leave_ms, struct err *e) MUST_USE;

#endif
