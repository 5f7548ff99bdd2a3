/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PROPFIND's answers come in, one call for each object goes out. Each folder is
 * asked with Depth 1, since servers refuse or cut Depth infinity; the folder of
 * temporary names is left out.
 */
#include "storage-drivers/webdav.h"

#include <string.h>

#include "storage-drivers/webdav_page.h"

static const char properties[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
    "<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/>"
    "<getlastmodified/></prop></propfind>";

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

/* Reads one answer, of what is directly in the page's folder. */
static int
read_answer(struct webdav_page *page, const char *path,
    const struct http_answer *a, struct err *e)
{
	if (a->status != 207)
		return (refused(path, a->status, e));
	if (webdav_page_read(page, a->body.p, a->body.n, e) < 0)
		return (-1);
	return (page->is_multistatus ? 0 : refused(path, a->status, e));
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
	SCOPED(walk_found_free)
	struct walk_found found = { .objects = BUF_INIT };
	SCOPED(webdav_page_free)
	struct webdav_page page = { .root = w->root, .found = &found };
	SCOPED(scope_free) char *path = mem_printf("/%s", name);
	SCOPED(scope_free) char *folder = mem_string(name);
	char *last = strrchr(folder, '/');

	*(last != NULL ? last + 1 : folder) = '\0';
	page.folder = folder;
	out->name[0] = '\0';
	if (find(w, path, "depth: 0", &a, e) < 0 ||
	    read_answer(&page, path, &a, e) < 0 ||
	    walk_give(&found, keep_entry, out, e) < 0)
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

/* --- the driver's list --------------------------------------------------- */

static int
look(struct store *store, const char *folder, struct walk_found *found,
    struct err *e)
{
	struct webdav *w = (struct webdav *)store;
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(webdav_page_free)
	struct webdav_page page = {
		.root = w->root, .folder = folder, .found = found
	};
	SCOPED(scope_free) char *path = mem_printf("/%s", folder);

	if (find(w, path, "depth: 1", &a, e) < 0)
		return (-1);
	if (a.status == 404 && folder[0] != '\0')
		return (webdav_find_folder(w, "/", e));
	return (read_answer(&page, path, &a, e));
}

int
webdav_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	const struct walk w = {
		.store = store, .look = look, .each = each, .arg = arg
	};

	return (walk_folders(&w, prefix, e));
}
