/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local state, continued: packs, what is in them, and which index object says
 * so. A chunk counts as known while one of its copies is in a pack that the
 * spool holds or an endpoint has confirmed, and, for a delta, so are its bases.
 */
#ifndef REPOSITORY_STATE_CHUNKS_H
#define REPOSITORY_STATE_CHUNKS_H

#include "repository/lookup.h"
#include "repository/state.h"

/*
 * Adds a pack and its records; pending at every configured endpoint. One that
 * is known already is completed (its records, its spooled flag) and keeps its
 * number. With keep_directory its directory is kept until an index object
 * describes it.
 */
int state_add_pack(struct state_txn *t, const struct directory *d, bool spooled,
    bool keep_directory, uint64_t *number, struct err *e) MUST_USE;
/*
 * Adds an index object that describes packs, which are known already, in its
 * order. Known already: completed. n 0 and packs NULL: only its name is known
 * (a manifest names it; it could not be read yet).
 */
int state_add_index(struct state_txn *t, const char *name,
    const struct sha256 *sha, uint64_t bytes, bool spooled,
    const uint64_t *packs, size_t n, uint64_t *number, struct err *e) MUST_USE;

/* The packs that a chunk needs: its copy's own, and those of its bases. */
struct state_use {
	size_t n;
	uint64_t packs[1 + BASES_MAX];
};
/* Is there a live copy of this record kind? One in a pack that is condemned, or
 * was written anew, only where there is no other. */
int state_knows(struct state *s, const struct name *name, uint8_t kind,
    struct state_use *use, bool *known, struct err *e) MUST_USE;

/* A copy as local state has it; lookup.h makes a struct copy of it. */
struct state_copy {
	uint64_t pack;
	uint32_t offset;
	struct record record;
};
/* Those in packs that live first, and among these full ones. *n gets how many,
 * at most LOOKUP_COPIES_MAX. */
int state_copies(struct state *s, const struct name *name,
    struct state_copy out[LOOKUP_COPIES_MAX], size_t *n,
    struct err *e) MUST_USE;
/* Every copy of every chunk, whether it lives or not; a non-zero answer ends it
 * and is returned. No transaction is open during each. */
int state_each_copy(struct state *s,
    int (*each)(const struct state_copy *c, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;
/* How many copies there are. */
int state_count_copies(struct state *s, uint64_t *n, struct err *e) MUST_USE;
/* A pack's key slot. Fails: ERR_MISSING. */
int state_slot(struct state *s, uint64_t pack, uint8_t slot,
    uint8_t out[SEAL_KEY_SLOT], struct err *e) MUST_USE;

/* The highest number in use: bitmaps over packs are this long. */
int state_highest(struct state *s, uint64_t *number, struct err *e) MUST_USE;
/*
 * The packs that no index object describes and that are still somewhere
 * (spooled or confirmed), by number. each may take d's contents over, leaving
 * DIRECTORY_INIT.
 */
int state_undescribed(struct state *s,
    int (*each)(uint64_t pack, struct directory *d, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;
/* The index object that describes a pack, 0 none yet. */
int state_described_by(
    struct state *s, uint64_t pack, uint64_t *index, struct err *e) MUST_USE;
/* An index object's packs in its order; allocated. n 0: not read yet. */
int state_index_packs(struct state *s, uint64_t index, uint64_t **packs,
    size_t *n, struct err *e) MUST_USE;

/* --- files that need not be read again: opaque values by identity --- */

int state_recall(struct state *s, const uint8_t identity[16], struct buf *out,
    bool *found, struct err *e) MUST_USE;
int state_remember(struct state_txn *t, const uint8_t identity[16],
    const void *p, size_t n, struct err *e) MUST_USE;
/* Forgets those of which goes says so, some at a time: no transaction of its
 * own may be open. After failure: some are forgotten. */
int state_forget(struct state *s,
    bool (*goes)(
	const uint8_t identity[16], const struct bytes *value, void *arg),
    void *arg, struct err *e) MUST_USE;

#endif
