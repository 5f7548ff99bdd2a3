/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index/<epoch>-<seq>-<id>: what the packs of one backup contain, sealed with
 * the index key, so that a bare machine finds every chunk without reading a
 * pack. Several for a large backup.
 *
 *   object = header index-sealed(part)      part: compress.h
 *   part   = version:u8 count:u32 entry* replaced?   expanded
 *   entry  = sha256[32] bytes:u64 nslots:u8 slot[84]* directory
 *
 * Version 2 is that of packs that were written anew by a repack:
 *   replaced = packs:u32 sha256[32]* backups:u32 id[25]*
 * says which packs they replace, for which backups: all that these need of the
 * old packs is in the new ones.
 *
 * An object's length is a Padme length.
 */
#ifndef REPOSITORY_INDEX_OBJECT_H
#define REPOSITORY_INDEX_OBJECT_H

#include "repository/pack.h"

#define INDEX_BODY_MAX	  ((size_t)24 << 20) /* expanded, when it is read */
#define INDEX_BODY_TARGET ((size_t)8 << 20)  /* what writers aim below */

struct index_replaced {
	size_t npacks, nbackups;
	struct sha256 *packs;		 /* owned */
	char (*backups)[BACKUP_ID_TEXT]; /* owned */
};
void index_replaced_free(struct index_replaced *x); /* also for SCOPED */

struct index_object {
	size_t n;
	struct directory *packs;	/* owned */
	struct index_replaced replaced; /* npacks 0: it replaces nothing */
};
#define INDEX_OBJECT_INIT                                                      \
	{                                                                      \
		.n = 0                                                         \
	}
void index_object_free(struct index_object *x);

/* "index/<epoch>-<seq>-<id>"; id is 16 hex digits. */
void index_object_name(
    uint32_t epoch, uint64_t seq, const char *id, char out[OBJECT_NAME_TEXT]);
/*
 * How many of the first of n packs go into one object: as many as stay below
 * INDEX_BODY_TARGET and INDEX_PACKS_MAX, at least one. index_object_encode
 * wants no more than that at a time.
 */
size_t index_object_fits(const struct directory *packs, size_t n);
/* replaced may be NULL. */
void index_object_encode(const struct keys *k, const char *object_name,
    const struct directory *packs, size_t n,
    const struct index_replaced *replaced, struct buf *out);
int index_object_decode(const struct keys *k, const char *object_name,
    const void *p, size_t n, struct index_object *x, struct err *e) MUST_USE;

#endif
