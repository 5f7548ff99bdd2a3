/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of chunk names, each with a kind. Names are keyed hashes, so their own
 * bytes spread them. Adding, asking and removing take constant time; memory is
 * at most 132 bytes a name.
 */
#ifndef REPOSITORY_NAME_SET_H
#define REPOSITORY_NAME_SET_H

#include "repository/format.h"

struct name_set_entry {
	struct name name;
	uint8_t kind; /* 0: the place is free */
};
struct name_set {
	size_t n, cap;		  /* cap is 0 or a power of two, at least 2 n */
	struct name_set_entry *v; /* owned */
};
#define NAME_SET_INIT                                                          \
	{                                                                      \
		.n = 0                                                         \
	}
void name_set_free(struct name_set *s);
/* kind is not 0. False when it was there already. */
bool name_set_add(struct name_set *s, const struct name *name, uint8_t kind);
bool name_set_has(
    const struct name_set *s, const struct name *name, uint8_t kind);
/* One that is not there is left so. */
void name_set_remove(struct name_set *s, const struct name *name, uint8_t kind);

#endif
