/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answer to a PROPFIND of one folder (RFC 4918, 9.1), from memory. The
 * server may be hostile: what is not directly in the folder, or has no good
 * name, is left out.
 */
#ifndef STORAGE_DRIVERS_WEBDAV_PAGE_H
#define STORAGE_DRIVERS_WEBDAV_PAGE_H

#include "storage-drivers/walk.h"

/*
 * {0} and the first three members set is ready; it can be used for one answer
 * after the other. Released by webdav_page_free.
 */
struct webdav_page {
	const char *root;   /* escaped path of the endpoint's folder */
	const char *folder; /* the one asked for, "packs/"; "" is the root */
	struct walk_found *found; /* what is in it is added to this */
	bool is_multistatus;	  /* it was an answer to a PROPFIND at all */
	/* private to webdav_page.c: the response that is being read */
	struct buf href;
	bool is_folder, has_size;
	struct store_entry entry;
};
void webdav_page_free(struct webdav_page *page); /* also a SCOPED releaser */

/* Reads an answer. Fails: ERR_CORRUPT. */
int webdav_page_read(
    struct webdav_page *page, const void *p, size_t n, struct err *e) MUST_USE;

#endif
