/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A note for each entry of a tree, by its key (named.h): what is to be compared
 * with another backup's. As keyset.h, the table is a file without a name, so
 * that it costs no memory of ours: 72 to 144 bytes of disk for each note, and
 * 216 while it grows.
 * Thread: one at a time.
 */
#ifndef RESTORE_NOTES_H
#define RESTORE_NOTES_H

#include "restore/named.h"

struct note {
	uint8_t key[NAMED_KEY];
	uint64_t content; /* a hash of it: equal means the same */
	uint64_t bytes;
	int64_t rows;
	uint32_t is_used; /* by the table */
	uint32_t is_met;  /* for the caller, 0 at first */
};

struct notes;

/* The file is made in folder. */
struct notes *notes_new(const char *folder, struct err *e) MUST_USE;
void notes_free(struct notes *n);
void notes_freep(struct notes **n);
/* A new note, zeros but for its key; valid until the next is added. NULL with e
 * empty: the key has one already. Fails: ERR_FULL. */
struct note *notes_add(
    struct notes *n, const uint8_t key[NAMED_KEY], struct err *e) MUST_USE;
/* The note of a key, or NULL. */
struct note *notes_find(const struct notes *n, const uint8_t key[NAMED_KEY]);
uint64_t notes_count(const struct notes *n);

#endif
