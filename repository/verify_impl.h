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
	uint64_t expected;  /* bytes to read, for the progress */
	struct buf unknown; /* names that local state does not know, each with
			       its NUL; owned */
	size_t nunknown;
	bool later_writer;	       /* another machine took over there */
	bool hides;		       /* something was deleted and is kept */
	struct json *healed, *removed; /* of result->repaired; owned */
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

/*
 * What local state does not know (verify_foreign.c). The listing notes names,
 * those outside our places are ignored; then all are judged, into the result.
 */
void verify_note_unknown(struct checker *c, const char *name);
int verify_judge_unknown(struct checker *c, struct err *e) MUST_USE;

enum verify_judgement {
	VERIFY_NOT_JUDGED, /* it could not be read, or is gone */
	VERIFY_UNKNOWN,	   /* ours, or nothing that we can tell */
	VERIFY_FOREIGN
};
/* Reads one and judges it. Fails: ERR_STOPPED. */
int verify_judge(struct checker *c, const char *name, enum verify_judgement *is,
    struct err *e) MUST_USE;

#endif
