/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A remote endpoint's URL, taken apart (RFC 3986).
 */
#ifndef STORAGE_DRIVERS_ADDRESS_H
#define STORAGE_DRIVERS_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"

/* Owned strings; path is decoded, begins with '/', and has none at its
 * end and no two in a row. */
struct address {
	char *user; /* or NULL */
	char *host; /* as in a URL: an IPv6 address is in brackets */
	char *port; /* or NULL: the scheme's own */
	char *path; /* "" for the root */
};

/*
 * Takes "SCHEME://[user@]host[:port][/path]" apart, whatever the scheme.
 * Fails: ERR_CONFIG; no host, a password in it (secrets don't belong into a
 * configuration), a query or fragment, a path with "..", control bytes. No
 * message shows the URL.
 */
int address_parse(
    const char *text, struct address *out, struct err *e) MUST_USE;
void address_free(struct address *a); /* also a SCOPED releaser */

/* Is the host this machine itself: localhost, 127.x.x.x, [::1]? */
bool address_is_loopback(const struct address *a);

#endif
