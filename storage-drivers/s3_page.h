/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page of a bucket's listing, of objects (ListObjectsV2) or of all their
 * versions (ListObjectVersions), from memory. The server may be hostile: names
 * that are not ours are left out, and those that are come in order.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
 */
#ifndef STORAGE_DRIVERS_S3_PAGE_H
#define STORAGE_DRIVERS_S3_PAGE_H

#include "storage-drivers/store_impl.h"

#define S3_VERSION_MAX	1025	/* a version's id, with its NUL */
#define S3_VERSIONS_MAX 1000000 /* of one name */

struct s3_item {
	char name[STORE_NAME_MAX];    /* below the prefix; a good one */
	char version[S3_VERSION_MAX]; /* "" in a listing of objects */
	bool is_marker; /* a delete marker: it has neither bytes nor size */
	uint64_t bytes;
	int64_t modified; /* or STORE_NO_TIME */
};

/*
 * {0} and the first four members set is ready for the first page; it is kept
 * from page to page. Released by s3_page_free.
 */
struct s3_page {
	const char *prefix; /* of every name; keys without it are left out */
	bool has_versions;
	/* A non-zero answer ends the reading; it is kept in answer. */
	int (*each)(const struct s3_item *item, void *arg, struct err *e);
	void *arg;
	int answer;
	bool is_truncated;	 /* there is another page; where it begins: */
	struct buf token;	 /* of a listing of objects */
	struct buf key, version; /* of a listing of versions */
	/* private to s3_page.c */
	bool is_escaped, is_whole, is_in_item, has_size;
	struct s3_item item;	   /* that is being read */
	struct buf spelled, raw;   /* its key, as in the answer and as it is */
	char last[STORE_NAME_MAX]; /* name before it */
	size_t alike;		   /* versions of that name so far */
};
void s3_page_free(struct s3_page *page); /* also a SCOPED releaser */

/*
 * Reads a page and calls each for what is in it: names in the order of their
 * bytes, each once (with versions: each version once, the newest first).
 * Fails: ERR_CORRUPT, or as each does.
 */
int s3_page_read(
    struct s3_page *page, const void *p, size_t n, struct err *e) MUST_USE;

/* "2026-11-22T02:30:00.000Z", as S3 writes times; STORE_NO_TIME when it isn't
 * one. */
int64_t s3_time(const char *text);

#endif
