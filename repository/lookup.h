/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where chunks are, and the chunks themselves: from a name to its copies, from
 * a copy to its plaintext. The reading of objects is the caller's (restore
 * fetches from several endpoints, verify from one).
 */
#ifndef REPOSITORY_LOOKUP_H
#define REPOSITORY_LOOKUP_H

#include "repository/pack.h"
#include "repository/repo.h"

#define LOOKUP_COPIES_MAX 8

struct copy {
	struct record record;
	struct sha256 pack;
	uint64_t pack_bytes;
	uint32_t offset;
	uint8_t slot[SEAL_KEY_SLOT]; /* of the pack's key; unused for
					SEAL_BY_INDEX_KEY */
	bool in_spool;
	uint32_t endpoints; /* bit i: confirmed at r->endpoints[i] */
};
/* Full copies first. Returns how many (0: unknown name), or -1. */
int lookup_copies(struct repo *r, const struct name *name,
    struct copy out[LOOKUP_COPIES_MAX], struct err *e) MUST_USE;

/* Opened pack keys by slot; a small cache. Thread-safe. */
struct opener;
struct opener *opener_new(const struct keys *k);
void opener_free(struct opener *o);
void opener_freep(struct opener **o);
/*
 * From a box to checked plaintext, replacing out's contents: unseals, expands,
 * compares the keyed name. bases: plaintexts of a delta's bases, in order,
 * joined; NULL for a full copy.
 * Fails: ERR_KEY without the restore key, ERR_CORRUPT.
 */
int opener_open(struct opener *o, const struct copy *c, const void *box,
    const struct buf *bases, struct buf *out, struct err *e) MUST_USE;

/* Whole object from the spool, when it is there. *found tells. */
int lookup_spooled(struct repo *r, const char *object, struct buf *out,
    bool *found, struct err *e) MUST_USE;
/* Path of a spooled pack's file, allocated; NULL when it is not there. */
char *lookup_spooled_path(struct repo *r, const struct sha256 *pack);
/* A damaged or missing object was met at an endpoint: noted in local state, so
 * that sync or repair heals it. */
void lookup_report_damage(struct repo *r, const struct endpoint *ep,
    const char *object, bool missing);

#endif
