/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A listing from a protocol that tells only what is directly in one folder
 * (SFTP, WebDAV). Folders are looked at several at a time, as many as the
 * endpoint takes calls: one after the other, the 256 folders of packs/ would be
 * nothing but round trips.
 */
#ifndef STORAGE_DRIVERS_WALK_H
#define STORAGE_DRIVERS_WALK_H

#include "storage-drivers/store_impl.h"

/* What is directly in one folder. {0} is empty; released by walk_found_free. */
struct walk_found {
	struct buf objects; /* private to walk.c */
	struct buf folders; /* "packs/ab/" with a NUL each */
};
void walk_found_free(struct walk_found *found); /* also a SCOPED releaser */
void walk_add_object(struct walk_found *found, const struct store_entry *entry);
void walk_add_folder(
    struct walk_found *found, const char *name); /* without a '/' at its end */
/* Calls each for the objects, as they came; its first answer that is not 0 ends
 * that and is returned. */
int walk_give(const struct walk_found *found,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

struct walk {
	struct store *store; /* a driver: its ops say how many at a time */
	/* Adds what is in folder, "" or "packs/ab/": nothing, when that is not
	 * there. Thread: called by several at once. Fails: as store_list. */
	int (*look)(struct store *store, const char *folder,
	    struct walk_found *found, struct err *e);
	/* Called by the caller's thread alone, while no folder is looked at: it
	 * may call the store. */
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
};

/* All that is below prefix, as store_list. */
int walk_folders(
    const struct walk *w, const char *prefix, struct err *e) MUST_USE;

#endif
