/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tiny HTTP server on loopback that plays a script, for answers that no real
 * server gives when it is asked to: odd, lying and hostile ones. It has a
 * thread of its own; a connection carries one request.
 */
#ifndef TESTS_DRIVERS_PLAYED_H
#define TESTS_DRIVERS_PLAYED_H

#include <stddef.h>

/* An answer to requests that begin with request: "GET /bucket?versions=". */
struct played_line {
	const char *request;
	int status;
	const char *headers; /* "Name: value\r\n" each, or NULL */
	const char *body;    /* or NULL; HEAD's tells the length alone */
	unsigned times;	     /* then the next line that fits; 0: for ever */
};

struct played;
/* Of all lines that fit a request, the first that isn't used up answers; none:
 * 418. The script stays the caller's. */
struct played *played_start(const struct played_line *script, size_t n);
void played_freep(struct played **p); /* stops it */
unsigned played_port(const struct played *p);

/* What came so far, whole requests one after the other: valid until the next
 * call that asks. */
const char *played_seen(struct played *p);
/* How many requests began with this. */
size_t played_count(struct played *p, const char *request);

#endif
