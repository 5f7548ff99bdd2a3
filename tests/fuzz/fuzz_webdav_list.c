/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Answers to a PROPFIND; the first byte chooses which folder was asked for.
 * Objects and folders that are handed out are good names, directly in it.
 */
#include <stdlib.h>
#include <string.h>

#include "storage-drivers/webdav_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_name(const char *folder, const char *name, size_t n)
{
	size_t above = strlen(folder);

	if (n <= above || memcmp(name, folder, above) != 0 ||
	    memchr(name + above, '/', n - above) != NULL)
		abort();
}

static int
check_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)e;
	if (!store_name_is_good(entry->name))
		abort();
	check_name(arg, entry->name, strlen(entry->name));
	return (0);
}

static void
check_folders(const char *folder, const struct buf *found)
{
	for (size_t at = 0; at < found->n;) {
		const char *name = (const char *)found->p + at;
		size_t n = strnlen(name, found->n - at);

		if (n >= found->n - at || n < 2 || name[n - 1] != '/')
			abort();
		check_name(folder, name, n - 1);
		at += n + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct {
		const char *root, *folder;
	} places[] = { { "", "" }, { "", "packs/" }, { "/dav/a%20b", "" },
		{ "/dav/a%20b", "packs/ab/" } };
	size_t which = n > 0 ? p[0] % (sizeof(places) / sizeof(places[0])) : 0;
	char folder[STORE_NAME_MAX];
	SCOPED(walk_found_free)
	struct walk_found found = { .objects = BUF_INIT };
	SCOPED(webdav_page_free)
	struct webdav_page page = {
		.root = places[which].root, .folder = folder, .found = &found
	};
	struct err e = ERR_INIT;

	(void)snprintf(folder, sizeof(folder), "%s", places[which].folder);
	if (n > 0 && webdav_page_read(&page, p + 1, n - 1, &e) < 0 &&
	    e.kind != ERR_CORRUPT)
		abort();
	if (walk_give(&found, check_entry, folder, &e) != 0)
		abort();
	check_folders(folder, &found.folders);
	return (0);
}
