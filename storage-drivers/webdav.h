/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the WebDAV driver share: webdav.c (requests, objects and
 * folders), webdav_put.c (uploads), webdav_list.c (PROPFIND). RFC 4918.
 */
#ifndef STORAGE_DRIVERS_WEBDAV_H
#define STORAGE_DRIVERS_WEBDAV_H

#include "storage-drivers/credential.h"
#include "storage-drivers/http.h"
#include "storage-drivers/rate.h"
#include "storage-drivers/store_impl.h"

/* Uploads under way live here; no object's name can have a '~'. */
#define WEBDAV_TEMPORARY ".tmp~"

#define WEBDAV_PARALLEL 3 /* small servers have few workers */

struct webdav {
	struct store store;
	struct http_conf http_conf; /* strings are owned below */
	char *ca_file, *user;
	struct credential password;
	struct rate upload_limit;
	bool has_limit;
	pthread_mutex_t lock;
	struct http *http; /* made when it is first needed; guarded by lock */
	char *origin;	   /* "https://dav.example.net:8443" */
	char *root;	   /* escaped path of the endpoint's folder, no '/' at
			      its end: "" or "/some/folder" */
};

struct webdav_call {
	const char *method, *path; /* escaped, below root, begins with '/' */
	const char *headers[4];	   /* further ones, NULL at the end */
	const void *body;
	size_t body_bytes;
	void *into;
	size_t into_bytes;
};

/* As http_do, for a path below the endpoint's folder. */
int webdav_request(struct webdav *w, const struct webdav_call *call,
    struct http_answer *a, struct err *e) MUST_USE;
/* The same, when the answer matters by its status alone. */
int webdav_ask(struct webdav *w, const struct webdav_call *call, int *status,
    struct err *e);
/* What an unwanted status means, as a failure. Returns -1. */
int webdav_refused(const struct webdav_call *call, int status, struct err *e);

/* Reads exactly n bytes, as store_get. */
int webdav_get_range(struct webdav *w, const char *path, uint64_t off, void *p,
    size_t n, struct err *e) MUST_USE;
/* MKCOL. Being there already is success, whoever made it. */
int webdav_make_folder(
    struct webdav *w, const char *path, struct err *e) MUST_USE;

/* PROPFIND of a folder below the endpoint's, or of that itself ("/"): 0 when it
 * is there. Fails: ERR_MISSING; ERR_CONFIG when it is no WebDAV folder. */
int webdav_find_folder(
    struct webdav *w, const char *path, struct err *e) MUST_USE;

/* PROPFIND of an object. Fails: ERR_MISSING, for a folder too. */
int webdav_find(struct webdav *w, const char *name, struct store_entry *out,
    struct err *e) MUST_USE;

/* The driver's other calls. */
int webdav_put(struct store *store, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e);
int webdav_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e);

#endif
