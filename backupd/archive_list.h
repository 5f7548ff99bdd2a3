/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head and the list of contents of a pg_dump archive in custom format,
 * read while the archive passes by. Two things need it: the head holds the time
 * of the dump, the only bytes that differ between dumps of an unchanged schema;
 * and the list proves that pg_dump left nothing out but what we copy ourselves.
 *
 *   head  = "PGDMP" major:u8 minor:u8 revision:u8 int-bytes:u8 offset-bytes:u8
 *           format:u8 compression time[7 int] database:str server:str dump:str
 *   list  = count:int entry*
 *   int   = sign:u8 magnitude[int-bytes], least byte first
 *   str   = length:int (negative: none) bytes
 */
#ifndef BACKUPD_ARCHIVE_LIST_H
#define BACKUPD_ARCHIVE_LIST_H

#include "base/buf.h"
#include "base/err.h"

#define ARCHIVE_LIST_STRING_MAX ((size_t)16 << 20)
#define ARCHIVE_LIST_NAME_MAX	256

enum archive_list_phase {
	ARCHIVE_LIST_HEAD,
	ARCHIVE_LIST_NAMES, /* the head's strings, and the count */
	ARCHIVE_LIST_ENTRIES,
	ARCHIVE_LIST_DONE,
	ARCHIVE_LIST_UNKNOWN /* of a newer pg_dump: passed by unread */
};

/* {0} is the state before the first byte. Owns rest. */
struct archive_list {
	enum archive_list_phase phase;
	struct buf rest; /* fed, and read as far as at */
	size_t at;
	uint64_t head_end; /* offset after the time of the dump, or 0 */
	unsigned major, minor;
	size_t int_bytes, offset_bytes;
	uint64_t entries, left; /* in the list; of them still to be read */
	char dump_version[64];	/* "15.20 (Debian …)" */
};

/* One line of the list; texts are cut to their size. */
struct archive_entry {
	uint32_t oid; /* of the object in its catalog, or 0 */
	char tag[ARCHIVE_LIST_NAME_MAX];
	char what[64]; /* "TABLE", "SEQUENCE SET" */
	char schema[ARCHIVE_LIST_NAME_MAX];
};

/*
 * Takes the archive's next bytes. *cut is the offset in p after which the time
 * of the dump is past, or SIZE_MAX when it isn't in these bytes.
 * Fails: ERR_CORRUPT when this is no pg_dump archive.
 */
int archive_list_feed(struct archive_list *l, const void *p, size_t n,
    size_t *cut, struct err *e) MUST_USE;
/* The next entry of what was fed: 1, 0 when more bytes are needed or the list
 * is done, or -1 (ERR_CORRUPT). */
int archive_list_next(
    struct archive_list *l, struct archive_entry *out, struct err *e) MUST_USE;
void archive_list_free(struct archive_list *l); /* also a SCOPED releaser */

#endif
