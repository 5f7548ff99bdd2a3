/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS Signature Version 4 for S3, in the Authorization header:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * Done here because libcurl 7.88's own fails on sorted queries, keys without a
 * value, and slashes.
 */
#ifndef STORAGE_DRIVERS_SIGV4_H
#define STORAGE_DRIVERS_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SIGV4_HEADERS_MAX 16

struct secret;

struct sigv4_keys {
	const char *access_key, *region;
	const struct secret *secret_key;
};

struct sigv4_header {
	const char *name;  /* lower case */
	const char *value; /* without spaces around it */
};

struct sigv4_request {
	const char *method, *path; /* as in the URL, escaped once */
	const char *query; /* escaped, sorted by name, "a=&b=1", or "" */
	/* All that are signed, sorted by name: host, x-amz-content-sha256 and
	 * x-amz-date at least. */
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	size_t nheaders;
	const char *payload_sha256; /* hex, as in the header */
	const char *date;	    /* as in x-amz-date: 20130524T000000Z */
};

/* Appends the value of the Authorization header. Its signature tells nothing of
 * the secret key; what is derived from it is wiped. */
void sigv4_sign(const struct sigv4_keys *keys, const struct sigv4_request *q,
    struct buf *out);

#endif
