/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does this machine still write the repository? Every endpoint is asked at the
 * start of a backup, each by a thread, so that a dead one delays nobody; the
 * answers are looked at when they are there, and awaited before the manifest.
 */
#ifndef BACKUPD_FENCE_H
#define BACKUPD_FENCE_H

#include "repository/repo.h"

struct fence;

/* Asks all endpoints. Waits a moment for those that answer at once. */
struct fence *fence_start(struct repo *r, struct err *e) MUST_USE;
/* Fails with ERR_TAKEN_OVER when an endpoint that has answered says so. */
int fence_check(struct fence *f, struct err *e) MUST_USE;
/* The same after all have answered or were given up. */
int fence_wait(struct fence *f, struct err *e) MUST_USE;
void fence_free(struct fence *f); /* waits */
void fence_freep(struct fence **f);

#endif
