/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of numbers of local state: a bit each, so a million objects take 128
 * KiB. It grows as numbers are set.
 */
#ifndef REPOSITORY_NUMBER_BITS_H
#define REPOSITORY_NUMBER_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number_bits {
	uint8_t *p; /* owned */
	size_t n;   /* bytes */
};
#define NUMBER_BITS_INIT                                                       \
	{                                                                      \
		.n = 0                                                         \
	}
void number_bits_set(struct number_bits *b, uint64_t number);
bool number_bits_has(const struct number_bits *b, uint64_t number);
/* into gets those of from as well. */
void number_bits_join(struct number_bits *into, const struct number_bits *from);
void number_bits_free(struct number_bits *b); /* also a SCOPED releaser */

#endif
