/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of a listing come in, one call for each object goes out. Where objects
 * are locked, all versions are asked for: what is seen then is what was put,
 * whoever has hidden it since.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
#include "storage-drivers/s3.h"

#include <string.h>

#include "storage-drivers/percent.h"

/* The query's parts are sorted, as the signature wants them. */
static void
make_query(const struct s3 *s, struct s3_page *page, const char *prefix,
    struct buf *out)
{
	if (page->token.n > 0) {
		buf_add_string(out, "continuation-token=");
		percent_add_value(out, buf_text(&page->token));
		buf_add_string(out, "&");
	}
	buf_add_string(out, "encoding-type=url");
	if (page->key.n > 0) {
		buf_add_string(out, "&key-marker=");
		percent_add_value(out, buf_text(&page->key));
	}
	if (!page->has_versions)
		buf_add_string(out, "&list-type=2");
	buf_add_string(out, "&prefix=");
	percent_add_value(out, s->prefix);
	percent_add_value(out, prefix);
	if (page->key.n > 0 && page->version.n > 0) {
		buf_add_string(out, "&version-id-marker=");
		percent_add_value(out, buf_text(&page->version));
	}
	if (page->has_versions)
		buf_add_string(out, "&versions=");
}

static int
read_page(struct s3 *s, struct s3_page *page, const char *query, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	const struct s3_call call = { .method = "GET", .query = query };

	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	if (a.status != 200)
		return (s3_refused(s, &call, &a, e));
	return (s3_page_read(page, a.body.p, a.body.n, e));
}

int
s3_read_pages(
    struct s3 *s, struct s3_page *page, const char *prefix, struct err *e)
{
	SCOPED(buf_free) struct buf last = BUF_INIT;

	page->prefix = s->prefix;
	do {
		SCOPED(buf_free) struct buf query = BUF_INIT;

		make_query(s, page, prefix, &query);
		if (strcmp(buf_text(&last), buf_text(&query)) == 0)
			return (err_set(e, ERR_CORRUPT,
			    "the listing does not go on after %s", page->last));
		last.n = 0;
		buf_add(&last, query.p, query.n);
		if (read_page(s, page, buf_text(&query), e) < 0)
			return (page->answer != 0 ? page->answer : -1);
	} while (page->is_truncated);
	return (0);
}

/* --- the driver's list --------------------------------------------------- */

struct listing {
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
	/* the name whose versions are being read, "" before the first */
	struct store_entry entry;
	bool has_bytes; /* one of them is no delete marker */
};

static int
give_object(const struct s3_item *item, void *arg, struct err *e)
{
	const struct listing *l = arg;
	struct store_entry entry = { .bytes = item->bytes,
		.modified = item->modified };

	memcpy(entry.name, item->name, sizeof(entry.name));
	return (l->each(&entry, l->arg, e));
}

/* A name of which there are only delete markers is no object. */
static int
give_name(struct listing *l, struct err *e)
{
	return (l->has_bytes ? l->each(&l->entry, l->arg, e) : 0);
}

/* The newest comes first: a delete marker there hides the others. */
static int
take_version(const struct s3_item *item, void *arg, struct err *e)
{
	struct listing *l = arg;
	int answer;

	if (strcmp(item->name, l->entry.name) != 0) {
		if ((answer = give_name(l, e)) != 0)
			return (answer);
		memcpy(l->entry.name, item->name, sizeof(l->entry.name));
		l->entry.is_hidden = item->is_marker;
		l->has_bytes = false;
	}
	if (!item->is_marker && !l->has_bytes) {
		l->has_bytes = true;
		l->entry.bytes = item->bytes;
		l->entry.modified = item->modified;
	}
	return (0);
}

int
s3_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct s3 *s = (struct s3 *)store;
	struct listing l = { .each = each, .arg = arg };
	SCOPED(s3_page_free)
	struct s3_page page = { .has_versions = s->lock_mode != NULL,
		.arg = &l };
	int answer;

	page.each = page.has_versions ? take_version : give_object;
	if ((answer = s3_read_pages(s, &page, prefix, e)) != 0)
		return (answer);
	return (give_name(&l, e));
}
