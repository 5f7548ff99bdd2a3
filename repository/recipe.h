/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recipes: for every stream of a backup the ordered chunk names that give it
 * back. All recipes of a backup form one meta stream, which is itself cut into
 * chunks (profile chunk_meta), so that backups share what did not change.
 *
 *   recipe = identity[16] kind:u8 flags:u8 zero:u16 count:u32 bytes:u64
 *            checksum[32] (only when count != 1) { name[32] plain:u32 }*
 *
 * The checksum is seal_name of the whole stream; with one chunk it is that
 * chunk's name. A stream's number is its place in the meta stream.
 */
#ifndef REPOSITORY_RECIPE_H
#define REPOSITORY_RECIPE_H

#include "repository/seal.h"

/* Of one stream: some 8 TiB in chunks of the average length. */
#define RECIPE_PARTS_MAX ((size_t)1 << 24)

enum stream_kind {
	STREAM_ARCHIVE = 1, /* pg_dump's */
	STREAM_TABLE = 2,
	STREAM_FILE = 3, /* of the filestore */
	STREAM_LOG = 4,
	STREAM_STDIN = 5
};

struct recipe_part {
	struct name name;
	uint32_t plain_bytes;
};
struct recipe {
	uint8_t identity[16];
	uint8_t kind; /* enum stream_kind */
	uint64_t bytes;
	struct name checksum;
	size_t n, cap;
	struct recipe_part *parts; /* owned */
};
#define RECIPE_INIT                                                            \
	{                                                                      \
		.n = 0                                                         \
	}
void recipe_free(struct recipe *r);
void recipe_add(struct recipe *r, const struct name *name, size_t plain_bytes);

void recipe_encode(const struct recipe *r, struct buf *out);
/*
 * Reads the next recipe of a meta stream, replacing r's contents (flags are
 * zero, no part is empty). Fails: ERR_CORRUPT; a cursor that
 * ends in the middle of one leaves *more true with 0 returned and b unmoved,
 * so that a reader can feed the stream in parts.
 */
int recipe_decode(
    struct bytes *b, struct recipe *r, bool *more, struct err *e) MUST_USE;

#endif
