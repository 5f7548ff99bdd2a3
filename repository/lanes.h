/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several objects on their way to one endpoint at a time: a line with a long
 * round trip is filled by what is in flight. Objects are given one by one and
 * end in any order; lanes_drain is the barrier before what needs them all.
 */
#ifndef REPOSITORY_LANES_H
#define REPOSITORY_LANES_H

#include "repository/state.h"

#define LANES_MAX 8

struct lanes;

/* n lanes (1 to LANES_MAX), each of which works objects off; work is called
 * from any of them. */
struct lanes *lanes_new(unsigned n,
    int (*work)(void *arg, const struct state_object *o, struct err *e),
    void *arg);
/* Ends what is under way; what failed and was never asked for is forgotten. */
void lanes_free(struct lanes *l);
void lanes_freep(struct lanes **l);
/* Waits for a free lane. Fails as any object's work did since the last drain;
 * then o was not begun. Thread: one gives and drains. */
int lanes_give(
    struct lanes *l, const struct state_object *o, struct err *e) MUST_USE;
/* Is anything under way? */
bool lanes_are_busy(struct lanes *l);
/* Waits until all lanes are free. Fails as the first object's work that did. */
int lanes_drain(struct lanes *l, struct err *e) MUST_USE;

#endif
