/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An endpoint that gives what another store holds, and stalls, fails or lies
 * when it is told to; what it was asked and gave is counted. Only get is
 * changed.
 */
#ifndef TESTS_UNIT_GIVER_H
#define TESTS_UNIT_GIVER_H

#include <pthread.h>

#include "storage-drivers/store_impl.h"

#define GIVER_GETS 4096

/* Several givers that wait for one another, or for the test. */
struct givers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	unsigned present; /* gets that came to the meeting */
	bool released;
};
void givers_init(struct givers *all);
void givers_free(struct givers *all);
/* Ends every stall. */
void givers_release(struct givers *all);

struct giver {
	struct store store;
	struct store *inner; /* not owned */
	struct givers *all;
	/* Set before the first get. */
	unsigned meets;	 /* the first get waits until so many are there */
	unsigned stalls; /* the get of this number stalls until the release, or
			    until the program is stopped; then fails. 0: none */
	unsigned fails_from; /* this get and those after it fail; 0: none */
	unsigned fails_to;   /* the last that does; 0: for ever */
	unsigned lies;	     /* a bit of this get's answer is wrong; 0: none */
	enum err_kind kind;  /* of failures */
	/* guarded by all->lock */
	unsigned gets;
	uint64_t given; /* bytes */
	struct {
		uint64_t off;
		size_t n;
	} gave[GIVER_GETS]; /* of objects under packs/ */
	unsigned ngave;
};

/* Freed by giver_free, not by store_free. */
/* parallel: calls at a time that it says it takes, 1 or 2. */
struct giver *giver_new(
    struct givers *all, struct store *inner, unsigned parallel);
void giver_free(struct giver *g);

unsigned giver_gets(struct giver *g);
uint64_t giver_given(struct giver *g);
/* How often a range that begins there was given. */
unsigned giver_times(struct giver *g, uint64_t off);

#endif
