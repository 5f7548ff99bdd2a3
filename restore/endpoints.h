/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which endpoint to ask next: those that answered well, fastest first, a busy
 * one behind an idle one, so that several are used at once. Reports what is
 * damaged or missing, and remembers why none could serve.
 * Thread: all calls, from any number of threads.
 */
#ifndef RESTORE_ENDPOINTS_H
#define RESTORE_ENDPOINTS_H

#include "repository/lookup.h"
#include "restore/remarks.h"

struct endpoints;

struct endpoints *endpoints_new(struct repo *r, struct remarks *remarks);
void endpoints_free(struct endpoints *p);

/* What came of asking one after the other for an object. Begin with sure. */
struct asking {
	unsigned sure;	  /* it is confirmed there: a bit each */
	unsigned asked;	  /* a bit each */
	unsigned damaged; /* should have it, but it is damaged or missing */
	struct err last;  /* why the last one that did not answer failed */
};

/* The best one not asked yet for this object, or -1. Those that have it for
 * sure come first; the others may have got it meanwhile. */
int endpoints_next(struct endpoints *p, struct asking *a);
/* Reads n bytes from off of an object; counts and measures. */
int endpoints_get(struct endpoints *p, unsigned i, const char *object,
    uint64_t off, void *bytes, size_t n, struct err *e) MUST_USE;
/* The object could not be had from i, as why says: ERR_CORRUPT, and ERR_MISSING
 * where it should be (when the endpoint itself answers), are reported as
 * damage. */
void endpoints_failed(struct endpoints *p, struct asking *a, unsigned i,
    const char *object, const struct err *why);
/* It was had from i: says so when others had it damaged. */
void endpoints_served(struct endpoints *p, const struct asking *a, unsigned i,
    const char *object);
/* Nobody is left to ask: the error that this makes. */
int endpoints_none(const struct endpoints *p, const struct asking *a,
    const char *object, struct err *e);
/* Bytes had from each. */
void endpoints_fetched(
    struct endpoints *p, uint64_t fetched[SETTINGS_ENDPOINTS_MAX]);

#endif
