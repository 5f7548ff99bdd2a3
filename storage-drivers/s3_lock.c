/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The date before which a version can't be deleted: moving it, and finding out
 * whether it is what keeps one from being deleted. A lock that was set is
 * looked at afterwards: a server that knows no ?retention takes our XML for the
 * object's new bytes and says 200.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html
 */
#include "storage-drivers/s3.h"

#include <string.h>

#include "base/clock.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/xml.h"

#define MODE_MAX 16

struct retention {
	bool is_known;	     /* the answer is one about retention */
	char mode[MODE_MAX]; /* "" when the version isn't locked */
	int64_t until;	     /* STORE_NO_TIME then */
	bool is_held;	     /* ?legal-hold: locked until somebody lets go */
	int64_t now;	     /* by the server's clock, which it is locked by */
};

/* "retention=&versionId=…"; parts are sorted, as the signature wants them. */
static void
make_query(const char *what, const char *version, struct buf *out)
{
	buf_printf(out, "%s=&versionId=", what);
	percent_add_value(out, version);
}

/* --- asking -------------------------------------------------------------- */

static int
take_element(const char *name, const char *text, void *arg, struct err *e)
{
	struct retention *r = arg;

	(void)e;
	if (strcmp(name, "Retention") == 0 || strcmp(name, "LegalHold") == 0)
		r->is_known = true;
	else if (strcmp(name, "Mode") == 0)
		(void)snprintf(r->mode, sizeof(r->mode), "%s", text);
	else if (strcmp(name, "RetainUntilDate") == 0)
		r->until = s3_time(text);
	else if (strcmp(name, "Status") == 0)
		r->is_held = strcmp(text, "ON") == 0;
	return (0);
}

/* A version without a lock: AWS says NoSuchObjectLockConfiguration, Ceph what
 * it says of a bucket without locks. */
static bool
says_none(const struct http_answer *a)
{
	static const char *const codes[] = {
		"<Code>NoSuchObjectLockConfiguration</Code>",
		"<Code>ObjectLockConfigurationNotFoundError</Code>"
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (a->status == 404 && a->body.n > 0 &&
		    memmem(a->body.p, a->body.n, codes[i], strlen(codes[i])) !=
			NULL)
			return (true);
	return (false);
}

/* what is "retention" or "legal-hold". */
static int
ask(struct s3 *s, const char *what, const char *name, const char *version,
    struct retention *out, struct err *e)
{
	static const struct xml_calls calls = { .end = take_element };
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(buf_free) struct buf query = BUF_INIT;
	struct s3_call call = { .method = "GET", .name = name };

	*out = (struct retention){ .until = STORE_NO_TIME };
	make_query(what, version, &query);
	call.query = buf_text(&query);
	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	out->now = a.date != HTTP_NO_TIME ? a.date : clock_now();
	if (says_none(&a))
		return (0);
	if (a.status != 200) {
		(void)s3_refused(s, &call, &a, e);
		/* Of a bucket without locks it is a bad question. */
		return (a.status == 400 ? s3_refused_lock(s, e) : -1);
	}
	if (xml_read(a.body.p, a.body.n, &calls, out, e) < 0 || !out->is_known)
		return (err_set(e, ERR_CONFIG,
		    "GET ?%s %s: the server answers with something else: it can't lock objects",
		    what, name));
	return (0);
}

static int
head(struct s3 *s, const char *name, struct http_answer *a, struct err *e)
{
	const struct s3_call call = { .method = "HEAD", .name = name };

	if (s3_request(s, &call, a, e) < 0)
		return (-1);
	if (a->status != 200)
		return (s3_refused(s, &call, a, e));
	if (a->version[0] == '\0')
		return (err_set(e, ERR_CONFIG,
		    "%s can't be locked: the bucket keeps no versions", name));
	return (0);
}

/* --- setting ------------------------------------------------------------- */

/* A version keeps the mode it has: only who may break locks can change it. */
static int
put_retention(struct s3 *s, const char *name, const char *version,
    const struct retention *had, int64_t until, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(buf_free) struct buf query = BUF_INIT, xml = BUF_INIT;
	struct s3_call call = { .method = "PUT", .name = name };
	char date[CLOCK_TEXT];

	clock_text(until, date);
	buf_printf(&xml,
	    "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	    "<Mode>%s</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>",
	    strcmp(had->mode, "COMPLIANCE") == 0 ||
		    strcmp(had->mode, "GOVERNANCE") == 0
		? had->mode
		: s->lock_mode,
	    date);
	make_query("retention", version, &query);
	call.query = buf_text(&query);
	call.body = xml.p;
	call.body_bytes = xml.n;
	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	return (a.status / 100 == 2 ? 0 : s3_refused(s, &call, &a, e));
}

/* Is the object as it was before, and locked as it was asked for? */
static int
check(struct s3 *s, const char *name, const struct http_answer *before,
    int64_t until, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer now = { .status = 0 };
	struct retention has;
	char asked[CLOCK_TEXT];

	if (head(s, name, &now, e) < 0)
		return (-1);
	if (now.length != before->length ||
	    strcmp(now.etag, before->etag) != 0 ||
	    strcmp(now.version, before->version) != 0) {
		(void)err_set(e, ERR_CORRUPT,
		    "PUT ?retention %s: after it the object is another one (%llu bytes, were %llu): the server overwrites what it is asked to lock, or somebody else has put it just now",
		    name, (unsigned long long)now.length,
		    (unsigned long long)before->length);
		return (err_hint(e,
		    "leave object-lock out of this endpoint, then verify --repair"));
	}
	if (ask(s, "retention", name, before->version, &has, e) < 0)
		return (-1);
	clock_text(until, asked);
	if (has.until < until)
		return (err_set(e, ERR_CORRUPT,
		    "PUT ?retention %s: the server says yes, but does not lock it until %s",
		    name, asked));
	return (0);
}

int
s3_lock(struct store *store, const char *name, int64_t until, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer before = { .status = 0 };
	struct s3 *s = (struct s3 *)store;
	struct retention had;

	if (s->lock_mode == NULL)
		return (err_set(e, ERR_CONFIG,
		    "%s can't be locked: object-lock is not set", name));
	if (head(s, name, &before, e) < 0 ||
	    ask(s, "retention", name, before.version, &had, e) < 0)
		return (-1);
	if (had.until >= until)
		return (0);
	if (put_retention(s, name, before.version, &had, until, e) < 0)
		return (-1);
	return (check(s, name, &before, until, e));
}

/* --- being refused ------------------------------------------------------- */

/* What keeps a version; -1 with e set when something does, or when that can't
 * be found out. */
static int
check_free(struct s3 *s, const char *name, const char *version, struct err *e)
{
	struct retention r;
	char until[CLOCK_TEXT];

	if (ask(s, "retention", name, version, &r, e) < 0)
		return (-1);
	if (r.until >= r.now) {
		clock_text(r.until, until);
		return (err_set(
		    e, ERR_LOCKED, "%s is locked until %s", name, until));
	}
	if (ask(s, "legal-hold", name, version, &r, e) < 0)
		return (-1);
	if (!r.is_held)
		return (0);
	(void)err_set(
	    e, ERR_LOCKED, "%s is locked: it is under a legal hold", name);
	return (err_hint(e,
	    "whoever has put it under the hold must let it go (aws s3api put-object-legal-hold)"));
}

int
s3_refused_delete(
    struct s3 *s, const char *name, const char *version, struct err *e)
{
	struct err why = ERR_INIT;

	if (check_free(s, name, version, &why) < 0 &&
	    (why.kind == ERR_LOCKED || err_is_transient(&why)))
		*e = why;
	return (-1);
}
