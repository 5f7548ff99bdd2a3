/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Pages of S3 listings, with a NUL between one and the next. An odd first byte:
 * of versions, else of objects. What is handed out is good and in order,
 * whatever the server says.
 */
#include <stdlib.h>
#include <string.h>

#include "storage-drivers/s3_page.h"

#define PREFIX "at/"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct seen {
	bool has_versions;
	char last[STORE_NAME_MAX];
};

static int
check_item(const struct s3_item *item, void *arg, struct err *e)
{
	struct seen *seen = arg;
	int order = strcmp(item->name, seen->last);

	(void)e;
	if (!store_name_is_good(item->name) || order < 0 ||
	    (order == 0 && !seen->has_versions) ||
	    (item->version[0] == '\0' && seen->has_versions) ||
	    (item->is_marker && !seen->has_versions))
		abort();
	memcpy(seen->last, item->name, sizeof(seen->last));
	return (strcmp(item->name, "stop") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct seen seen = { .has_versions = n > 0 && p[0] % 2 != 0 };
	SCOPED(s3_page_free)
	struct s3_page page = { .prefix = PREFIX,
		.has_versions = seen.has_versions,
		.each = check_item,
		.arg = &seen };
	struct err e = ERR_INIT;
	size_t bytes;

	for (size_t at = 1; at < n; at += bytes + 1) {
		bytes = strnlen((const char *)p + at, n - at);
		if (s3_page_read(&page, p + at, bytes, &e) < 0) {
			if (page.answer == 0 && e.kind != ERR_CORRUPT)
				abort();
			break;
		}
		if (page.is_truncated && page.token.n + page.key.n == 0)
			abort();
	}
	return (0);
}
