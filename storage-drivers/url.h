/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * URLs of endpoints, as they stand in a configuration: what is known of one
 * without reaching for anything. A URL may hold a password, so no message shows
 * more of it than its scheme.
 */
#ifndef STORAGE_DRIVERS_URL_H
#define STORAGE_DRIVERS_URL_H

#include <stdbool.h>

#include "base/err.h"

#define URL_SCHEME_MAX 16
#define URL_SCHEMES    "file, s3+https, s3+http, sftp, davs, dav"

/* The scheme, or "" when it does not begin with one (a plain path). */
void url_scheme(const char *url, char out[URL_SCHEME_MAX]);

/* Fails: ERR_CONFIG saying what is expected: an unknown scheme, no host, no
 * bucket, a relative path. */
int url_check(const char *url, struct err *e) MUST_USE;

/* Does it lead to a folder of this machine? */
bool url_is_local(const char *url);

/* That folder, allocated; NULL when url_check would say why. */
char *url_folder(const char *url, struct err *e) MUST_USE;

#endif
