/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets at most so many threads be at the same thing at a time: what takes much
 * memory, for as long as it takes it.
 */
#ifndef BASE_GATE_H
#define BASE_GATE_H

#include "base/err.h"

struct gate;

struct gate *gate_new(unsigned most);
void gate_free(struct gate *g); /* nobody is in it any more */
/* Waits for a place. Fails: ERR_STOPPED. Thread: these two, any. */
int gate_enter(struct gate *g, struct err *e) MUST_USE;
void gate_leave(struct gate *g);

#endif
