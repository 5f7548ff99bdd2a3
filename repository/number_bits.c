/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of numbers of local state, a bit each.
 */
#include "repository/number_bits.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

void
number_bits_set(struct number_bits *b, uint64_t number)
{
	size_t at = (size_t)(number / 8);

	if (at >= b->n) {
		size_t n = at * 2 + 64;

		b->p = mem_grow(b->p, n, 1);
		memset(b->p + b->n, 0, n - b->n);
		b->n = n;
	}
	b->p[at] |= (uint8_t)(1U << (number % 8));
}

bool
number_bits_has(const struct number_bits *b, uint64_t number)
{
	size_t at = (size_t)(number / 8);

	return (at < b->n && (b->p[at] >> (number % 8) & 1) != 0);
}

void
number_bits_join(struct number_bits *into, const struct number_bits *from)
{
	for (uint64_t i = 0; i < from->n * 8; i++)
		if (number_bits_has(from, i))
			number_bits_set(into, i);
}

void
number_bits_free(struct number_bits *b)
{
	free(b->p);
	b->p = NULL;
	b->n = 0;
}
