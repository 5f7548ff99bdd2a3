/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Until when objects are locked at endpoints with Object Lock, as far as this
 * machine knows: it set the date, or nothing is known, which counts as not
 * locked at all. The dates roll: what is still needed is locked anew before its
 * date comes (DESIGN 3.7).
 */
#ifndef REPOSITORY_STATE_LOCKS_H
#define REPOSITORY_STATE_LOCKS_H

#include "repository/state.h"

/* The date of an object at an endpoint, seconds. */
int state_set_lock(struct state *s, uint64_t number, uint8_t endpoint,
    int64_t until, struct err *e) MUST_USE;
/* *until is 0 when nothing is known. */
int state_get_lock(struct state *s, uint64_t number, uint8_t endpoint,
    int64_t *until, struct err *e) MUST_USE;

#endif
