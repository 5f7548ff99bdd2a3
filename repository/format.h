/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The on-disk format's constants, the limits of every length that is read, and
 * the header that every object starts with. docs/format.md describes every
 * byte; the two are reviewed together. Integers are little-endian.
 *
 *   object   = header body
 *   header   = magic[8] kind:u8 version:u8 zero:u16 features:u32
 *              repository[16]
 *   features = bits 0-15 required (an unknown one is refused),
 *              bits 16-31 optional (ignored)
 */
#ifndef REPOSITORY_FORMAT_H
#define REPOSITORY_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define FORMAT_MAGIC	     "TRIPLCTE"
#define FORMAT_VERSION	     1
#define FORMAT_HEADER	     32 /* magic to repository */
#define FORMAT_REQUIRED_MASK 0x0000ffffU
#define FORMAT_REQUIRED                                                        \
	0x00000000U /* required bits that this program knows                   \
		     */

enum format_kind {
	FORMAT_CONFIG = 1,
	FORMAT_WRITER = 2,
	FORMAT_SLOT = 3,
	FORMAT_PACK = 4,
	FORMAT_INDEX = 5,
	FORMAT_MANIFEST = 6,
	FORMAT_AUDIT = 7
};

#define NAME_BYTES	   32 /* of a chunk: keyed BLAKE2b-256 of its plaintext */
#define REPO_ID_BYTES	   16
#define CHUNK_MAX	   ((size_t)4 << 20)
#define BASES_MAX	   4
#define BOX_OVERHEAD	   40 /* nonce 24, tag 16 */
#define BOX_MAX		   (CHUNK_MAX + CHUNK_MAX / 128 + 1024 + BOX_OVERHEAD)
#define PACK_TARGET	   ((size_t)16 << 20) /* a pack is closed at this size */
#define PACK_MAX	   ((size_t)32 << 20)
#define PACK_RECORDS_MAX   ((size_t)128 << 10)
#define PACK_SLOTS_MAX	   64
#define INDEX_MAX	   ((size_t)32 << 20)
#define INDEX_PACKS_MAX	   4096 /* packs described by one index object */
#define MANIFEST_MAX	   ((size_t)16 << 20)
#define CONFIG_MAX	   ((size_t)64 << 10)
#define WRITER_MAX	   ((size_t)4 << 10)
#define SLOT_MAX	   ((size_t)8 << 10)
#define AUDIT_MAX	   ((size_t)64 << 10)
#define BACKUP_ID_LENGTH   25 /* YYYYMMDDTHHMMSSZ-xxxxxxxx */
#define BACKUP_ID_TEXT	   26
#define OBJECT_NAME_TEXT   96 /* "packs/aa/<64 hex>" and all others */
#define RECIPE_STREAMS_MAX ((size_t)1 << 28)
#define TREE_PATH_MAX	   4096
#define TREE_PARTS_MAX	   128 /* of a path */
#define TREE_EXTRA_MAX	   ((size_t)1 << 20)
#define JSON_PART_MAX	   ((size_t)8 << 20) /* of a manifest's parts */

struct name {
	uint8_t b[NAME_BYTES];
};
struct repo_id {
	uint8_t b[REPO_ID_BYTES];
};
struct sha256 {
	uint8_t b[32];
};

static_assert(sizeof(struct name) == 32, "names are compared and stored whole");
static_assert(PACK_TARGET + BOX_MAX + ((size_t)8 << 20) <= PACK_MAX,
    "a closed pack keeps its limit");

/* Appends the 32 bytes that an object starts with. */
void format_add_header(
    struct buf *b, enum format_kind kind, const struct repo_id *repo);
/*
 * Checks them and moves past. repo NULL accepts any; else another repository's
 * object fails with ERR_CORRUPT. found (may be NULL) gets its id.
 * Fails: ERR_CORRUPT, ERR_VERSION "needs triplicate with format N".
 */
int format_check_header(struct bytes *b, enum format_kind kind,
    const struct repo_id *repo, struct repo_id *found, struct err *e) MUST_USE;

/* Padme length (Nikitin et al., "Reducing Metadata Leakage from Encrypted
 * Files", PETS 2019, algorithm 1): the least allowed length >= n. */
uint64_t format_padme(uint64_t n);
/* Appends bytes to b until b->n + outside is a Padme length: padding goes
 * inside what is sealed, outside counts what stands around it. */
void format_pad(struct buf *b, size_t outside, uint8_t with);

bool name_equals(const struct name *a, const struct name *b);

/* "packs/ab/ab12…" of a pack's hash, and back. */
void format_pack_name(const struct sha256 *h, char out[OBJECT_NAME_TEXT]);
bool format_parse_pack_name(const char *object, struct sha256 *h);
/* "YYYYMMDDTHHMMSSZ-xxxxxxxx" is well formed? */
bool format_backup_id_is_good(const char *id);

#endif
