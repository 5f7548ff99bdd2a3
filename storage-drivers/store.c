/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door to every endpoint. A URL comes in, a stack of trace, retry and
 * driver goes out; every call passes here on its way to the stack. It
 * always holds that no driver ever sees a name that is not good, and no caller
 * an error that does not name the endpoint.
 */
#include "storage-drivers/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "storage-drivers/store_drop.h"
#include "storage-drivers/store_impl.h"
#include "storage-drivers/url.h"

/* --- opening ------------------------------------------------------------- */

/* The driver that a URL's scheme asks for: url_check knows them all. */
static struct store *
open_remote(const struct store_conf *conf, struct err *e)
{
	char scheme[URL_SCHEME_MAX];

	url_scheme(conf->url, scheme);
	if (strcmp(scheme, "s3+https") == 0)
		return (store_s3_new(conf, true, e));
	if (strcmp(scheme, "s3+http") == 0)
		return (store_s3_new(conf, false, e));
	if (strcmp(scheme, "sftp") == 0)
		return (store_sftp_new(conf, e));
	return (store_webdav_new(conf, strcmp(scheme, "davs") == 0, e));
}

static struct store *
open_driver(const struct store_conf *conf, struct err *e)
{
	SCOPED(scope_free) char *folder = NULL;

	if (conf->url == NULL || conf->url[0] == '\0') {
		err_set(e, ERR_CONFIG, "no url is given");
		return (NULL);
	}
	if (url_check(conf->url, e) < 0)
		return (NULL);
	if (!url_is_local(conf->url))
		return (open_remote(conf, e));
	folder = url_folder(conf->url, e);
	return (folder == NULL ? NULL : store_file_new(conf, folder, e));
}

struct store *
store_open(const struct store_conf *conf, struct err *e)
{
	struct store *s;

	assert(conf->name != NULL);
	if ((s = open_driver(conf, e)) == NULL) {
		err_within(e, "endpoint %s", conf->name);
		return (NULL);
	}
	s = store_with_retry(s, conf->give_up_after_s);
	return (store_with_trace(s));
}

void
store_free(struct store *s)
{
	if (s != NULL)
		s->ops->free(s);
}

void
store_freep(struct store **s)
{
	store_free(*s);
	*s = NULL;
}

const char *
store_name(const struct store *s)
{
	return (s->name);
}

/* --- names --------------------------------------------------------------- */

static bool
is_name_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-');
}

/* The first n bytes of name, as one name. */
static bool
is_good(const char *name, size_t n)
{
	size_t part = 0, dots = 0; /* bytes of this part; dots among them */

	if (n == 0 || n >= STORE_NAME_MAX)
		return (false);
	for (size_t i = 0; i <= n; i++) {
		if (i < n && name[i] != '/') {
			if (!is_name_char(name[i]))
				return (false);
			part++;
			dots += name[i] == '.';
			continue;
		}
		if (part == 0 || (part <= 2 && dots == part))
			return (false);
		part = dots = 0;
	}
	return (true);
}

bool
store_name_is_good(const char *name)
{
	return (is_good(name, strnlen(name, STORE_NAME_MAX)));
}

static bool
prefix_is_good(const char *prefix)
{
	size_t n = strnlen(prefix, STORE_NAME_MAX);

	return (n == 0 ||
	    (n < STORE_NAME_MAX && prefix[n - 1] == '/' &&
		is_good(prefix, n - 1)));
}

/* Puts the endpoint's name in front of a failure. */
static int
within(const struct store *s, struct err *e)
{
	return (err_within(e, "endpoint %s", s->name));
}

static int
check_name(const struct store *s, const char *name, struct err *e)
{
	if (store_name_is_good(name))
		return (0);
	err_set(
	    e, ERR_CORRUPT, "'%.*s' is no object's name", STORE_NAME_MAX, name);
	return (within(s, e));
}

/* --- the calls ----------------------------------------------------------- */

int
store_prepare(struct store *s, struct err *e)
{
	return (s->ops->prepare(s, e) < 0 ? within(s, e) : 0);
}

int
store_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	assert(n <= STORE_OBJECT_MAX);
	if (check_name(s, name, e) < 0)
		return (-1);
	file_step("put");
	if (s->ops->put(s, name, p, n, flags, e) < 0)
		return (within(s, e));
	file_step("put done");
	return (0);
}

int
store_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	if (check_name(s, name, e) < 0)
		return (-1);
	return (s->ops->get(s, name, off, p, n, e) < 0 ? within(s, e) : 0);
}

int
store_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	if (check_name(s, name, e) < 0)
		return (-1);
	return (s->ops->stat(s, name, bytes, e) < 0 ? within(s, e) : 0);
}

int
store_drop(struct store *s, const char *name, struct err *e)
{
	if (check_name(s, name, e) < 0)
		return (-1);
	file_step("drop");
	return (s->ops->drop(s, name, e) < 0 ? within(s, e) : 0);
}

/* A caller's each, and whether it was what ended the listing: then the failure
 * is the caller's own, and is not put down to the endpoint. */
struct listing {
	const char *prefix;
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
	bool ended;
};

/* An endpoint may answer anything, so what it lists is checked here. */
static int
pass_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	struct listing *l = arg;
	int rc;

	if (!store_name_is_good(entry->name) ||
	    strncmp(entry->name, l->prefix, strlen(l->prefix)) != 0)
		return (0);
	if ((rc = l->each(entry, l->arg, e)) != 0)
		l->ended = true;
	return (rc);
}

int
store_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct listing l = { .prefix = prefix, .each = each, .arg = arg };
	int rc;

	if (!prefix_is_good(prefix)) {
		err_set(e, ERR_CORRUPT, "'%.*s' begins no object's name",
		    STORE_NAME_MAX, prefix);
		return (within(s, e));
	}
	file_step("list");
	rc = s->ops->list(s, prefix, pass_entry, &l, e);
	return (rc < 0 && !l.ended ? within(s, e) : rc);
}

unsigned
store_parallel(struct store *s)
{
	while (s->ops->parallel == 0 && s->ops->inner != NULL)
		s = s->ops->inner(s);
	return (s->ops->parallel > 0 ? s->ops->parallel : 1);
}

static int
probe_enough(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)entry;
	(void)arg;
	(void)e;
	return (1);
}

/* A listing of nearly nothing: what every driver has, and what fails when, and
 * only when, the endpoint itself does. */
int
store_probe(struct store *s, struct err *e)
{
	return (store_list(s, "writers/", probe_enough, NULL, e) < 0 ? -1 : 0);
}

int
store_load(struct store *s, const char *name, size_t limit, struct buf *out,
    struct err *e)
{
	uint64_t bytes;

	if (store_stat(s, name, &bytes, e) < 0)
		return (-1);
	if (bytes > limit) {
		err_set(e, ERR_CORRUPT, "%s has %llu bytes, more than %zu",
		    name, (unsigned long long)bytes, limit);
		return (within(s, e));
	}
	buf_reserve(out, (size_t)bytes + 1); /* + 1: out->p is there for 0 */
	if (store_get(s, name, 0, out->p + out->n, (size_t)bytes, e) < 0)
		return (-1);
	out->n += (size_t)bytes;
	return (0);
}

/* --- versions ------------------------------------------------------------ */

struct store *
store_with_versions(struct store *s)
{
	while (s->ops->lock == NULL && s->ops->inner != NULL)
		s = s->ops->inner(s);
	return (s->ops->lock != NULL ? s : NULL);
}

int
store_lock(struct store *s, const char *name, int64_t until, struct err *e)
{
	struct store *v = store_with_versions(s);

	if (check_name(s, name, e) < 0)
		return (-1);
	if (v == NULL) {
		(void)err_set(e, ERR_CONFIG, "it can't lock objects");
		return (within(s, e));
	}
	return (v->ops->lock(v, name, until, e) < 0 ? within(s, e) : 0);
}

int
store_load_first(struct store *s, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	struct store *v = store_with_versions(s);

	if (check_name(s, name, e) < 0)
		return (-1);
	if (v == NULL) {
		(void)err_set(
		    e, ERR_MISSING, "it keeps no versions of %s", name);
		return (within(s, e));
	}
	return (
	    v->ops->load_first(v, name, limit, out, e) < 0 ? within(s, e) : 0);
}

int
store_unhide(struct store *s, const char *name, struct err *e)
{
	struct store *v = store_with_versions(s);

	if (check_name(s, name, e) < 0)
		return (-1);
	if (v == NULL) {
		(void)err_set(
		    e, ERR_MISSING, "it keeps no versions of %s", name);
		return (within(s, e));
	}
	file_step("unhide");
	return (v->ops->unhide(v, name, e) < 0 ? within(s, e) : 0);
}

int
store_facts(struct store *s, struct store_facts *out, struct err *e)
{
	struct store *at = s;

	*out = (struct store_facts){ .clock = STORE_NO_TIME };
	while (at->ops->facts == NULL && at->ops->inner != NULL)
		at = at->ops->inner(at);
	if (at->ops->facts == NULL)
		return (0);
	return (at->ops->facts(at, out, e) < 0 ? within(s, e) : 0);
}
