/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of objects over HTTP, as the drivers of S3 and WebDAV get them. */
#ifndef STORAGE_DRIVERS_RANGE_H
#define STORAGE_DRIVERS_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RANGE_TEXT 64

struct store;
struct http_answer;

/* Can it be asked for? Not one of no bytes, nor one past every object. */
bool range_can_be_asked(uint64_t off, size_t n);
/* What stands for a get that can't be: 0 when the object reaches so far. Fails
 * as stat, or ERR_CORRUPT. */
int range_by_stat(struct store *s, const char *name, uint64_t off, size_t n,
    struct err *e) MUST_USE;
/* The value of a Range header (RFC 9110, 14.2). */
void range_text(uint64_t off, size_t n, char out[RANGE_TEXT]);
/* Is this the answer to a range? If not, its status says why. */
bool range_is_answered(const struct http_answer *a, uint64_t off);
/* 0 when the answer brought all n bytes. Fails: ERR_CORRUPT. */
int range_check(const struct http_answer *a, const char *name, size_t n,
    struct err *e) MUST_USE;

#endif
