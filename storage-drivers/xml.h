/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XML answers of an endpoint, which may be hostile: no document type, so no
 * entities; depth and texts are bounded. Namespaces are left out of names.
 */
#ifndef STORAGE_DRIVERS_XML_H
#define STORAGE_DRIVERS_XML_H

#include <stddef.h>

#include "base/err.h"

#define XML_DEPTH_MAX 16
#define XML_TEXT_MAX  4096 /* bytes of an element's own text */

/* Called at the ends of an element; name is its local name, text its own
 * characters. -1 ends the reading. Either may be NULL. */
struct xml_calls {
	int (*begin)(const char *name, void *arg, struct err *e);
	int (*end)(
	    const char *name, const char *text, void *arg, struct err *e);
};

/* Reads a document. Fails: ERR_CORRUPT when it is none, or over the limits; and
 * as the calls do. */
int xml_read(const void *p, size_t n, const struct xml_calls *calls, void *arg,
    struct err *e) MUST_USE;

#endif
