/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes come in, and an object is there. Servers write a PUT in place, so that
 * a cut one leaves half a file: uploads go to a temporary name and are moved.
 * Folders are made when a move finds none.
 */
#include "storage-drivers/webdav.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define NAME_BYTES 8
#define PIECE	   ((size_t)1 << 20) /* that is read back at a time */

static void
remove_upload(struct webdav *w, const char *path)
{
	const struct webdav_call call = { .method = "DELETE", .path = path };
	struct err ignored = ERR_INIT;
	int status;

	(void)webdav_ask(w, &call, &status, &ignored);
}

static bool
is_stored(int status)
{
	return (status == 201 || status == 204 || status == 200);
}

/* May a request have failed because the folder above its target is not there?
 * By RFC 4918 it answers 409; nginx's PUT and Apache's MOVE answer 500. */
static bool
may_lack_folder(int status)
{
	return (status == 409 || status == 404 || status == 500);
}

/* MKCOL beside the upload that failed: is that what we may not do there? */
static int
explain_denied(
    struct webdav *w, const struct webdav_call *put, int status, struct err *e)
{
	SCOPED(scope_free) char *path = mem_printf("%s-probe/", put->path);
	const struct webdav_call call = { .method = "MKCOL", .path = path };
	struct err ignored = ERR_INIT;
	int answer;

	if (webdav_ask(w, &call, &answer, &ignored) == 0) {
		if (answer == 401 || answer == 403)
			return (webdav_refused(&call, answer, e));
		if (answer == 201)
			remove_upload(w, path);
	}
	return (webdav_refused(put, status, e));
}

/*
 * An upload to a folder that is there was refused, and the status does not say
 * why: nginx and Apache answer 500 and rclone 405, whether they may not write
 * or have no room. Where an empty file is taken, it is the bytes that are too
 * many.
 */
static int
explain(
    struct webdav *w, const struct webdav_call *call, int status, struct err *e)
{
	struct webdav_call empty = *call;
	struct err ignored = ERR_INIT;
	int answer;

	if (status != 500 && status != 405)
		return (webdav_refused(call, status, e));
	empty.body = NULL;
	empty.body_bytes = 0;
	if (webdav_ask(w, &empty, &answer, &ignored) < 0 || !is_stored(answer))
		return (explain_denied(w, call, status, e));
	return (err_set(e, call->body_bytes > 0 ? ERR_FULL : ERR_AGAIN,
	    "%s %s: the server answers %d, but takes an empty file: it seems to have no room for %zu bytes",
	    call->method, call->path, status, call->body_bytes));
}

static int
upload(
    struct webdav *w, const char *path, const void *p, size_t n, struct err *e)
{
	const struct webdav_call call = { .method = "PUT",
		.path = path,
		.headers = { "content-type: application/octet-stream" },
		.body = p,
		.body_bytes = n };
	int status;

	for (unsigned tries = 1;; tries++) {
		if (webdav_ask(w, &call, &status, e) < 0)
			return (-1);
		if (is_stored(status))
			return (0);
		if (!may_lack_folder(status) && status != 405)
			return (webdav_refused(&call, status, e));
		if (tries == 2)
			return (explain(w, &call, status, e));
		/* The endpoint's own folder is not ours to make here. */
		if (webdav_find_folder(w, "/", e) < 0 ||
		    webdav_make_folder(w, "/" WEBDAV_TEMPORARY "/", e) < 0)
			return (-1);
	}
}

/* The folders above an object. Never the endpoint's own. */
static int
make_parents(struct webdav *w, const char *name, struct err *e)
{
	for (size_t i = 1; name[i] != '\0'; i++) {
		SCOPED(scope_free) char *path = NULL;

		if (name[i] != '/')
			continue;
		path = mem_printf("/%.*s/", (int)i, name);
		if (webdav_make_folder(w, path, e) < 0)
			return (-1);
	}
	return (0);
}

static int
move(struct webdav *w, const char *from, const char *name, bool is_new,
    struct err *e)
{
	SCOPED(scope_free)
	char *to = mem_printf("destination: %s%s/%s", w->origin, w->root, name);
	const struct webdav_call call = { .method = "MOVE",
		.path = from,
		.headers = { to, is_new ? "overwrite: F" : "overwrite: T" } };
	int status;

	for (unsigned tries = 1;; tries++) {
		if (webdav_ask(w, &call, &status, e) < 0)
			return (-1);
		if (is_stored(status))
			return (0);
		if (is_new && status == 412)
			return (err_set(
			    e, ERR_EXISTS, "%s is there already", name));
		/* 403: rclone's word for it */
		if ((!may_lack_folder(status) && status != 403) || tries == 2)
			return (webdav_refused(&call, status, e));
		if (make_parents(w, name, e) < 0)
			return (-1);
	}
}

/*
 * WebDAV has no sum that a server would check an upload by. Without TLS, which
 * lets no changed byte through, it is read back, a piece at a time.
 */
static int
check_upload(struct webdav *w, const char *path, const uint8_t *p, size_t n,
    struct err *e)
{
	SCOPED(scope_free) void *there = NULL;

	if (strncmp(w->origin, "https:", strlen("https:")) == 0)
		return (0);
	there = mem_new(PIECE);
	for (size_t at = 0, piece; at < n; at += piece) {
		piece = n - at < PIECE ? n - at : PIECE;
		if (webdav_get_range(w, path, at, there, piece, e) < 0 &&
		    e->kind != ERR_CORRUPT)
			return (-1);
		if (e->kind == ERR_CORRUPT || memcmp(there, p + at, piece) != 0)
			return (err_set(e, ERR_NETWORK,
			    "PUT %s: what arrived are not the bytes that were sent",
			    path));
	}
	return (0);
}

int
webdav_put(struct store *store, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct webdav *w = (struct webdav *)store;
	uint8_t random[NAME_BYTES];
	char hex[2 * NAME_BYTES + 1];
	SCOPED(scope_free) char *path = NULL;

	random_bytes(random, sizeof(random));
	hex_of(random, sizeof(random), hex);
	path = mem_printf("/" WEBDAV_TEMPORARY "/%s", hex);
	if (upload(w, path, p, n, e) == 0 &&
	    check_upload(w, path, p, n, e) == 0 &&
	    move(w, path, name, (flags & STORE_PUT_NEW) != 0, e) == 0)
		return (0);
	if (e->kind != ERR_STOPPED)
		remove_upload(w, path);
	return (-1);
}
