/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of verify*.c share: one run, and its thread an endpoint.
 */
#ifndef REPOSITORY_VERIFY_IMPL_H
#define REPOSITORY_VERIFY_IMPL_H

#include <pthread.h>

#include "repository/state.h"
#include "repository/verify.h"

/* Which objects are looked at: all, or the closures of some backups. */
struct wanted {
	bool all;
	uint64_t highest;
	uint8_t *bits; /* by object number; owned */
};

struct checker {
	struct verify *v;
	struct endpoint *ep;
	struct verify_endpoint *result;
	pthread_t thread;
	bool started;
	uint64_t expected; /* bytes to read, for the progress */
};

struct verify {
	struct repo *repo;
	const struct verify_conf *conf;
	struct verify_result *result;
	struct wanted wanted;
	struct opener *opener;	/* for VERIFY_DATA */
	struct gate *transfers; /* an object in memory each */
	struct checker checkers[SETTINGS_ENDPOINTS_MAX];
};

/* Is this object one of those that are looked at? */
bool verify_wants(const struct verify *v, uint64_t number);

/*
 * Looks at every endpoint that was asked for, each in a thread of its own, and
 * fills the results (verify_check.c). Fails: ERR_STOPPED.
 */
int verify_check_all(struct verify *v, struct err *e) MUST_USE;
/*
 * Heals what the endpoints that were reached lack, class by class, and leaves
 * in the results what still stands (verify_repair.c).
 * Fails: ERR_TAKEN_OVER, ERR_STOPPED, or local state's error.
 */
int verify_repair_all(struct verify *v, struct err *e) MUST_USE;

#endif
