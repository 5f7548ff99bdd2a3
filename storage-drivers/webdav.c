/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects as files of a WebDAV folder: requests, and the calls that take one.
 * Passwords go over TLS, to this very machine, or not at all in clear (Digest).
 * RFC 4918, RFC 7616, RFC 7617.
 */
#include "storage-drivers/webdav.h"

#include <stdlib.h>
#include <string.h>

#include "storage-drivers/address.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/range.h"

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

int
webdav_ask(struct webdav *w, const struct webdav_call *call, int *status,
    struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };

	if (webdav_request(w, call, &a, e) < 0)
		return (-1);
	*status = a.status;
	return (0);
}

int
webdav_refused(const struct webdav_call *call, int status, struct err *e)
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

/* --- folders ------------------------------------------------------------- */

/* Servers answer 405 of a folder that is there, which some say of one that they
 * may not make as well, or anything when two make it at the same moment. */
int
webdav_make_folder(struct webdav *w, const char *path, struct err *e)
{
	const struct webdav_call call = { .method = "MKCOL", .path = path };
	struct err ignored = ERR_INIT;
	int status;

	if (webdav_ask(w, &call, &status, e) < 0)
		return (-1);
	if (status == 201 || status == 200 ||
	    webdav_find_folder(w, path, &ignored) == 0)
		return (0);
	return (webdav_refused(&call, status, e));
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
	return (webdav_make_folder(w, "/", e));
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

int
webdav_get_range(struct webdav *w, const char *path, uint64_t off, void *p,
    size_t n, struct err *e)
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
		return (webdav_refused(&call, a.status, e));
	return (range_check(&a, path, n, e));
}

static int
webdav_get(struct store *store, const char *name, uint64_t off, void *p,
    size_t n, struct err *e)
{
	SCOPED(scope_free) char *path = mem_printf("/%s", name);

	if (!range_can_be_asked(off, n))
		return (range_by_stat(store, name, off, n, e));
	return (webdav_get_range(webdav_of(store), path, off, p, n, e));
}

static int
webdav_drop(struct store *store, const char *name, struct err *e)
{
	SCOPED(scope_free) char *path = mem_printf("/%s", name);
	const struct webdav_call call = { .method = "DELETE", .path = path };
	int status;

	if (webdav_ask(webdav_of(store), &call, &status, e) < 0)
		return (-1);
	if (status / 100 == 2)
		return (0);
	if (status == 404 || status == 410)
		return (webdav_find_folder(webdav_of(store), "/", e));
	return (webdav_refused(&call, status, e));
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
