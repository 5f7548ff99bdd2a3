/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the fuzz targets of repository/: keys that are the same in every run, so
 * that a target can seal its input and reach what is behind the seal. An
 * input's first byte chooses: even, the rest is an object as it is; odd, the
 * rest is what is to be sealed.
 */
#ifndef TESTS_FUZZ_SEALING_H
#define TESTS_FUZZ_SEALING_H

#include <stdlib.h>

#include "base/random.h"
#include "repository/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static inline const struct keys *
sealing_keys(void)
{
	static struct keys *keys;

	if (keys == NULL) {
		random_seed(1);
		keys = keys_generate();
	}
	return (keys);
}

/* An even first byte (or none): the object is the input itself. */
static inline bool
sealing_is_raw(struct bytes *in)
{
	return (bytes_u8(in) % 2 == 0);
}

#endif
