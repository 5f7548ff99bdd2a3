/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a round trip share. Only they include it.
 */
#ifndef RETENTION_ROUND_TRIP_IMPL_H
#define RETENTION_ROUND_TRIP_IMPL_H

#include "retention/probe.h"
#include "retention/round_trip.h"

struct trip {
	const struct round_trip_conf *conf;
	struct findings *f;
	struct round_trip *out;
	struct store_facts facts;
	struct probe tiny;
	bool reached;
};

/* An endpoint's failure is a finding, and no more is asked of it: returns 1. A
 * stop is passed on: -1. */
int trip_fails(struct trip *t, const char *name, const struct err *why,
    struct err *e) MUST_USE;
/* Something that the contract promises does not hold. Returns 1. */
int trip_breaks(struct trip *t, const char *name, const char *what) MUST_USE;

/* round_trip_delete.c: the tiny object goes, or why not. 0, 1, or -1. */
int trip_delete(struct trip *t, struct err *e) MUST_USE;

#endif
