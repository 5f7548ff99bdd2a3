/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's filestore: each file a stream, read by as many threads as the
 * settings' jobs, unless it is known by size, time and inode; everything added
 * in the order of paths, and shown to the proof on the way.
 */
#ifndef BACKUPD_FILES_H
#define BACKUPD_FILES_H

#include "backupd/proof.h"

struct run;

struct files_totals {
	uint64_t count; /* regular files */
	uint64_t fresh; /* whose contents this branch didn't have under that
			   name */
	uint64_t bytes;
};

/*
 * Copies the branch's filestore. What vanishes meanwhile is left out; what
 * can't be read makes the backup incomplete.
 * Fails: ERR_SOURCE when the folder itself can't be read; ERR_DATABASE of the
 * proof; the ingest's errors.
 */
int files_copy(struct run *run, struct proof *proof, struct files_totals *out,
    struct err *e) MUST_USE;
/*
 * After proof_end: attachments that were deleted while we ran, and that an
 * earlier backup of the branch holds, are taken from there.
 */
int files_add_deleted(struct run *run, struct proof *proof,
    struct files_totals *out, struct err *e) MUST_USE;

#endif
