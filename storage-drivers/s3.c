/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects in a bucket of an S3 server, below a prefix. An upload is atomic by
 * the protocol, and its bytes are checked by the server before it says yes.
 * A name that must be new is asked for first, and put with If-None-Match where
 * the server takes it; one that doesn't is left with the question alone, and so
 * is Ceph 16.2 where versions are kept: it takes the header and ignores it.
 * With Object Lock set, whatever is put is locked from its first moment.
 */
#include "storage-drivers/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "storage-drivers/address.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/range.h"

#define REGION	 "us-east-1" /* what servers without regions expect */
#define DAY_S	 86400
#define DAYS_MAX 36500 /* of a lock, as AWS has it */

static struct s3 *
s3_of(struct store *s)
{
	return ((struct s3 *)s);
}

/* --- objects ------------------------------------------------------------- */

static int
s3_stat(struct store *store, const char *name, uint64_t *bytes, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	const struct s3_call call = { .method = "HEAD", .name = name };
	struct s3 *s = s3_of(store);

	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	if (a.status != 200)
		return (s3_refused(s, &call, &a, e));
	if (a.length == UINT64_MAX)
		return (err_set(
		    e, ERR_CORRUPT, "HEAD %s: the server tells no size", name));
	*bytes = a.length;
	return (0);
}

static int
put_once(struct s3 *s, const struct s3_call *call, int *status, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };

	if (s3_request(s, call, &a, e) < 0)
		return (-1);
	*status = a.status;
	if (a.status == 200 || a.status == 201 || a.status == 204)
		return (0);
	(void)s3_refused(s, call, &a, e);
	if (a.status == 400 && call->lock_until != 0)
		return (s3_refused_lock(s, e));
	/* Two conditional puts at the same moment: one of them won. */
	if (call->if_none_match && a.status == 409)
		e->kind = ERR_AGAIN;
	return (-1);
}

static int
put_new(struct store *store, struct s3_call *call, struct err *e)
{
	struct s3 *s = s3_of(store);
	struct err missing = ERR_INIT;
	uint64_t bytes = 0;
	int status = 0;

	if (s3_stat(store, call->name, &bytes, &missing) == 0)
		return (
		    err_set(e, ERR_EXISTS, "%s is there already", call->name));
	if (missing.kind != ERR_MISSING) {
		*e = missing;
		return (-1);
	}
	call->if_none_match = !atomic_load(&s->no_conditions);
	if (put_once(s, call, &status, e) == 0)
		return (0);
	if (status != 501 || !call->if_none_match)
		return (-1);
	err_clear(e);
	atomic_store(&s->no_conditions, true);
	call->if_none_match = false;
	return (put_once(s, call, &status, e));
}

static int
s3_put(struct store *store, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct s3_call call = {
		.method = "PUT", .name = name, .body = p, .body_bytes = n
	};
	struct s3 *s = s3_of(store);
	int status = 0;

	if (s->lock_mode != NULL)
		call.lock_until = clock_now() + (int64_t)s->lock_days * DAY_S;
	if ((flags & STORE_PUT_NEW) != 0)
		return (put_new(store, &call, e));
	return (put_once(s, &call, &status, e));
}

static int
s3_get(struct store *store, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	const struct s3_call call = { .method = "GET",
		.name = name,
		.into = p,
		.into_bytes = n,
		.from = off };
	struct s3 *s = s3_of(store);

	if (!range_can_be_asked(off, n))
		return (range_by_stat(store, name, off, n, e));
	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	if (!range_is_answered(&a, off))
		return (s3_refused(s, &call, &a, e));
	return (range_check(&a, name, n, e));
}

static int
find_none(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)entry;
	(void)arg;
	(void)e;
	return (1);
}

int
s3_find_bucket(struct s3 *s, struct err *e)
{
	return (
	    s3_list(&s->store, "writers/", find_none, NULL, e) < 0 ? -1 : 0);
}

/* A bucket is made by whoever pays for it; folders need no making. */
static int
s3_prepare(struct store *store, struct err *e)
{
	struct s3 *s = s3_of(store);

	if (s3_find_bucket(s, e) < 0)
		return (-1);
	return (s->lock_mode != NULL ? s3_check_locking(s, e) : 0);
}

/* --- making -------------------------------------------------------------- */

static void
s3_free(struct store *store)
{
	struct s3 *s = s3_of(store);

	http_free(s->http);
	credential_free(&s->secret_key);
	credential_free(&s->session_token);
	free(s->origin);
	free(s->host);
	free(s->bucket);
	free(s->root);
	free(s->prefix);
	free(s->access_key);
	free(s->region);
	free(s->store.name);
	free(s);
}

static const struct store_ops S3_OPS = {
	.scheme = "s3",
	.parallel = 4,
	.prepare = s3_prepare,
	.put = s3_put,
	.get = s3_get,
	.stat = s3_stat,
	.list = s3_list,
	.drop = s3_drop,
	.lock = s3_lock,
	.load_first = s3_load_first,
	.unhide = s3_unhide,
	.facts = s3_facts,
	.free = s3_free,
};

/* "/bucket/some/folder" into its parts. */
static int
take_path(struct s3 *s, const char *path, struct err *e)
{
	size_t n;

	if (path[0] != '/' || path[1] == '/' || path[1] == '\0')
		return (err_set(e, ERR_CONFIG,
		    "an S3 url names a bucket: s3+https://host/bucket/folder"));
	path++;
	n = strcspn(path, "/");
	s->bucket = mem_printf("%.*s", (int)n, path);
	path += n;
	s->prefix = *path == '\0' ? mem_string("")
				  : mem_printf("%s/", path + 1);
	return (0);
}

/* Where requests go: AWS wants the bucket in the host's name, others take it
 * as the first part of the path, which needs no wildcard in DNS. */
static void
choose_address(struct s3 *s, const struct store_conf *conf,
    const struct address *u, bool is_secure)
{
	SCOPED(buf_free) struct buf root = BUF_INIT;
	const char *aws = strstr(u->host, ".amazonaws.com");
	bool is_virtual = aws != NULL;

	if (conf->addressing != NULL)
		is_virtual = strcmp(conf->addressing, "virtual") == 0;
	if (!is_virtual) {
		buf_add_string(&root, "/");
		percent_add_path(&root, s->bucket);
	}
	s->root = mem_string(buf_text(&root));
	s->host = mem_printf("%s%s%s%s%s", is_virtual ? s->bucket : "",
	    is_virtual ? "." : "", u->host, u->port != NULL ? ":" : "",
	    u->port != NULL ? u->port : "");
	s->origin = mem_printf(
	    "%s://%s", is_secure ? "https" : "http", s->host);
}

/* The names of the modes in headers; NULL when mode is none of them. */
static const char *
mode_of(const char *mode)
{
	if (strcmp(mode, "compliance") == 0)
		return ("COMPLIANCE");
	return (strcmp(mode, "governance") == 0 ? "GOVERNANCE" : NULL);
}

static int
check_lock(const struct store_conf *conf, struct err *e)
{
	if (conf->lock_mode == NULL)
		return (0);
	if (mode_of(conf->lock_mode) == NULL)
		return (err_set(e, ERR_CONFIG,
		    "object-lock is neither compliance nor governance"));
	if (conf->lock_days == 0 || conf->lock_days > DAYS_MAX)
		return (err_set(e, ERR_CONFIG,
		    "object-lock needs lock-days between 1 and %d", DAYS_MAX));
	return (0);
}

static int
check_conf(
    const struct store_conf *conf, const struct address *u, struct err *e)
{
	if (u->user != NULL)
		return (err_set(e, ERR_CONFIG,
		    "an S3 url has no user: the key is access-key"));
	if (conf->access_key == NULL)
		return (err_set(e, ERR_CONFIG, "access-key is not set"));
	if (conf->secret_key_file == NULL && conf->secret_key_env == NULL)
		return (err_set(e, ERR_CONFIG,
		    "neither secret-key-file nor secret-key-env is set"));
	return (check_lock(conf, e));
}

struct store *
store_s3_new(const struct store_conf *conf, bool is_secure, struct err *e)
{
	SCOPED(address_free) struct address u = { .host = NULL };
	const struct http_conf http = { .ca_file = conf->ca_file,
		.timeout_s = conf->timeout_s,
		.upload_limit = conf->upload_limit };
	struct s3 *s;

	if (address_parse(conf->url, &u, e) < 0 || check_conf(conf, &u, e) < 0)
		return (NULL);
	s = mem_new(sizeof(*s));
	s->store = (struct store){ .ops = &S3_OPS,
		.name = mem_string(conf->name) };
	credential_init(&s->secret_key, "secret-key-file",
	    conf->secret_key_file, conf->secret_key_env);
	credential_init(&s->session_token, "session-token-file",
	    conf->session_token_file, NULL);
	if (take_path(s, u.path, e) < 0) {
		s3_free(&s->store);
		return (NULL);
	}
	s->has_token = conf->session_token_file != NULL;
	s->access_key = mem_string(conf->access_key);
	s->region = mem_string(conf->region != NULL ? conf->region : REGION);
	if (conf->lock_mode != NULL)
		s->lock_mode = mode_of(conf->lock_mode);
	s->lock_days = conf->lock_days;
	choose_address(s, conf, &u, is_secure);
	s->http = http_new(&http);
	return (&s->store);
}
