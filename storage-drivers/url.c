/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of a URL flows in; its scheme, and the folder of a local one, flow
 * out, or words about what is missing in it.
 */
#include "storage-drivers/url.h"

#include <string.h>

#include "storage-drivers/address.h"
#include "storage-drivers/percent.h"

/* What has to stand behind "SCHEME://". */
enum wants { A_PATH, A_HOST, A_BUCKET };

static const struct {
	const char *scheme;
	enum wants wants;
} schemes[] = {
	{ "file", A_PATH },
	{ "s3+https", A_BUCKET },
	{ "s3+http", A_BUCKET },
	{ "sftp", A_HOST },
	{ "davs", A_HOST },
	{ "dav", A_HOST },
};

void
url_scheme(const char *url, char out[URL_SCHEME_MAX])
{
	size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	out[0] = '\0';
	if (n > 0 && n < URL_SCHEME_MAX && url[n] == ':') {
		memcpy(out, url, n);
		out[n] = '\0';
	}
}

bool
url_is_local(const char *url)
{
	char scheme[URL_SCHEME_MAX];

	url_scheme(url, scheme);
	return (url[0] == '/' || strcmp(scheme, "file") == 0);
}

/*
 * What follows "file:". A host may only be this one: "file://srv/backups" is a
 * slip of the pen, not a folder on host srv.
 */
static char *
folder_of_file_url(const char *rest, struct err *e)
{
	SCOPED(buf_free) struct buf path = BUF_INIT;

	if (strncmp(rest, "//localhost/", 12) == 0)
		rest += strlen("//localhost");
	else if (strncmp(rest, "///", 3) == 0)
		rest += 2;
	if (rest[0] != '/' || rest[1] == '/') {
		err_set(e, ERR_CONFIG,
		    "a file url takes an absolute path: file:///srv/backups");
		err_hint(e,
		    "for a folder beside the configuration give the plain path, without file:");
		return (NULL);
	}
	if (!percent_decode(rest, strlen(rest), &path)) {
		err_set(e, ERR_CONFIG,
		    "the file url has a '%%' without two hex digits after it");
		err_hint(e, "write %%25 for '%%', or give the plain path");
		return (NULL);
	}
	return (mem_string(buf_text(&path)));
}

char *
url_folder(const char *url, struct err *e)
{
	if (url[0] == '/')
		return (mem_string(url));
	if (!url_is_local(url)) {
		err_set(e, ERR_CONFIG, "the url is not one of a local folder");
		return (NULL);
	}
	return (folder_of_file_url(url + strlen("file:"), e));
}

static int
unknown(const char *scheme, struct err *e)
{
	if (scheme[0] == '\0')
		err_set(e, ERR_CONFIG,
		    "the url is neither an absolute path nor of a known "
		    "scheme: " URL_SCHEMES);
	else
		err_set(e, ERR_CONFIG,
		    "unknown scheme '%s' in the url; known are " URL_SCHEMES,
		    scheme);
	return (err_hint(e,
	    "such as s3+https://host/bucket, sftp://user@host/folder or "
	    "file:///folder"));
}

/* Is there a host, and a bucket where one is wanted? */
static int
check_place(
    const char *scheme, enum wants wants, const char *url, struct err *e)
{
	SCOPED(address_free) struct address a = { .host = NULL };

	if (address_parse(url, &a, e) < 0)
		return (err_hint(e, "write %s://HOST/%s", scheme,
		    wants == A_BUCKET ? "BUCKET" : "FOLDER"));
	if (wants == A_BUCKET && a.path[0] == '\0')
		return (err_set(e, ERR_CONFIG,
		    "expected a bucket in the url: %s://HOST/BUCKET", scheme));
	return (0);
}

int
url_check(const char *url, struct err *e)
{
	SCOPED(scope_free) char *folder = NULL;
	char scheme[URL_SCHEME_MAX];

	if (url_is_local(url))
		return ((folder = url_folder(url, e)) != NULL ? 0 : -1);
	url_scheme(url, scheme);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strcmp(scheme, schemes[i].scheme) == 0)
			return (check_place(scheme, schemes[i].wants, url, e));
	return (unknown(scheme, e));
}
