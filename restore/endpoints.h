/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which endpoint to ask next: those that answered well, fastest first, a busy
 * one behind an idle one, so that several are used at once. There are two ways
 * to ask: one try, by stores of our own that don't retry, and patiently, by
 * those of the repository. One that failed is set aside for a while, each time
 * for longer, so that a cut line costs its timeout once and not with every
 * call. Reports what is damaged or missing, and remembers why none could serve.
 * Thread: all calls, from any number of threads.
 */
#ifndef RESTORE_ENDPOINTS_H
#define RESTORE_ENDPOINTS_H

#include "repository/lookup.h"
#include "restore/remarks.h"

struct endpoints;

/* quick: the stores of one try each, by r's endpoints; the caller's (for
 * tests). NULL: opened here. Fails: as store_open. */
struct endpoints *endpoints_new(struct repo *r, struct remarks *remarks,
    struct store *const *quick, struct err *e) MUST_USE;
void endpoints_free(struct endpoints *p);
/* How many calls at a time endpoint i takes well; 1 or more. */
unsigned endpoints_parallel(const struct endpoints *p, unsigned i);
struct repo *endpoints_repo(const struct endpoints *p);
size_t endpoints_count(const struct endpoints *p);

/* What came of asking one after the other for an object. Begin with sure. */
struct asking {
	unsigned sure;	  /* it is confirmed there: a bit each */
	unsigned asked;	  /* a bit each */
	unsigned damaged; /* should have it, but it is damaged or missing */
	struct err last;  /* why the last one that did not answer failed */
};

/* --- one try --- */

/* Who can be asked now. A bit each. */
struct endpoints_ready {
	unsigned open;	/* not set aside; after that one probe at a time */
	unsigned good;	/* of them: as fast as any, and gave no wrong bytes */
	unsigned probe; /* of them: was set aside, and may fail again */
	unsigned aside; /* their time is not over yet */
};
struct endpoints_ready endpoints_look(struct endpoints *p);
/* An open one, from the last look: the caller asks it, by endpoints_try. False
 * when another was faster and probes it. */
bool endpoints_claim(struct endpoints *p, unsigned i);
/* The best open one not asked yet for this object, claimed, or -1. */
int endpoints_next_open(struct endpoints *p, struct asking *a);
/* Reads n bytes from off of an object, trying once; counts and measures.
 * endpoints_failed is to hear of a failure. */
int endpoints_try(struct endpoints *p, unsigned i, const char *object,
    uint64_t off, void *bytes, size_t n, struct err *e) MUST_USE;

/* --- patiently --- */

/* The best one not asked yet for this object, or -1. Those that have it for
 * sure come first; the others may have got it meanwhile. */
int endpoints_next(struct endpoints *p, struct asking *a);
/* As endpoints_try, but tries again for as long as the settings say. */
int endpoints_get(struct endpoints *p, unsigned i, const char *object,
    uint64_t off, void *bytes, size_t n, struct err *e) MUST_USE;

/* --- what came of it --- */

/* The object could not be had from i, as why says: ERR_CORRUPT, and ERR_MISSING
 * where it should be (when the endpoint itself answers), are reported as
 * damage; anything else sets the endpoint aside. */
void endpoints_failed(struct endpoints *p, struct asking *a, unsigned i,
    const char *object, const struct err *why);
/* It was had from i: says so when others had it damaged. */
void endpoints_served(struct endpoints *p, const struct asking *a, unsigned i,
    const char *object);
/* Nobody is left to ask: the error that this makes. */
int endpoints_none(const struct endpoints *p, const struct asking *a,
    const char *object, struct err *e);
/* Bytes had from each, and which have been set aside and not answered since (a
 * bit each). */
void endpoints_fetched(struct endpoints *p,
    uint64_t fetched[SETTINGS_ENDPOINTS_MAX], unsigned *away);

#endif
