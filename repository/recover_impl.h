/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of recover*.c share.
 */
#ifndef REPOSITORY_RECOVER_IMPL_H
#define REPOSITORY_RECOVER_IMPL_H

#include "repository/recover.h"
#include "repository/state.h"

/* Backups, the newest of them, and the audit head, as local state has them. */
int recover_fill_result(
    struct repo *r, struct recover_result *out, struct err *e) MUST_USE;

/* Is it the object's fault (gone around), or that of the endpoint or of local
 * state (ends the work)? A key of a later epoch than ours opens other objects.
 */
bool recover_is_objects_fault(const struct err *e);

/* --- one endpoint into local state (recover_read.c) --- */

/* Copies that could not be read, to be marked when all is known. */
struct bad_copy {
	char name[OBJECT_NAME_TEXT];
	uint8_t endpoint;
};
struct bad_copies {
	size_t n;
	struct bad_copy *v; /* owned */
};

void recover_bad_free(struct bad_copies *bad);

struct recovery {
	struct repo *repo; /* keys, state; epoch 0 */
	struct bad_copies *bad;
	struct endpoint *ep;
	struct recover_result *out;
	bool learns; /* the rest of what is known; recover_learn */
	uint64_t taken;
	/* Loads one object of the prefix into state. */
	int (*take)(struct recovery *v, const char *name,
	    const struct buf *bytes, struct err *e);
};
/* A listing knows names and sizes; what was read and is bad is known better:
 * what of it local state knows is marked. */
int recover_mark_bad(
    struct repo *r, const struct bad_copies *bad, struct err *e) MUST_USE;
/* All that an endpoint holds and an endpoint before it did not give. */
int recover_endpoint(struct recovery *v, struct err *e) MUST_USE;

#endif
