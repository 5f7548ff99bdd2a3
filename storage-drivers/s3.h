/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the S3 driver share: s3.c (objects), s3_request.c (one
 * signed request, and what an unwanted answer means), s3_list.c (listings,
 * page by page), s3_bucket.c (what a bucket says of itself), s3_lock.c (until
 * when an object is locked), s3_versions.c (all that is kept under a name).
 */
#ifndef STORAGE_DRIVERS_S3_H
#define STORAGE_DRIVERS_S3_H

#include <stdatomic.h>

#include "storage-drivers/credential.h"
#include "storage-drivers/http.h"
#include "storage-drivers/s3_page.h"

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
	const char *lock_mode; /* "COMPLIANCE", "GOVERNANCE"; NULL: no locks */
	unsigned lock_days;
	atomic_bool no_conditions; /* the server doesn't take If-None-Match */
	atomic_int has_versions; /* enum store_answer; UNKNOWN: not asked yet */
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
	int64_t lock_until; /* of what is put; 0: it isn't locked */
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

/*
 * Reads a listing from page to page; of page, has_versions, each and arg are
 * set. prefix is a part of a name. Returns 0, -1 or the answer of each that
 * ended it.
 */
int s3_read_pages(struct s3 *s, struct s3_page *page, const char *prefix,
    struct err *e) MUST_USE;

/* 0 when the bucket is there. Fails: ERR_MISSING; or as store_list. */
int s3_find_bucket(struct s3 *s, struct err *e) MUST_USE;
/* Does the bucket keep anything behind the newest version of a name? Asked
 * once; a bucket that won't tell is taken for one that doesn't. */
int s3_has_versions(struct s3 *s, bool *has, struct err *e) MUST_USE;
/* 0 unless it is certain that no object can be locked in the bucket. Fails:
 * ERR_CONFIG then, or as the question does. */
int s3_check_locking(struct s3 *s, struct err *e) MUST_USE;

/* The server has refused a lock, as e says; where nothing can be locked in the
 * bucket, e says so instead, as ERR_CONFIG. Always -1. */
int s3_refused_lock(struct s3 *s, struct err *e);

/*
 * The server has refused to delete a version, as e says: when that is because
 * it is locked, e says so instead, as ERR_LOCKED. Always -1.
 */
int s3_refused_delete(
    struct s3 *s, const char *name, const char *version, struct err *e);

/* The driver's other calls, as in struct store_ops. */
int s3_facts(struct store *store, struct store_facts *out, struct err *e);
int s3_lock(
    struct store *store, const char *name, int64_t until, struct err *e);
int s3_load_first(struct store *store, const char *name, size_t limit,
    struct buf *out, struct err *e);
int s3_drop(struct store *store, const char *name, struct err *e);
int s3_unhide(struct store *store, const char *name, struct err *e);
int s3_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e);

#endif
