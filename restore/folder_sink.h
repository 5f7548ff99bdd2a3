/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attachments of a backup into a branch's folder. Before the swap files are
 * only added; what is there already and equal is not fetched. After it the
 * folder is made equal to the backup: files that were there with other contents
 * are replaced, what the backup doesn't have goes, except what a kept copy of
 * the replaced database needs.
 */
#ifndef RESTORE_FOLDER_SINK_H
#define RESTORE_FOLDER_SINK_H

#include "restore/contents.h"

struct branch_settings;
struct folder_sink;
struct keyset;

struct folder_sink_conf {
	struct repo *r;
	struct fetch *fetch;
	struct contents *contents;
	struct remarks *remarks;
	const char *folder; /* the branch's */
	const char *owner;  /* a system user of that name gets the files; or
			       NULL */
	const char *id;	    /* of this restore, in temporary names */
	const char *notes;  /* folder for the lists that undo needs */
	bool dry;	    /* only folder_sink_plan will be called */
};
/* Fails: ERR_MISSING, ERR_DENIED. conf's pointers outlive it. */
struct folder_sink *folder_sink_open(
    const struct folder_sink_conf *conf, struct err *e) MUST_USE;
void folder_sink_free(struct folder_sink *f);
void folder_sink_freep(struct folder_sink **f);

struct folder_sink_totals {
	uint64_t files, fetched, reused; /* count */
	uint64_t bytes, reused_bytes;	 /* plain */
	uint64_t removed, replaced;
};

/* Walks the tree: what will have to be fetched is expected (files of another
 * size or not there), everything's path is known afterwards. */
int folder_sink_plan(struct folder_sink *f, struct err *e) MUST_USE;
/* Adds what is missing. After failure: folder_sink_undo. */
int folder_sink_add(struct folder_sink *f, struct err *e) MUST_USE;
/* Paths (a file of them, see paths_file.h) that folder_sink_finish leaves. */
int folder_sink_keep(
    struct folder_sink *f, const char *paths, struct err *e) MUST_USE;
/*
 * Makes the folder equal to the backup. Files that changed since before
 * (seconds) are left alone: the branch lives again.
 */
int folder_sink_finish(
    struct folder_sink *f, int64_t before, struct err *e) MUST_USE;
void folder_sink_totals(
    const struct folder_sink *f, struct folder_sink_totals *out);

/* Takes back what a restore with that id added to folder, but for the paths
 * whose keys are in live; its lists are in notes. Being called again is
 * harmless. */
int folder_sink_undo(const char *folder, const char *id, const char *notes,
    const struct keyset *live, struct err *e) MUST_USE;
/* Finishes the replacing of files after a swap; the rest needs the backup. */
int folder_sink_redo(const char *folder, const char *id, const char *notes,
    struct err *e) MUST_USE;

#endif
