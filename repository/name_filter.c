/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four bits a name.
 */
#include "repository/name_filter.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/scope.h"

#define BITS_A_NAME 16
#define LEAST_BITS  ((uint64_t)1 << 20)
#define MOST_BITS   ((uint64_t)1 << 29)
#define MARKS	    4 /* of 8 bytes of the name each */

struct name_filter {
	uint64_t bits; /* a power of two */
	uint64_t words[];
};

struct name_filter *
name_filter_new(uint64_t names)
{
	struct name_filter *f;
	uint64_t bits = LEAST_BITS;

	while (bits < MOST_BITS && bits / BITS_A_NAME < names)
		bits *= 2;
	f = mem_new(sizeof(*f) + bits / 8);
	f->bits = bits;
	return (f);
}

void
name_filter_free(struct name_filter *f)
{
	free(f);
}

void
name_filter_freep(struct name_filter **f)
{
	name_filter_free(*f);
	*f = NULL;
}

void
name_filter_add(struct name_filter *f, const struct name *name)
{
	struct bytes b = bytes_of(name->b, sizeof(name->b));

	for (unsigned i = 0; i < MARKS; i++) {
		uint64_t bit = bytes_u64(&b) & (f->bits - 1);

		f->words[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

bool
name_filter_has(const struct name_filter *f, const struct name *name)
{
	struct bytes b = bytes_of(name->b, sizeof(name->b));

	for (unsigned i = 0; i < MARKS; i++) {
		uint64_t bit = bytes_u64(&b) & (f->bits - 1);

		if ((f->words[bit / 64] >> bit % 64 & 1) == 0)
			return (false);
	}
	return (true);
}
