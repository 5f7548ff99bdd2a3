/* SPDX-License-Identifier: BSD-2-Clause */
/* A range and an answer come in; whether all of it came goes out. */
#include "storage-drivers/range.h"

#include <stdio.h>

#include "storage-drivers/http.h"
#include "storage-drivers/store_impl.h"

#define STATUS_PARTIAL	   206
#define STATUS_UNSATISFIED 416

bool
range_can_be_asked(uint64_t off, size_t n)
{
	return (n > 0 && off <= STORE_OBJECT_MAX);
}

static int
too_short(const char *name, struct err *e)
{
	return (err_set(
	    e, ERR_CORRUPT, "GET %s: the range is not all there", name));
}

int
range_by_stat(
    struct store *s, const char *name, uint64_t off, size_t n, struct err *e)
{
	uint64_t bytes = 0;

	if (s->ops->stat(s, name, &bytes, e) < 0)
		return (-1);
	return (n > 0 || off > bytes ? too_short(name, e) : 0);
}

void
range_text(uint64_t off, size_t n, char out[RANGE_TEXT])
{
	(void)snprintf(out, RANGE_TEXT, "bytes=%llu-%llu",
	    (unsigned long long)off, (unsigned long long)(off + n - 1));
}

/* A server that has no ranges answers with all of it, from the beginning. */
bool
range_is_answered(const struct http_answer *a, uint64_t off)
{
	return (a->status == STATUS_PARTIAL ||
	    a->status == STATUS_UNSATISFIED || (a->status == 200 && off == 0));
}

int
range_check(
    const struct http_answer *a, const char *name, size_t n, struct err *e)
{
	if (a->status == STATUS_UNSATISFIED || a->got != n)
		return (too_short(name, e));
	return (0);
}
