/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the S3 driver share: s3.c (objects), s3_request.c (one
 * signed request, and what an unwanted answer means), s3_list.c.
 */
#ifndef STORAGE_DRIVERS_S3_H
#define STORAGE_DRIVERS_S3_H

#include <stdatomic.h>

#include "storage-drivers/credential.h"
#include "storage-drivers/http.h"
#include "storage-drivers/store_impl.h"

struct s3 {
	struct store store;
	struct http *http;
	char *origin; /* "https://s3.example.net:9000" */
	char *host;   /* of the header: with the port if it isn't the usual */
	char *bucket;
	char *root;   /* escaped: "/bucket" or, virtual-host style, "" */
	char *prefix; /* "" or "some/folder/", before every name; as it is */
	char *access_key, *region;
	struct credential secret_key, session_token;
	bool has_token;
	atomic_bool no_conditions; /* the server doesn't take If-None-Match */
};

/* One request; name NULL is the bucket itself. */
struct s3_call {
	const char *method, *name;
	const char *query; /* escaped and sorted, or NULL */
	const void *body;
	size_t body_bytes;
	void *into;
	size_t into_bytes;
	uint64_t from; /* of the range, when into_bytes is not 0 */
	bool if_none_match;
};

/* As http_do. Answers of every status are answers. */
int s3_request(struct s3 *s, const struct s3_call *call, struct http_answer *a,
    struct err *e) MUST_USE;

/*
 * What an unwanted answer means, from its status and the code in its XML.
 * Fails always, -1: ERR_MISSING (the object, or, as the text says, the
 * bucket), ERR_DENIED, ERR_CONFIG (wrong region, wrong clock), ERR_AGAIN, …
 */
int s3_refused(const struct s3 *s, const struct s3_call *call,
    const struct http_answer *a, struct err *e);

/* The driver's list. */
int s3_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e);

#endif
