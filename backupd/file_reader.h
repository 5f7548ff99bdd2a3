/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an open descriptor to a recipe: files of one chunk in one call, larger
 * ones as a stream, with their SHA-1 on the way where that is asked for.
 */
#ifndef BACKUPD_FILE_READER_H
#define BACKUPD_FILE_READER_H

#include "base/hash.h"
#include "repository/recipe.h"

struct run;
struct file_reader; /* one a thread: holds a buffer of CHUNK_MAX bytes */

struct file_reader *file_reader_new(struct run *run);
void file_reader_free(struct file_reader *r);
void file_reader_freep(struct file_reader **r);

struct file_source {
	enum stream_kind kind;
	const char *text; /* the stream's name in its branch */
	int fd;
	uint64_t most;	 /* bytes to read; fewer when it ends before */
	bool wants_sha1; /* else sha1 stays as it is */
	bool may_block;	 /* a pipe: waits, asking run_check */
};
/*
 * Reads a source. out gets its recipe (the caller's to free), sha1 its SHA-1.
 * Fails: ERR_SOURCE when it is reading that failed; else the ingest's error.
 */
int file_reader_read(struct file_reader *r, const struct file_source *from,
    struct recipe *out, uint8_t sha1[HASH_SHA1], struct err *e) MUST_USE;

#endif
