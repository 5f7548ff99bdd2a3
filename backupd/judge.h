/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can this backup be trusted? Pure functions from what was found to a backup's
 * state.
 */
#ifndef BACKUPD_JUDGE_H
#define BACKUPD_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JUDGE_REASON 400

struct judgement {
	uint64_t unreadable;  /* things that are there and were not read */
	const char *worst;    /* the first of them, in words */
	uint64_t referenced;  /* attachments that the database names */
	uint64_t missing;     /* of them, in the filestore: all that are not */
	uint64_t missing_new; /* of these: not known to be missing before */
	uint64_t deleted;     /* of missing: deleted while we ran */
	uint64_t mismatched;  /* whose contents are not what their name says */
	bool is_accepted;     /* the operator knows that they are lost */
};

/*
 * "complete", "degraded" (the source itself lacks or has damaged files) or
 * "incomplete" (we could not read something that is there, or a mass of files
 * has gone: more than 100, or more than 1 % and at least 10). reason says why,
 * "" when complete.
 */
const char *judge_state(const struct judgement *j, char reason[JUDGE_REASON]);

/*
 * How many of the missing files count as new. There was an earlier backup: all
 * that were not known to be missing. There was none: they count as known,
 * unless they are more than half of what is referenced.
 */
uint64_t judge_new_missing(
    bool has_earlier, uint64_t referenced, uint64_t missing, uint64_t known);

#endif
