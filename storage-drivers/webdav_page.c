/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XML comes in, objects and folders go out. A server that answers with what was
 * not asked for is not followed.
 */
#include "storage-drivers/webdav_page.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage-drivers/percent.h"
#include "storage-drivers/xml.h"

void
webdav_page_free(struct webdav_page *page)
{
	buf_free(&page->href);
}

static int
begin_element(const char *name, void *arg, struct err *e)
{
	struct webdav_page *page = arg;

	(void)e;
	if (strcmp(name, "multistatus") == 0)
		page->is_multistatus = true;
	else if (strcmp(name, "collection") == 0)
		page->is_folder = true;
	else if (strcmp(name, "response") == 0) {
		page->href.n = 0;
		page->is_folder = page->has_size = false;
		page->entry.modified = STORE_NO_TIME;
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
name_of_href(struct webdav_page *page, struct buf *out)
{
	SCOPED(buf_free) struct buf root = BUF_INIT;
	const char *spelled = path_of_href(buf_text(&page->href)), *text;
	size_t nroot, nfolder = strlen(page->folder);

	if (!percent_decode(page->root, strlen(page->root), &root) ||
	    !percent_decode(spelled, strlen(spelled), out))
		return (false);
	nroot = root.n;
	while (out->n > 0 && out->p[out->n - 1] == '/')
		out->n--;
	text = buf_text(out);
	if (out->n <= nroot + 1 || memcmp(text, buf_text(&root), nroot) != 0 ||
	    text[nroot] != '/')
		return (false);
	memmove(out->p, out->p + nroot + 1, out->n - nroot);
	out->n -= nroot + 1;
	text = buf_text(out);
	return (out->n > nfolder && memcmp(text, page->folder, nfolder) == 0 &&
	    strchr(text + nfolder, '/') == NULL);
}

static int
end_response(struct webdav_page *page, struct err *e)
{
	SCOPED(buf_free) struct buf name = BUF_INIT;
	const char *text;

	if (!name_of_href(page, &name))
		return (0);
	text = buf_text(&name);
	if (strlen(text) != name.n || !store_name_is_good(text))
		return (0); /* not ours, or temporary: it has a '~' */
	if (page->is_folder) {
		walk_add_folder(page->found, text);
		return (0);
	}
	if (!page->has_size)
		return (err_set(
		    e, ERR_CORRUPT, "PROPFIND tells no size of %s", text));
	memcpy(page->entry.name, text, name.n + 1);
	walk_add_object(page->found, &page->entry);
	return (0);
}

static int
end_element(const char *name, const char *text, void *arg, struct err *e)
{
	struct webdav_page *page = arg;
	char *end;
	time_t when;

	if (strcmp(name, "href") == 0) {
		buf_add_string(&page->href, text);
	} else if (strcmp(name, "getcontentlength") == 0) {
		if (text[0] < '0' || text[0] > '9')
			return (0); /* a property that is not there */
		errno = 0;
		page->entry.bytes = strtoull(text, &end, 10);
		page->has_size = errno == 0 && *end == '\0';
	} else if (strcmp(name, "getlastmodified") == 0) {
		when = curl_getdate(text, NULL);
		page->entry.modified = when < 0 ? STORE_NO_TIME : (int64_t)when;
	} else if (strcmp(name, "response") == 0) {
		return (end_response(page, e));
	}
	return (0);
}

int
webdav_page_read(
    struct webdav_page *page, const void *p, size_t n, struct err *e)
{
	static const struct xml_calls calls = { .begin = begin_element,
		.end = end_element };

	page->is_multistatus = false;
	return (xml_read(p, n, &calls, page, e));
}
