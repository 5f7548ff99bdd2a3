/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fetch.c (the bytes) and fetch_plan.c (what will be wanted) share.
 */
#ifndef RESTORE_FETCH_IMPL_H
#define RESTORE_FETCH_IMPL_H

#include "restore/ahead.h"
#include "restore/fetch.h"
#include "restore/keyset.h"

struct fetch {
	struct repo *r;
	struct bring_with with;
	struct ahead *ahead;
	struct opener *opener;
	struct keyset *expected; /* chunks counted already */
	bool forget_stage;
};

/* Copies of a chunk, those in the spool in front of equals. A base's copies
 * leave deltas out: depth is one. Returns how many, never 0, or -1. */
int fetch_copies(struct fetch *f, const struct name *name, bool full_only,
    struct copy out[LOOKUP_COPIES_MAX], struct err *e) MUST_USE;

#endif
