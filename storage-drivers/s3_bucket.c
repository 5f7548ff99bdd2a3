/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a bucket says of itself: whether it keeps versions, and whether objects
 * can be locked in it. Servers and policies that don't tell are common, so "not
 * known" is an answer; only a bucket or a line that fails is a failure.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
 */
#include "storage-drivers/s3.h"

#include <string.h>

#include "storage-drivers/xml.h"

#define STATUS_MAX 16

/* A question: ?query, answered with one word in an element of the root. */
struct question {
	const char *query, *root, *element;
};
struct answer {
	const struct question *q;
	bool is_known;		 /* the server has answered this question */
	bool is_absent;		 /* it says that there is no lock's setting */
	char status[STATUS_MAX]; /* the word; "" when there is none */
	int64_t clock;
};

static int
take_status(const char *name, const char *text, void *arg, struct err *e)
{
	struct answer *a = arg;

	(void)e;
	if (strcmp(name, a->q->root) == 0)
		a->is_known = true;
	else if (strcmp(name, a->q->element) == 0)
		(void)snprintf(a->status, sizeof(a->status), "%s", text);
	return (0);
}

/* A server that knows no such question may answer another one: with a listing,
 * or with no XML at all. */
static void
read_answer(struct answer *out, const struct buf *body)
{
	static const struct xml_calls calls = { .end = take_status };
	struct err ignored = ERR_INIT;

	if (xml_read(body->p, body->n, &calls, out, &ignored) < 0)
		out->is_known = false;
}

static int
ask(struct s3 *s, const struct question *q, struct answer *out, struct err *e)
{
	static const char absent[] = "ObjectLockConfigurationNotFoundError";
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	const struct s3_call call = { .method = "GET", .query = q->query };

	*out = (struct answer){ .q = q, .clock = STORE_NO_TIME };
	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	if (a.date != HTTP_NO_TIME)
		out->clock = a.date;
	if (a.status == 200) {
		read_answer(out, &a.body);
		return (0);
	}
	(void)s3_refused(s, &call, &a, e);
	out->is_absent = a.status == 404 && strstr(e->text, absent) != NULL;
	if ((e->kind == ERR_MISSING && !out->is_absent) ||
	    e->kind == ERR_CONFIG || (err_is_transient(e) && a.status != 501))
		return (-1);
	err_clear(e);
	return (0);
}

static int
ask_versioning(struct s3 *s, struct answer *out, struct err *e)
{
	static const struct question q = {
		"versioning=", "VersioningConfiguration", "Status"
	};

	return (ask(s, &q, out, e));
}

static int
ask_locking(struct s3 *s, struct answer *out, struct err *e)
{
	static const struct question q = {
		"object-lock=", "ObjectLockConfiguration", "ObjectLockEnabled"
	};

	return (ask(s, &q, out, e));
}

static enum store_answer
is_enabled(const struct answer *a)
{
	if (a->is_absent)
		return (STORE_NO);
	if (!a->is_known)
		return (STORE_UNKNOWN);
	return (strcmp(a->status, "Enabled") == 0 ? STORE_YES : STORE_NO);
}

int
s3_has_versions(struct s3 *s, bool *has, struct err *e)
{
	struct answer a;

	*has = true;
	if (s->lock_mode != NULL)
		return (0);
	if (atomic_load(&s->has_versions) == STORE_UNKNOWN) {
		if (ask_versioning(s, &a, e) < 0)
			return (-1);
		/* "Suspended" keeps what it kept before. */
		atomic_store(&s->has_versions,
		    a.is_known && a.status[0] != '\0' ? STORE_YES : STORE_NO);
	}
	*has = atomic_load(&s->has_versions) == STORE_YES;
	return (0);
}

int
s3_check_locking(struct s3 *s, struct err *e)
{
	struct answer a;

	if (ask_locking(s, &a, e) < 0)
		return (-1);
	if (is_enabled(&a) != STORE_NO)
		return (0);
	(void)err_set(e, ERR_CONFIG,
	    "object-lock is set, but bucket %s has no Object Lock", s->bucket);
	return (err_hint(e,
	    "most servers set it only when a bucket is made: aws s3api create-bucket --object-lock-enabled-for-bucket --bucket NAME"));
}

int
s3_refused_lock(struct s3 *s, struct err *e)
{
	struct err off = ERR_INIT;

	if (s3_check_locking(s, &off) < 0 && off.kind == ERR_CONFIG)
		*e = off;
	return (-1);
}

int
s3_facts(struct store *store, struct store_facts *out, struct err *e)
{
	struct s3 *s = (struct s3 *)store;
	struct answer versioning, locking;

	if (ask_versioning(s, &versioning, e) < 0 ||
	    ask_locking(s, &locking, e) < 0)
		return (-1);
	out->clock = locking.clock;
	out->keeps_versions = is_enabled(&versioning);
	out->locks = is_enabled(&locking);
	return (0);
}
