/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A URL comes in as the operator wrote it, its parts go out; libcurl does the
 * parsing. Names of objects need no escaping, but folders and buckets may.
 */
#include "storage-drivers/address.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "storage-drivers/percent.h"

static void
free_parts(CURLU **u)
{
	curl_url_cleanup(*u);
}

/* One part as libcurl spells it, or NULL when the URL has none. */
static char *
part(CURLU *u, CURLUPart which)
{
	char *text = NULL, *copy;

	if (curl_url_get(u, which, &text, 0) != CURLUE_OK || text == NULL)
		return (NULL);
	copy = mem_string(text);
	curl_free(text);
	return (copy);
}

static bool
has(CURLU *u, CURLUPart which)
{
	SCOPED(scope_free) char *text = part(u, which);

	return (text != NULL);
}

static bool
path_is_good(const char *path)
{
	size_t n;

	for (const char *p = path; *p != '\0'; p += n) {
		p += *p == '/';
		n = strcspn(p, "/");
		if ((n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return (false);
		for (size_t i = 0; i < n; i++)
			if ((uint8_t)p[i] < ' ' || p[i] == '\x7f')
				return (false);
	}
	return (true);
}

static size_t
without_doubled_slashes(uint8_t *path, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (path[i] != '/' || kept == 0 || path[kept - 1] != '/')
			path[kept++] = path[i];
	return (kept);
}

/* The decoded path without slashes at its end. */
static int
take_path(CURLU *u, struct address *out, struct err *e)
{
	SCOPED(scope_free) char *spelled = part(u, CURLUPART_PATH);
	SCOPED(buf_free) struct buf path = BUF_INIT;

	if (spelled != NULL &&
	    !percent_decode(spelled, strlen(spelled), &path)) {
		(void)err_set(e, ERR_CONFIG,
		    "the url has a '%%' without two hex digits after it");
		return (err_hint(e, "write %%25 for '%%'"));
	}
	path.n = without_doubled_slashes(path.p, path.n);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	out->path = mem_string(buf_text(&path));
	if (!path_is_good(out->path))
		return (err_set(e, ERR_CONFIG,
		    "the url's path has a '.' or '..' part, or a control character"));
	return (0);
}

/* libcurl knows few schemes: it is given http's, and ours is the caller's. */
static CURLU *
parse(const char *text)
{
	const char *rest = strstr(text, "://");
	SCOPED(scope_free) char *as_http = NULL;
	SCOPED(free_parts) CURLU *u = curl_url();

	if (u == NULL)
		mem_out();
	if (rest == NULL || rest[3] == '/') /* libcurl would skip the '/' */
		return (NULL);
	as_http = mem_printf("http%s", rest);
	if (curl_url_set(u, CURLUPART_URL, as_http, CURLU_PATH_AS_IS) !=
	    CURLUE_OK)
		return (NULL);
	return (TAKE(u));
}

int
address_parse(const char *text, struct address *out, struct err *e)
{
	SCOPED(address_free) struct address u = { .host = NULL };
	SCOPED(free_parts) CURLU *parts = parse(text);

	if (parts == NULL)
		return (err_set(e, ERR_CONFIG,
		    "expected SCHEME://HOST/PATH in the url, with a host behind '//'"));
	if (has(parts, CURLUPART_PASSWORD)) {
		(void)err_set(e, ERR_CONFIG, "the url has a password in it");
		return (err_hint(e, "put it into a file: password-file"));
	}
	if (has(parts, CURLUPART_QUERY) || has(parts, CURLUPART_FRAGMENT))
		return (err_set(e, ERR_CONFIG, "the url has a '?' or '#'"));
	u.user = part(parts, CURLUPART_USER);
	u.host = part(parts, CURLUPART_HOST);
	u.port = part(parts, CURLUPART_PORT);
	if (u.host == NULL || u.host[0] == '\0')
		return (err_set(e, ERR_CONFIG, "expected a host in the url"));
	if (take_path(parts, &u, e) < 0)
		return (-1);
	*out = u;
	u = (struct address){ .host = NULL };
	return (0);
}

void
address_free(struct address *u)
{
	free(TAKE(u->user));
	free(TAKE(u->host));
	free(TAKE(u->port));
	free(TAKE(u->path));
}

bool
address_is_loopback(const struct address *u)
{
	struct in_addr address;

	if (strcmp(u->host, "localhost") == 0 || strcmp(u->host, "[::1]") == 0)
		return (true);
	return (inet_pton(AF_INET, u->host, &address) == 1 &&
	    ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET);
}
