/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The storage contract as tests: each promise of store.h and store_impl.h is
 * one function of suite.c, run against any driver or wrapper. A test program
 * says how its endpoints are made, and adds what only it has to show.
 */
#ifndef TESTS_DRIVERS_SUITE_H
#define TESTS_DRIVERS_SUITE_H

#include "storage-drivers/store_impl.h"

#define SUITE_ENDPOINT "suite" /* the name of every store under test */

struct suite_subject {
	const char *what; /* "file" */
	/* The ground of an empty endpoint that is ready to take objects. */
	void *(*make)(void);
	struct store *(*open)(void *ground);
	void (*unmake)(void *ground);
	bool lasts; /* a store opened later finds what an earlier one put */
	/* The server's own moves are not atomic (Apache's mod_dav: it looks,
	 * removes, renames): a name that is being replaced may be missing for
	 * a moment (404, or 403 when it goes while it is opened), and of
	 * several PUT_NEW at the same moment more than one may win. A mixture
	 * is never seen all the same. */
	bool is_loose;
};

/* Runs all of it; each test has an endpoint of its own. Returns how many
 * failed. */
int suite_run(const struct suite_subject *subject);

/* Helpers of the test programs too: each fails the running test. */

/* Stores text under name, which must go well. */
void suite_put(struct store *s, const char *name, const char *text);
/* The object is there and holds text. */
void suite_expect(struct store *s, const char *name, const char *text);
/* The object is not there. */
void suite_expect_none(struct store *s, const char *name);
/* A call has ended with rc: it failed, with this kind, and names its endpoint.
 * Clears e. */
void suite_expect_failure(int rc, struct err *e, enum err_kind kind);
/* A call has ended well. */
void suite_expect_success(int rc, const struct err *e);
/* How many objects are listed below prefix. */
size_t suite_count(struct store *s, const char *prefix);

#endif
