/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PROPFIND's answers come in, one call for each object goes out. Folders are
 * asked one by one with Depth 1, since servers refuse or cut Depth infinity;
 * the folder of temporary names is left out.
 */
#include "storage-drivers/webdav.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage-drivers/percent.h"
#include "storage-drivers/xml.h"

static const char properties[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
    "<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/>"
    "<getlastmodified/></prop></propfind>";

struct listing {
	struct webdav *w;
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
	int answer;	    /* each's, when it ended the listing */
	struct buf todo;    /* folders, "packs/ab/" with a NUL each */
	const char *folder; /* that is being read; "" is the endpoint's own */
	bool is_multistatus;
	/* the response that is being read */
	struct buf href;
	bool is_folder, has_size;
	struct store_entry entry;
};

static void
listing_free(struct listing *l)
{
	buf_free(&l->todo);
	buf_free(&l->href);
}

static int
begin_element(const char *name, void *arg, struct err *e)
{
	struct listing *l = arg;

	(void)e;
	if (strcmp(name, "multistatus") == 0)
		l->is_multistatus = true;
	else if (strcmp(name, "collection") == 0)
		l->is_folder = true;
	else if (strcmp(name, "response") == 0) {
		l->href.n = 0;
		l->is_folder = l->has_size = false;
		l->entry.modified = STORE_NO_TIME;
	}
	return (0);
}

/* The path of an href, which may be a whole URL (RFC 4918, 8.3). */
static const char *
path_of_href(const char *href)
{
	const char *host = strstr(href, "://");

	if (host == NULL || host > strchr(href, '/'))
		return (href);
	host = strchr(host + 3, '/');
	return (host != NULL ? host : "/");
}

/*
 * The name below the endpoint's folder of an href, decoded, without a slash at
 * its end; false when it isn't directly in the folder that was asked for. A
 * server that answers with others' names is not followed.
 */
static bool
name_of_href(struct listing *l, struct buf *out)
{
	SCOPED(buf_free) struct buf root = BUF_INIT;
	const char *spelled = path_of_href(buf_text(&l->href)), *text;
	size_t nroot, nfolder = strlen(l->folder);

	if (!percent_decode(l->w->root, strlen(l->w->root), &root) ||
	    !percent_decode(spelled, strlen(spelled), out))
		return (false);
	nroot = root.n;
	while (out->n > 0 && out->p[out->n - 1] == '/')
		out->n--;
	text = buf_text(out);
	if (out->n <= nroot + 1 || memcmp(text, root.p, nroot) != 0 ||
	    text[nroot] != '/')
		return (false);
	memmove(out->p, out->p + nroot + 1, out->n - nroot);
	out->n -= nroot + 1;
	text = buf_text(out);
	return (out->n > nfolder && memcmp(text, l->folder, nfolder) == 0 &&
	    strchr(text + nfolder, '/') == NULL);
}

static int
end_response(struct listing *l, struct err *e)
{
	SCOPED(buf_free) struct buf name = BUF_INIT;
	const char *text;

	if (!name_of_href(l, &name))
		return (0);
	text = buf_text(&name);
	if (strlen(text) != name.n || !store_name_is_good(text))
		return (0); /* not ours, or temporary: it has a '~' */
	if (l->is_folder) {
		buf_add(&l->todo, text, name.n);
		buf_add(&l->todo, "/", 2);
		return (0);
	}
	if (!l->has_size)
		return (err_set(
		    e, ERR_CORRUPT, "PROPFIND tells no size of %s", text));
	memcpy(l->entry.name, text, name.n + 1);
	l->answer = l->each(&l->entry, l->arg, e);
	return (l->answer == 0 ? 0 : -1);
}

static int
end_element(const char *name, const char *text, void *arg, struct err *e)
{
	struct listing *l = arg;
	char *end;
	time_t when;

	if (strcmp(name, "href") == 0) {
		buf_add_string(&l->href, text);
	} else if (strcmp(name, "getcontentlength") == 0) {
		if (text[0] < '0' || text[0] > '9')
			return (0); /* a property that is not there */
		errno = 0;
		l->entry.bytes = strtoull(text, &end, 10);
		l->has_size = errno == 0 && *end == '\0';
	} else if (strcmp(name, "getlastmodified") == 0) {
		when = curl_getdate(text, NULL);
		l->entry.modified = when < 0 ? STORE_NO_TIME : (int64_t)when;
	} else if (strcmp(name, "response") == 0) {
		return (end_response(l, e));
	}
	return (0);
}

/* PROPFIND of "/" or "/folder/". */
static int
find(struct webdav *w, const char *path, const char *depth,
    struct http_answer *a, struct err *e)
{
	const struct webdav_call call = { .method = "PROPFIND",
		.path = path,
		.headers = { depth, "content-type: application/xml" },
		.body = properties,
		.body_bytes = sizeof(properties) - 1 };

	return (webdav_request(w, &call, a, e));
}

static int
refused(const char *path, int status, struct err *e)
{
	char what[STORE_NAME_MAX + 32];

	(void)snprintf(what, sizeof(what), "PROPFIND %s", path);
	if (status / 100 == 2 || status == 405 || status == 501) {
		(void)err_set(e, ERR_CONFIG,
		    "%s: the server answers %d: this is no WebDAV folder", what,
		    status);
		return (err_hint(e, "check the url's path"));
	}
	return (http_refused(status, what, e));
}

/* Reads one answer, of what is directly in folder. */
static int
read_answer(struct listing *l, const char *folder, const char *path,
    const struct http_answer *a, struct err *e)
{
	static const struct xml_calls calls = { .begin = begin_element,
		.end = end_element };

	if (a->status != 207)
		return (refused(path, a->status, e));
	l->folder = folder;
	l->is_multistatus = false;
	if (xml_read(a->body.p, a->body.n, &calls, l, e) < 0)
		return (-1);
	return (l->is_multistatus ? 0 : refused(path, a->status, e));
}

static int
list_folder(struct listing *l, const char *folder, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(scope_free) char *path = mem_printf("/%s", folder);

	if (find(l->w, path, "depth: 1", &a, e) < 0)
		return (-1);
	if (a.status == 404 && folder[0] != '\0')
		return (webdav_find_folder(l->w, "/", e));
	return (read_answer(l, folder, path, &a, e));
}

static int
keep_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)e;
	*(struct store_entry *)arg = *entry;
	return (0);
}

int
webdav_find(
    struct webdav *w, const char *name, struct store_entry *out, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(listing_free)
	struct listing l = { .w = w, .each = keep_entry, .arg = out };
	SCOPED(scope_free) char *path = mem_printf("/%s", name);
	SCOPED(scope_free) char *folder = mem_string(name);
	char *last = strrchr(folder, '/');

	*(last != NULL ? last + 1 : folder) = '\0';
	out->name[0] = '\0';
	if (find(w, path, "depth: 0", &a, e) < 0 ||
	    read_answer(&l, folder, path, &a, e) < 0)
		return (-1);
	if (strcmp(out->name, name) != 0)
		return (err_set(e, ERR_MISSING, "%s is no file", name));
	return (0);
}

int
webdav_find_folder(struct webdav *w, const char *path, struct err *e)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };

	if (find(w, path, "depth: 0", &a, e) < 0)
		return (-1);
	if (a.status == 207)
		return (0);
	(void)refused(path, a.status, e);
	if (e->kind == ERR_MISSING && strcmp(path, "/") == 0)
		return (err_hint(e, "the endpoint's folder is not there"));
	return (-1);
}

int
webdav_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(listing_free)
	struct listing l = {
		.w = (struct webdav *)store, .each = each, .arg = arg
	};
	size_t n;

	buf_add(&l.todo, prefix, strlen(prefix) + 1);
	for (size_t at = 0; at < l.todo.n; at += n) {
		SCOPED(scope_free) char *folder = NULL; /* todo may move */

		folder = mem_string((const char *)l.todo.p + at);
		n = strlen(folder) + 1;
		if (list_folder(&l, folder, e) < 0)
			return (l.answer != 0 ? l.answer : -1);
	}
	return (0);
}
