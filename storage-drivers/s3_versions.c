/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that is kept under one name: versions, the newest first, and delete
 * markers between them. A name comes in; its first bytes go out, or what is
 * kept goes away. Nothing here asks to be let past a lock.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
 */
#include "storage-drivers/s3.h"

#include <string.h>

#include "storage-drivers/percent.h"
#include "storage-drivers/range.h"

#define IDS_MAX ((size_t)64 << 20) /* bytes of versions' ids at a time */

/* Ids with a NUL each, the newest first. */
struct kept {
	struct buf versions, markers;
};

static void
kept_free(struct kept *k)
{
	buf_free(&k->versions);
	buf_free(&k->markers);
}

/* The last of the ids, taken off them; NULL when none is left. */
static const char *
take_oldest(struct buf *ids)
{
	if (ids->n == 0)
		return (NULL);
	ids->n--;
	while (ids->n > 0 && ids->p[ids->n - 1] != '\0')
		ids->n--;
	return ((const char *)ids->p + ids->n);
}

/* --- what there is ------------------------------------------------------- */

/* One name's part of a listing that begins with it and goes on to longer
 * ones. */
struct exact {
	const char *name;
	int (*each)(const struct s3_item *item, void *arg, struct err *e);
	void *arg;
};

static int
give_exact(const struct s3_item *item, void *arg, struct err *e)
{
	const struct exact *x = arg;
	int order = strcmp(item->name, x->name);

	if (order != 0)
		return (order > 0);
	return (x->each(item, x->arg, e));
}

/* Calls each for what is kept under a name, until it answers 1 or fails. */
static int
each_version(struct s3 *s, const char *name,
    int (*each)(const struct s3_item *item, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct exact x = { .name = name, .each = each, .arg = arg };
	SCOPED(s3_page_free)
	struct s3_page page = {
		.has_versions = true, .each = give_exact, .arg = &x
	};
	bool has;

	if (s3_has_versions(s, &has, e) < 0)
		return (-1);
	if (!has)
		return (err_set(e, ERR_MISSING,
		    "bucket %s keeps no versions of %s", s->bucket, name));
	return (s3_read_pages(s, &page, name, e) < 0 ? -1 : 0);
}

static int
keep_id(const struct s3_item *item, void *arg, struct err *e)
{
	struct kept *k = arg;

	if (k->versions.n + k->markers.n > IDS_MAX)
		return (err_set(e, ERR_CORRUPT,
		    "%s has too many versions to read", item->name));
	buf_add(item->is_marker ? &k->markers : &k->versions, item->version,
	    strlen(item->version) + 1);
	return (0);
}

/* --- the first bytes ----------------------------------------------------- */

static int
keep_first(const struct s3_item *item, void *arg, struct err *e)
{
	(void)e;
	if (!item->is_marker)
		*(struct s3_item *)arg = *item;
	return (0);
}

static int
get_version(struct s3 *s, const struct s3_item *item, uint8_t *p, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(buf_free) struct buf query = BUF_INIT;
	struct s3_call call = { .method = "GET",
		.name = item->name,
		.into = p,
		.into_bytes = (size_t)item->bytes };

	if (item->bytes == 0)
		return (0);
	buf_add_string(&query, "versionId=");
	percent_add_value(&query, item->version);
	call.query = buf_text(&query);
	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	if (!range_is_answered(&a, 0))
		return (s3_refused(s, &call, &a, e));
	return (range_check(&a, item->name, (size_t)item->bytes, e));
}

int
s3_load_first(struct store *store, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	struct s3 *s = (struct s3 *)store;
	struct s3_item first = { .name = "" };

	if (each_version(s, name, keep_first, &first, e) < 0)
		return (-1);
	if (first.name[0] == '\0')
		return (
		    err_set(e, ERR_MISSING, "there is no version of %s", name));
	if (first.bytes > limit)
		return (err_set(e, ERR_CORRUPT,
		    "the first version of %s has %llu bytes, more than %zu",
		    name, (unsigned long long)first.bytes, limit));
	buf_reserve(out, (size_t)first.bytes + 1); /* + 1: p is there for 0 */
	if (get_version(s, &first, out->p + out->n, e) < 0)
		return (-1);
	out->n += (size_t)first.bytes;
	return (0);
}

/* --- away with it -------------------------------------------------------- */

/*
 * The server says that what is to be deleted is not there. That is as good as
 * deleted, unless it is the bucket that is missing; which Swift says, too, when
 * it has deleted a version and looks for an older one in its place. So the
 * bucket itself is asked.
 */
static int
is_gone(struct s3 *s, struct err *e)
{
	struct err there = ERR_INIT;

	if (strstr(e->text, "Bucket") != NULL &&
	    s3_find_bucket(s, &there) < 0) {
		*e = there;
		return (-1);
	}
	err_clear(e);
	return (0);
}

/* version NULL: whatever the server deletes then. */
static int
delete_version(
    struct s3 *s, const char *name, const char *version, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(buf_free) struct buf query = BUF_INIT;
	struct s3_call call = { .method = "DELETE", .name = name };

	if (version != NULL) {
		buf_add_string(&query, "versionId=");
		percent_add_value(&query, version);
		call.query = buf_text(&query);
	}
	if (s3_request(s, &call, &a, e) < 0)
		return (-1);
	if (a.status / 100 == 2)
		return (0);
	(void)s3_refused(s, &call, &a, e);
	if (e->kind == ERR_MISSING)
		return (is_gone(s, e));
	/* AWS and Ceph answer 403 for a locked one, others 400. */
	if (version != NULL && (a.status == 403 || a.status == 400))
		return (s3_refused_delete(s, name, version, e));
	return (-1);
}

static int
delete_all(struct s3 *s, const char *name, struct buf *ids, struct err *e)
{
	const char *version;

	while ((version = take_oldest(ids)) != NULL)
		if (delete_version(s, name, version, e) < 0)
			return (-1);
	return (0);
}

/*
 * The first bytes go first: they are what is locked most likely, and then all
 * is left as it was. Markers go last, so that a name somebody has hidden does
 * not come back when we are interrupted.
 */
int
s3_drop(struct store *store, const char *name, struct err *e)
{
	struct s3 *s = (struct s3 *)store;
	SCOPED(kept_free) struct kept k = { .versions = BUF_INIT };
	bool has;

	if (s3_has_versions(s, &has, e) < 0)
		return (-1);
	if (!has)
		return (delete_version(s, name, NULL, e));
	if (each_version(s, name, keep_id, &k, e) < 0 ||
	    delete_all(s, name, &k.versions, e) < 0)
		return (-1);
	return (delete_all(s, name, &k.markers, e));
}

static int
keep_markers_before(const struct s3_item *item, void *arg, struct err *e)
{
	if (keep_id(item, arg, e) < 0)
		return (-1);
	return (!item->is_marker);
}

int
s3_unhide(struct store *store, const char *name, struct err *e)
{
	struct s3 *s = (struct s3 *)store;
	SCOPED(kept_free) struct kept k = { .versions = BUF_INIT };

	if (each_version(s, name, keep_markers_before, &k, e) < 0)
		return (-1);
	if (k.versions.n == 0)
		return (
		    err_set(e, ERR_MISSING, "there is no version of %s", name));
	return (delete_all(s, name, &k.markers, e));
}
