/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as URLs spell them: %XX (RFC 3986, 2.1). */
#ifndef STORAGE_DRIVERS_PERCENT_H
#define STORAGE_DRIVERS_PERCENT_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends path with %XX for everything but letters, digits, "-._~" and '/'. */
void percent_add_path(struct buf *out, const char *path);
/* Appends a value for a query: as a path, but '/' is spelled %2F. */
void percent_add_value(struct buf *out, const char *value);
/* Appends what n bytes of text spell; false when a '%' has no two hex digits
 * after it, or they are 00. */
bool percent_decode(const char *text, size_t n, struct buf *out);

#endif
