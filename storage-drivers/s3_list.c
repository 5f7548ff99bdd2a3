/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of a listing come in, one call for each object goes out. Keys come
 * escaped, since XML has no way to write every byte of one, and in the order
 * of their bytes: what isn't later than the one before would be a second time.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
#include "storage-drivers/s3.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/xml.h"

#define KEY_MAX 1024
#define SECONDS 19 /* "2026-11-22T02:30:00" of a time with fractions */

struct listing {
	struct s3 *s;
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
	int answer; /* each's, when it ended the listing */
	bool is_truncated, is_escaped, is_whole;
	char last[KEY_MAX]; /* key before this one, as it is */
	struct buf token;   /* of the next page */
	/* the object that is being read */
	bool is_in_object;
	struct buf key; /* as in the answer */
	struct store_entry entry;
};

static void
listing_free(struct listing *l)
{
	buf_free(&l->token);
	buf_free(&l->key);
}

static int
begin_element(const char *name, void *arg, struct err *e)
{
	struct listing *l = arg;

	(void)e;
	if (strcmp(name, "Contents") != 0)
		return (0);
	l->is_in_object = true;
	l->key.n = 0;
	l->entry.bytes = 0;
	l->entry.modified = STORE_NO_TIME;
	return (0);
}

/* "2026-11-22T02:30:00.000Z" */
static int64_t
parse_time(const char *text)
{
	char seconds[SECONDS + 2];
	int64_t when;

	if (strlen(text) < SECONDS)
		return (STORE_NO_TIME);
	(void)snprintf(seconds, sizeof(seconds), "%.*sZ", SECONDS, text);
	return (clock_parse(seconds, &when) ? when : STORE_NO_TIME);
}

static int
parse_size(const char *text, uint64_t *bytes, struct err *e)
{
	char *end;

	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-')
		return (err_set(e, ERR_CORRUPT,
		    "the listing has an object without a size"));
	return (0);
}

/* Names that are not ours are left out: other things may be in a bucket. */
static int
give(struct listing *l, const char *key, struct err *e)
{
	size_t prefix = strlen(l->s->prefix);

	if (strncmp(key, l->s->prefix, prefix) != 0 ||
	    !store_name_is_good(key + prefix))
		return (0);
	(void)snprintf(
	    l->entry.name, sizeof(l->entry.name), "%s", key + prefix);
	l->answer = l->each(&l->entry, l->arg, e);
	return (l->answer == 0 ? 0 : -1);
}

static int
end_object(struct listing *l, struct err *e)
{
	SCOPED(buf_free) struct buf key = BUF_INIT;
	const char *text;

	l->is_in_object = false;
	if (!l->is_escaped)
		buf_add(&key, l->key.p, l->key.n);
	else if (!percent_decode(buf_text(&l->key), l->key.n, &key))
		return (err_set(e, ERR_CORRUPT, "the listing has a bad key"));
	text = buf_text(&key);
	if (key.n >= sizeof(l->last) || strlen(text) != key.n)
		return (0);
	if (strcmp(text, l->last) <= 0)
		return (err_set(e, ERR_CORRUPT,
		    "the listing is not in order after %s", l->last));
	(void)snprintf(l->last, sizeof(l->last), "%s", text);
	return (give(l, text, e));
}

static int
end_in_object(
    struct listing *l, const char *name, const char *text, struct err *e)
{
	if (strcmp(name, "Contents") == 0)
		return (end_object(l, e));
	if (strcmp(name, "Key") == 0)
		buf_add_string(&l->key, text);
	else if (strcmp(name, "Size") == 0)
		return (parse_size(text, &l->entry.bytes, e));
	else if (strcmp(name, "LastModified") == 0)
		l->entry.modified = parse_time(text);
	return (0);
}

static int
end_element(const char *name, const char *text, void *arg, struct err *e)
{
	struct listing *l = arg;

	if (l->is_in_object)
		return (end_in_object(l, name, text, e));
	if (strcmp(name, "IsTruncated") == 0)
		l->is_truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "EncodingType") == 0)
		l->is_escaped = strcmp(text, "url") == 0;
	else if (strcmp(name, "NextContinuationToken") == 0)
		percent_add_value(&l->token, text);
	else if (strcmp(name, "ListBucketResult") == 0)
		l->is_whole = true;
	return (0);
}

/* Is this page's word about escaping known before its keys are read? Servers
 * put it before or after them, so it is looked for first. */
static bool
says_escaped(const struct buf *page)
{
	static const char word[] = "<EncodingType>url</EncodingType>";

	return (page->n > 0 &&
	    memmem(page->p, page->n, word, sizeof(word) - 1) != NULL);
}

static int
read_page(struct listing *l, const char *query, struct err *e)
{
	static const struct xml_calls calls = { .begin = begin_element,
		.end = end_element };
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	const struct s3_call call = { .method = "GET", .query = query };

	if (s3_request(l->s, &call, &a, e) < 0)
		return (-1);
	if (a.status != 200)
		return (s3_refused(l->s, &call, &a, e));
	l->token.n = 0;
	l->is_truncated = l->is_whole = false;
	l->is_escaped = says_escaped(&a.body);
	if (xml_read(a.body.p, a.body.n, &calls, l, e) < 0)
		return (-1);
	if (!l->is_whole || (l->is_truncated && l->token.n == 0))
		return (err_set(e, ERR_CORRUPT,
		    "the server's answer is no listing of a bucket"));
	return (0);
}

/* The query's parts are sorted, as the signature wants them. */
static void
make_query(const struct listing *l, const char *prefix, struct buf *out)
{
	out->n = 0;
	if (l->token.n > 0) {
		buf_add_string(out, "continuation-token=");
		buf_add(out, l->token.p, l->token.n);
		buf_add_string(out, "&");
	}
	buf_add_string(out, "encoding-type=url&list-type=2&prefix=");
	percent_add_value(out, l->s->prefix);
	percent_add_value(out, prefix);
}

int
s3_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(listing_free)
	struct listing l = {
		.s = (struct s3 *)store, .each = each, .arg = arg
	};
	SCOPED(buf_free) struct buf query = BUF_INIT;

	do {
		make_query(&l, prefix, &query);
		if (read_page(&l, buf_text(&query), e) < 0)
			return (l.answer != 0 ? l.answer : -1);
	} while (l.is_truncated);
	return (0);
}
