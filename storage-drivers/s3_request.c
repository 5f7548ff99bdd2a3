/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call comes in, a signed request goes out, and its answer comes back. The
 * server checks our bytes against three sums: the signed payload hash, and
 * Content-MD5 and x-amz-checksum-sha256 where it knows these.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html
 */
#include "storage-drivers/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/range.h"
#include "storage-drivers/sigv4.h"
#include "storage-drivers/xml.h"

#define SKEW_MAX_S 300 /* servers refuse from 900 s on */
#define WORDS_MAX  200 /* of a server's message that we repeat */

/* A request's headers, and what is signed of them: it points into the lines. */
struct headers {
	struct sigv4_request sign;
	char date[CLOCK_TEXT], sha256[2 * HASH_SHA256 + 1];
	char sha256_base64[HASH_BASE64], md5_base64[HASH_BASE64];
	struct buf lines[SIGV4_HEADERS_MAX];
	const char *list[SIGV4_HEADERS_MAX + 1];
	size_t n;
};

static void
headers_free(struct headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		buf_wipe(&h->lines[i]); /* a session token is a secret */
}

static void
add_line(struct headers *h, const char *name, const char *value)
{
	buf_printf(&h->lines[h->n], "%s: %s", name, value);
	h->list[h->n] = buf_text(&h->lines[h->n]);
	h->n++;
}

/* A header that is signed; they come sorted by name. */
static void
add_signed(struct headers *h, const char *name, const char *value)
{
	add_line(h, name, value);
	h->sign.headers[h->sign.nheaders++] = (struct sigv4_header){
		.name = name,
		.value = h->list[h->n - 1] + strlen(name) + strlen(": ")
	};
}

static void
sum_body(struct headers *h, const struct s3_call *call)
{
	uint8_t sum[HASH_MAX];

	hash_of(HASH_IS_SHA256, call->body, call->body_bytes, sum);
	hex_of(sum, HASH_SHA256, h->sha256);
	hash_base64(sum, HASH_SHA256, h->sha256_base64);
	if (strcmp(call->method, "PUT") != 0)
		return;
	hash_of(HASH_IS_MD5, call->body, call->body_bytes, sum);
	hash_base64(sum, HASH_MD5, h->md5_base64);
}

static int
add_token(struct s3 *s, struct headers *h, struct err *e)
{
	SCOPED(buf_wipe) struct buf value = BUF_INIT;
	const struct secret *token;

	if (!s->has_token)
		return (0);
	if ((token = credential_value(&s->session_token, e)) == NULL)
		return (-1);
	buf_reserve(&value, token->n + 1);
	buf_add(&value, token->p, token->n);
	add_signed(h, "x-amz-security-token", buf_text(&value));
	return (0);
}

/* What keeps an object from being deleted before a date. */
static void
add_lock(const struct s3 *s, struct headers *h, int64_t until)
{
	char text[CLOCK_TEXT];

	clock_text(until, text);
	add_signed(h, "x-amz-object-lock-mode", s->lock_mode);
	add_signed(h, "x-amz-object-lock-retain-until-date", text);
}

static int
add_headers(
    struct s3 *s, const struct s3_call *call, struct headers *h, struct err *e)
{
	char range[RANGE_TEXT];
	bool is_put = strcmp(call->method, "PUT") == 0;

	sum_body(h, call);
	clock_stamp(clock_now(), h->date);
	if (is_put)
		add_signed(h, "content-md5", h->md5_base64);
	add_signed(h, "host", s->host);
	if (is_put)
		add_signed(h, "x-amz-checksum-sha256", h->sha256_base64);
	add_signed(h, "x-amz-content-sha256", h->sha256);
	add_signed(h, "x-amz-date", h->date);
	if (call->lock_until != 0)
		add_lock(s, h, call->lock_until);
	if (add_token(s, h, e) < 0)
		return (-1);
	if (is_put)
		add_line(h, "content-type", "application/octet-stream");
	/* Swift, not told, waits for a body of the version that it deletes. */
	if (strcmp(call->method, "DELETE") == 0)
		add_line(h, "content-length", "0");
	add_line(h, "expect", "");
	if (call->if_none_match)
		add_line(h, "if-none-match", "*");
	if (call->into_bytes > 0) {
		range_text(call->from, call->into_bytes, range);
		add_line(h, "range", range);
	}
	return (0);
}

/* The escaped path of what is asked for. */
static void
add_path(const struct s3 *s, const struct s3_call *call, struct buf *out)
{
	buf_add_string(out, s->root);
	if (call->name == NULL && s->root[0] != '\0')
		return;
	buf_add_string(out, "/");
	if (call->name == NULL)
		return;
	percent_add_path(out, s->prefix);
	percent_add_path(out, call->name);
}

static int
sign(struct s3 *s, struct headers *h, struct err *e)
{
	SCOPED(buf_free) struct buf value = BUF_INIT;
	struct sigv4_keys keys = { .access_key = s->access_key,
		.region = s->region };

	if ((keys.secret_key = credential_value(&s->secret_key, e)) == NULL)
		return (-1);
	sigv4_sign(&keys, &h->sign, &value);
	add_line(h, "authorization", buf_text(&value));
	return (0);
}

int
s3_request(struct s3 *s, const struct s3_call *call, struct http_answer *a,
    struct err *e)
{
	SCOPED(headers_free) struct headers h = { .n = 0 };
	SCOPED(buf_free) struct buf path = BUF_INIT, url = BUF_INIT;
	const char *query = call->query != NULL ? call->query : "";
	struct http_request q = { .method = call->method,
		.headers = h.list,
		.body = call->body,
		.body_bytes = call->body_bytes,
		.into = call->into,
		.into_bytes = call->into_bytes };

	add_path(s, call, &path);
	h.sign.method = call->method;
	h.sign.path = buf_text(&path);
	h.sign.query = query;
	h.sign.payload_sha256 = h.sha256;
	h.sign.date = h.date;
	if (add_headers(s, call, &h, e) < 0)
		return (-1);
	if (sign(s, &h, e) < 0)
		return (-1);
	buf_printf(&url, "%s%s%s%s", s->origin, h.sign.path,
	    *query != '\0' ? "?" : "", query);
	q.url = buf_text(&url);
	return (http_do(s->http, &q, a, e));
}

/* --- answers that were not hoped for ------------------------------------- */

struct refusal {
	char code[64], message[WORDS_MAX], region[64];
};

static int
take_element(const char *name, const char *text, void *arg, struct err *e)
{
	struct refusal *r = arg;

	(void)e;
	if (strcmp(name, "Code") == 0)
		(void)snprintf(r->code, sizeof(r->code), "%s", text);
	else if (strcmp(name, "Message") == 0)
		(void)snprintf(r->message, sizeof(r->message), "%s", text);
	else if (strcmp(name, "Region") == 0)
		(void)snprintf(r->region, sizeof(r->region), "%s", text);
	return (0);
}

/* What a code means where the status alone would say something else. */
static enum err_kind
kind_of(const struct refusal *r)
{
	static const struct {
		const char *code;
		enum err_kind kind;
	} known[] = { { "NoSuchBucket", ERR_MISSING },
		{ "NoSuchKey", ERR_MISSING },
		{ "RequestTimeTooSkewed", ERR_CONFIG },
		{ "AuthorizationHeaderMalformed", ERR_CONFIG },
		{ "PermanentRedirect", ERR_CONFIG },
		{ "InvalidBucketName", ERR_CONFIG },
		{ "RequestTimeout", ERR_AGAIN }, { "BadDigest", ERR_AGAIN },
		{ "XAmzContentSHA256Mismatch", ERR_AGAIN },
		{ "IncompleteBody", ERR_AGAIN }, { "SlowDown", ERR_AGAIN },
		{ "QuotaExceeded", ERR_FULL },
		/* of what is never too large: Swift's word for a quota */
		{ "EntityTooLarge", ERR_FULL } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(r->code, known[i].code) == 0)
			return (known[i].kind);
	return (ERR_NONE);
}

/* A refusal because of our clock, or one without words (HEAD's) while the
 * clocks differ. */
static bool
is_about_the_clock(
    const struct refusal *r, const struct http_answer *a, int64_t *behind_s)
{
	*behind_s = a->date == HTTP_NO_TIME ? 0 : a->date - clock_now();
	if (strcmp(r->code, "RequestTimeTooSkewed") == 0)
		return (true);
	return (r->code[0] == '\0' && a->status == 403 &&
	    (*behind_s > SKEW_MAX_S || *behind_s < -SKEW_MAX_S));
}

static int
hint_at(const struct s3 *s, const struct refusal *r, struct err *e)
{
	if (strcmp(r->code, "NoSuchBucket") == 0)
		return (err_hint(
		    e, "make the bucket %s, or mend the url", s->bucket));
	if (r->region[0] != '\0')
		return (err_hint(e, "region = %s", r->region));
	if (e->kind == ERR_DENIED)
		return (err_hint(e,
		    "check access-key, its secret, and what the bucket's policy lets it do"));
	return (-1);
}

int
s3_refused(const struct s3 *s, const struct s3_call *call,
    const struct http_answer *a, struct err *e)
{
	static const struct xml_calls calls = { .end = take_element };
	struct refusal r = { .code = "" };
	struct err ignored = ERR_INIT;
	char what[STORE_NAME_MAX + 16];
	enum err_kind kind;
	int64_t behind_s;

	if (a->body.n > 0 &&
	    xml_read(a->body.p, a->body.n, &calls, &r, &ignored) < 0)
		r = (struct refusal){ .code = "" };
	(void)snprintf(what, sizeof(what), "%s %s", call->method,
	    call->name != NULL ? call->name : s->bucket);
	if (is_about_the_clock(&r, a, &behind_s)) {
		(void)err_set(e, ERR_CONFIG,
		    "%s: this machine's clock is %lld s %s the server's", what,
		    llabs((long long)behind_s),
		    behind_s < 0 ? "ahead of" : "behind");
		return (err_hint(e, "set the clock (timedatectl, chrony)"));
	}
	(void)http_refused(a->status, what, e);
	if ((kind = kind_of(&r)) != ERR_NONE)
		e->kind = kind;
	if (r.code[0] != '\0') {
		struct err said = *e;

		(void)err_set(
		    e, said.kind, "%s (%s: %s)", said.text, r.code, r.message);
	}
	return (hint_at(s, &r, e));
}
