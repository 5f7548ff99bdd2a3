/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Randomness that is no secret (names, jitter) and the seam for secret
 * randomness. Keys and nonces come from libsodium's randombytes; a seeded
 * simulator replaces that generator process-wide with random_seed.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n);
uint32_t random_below(uint32_t limit);
/* 2 * n lower-case hex digits and a NUL. */
void random_hex(char *out, size_t n);
/* Tests: everything from here on follows from seed. Never in production. */
void random_seed(uint64_t seed);

#endif
