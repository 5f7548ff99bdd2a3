/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XML comes in, one call for each object or version of ours goes out. Keys come
 * escaped, since XML has no way to write every byte of one. It always holds
 * that a name handed out is later than the one before, or, among versions, the
 * same: a server can't make us see a name twice.
 */
#include "storage-drivers/s3_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/xml.h"

#define SECONDS 19 /* "2026-11-22T02:30:00" of a time with fractions */

void
s3_page_free(struct s3_page *page)
{
	buf_free(&page->token);
	buf_free(&page->key);
	buf_free(&page->version);
	buf_free(&page->spelled);
	buf_free(&page->raw);
}

int64_t
s3_time(const char *text)
{
	char seconds[SECONDS + 2];
	int64_t when;

	if (strlen(text) < SECONDS)
		return (STORE_NO_TIME);
	(void)snprintf(seconds, sizeof(seconds), "%.*sZ", SECONDS, text);
	return (clock_parse(seconds, &when) ? when : STORE_NO_TIME);
}

static bool
is_item(const struct s3_page *page, const char *name)
{
	if (!page->has_versions)
		return (strcmp(name, "Contents") == 0);
	return (
	    strcmp(name, "Version") == 0 || strcmp(name, "DeleteMarker") == 0);
}

static int
begin_element(const char *name, void *arg, struct err *e)
{
	struct s3_page *page = arg;

	(void)e;
	if (!is_item(page, name))
		return (0);
	page->is_in_item = true;
	page->has_size = false;
	page->spelled.n = 0;
	page->item = (struct s3_item){ .modified = STORE_NO_TIME };
	page->item.is_marker = strcmp(name, "DeleteMarker") == 0;
	return (0);
}

/* Appends a key as it is. AWS spells a space '+' (and a '+' %2B), Ceph %20. */
static bool
unescape(const char *text, size_t n, struct buf *out)
{
	size_t part;

	for (size_t i = 0; i < n; i += part + 1) {
		const char *plus = memchr(text + i, '+', n - i);

		part = plus != NULL ? (size_t)(plus - text) - i : n - i;
		if (!percent_decode(text + i, part, out))
			return (false);
		if (plus != NULL)
			buf_add_u8(out, ' ');
	}
	return (true);
}

/* The item's key as it is, in raw; false when it is spelled badly. */
static bool
take_key(struct s3_page *page)
{
	page->raw.n = 0;
	if (page->is_escaped)
		return (unescape(
		    buf_text(&page->spelled), page->spelled.n, &page->raw));
	buf_add(&page->raw, page->spelled.p, page->spelled.n);
	return (true);
}

/* The name in the item's key. False when it isn't one of ours: other things may
 * be in a bucket. */
static bool
take_name(struct s3_page *page)
{
	size_t prefix = strlen(page->prefix);
	const char *text = buf_text(&page->raw);

	if (strlen(text) != page->raw.n ||
	    strncmp(text, page->prefix, prefix) != 0 ||
	    !store_name_is_good(text + prefix))
		return (false);
	(void)snprintf(
	    page->item.name, sizeof(page->item.name), "%s", text + prefix);
	return (true);
}

static int
check_order(struct s3_page *page, struct err *e)
{
	int is_later = strcmp(page->item.name, page->last);

	page->alike = is_later > 0 ? 1 : page->alike + 1;
	if (is_later < 0 || (is_later == 0 && !page->has_versions))
		return (err_set(e, ERR_CORRUPT,
		    "the listing is not in order after %s", page->last));
	if (page->alike > S3_VERSIONS_MAX)
		return (err_set(e, ERR_CORRUPT, "%s has more than %d versions",
		    page->last, S3_VERSIONS_MAX));
	memcpy(page->last, page->item.name, sizeof(page->last));
	return (0);
}

static int
end_item(struct s3_page *page, struct err *e)
{
	page->is_in_item = false;
	if (!take_key(page))
		return (err_set(e, ERR_CORRUPT, "the listing has a bad key"));
	if (!take_name(page))
		return (0);
	if (check_order(page, e) < 0)
		return (-1);
	if (!page->has_size && !page->item.is_marker)
		return (err_set(e, ERR_CORRUPT,
		    "the listing has %s without a size", page->item.name));
	if (page->has_versions && page->item.version[0] == '\0')
		return (err_set(e, ERR_CORRUPT,
		    "the listing has a version of %s without an id",
		    page->item.name));
	page->answer = page->each(&page->item, page->arg, e);
	return (page->answer == 0 ? 0 : -1);
}

static int
end_in_item(
    struct s3_page *page, const char *name, const char *text, struct err *e)
{
	struct s3_item *item = &page->item;
	char *end;

	if (is_item(page, name))
		return (end_item(page, e));
	if (strcmp(name, "Key") == 0) {
		buf_add_string(&page->spelled, text);
	} else if (strcmp(name, "LastModified") == 0) {
		item->modified = s3_time(text);
	} else if (strcmp(name, "Size") == 0) {
		errno = 0;
		item->bytes = strtoull(text, &end, 10);
		page->has_size = errno == 0 && *end == '\0' && text[0] >= '0' &&
		    text[0] <= '9';
	} else if (strcmp(name, "VersionId") == 0) {
		if (strlen(text) < sizeof(item->version))
			memcpy(item->version, text, strlen(text) + 1);
	}
	return (0);
}

static int
end_element(const char *name, const char *text, void *arg, struct err *e)
{
	struct s3_page *page = arg;

	if (page->is_in_item)
		return (end_in_item(page, name, text, e));
	if (strcmp(name, "IsTruncated") == 0)
		page->is_truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "NextContinuationToken") == 0)
		buf_add_string(&page->token, text);
	else if (strcmp(name, "NextKeyMarker") == 0)
		buf_add_string(&page->key, text);
	else if (strcmp(name, "NextVersionIdMarker") == 0)
		buf_add_string(&page->version, text);
	else if (strcmp(name, "ListBucketResult") == 0)
		page->is_whole = !page->has_versions;
	else if (strcmp(name, "ListVersionsResult") == 0)
		page->is_whole = page->has_versions;
	return (0);
}

/* Is this page's word about escaping known before its keys are read? Servers
 * put it before or after them, so it is looked for first. */
static bool
says_escaped(const void *p, size_t n)
{
	static const char word[] = "<EncodingType>url</EncodingType>";

	return (n > 0 && memmem(p, n, word, sizeof(word) - 1) != NULL);
}

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return (a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0));
}

/*
 * The key that the next page begins after, as it is. It is the last of this
 * page, which tells how it is spelled: AWS escapes it, Ceph (16.2) doesn't,
 * though it escapes all others. One that isn't is taken for escaped.
 */
static void
take_marker(struct s3_page *page)
{
	SCOPED(buf_free) struct buf key = BUF_INIT;

	if (!page->is_escaped || is_same(&page->key, &page->raw))
		return;
	if (!unescape(buf_text(&page->key), page->key.n, &key))
		return;
	page->key.n = 0;
	buf_add(&page->key, key.p, key.n);
}

int
s3_page_read(struct s3_page *page, const void *p, size_t n, struct err *e)
{
	static const struct xml_calls calls = { .begin = begin_element,
		.end = end_element };

	page->token.n = page->key.n = page->version.n = 0;
	page->raw.n = page->spelled.n = 0;
	page->answer = 0;
	page->is_truncated = page->is_whole = page->is_in_item = false;
	page->is_escaped = says_escaped(p, n);
	if (xml_read(p, n, &calls, page, e) < 0)
		return (-1);
	if (!page->is_whole ||
	    (page->is_truncated && page->token.n == 0 && page->key.n == 0))
		return (err_set(e, ERR_CORRUPT,
		    "the server's answer is no listing of a bucket"));
	take_marker(page);
	return (0);
}
