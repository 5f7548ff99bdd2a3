/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects as files of a WebDAV folder. Servers write a PUT in place, so that a
 * cut one leaves half a file: uploads go to a temporary name and are moved.
 * Folders are made when a move finds none. Passwords go over TLS, to this very
 * machine, or not at all in clear (Digest). RFC 4918, RFC 7616, RFC 7617.
 */
#include "storage-drivers/webdav.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "storage-drivers/address.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/range.h"

#define NAME_BYTES 8
#define PIECE	   ((size_t)1 << 20) /* that is read back at a time */

static struct webdav *
webdav_of(struct store *s)
{
	return ((struct webdav *)s);
}

/* --- requests ------------------------------------------------------------ */

/* The password is read when it is first needed. */
static struct http *
http_of(struct webdav *w, struct err *e)
{
	struct http_conf conf = w->http_conf;
	struct http *h;

	(void)pthread_mutex_lock(&w->lock);
	if (w->http == NULL &&
	    (conf.user == NULL ||
		(conf.password = credential_value(&w->password, e)) != NULL))
		w->http = http_new(&conf);
	h = w->http;
	(void)pthread_mutex_unlock(&w->lock);
	return (h);
}

int
webdav_request(struct webdav *w, const struct webdav_call *call,
    struct http_answer *a, struct err *e)
{
	SCOPED(buf_free) struct buf url = BUF_INIT;
	const char *headers[sizeof(call->headers) / sizeof(char *) + 2];
	struct http_request q = { .method = call->method,
		.headers = headers,
		.body = call->body,
		.body_bytes = call->body_bytes,
		.into = call->into,
		.into_bytes = call->into_bytes };
	struct http *http = http_of(w, e);
	size_t n = 0;

	if (http == NULL)
		return (-1);
	headers[n++] = "expect:";
	for (size_t i = 0; call->headers[i] != NULL; i++)
		headers[n++] = call->headers[i];
	headers[n] = NULL;
	buf_printf(&url, "%s%s%s", w->origin, w->root, call->path);
	q.url = buf_text(&url);
	return (http_do(http, &q, a, e));
}

/* A request whose answer matters by its status alone. */
static int
ask(struct webdav *w, const struct webdav_call *call, int *status,
    struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };

	if (webdav_request(w, call, &a, e) < 0)
		return (-1);
	*status = a.status;
	return (0);
}

static int
refused(const struct webdav_call *call, int status, struct err *e)
{
	char what[STORE_NAME_MAX + 32];

	(void)snprintf(what, sizeof(what), "%s %s", call->method, call->path);
	(void)http_refused(status, what, e);
	if (status == 405) /* of a folder that is there: rclone's "no" */
		e->kind = ERR_DENIED;
	if (status == 409 && strcmp(call->method, "MKCOL") == 0)
		e->kind = ERR_MISSING; /* the folder above */
	if (e->kind == ERR_DENIED)
		return (err_hint(e,
		    "check user, password-file, and who may write to the folder"));
	return (-1);
}

/* "/name", or "/name/of/folder/" */
static char *
path_of(const char *name, size_t n, const char *end)
{
	return (mem_printf("/%.*s%s", (int)n, name, end));
}

/* --- folders ------------------------------------------------------------- */

/* MKCOL. Being there already is success, whoever made it: servers answer 405,
 * which some say of a folder that they may not make as well, or anything when
 * two make it at the same moment. */
static int
make_folder(struct webdav *w, const char *path, struct err *e)
{
	const struct webdav_call call = { .method = "MKCOL", .path = path };
	struct err ignored = ERR_INIT;
	int status;

	if (ask(w, &call, &status, e) < 0)
		return (-1);
	if (status == 201 || status == 200 ||
	    webdav_find_folder(w, path, &ignored) == 0)
		return (0);
	return (refused(&call, status, e));
}

/* The folders above an object. Never the endpoint's own. */
static int
make_parents(struct webdav *w, const char *name, struct err *e)
{
	for (size_t i = 1; name[i] != '\0'; i++) {
		SCOPED(scope_free) char *path = NULL;

		if (name[i] != '/')
			continue;
		path = path_of(name, i, "/");
		if (make_folder(w, path, e) < 0)
			return (-1);
	}
	return (0);
}

static int
webdav_prepare(struct store *store, struct err *e)
{
	struct webdav *w = webdav_of(store);
	struct err missing = ERR_INIT;

	if (webdav_find_folder(w, "/", &missing) == 0)
		return (0);
	if (missing.kind != ERR_MISSING) {
		*e = missing;
		return (-1);
	}
	return (make_folder(w, "/", e));
}

/* --- put: to a temporary name, then moved -------------------------------- */

static void
remove_upload(struct webdav *w, const char *path)
{
	const struct webdav_call call = { .method = "DELETE", .path = path };
	struct err ignored = ERR_INIT;
	int status;

	(void)ask(w, &call, &status, &ignored);
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

	if (ask(w, &call, &answer, &ignored) == 0) {
		if (answer == 401 || answer == 403)
			return (refused(&call, answer, e));
		if (answer == 201)
			remove_upload(w, path);
	}
	return (refused(put, status, e));
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
		return (refused(call, status, e));
	empty.body = NULL;
	empty.body_bytes = 0;
	if (ask(w, &empty, &answer, &ignored) < 0 || !is_stored(answer))
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
		if (ask(w, &call, &status, e) < 0)
			return (-1);
		if (is_stored(status))
			return (0);
		if (!may_lack_folder(status) && status != 405)
			return (refused(&call, status, e));
		if (tries == 2)
			return (explain(w, &call, status, e));
		/* The endpoint's own folder is not ours to make here. */
		if (webdav_find_folder(w, "/", e) < 0 ||
		    make_folder(w, "/" WEBDAV_TEMPORARY "/", e) < 0)
			return (-1);
	}
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
		if (ask(w, &call, &status, e) < 0)
			return (-1);
		if (is_stored(status))
			return (0);
		if (is_new && status == 412)
			return (err_set(
			    e, ERR_EXISTS, "%s is there already", name));
		/* 403: rclone's word for it */
		if ((!may_lack_folder(status) && status != 403) || tries == 2)
			return (refused(&call, status, e));
		if (make_parents(w, name, e) < 0)
			return (-1);
	}
}

static int
get_range(struct webdav *w, const char *path, uint64_t off, void *p, size_t n,
    struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	char range[RANGE_TEXT], header[sizeof("range: ") + RANGE_TEXT];
	const struct webdav_call call = { .method = "GET",
		.path = path,
		.headers = { header },
		.into = p,
		.into_bytes = n };

	range_text(off, n, range);
	(void)snprintf(header, sizeof(header), "range: %s", range);
	if (webdav_request(w, &call, &a, e) < 0)
		return (-1);
	if (!range_is_answered(&a, off))
		return (refused(&call, a.status, e));
	return (range_check(&a, path, n, e));
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
		if (get_range(w, path, at, there, piece, e) < 0 &&
		    e->kind != ERR_CORRUPT)
			return (-1);
		if (e->kind == ERR_CORRUPT || memcmp(there, p + at, piece) != 0)
			return (err_set(e, ERR_NETWORK,
			    "PUT %s: what arrived are not the bytes that were sent",
			    path));
	}
	return (0);
}

static int
webdav_put(struct store *store, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct webdav *w = webdav_of(store);
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

/* --- get, stat, drop ----------------------------------------------------- */

static int
webdav_stat(
    struct store *store, const char *name, uint64_t *bytes, struct err *e)
{
	struct store_entry entry;

	/* Not HEAD: servers leave an empty file's length out of its answer. */
	if (webdav_find(webdav_of(store), name, &entry, e) < 0)
		return (-1);
	*bytes = entry.bytes;
	return (0);
}

static int
webdav_get(struct store *store, const char *name, uint64_t off, void *p,
    size_t n, struct err *e)
{
	SCOPED(scope_free) char *path = path_of(name, strlen(name), "");

	if (!range_can_be_asked(off, n))
		return (range_by_stat(store, name, off, n, e));
	return (get_range(webdav_of(store), path, off, p, n, e));
}

static int
webdav_drop(struct store *store, const char *name, struct err *e)
{
	SCOPED(scope_free) char *path = path_of(name, strlen(name), "");
	const struct webdav_call call = { .method = "DELETE", .path = path };
	int status;

	if (ask(webdav_of(store), &call, &status, e) < 0)
		return (-1);
	if (status / 100 == 2)
		return (0);
	if (status == 404 || status == 410)
		return (webdav_find_folder(webdav_of(store), "/", e));
	return (refused(&call, status, e));
}

/* What any answer tells, a refusal too: the time. */
static int
webdav_facts(struct store *store, struct store_facts *out, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	const struct webdav_call call = { .method = "OPTIONS", .path = "/" };

	if (webdav_request(webdav_of(store), &call, &a, e) < 0)
		return (-1);
	if (a.date != HTTP_NO_TIME)
		out->clock = a.date;
	return (0);
}

/* --- making -------------------------------------------------------------- */

static void
webdav_free(struct store *store)
{
	struct webdav *w = webdav_of(store);

	http_free(w->http);
	credential_free(&w->password);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->ca_file);
	free(w->user);
	free(w->origin);
	free(w->root);
	free(w->store.name);
	free(w);
}

static const struct store_ops WEBDAV_OPS = {
	.scheme = "webdav",
	.parallel = WEBDAV_PARALLEL,
	.prepare = webdav_prepare,
	.put = webdav_put,
	.get = webdav_get,
	.stat = webdav_stat,
	.list = webdav_list,
	.drop = webdav_drop,
	.facts = webdav_facts,
	.free = webdav_free,
};

/* The user may stand in the URL too, as "user@"; two are one too many. */
static int
choose_user(const struct store_conf *conf, struct address *u, char **user,
    struct err *e)
{
	if (conf->user != NULL && u->user != NULL &&
	    strcmp(conf->user, u->user) != 0)
		return (err_set(
		    e, ERR_CONFIG, "user differs from the one in the url"));
	*user = conf->user != NULL ? mem_string(conf->user) : TAKE(u->user);
	if (*user != NULL && conf->password_file == NULL)
		return (err_set(e, ERR_CONFIG, "password-file is not set"));
	return (0);
}

struct store *
store_webdav_new(const struct store_conf *conf, bool is_secure, struct err *e)
{
	SCOPED(address_free) struct address u = { .host = NULL };
	SCOPED(buf_free) struct buf root = BUF_INIT;
	SCOPED(scope_free) char *user = NULL;
	struct webdav *w;

	if (address_parse(conf->url, &u, e) < 0 ||
	    choose_user(conf, &u, &user, e) < 0)
		return (NULL);
	w = mem_new(sizeof(*w));
	w->store = (struct store){ .ops = &WEBDAV_OPS,
		.name = mem_string(conf->name) };
	(void)pthread_mutex_init(&w->lock, NULL);
	credential_init(
	    &w->password, "password-file", conf->password_file, NULL);
	w->user = TAKE(user);
	if (conf->ca_file != NULL)
		w->ca_file = mem_string(conf->ca_file);
	if (conf->upload_limit != NULL) {
		w->upload_limit = *conf->upload_limit;
		w->has_limit = true;
	}
	percent_add_path(&root, u.path);
	w->root = mem_string(buf_text(&root));
	w->origin = mem_printf("%s://%s%s%s", is_secure ? "https" : "http",
	    u.host, u.port != NULL ? ":" : "", u.port != NULL ? u.port : "");
	w->http_conf = (struct http_conf){ .ca_file = w->ca_file,
		.user = w->user,
		.digest_only = !is_secure && !address_is_loopback(&u),
		.timeout_s = conf->timeout_s,
		.upload_limit = w->has_limit ? &w->upload_limit : NULL };
	return (&w->store);
}
