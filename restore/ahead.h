/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads ahead: a thread that brings the packs which will be wanted whole before
 * somebody asks, so that the lines are busy while the database is fed. It never
 * takes pains: what does not come at once is left to the one who needs it.
 * Thread: all calls, from any number of threads.
 */
#ifndef RESTORE_AHEAD_H
#define RESTORE_AHEAD_H

#include "restore/bring.h"

struct ahead;

struct ahead *ahead_new(const struct bring_with *with);
/* Stops it and abandons what is on its way. */
void ahead_free(struct ahead *a);
/* Begins with what was expected so far, in that order. */
void ahead_go(struct ahead *a);
/* Somebody waits for this pack now: it goes first, if it is on its way. */
void ahead_hurry(struct ahead *a, const struct staged *p);
/* What was left of a pack, for whoever has its turn now; NULL: nothing, it is
 * to be begun. */
struct bringing *ahead_take_left(struct ahead *a, const struct staged *p);

#endif
