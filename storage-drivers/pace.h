/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds what a driver sends to a rate, over all its connections: before each
 * piece it sends it asks here, and waits as long as it is told. So a limited
 * line flows evenly, instead of by whole objects at full speed with pauses.
 */
#ifndef STORAGE_DRIVERS_PACE_H
#define STORAGE_DRIVERS_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage-drivers/rate.h"

struct pace;

/* NULL when r never limits: every call takes NULL. */
struct pace *pace_new(const struct rate *r);
void pace_free(struct pace *p);
/* How much of n bytes to send at a time: all of it without a limit, else what
 * a fraction of a second takes. */
size_t pace_piece(struct pace *p, size_t n);
/* Waits until n bytes more may be sent. Fails: ERR_STOPPED. Thread: any. */
int pace_wait(struct pace *p, size_t n, struct err *e) MUST_USE;

/* Tests: the same by a clock that no one waits for. minute tells the minute of
 * the day at its present time. */
struct store_clock;
struct pace *pace_new_by(const struct rate *r, const struct store_clock *clock,
    unsigned (*minute)(void));

#endif
