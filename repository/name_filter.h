/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which chunk names were added, roughly: one that was is always found, of the
 * others some 1 in 400 is taken for one, too (a Bloom filter, CACM 13/7, 1970).
 * Names are keyed hashes, so their own bytes are the hash functions.
 */
#ifndef REPOSITORY_NAME_FILTER_H
#define REPOSITORY_NAME_FILTER_H

#include "repository/format.h"

struct name_filter;

/* For so many names: 2 to 4 bytes each, 128 KiB at least, 64 MiB at most. */
struct name_filter *name_filter_new(uint64_t names);
void name_filter_free(struct name_filter *f);
void name_filter_freep(struct name_filter **f);
void name_filter_add(struct name_filter *f, const struct name *name);
bool name_filter_has(const struct name_filter *f, const struct name *name);

#endif
