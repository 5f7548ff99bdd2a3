/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP as the drivers of S3 and WebDAV need it: a request from memory, an
 * answer into memory, both bounded. Connections are kept for the next request.
 * Certificates are always verified, redirections never followed, and a line
 * that is silent for the timeout is given up; a stopped program ends a transfer
 * within a second. A proxy is taken from the environment, as curl does.
 * Thread: requests may come from several threads at once.
 */
#ifndef STORAGE_DRIVERS_HTTP_H
#define STORAGE_DRIVERS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define HTTP_PARALLEL 8			 /* requests at a time, others wait */
#define HTTP_BODY_MAX ((size_t)32 << 20) /* of an answer that is kept */
#define HTTP_NO_TIME  INT64_MIN
#define HTTP_WORD     1025 /* a header's value that is kept, with its NUL */

struct rate;
struct secret;
struct http;

struct http_conf {
	const char *ca_file; /* PEM, or NULL for the system's */
	const char *user;    /* Basic or Digest, or NULL */
	const struct secret *password;
	bool digest_only; /* never a password in clear */
	unsigned timeout_s;
	const struct rate *upload_limit; /* or NULL */
};

/* Owns: copies what conf points to. */
struct http *http_new(const struct http_conf *conf);
void http_free(struct http *h);

struct http_request {
	const char *method, *url;
	const char *const *headers; /* "name: value" each, NULL at the end */
	const void *body;
	size_t body_bytes;
	void *into; /* takes the body of a 2xx; NULL: kept in the answer */
	size_t into_bytes;
};

struct http_answer {
	int status;
	uint64_t length; /* Content-Length; UINT64_MAX when not said */
	size_t got;	 /* bytes in into; one more than fit when too many */
	int64_t date;	 /* the server's clock, seconds, or HTTP_NO_TIME */
	/* "" when not said, or longer than all that are in use. */
	char etag[HTTP_WORD], version[HTTP_WORD]; /* x-amz-version-id */
	struct buf body; /* of every answer that didn't go to into */
};
void http_answer_free(struct http_answer *a); /* also a SCOPED releaser */

/*
 * One request, one answer, whatever its status.
 * Fails: ERR_NETWORK (no connection, a cut or silent line, no whole answer),
 * ERR_CONFIG (the certificate is not to be trusted, or a file of ours can't be
 * read), ERR_CORRUPT (an answer that is too long), ERR_STOPPED.
 */
int http_do(struct http *h, const struct http_request *q, struct http_answer *a,
    struct err *e) MUST_USE;

/*
 * What an unwanted status means, as a failure: 401 and 403 DENIED, 404 and 410
 * MISSING, 412 EXISTS, 416 CORRUPT, 408, 409, 423, 425, 429 and 5xx AGAIN, 413
 * and 507 FULL, 3xx CONFIG. what says what was asked for. Returns -1.
 */
int http_refused(int status, const char *what, struct err *e);

#endif
