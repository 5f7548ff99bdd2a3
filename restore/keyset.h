/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large set of 64-bit keys (hashes of names), kept in a file without a name:
 * what it takes is page cache, which the kernel may drop, so that a million
 * files or chunks cost no memory of ours. Thread: one at a time.
 */
#ifndef RESTORE_KEYSET_H
#define RESTORE_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct keyset;

/* The file is made in folder and has no name from then on. */
struct keyset *keyset_new(const char *folder, struct err *e) MUST_USE;
void keyset_free(struct keyset *k);
void keyset_freep(struct keyset **k);
/* *was_new tells whether it was not in the set before. */
int keyset_add(
    struct keyset *k, uint64_t key, bool *was_new, struct err *e) MUST_USE;
bool keyset_has(const struct keyset *k, uint64_t key);
uint64_t keyset_count(const struct keyset *k);

/* A key for any bytes: 64 bits of their SHA-256. */
uint64_t keyset_key(const void *p, size_t n);

/* A file in folder without a name, for what a run wants to look up again. */
int scratch_open(const char *folder, struct err *e) MUST_USE;
/* So many zeros (1 or more) in such a file, mapped; munmap lets go. Its room is
 * taken. */
void *scratch_map(const char *folder, size_t bytes, struct err *e) MUST_USE;

#endif
