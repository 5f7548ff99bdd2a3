/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree: names, modes and stream numbers of everything in a backup, sealed
 * to the restore key, cut into chunks like any stream (profile chunk_meta).
 *
 *   entry = bytes:u32 kind:u8 zero[3] stream:u32 size:u64 mtime:i64 nsec:u32
 *           mode:u32 uid:u32 gid:u32 pathlen:u16 path extralen:u32 extra
 *   bytes counts what follows it.
 *
 * path is relative, never empty, absolute, or with an empty, "." or ".." part
 * (checked by the decoder); for a table it is "schema.name" for people, the
 * true names are in extra. extra: of a table, JSON
 * {"schema","name","columns":[…],"rows",…}; of a link its target (1 to 4096
 * bytes, none of them NUL); of a file
 * "owner:group" by name; else empty.
 */
#ifndef REPOSITORY_TREE_H
#define REPOSITORY_TREE_H

#include "repository/format.h"

#define TREE_NO_STREAM UINT32_MAX

enum tree_kind {
	TREE_ARCHIVE = 1,
	TREE_TABLE = 2,
	TREE_FILE = 3, /* in the filestore */
	TREE_LOG = 4,
	TREE_STDIN = 5,
	TREE_FOLDER = 6, /* in the filestore */
	TREE_LINK = 7	 /* in the filestore */
};

struct tree_entry {
	uint8_t kind;
	uint32_t stream;
	uint64_t size;
	int64_t mtime;
	uint32_t nsec;
	uint32_t mode; /* permission bits, 07777 */
	uint32_t uid, gid;
	char path[TREE_PATH_MAX + 1]; /* any bytes but NUL */
	const uint8_t *extra; /* in place; valid while the bytes decoded are */
	size_t extra_bytes;
};

/* Other bits of mode than 07777 are left out. */
void tree_encode(const struct tree_entry *t, struct buf *out);
/* As recipe_decode. */
int tree_decode(
    struct bytes *b, struct tree_entry *t, bool *more, struct err *e) MUST_USE;
/* A path that an entry may have: it stays inside, within the limits. */
bool tree_path_is_safe(const char *path);
/* No part is empty, "." or "..": joined to a folder it is below it. */
bool tree_path_stays_inside(const char *path);

#endif
