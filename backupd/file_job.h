/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One entry of the filestore on its way from the walk to the tree. The walk
 * decides whether it must be read and opens it, a thread reads it, and the main
 * thread, in the order of the walk, adds it.
 */
#ifndef BACKUPD_FILE_JOB_H
#define BACKUPD_FILE_JOB_H

#include "backupd/file_reader.h"
#include "backupd/filestore.h"
#include "repository/ingest.h"

struct run;

struct file_job {
	enum filestore_kind kind;
	char *path, *target; /* owned; target of a link alone */
	struct stat st;
	int sys; /* why it is unreadable */
	int fd;	 /* to be read, or -1 */
	bool is_hash_named;
	bool is_gone;	  /* vanished between two looks */
	bool is_fresh;	  /* not what was remembered of its name */
	bool has_changed; /* while it was read, each time */
	bool has_remembered;
	bool is_known; /* as it was remembered: not read */
	struct file_memory remembered;
	struct name before; /* checksum of what was remembered */
	uint8_t sha1[HASH_SHA1];
	bool matches_name;
	struct recipe recipe;
	struct err error; /* of the reading thread, or ERR_NONE */
	bool is_done;	  /* guarded by the lock of files.c */
};

/*
 * Makes a job of what the walk gave: already done when nothing needs reading.
 * NULL with e set when a file can't be opened for a reason that is ours
 * (no descriptors left).
 */
struct file_job *file_job_new(struct run *run, const struct filestore *f,
    const struct filestore_entry *entry, struct err *e) MUST_USE;
void file_job_free(struct file_job *j);
/* Reads it. The outcome is in j. Thread: any, with a reader of its own. */
void file_job_read(struct run *run, struct file_job *j, struct file_reader *r);
/* The actual SHA-1 in hex when the name claims another, else NULL. */
const char *file_job_wrong_name(
    const struct file_job *j, char out[2 * HASH_SHA1 + 1]);
/* Remembers it for the next backup. */
int file_job_remember(
    struct run *run, const struct file_job *j, struct err *e) MUST_USE;

#endif
