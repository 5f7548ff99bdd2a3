/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pack: many sealed copies in one object that is named by the SHA-256 of its
 * own bytes. The directory stands at the end, sealed with the index key, so a
 * pack is written in one pass; nothing in clear separates the boxes.
 *
 *   pack      = header nslots:u8 slot[84]* box* index-sealed(directory zeros)
 *               directory-bytes:u32
 *   directory = pack-kind:u8 count:u32 record*
 *   record    = name[32] kind:u8 codec:u8 slot:u8 nbases:u8 plain:u32 box:u32
 *               base[32]*
 *
 * The zeros make the pack's length a Padme length. directory-bytes counts the
 * sealed directory. Its context is "pack " and the SHA-256 (hex) of all before
 * the first box, so the key slots are authentic too.
 *
 * A record's box starts where the one before it ends.
 */
#ifndef REPOSITORY_PACK_H
#define REPOSITORY_PACK_H

#include "repository/seal.h"

enum pack_kind { PACK_DATA = 1, PACK_META = 2 };

/* A record and where its box is in the pack. */
struct placed {
	struct record record;
	uint32_t offset;
};

/* What is in a pack: read from its directory, or from an index object. */
struct directory {
	enum pack_kind kind;
	struct sha256 pack; /* its name */
	uint64_t bytes;	    /* its size */
	size_t nslots;
	uint8_t (*slots)[SEAL_KEY_SLOT]; /* owned */
	size_t n;
	struct placed *records; /* owned */
};
#define DIRECTORY_INIT                                                         \
	{                                                                      \
		.n = 0                                                         \
	}
void directory_free(struct directory *d); /* also a SCOPED releaser */

/* The pack that is being filled, in memory. One thread at a time. */
struct pack;
/* keys and pk must outlive it; pk's slot becomes slot 0. */
struct pack *pack_new(
    const struct keys *k, const struct pack_key *pk, enum pack_kind kind);
/* One for boxes that move from other packs, with the key slots of these: a
 * record's slot is its place there. slots are copied; n is at most 64. */
struct pack *pack_new_for_moved(const struct keys *k, enum pack_kind kind,
    const uint8_t (*slots)[SEAL_KEY_SLOT], size_t n);
void pack_free(struct pack *p);
void pack_freep(struct pack **p);
/* Appends a box that seal_box made for r. The caller checked pack_is_full
 * before. */
void pack_add(struct pack *p, const struct record *r, const void *box);
bool pack_is_full(
    const struct pack *p); /* PACK_TARGET reached, or no record more */
size_t pack_count(const struct pack *p);
/*
 * Closes it: out gets the whole object, d its directory with name and size.
 * The pack can only be freed after that.
 */
void pack_end(struct pack *p, struct buf *out, struct directory *d);

/* Reads the directory of a whole pack in memory. Checks name against bytes when
 * expected is not NULL. Fails: ERR_CORRUPT, ERR_VERSION, ERR_KEY. */
int pack_read(const struct keys *k, const void *p, size_t n,
    const struct sha256 *expected, struct directory *d, struct err *e) MUST_USE;
/* Bytes from the end that hold the sealed directory, told by the last 4 bytes.
 */
int pack_tail_bytes(const uint8_t last[4], uint64_t pack_bytes, size_t *tail,
    struct err *e) MUST_USE;

/* One directory as bytes: shared with index objects. */
void directory_encode(const struct directory *d, struct buf *out);
/*
 * first_box: where the first box begins; d->nslots is known already. Fails:
 * ERR_CORRUPT. After failure: d is as far as it got, for directory_free.
 */
int directory_decode(struct bytes *b, uint32_t first_box, struct directory *d,
    struct err *e) MUST_USE;

#endif
