/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of repository/ share: keys that are the same in every run,
 * bytes that are, and the two attacks that every authenticated object has to
 * stand: each bit flipped, and every shorter length.
 */
#ifndef TESTS_UNIT_KNOWN_H
#define TESTS_UNIT_KNOWN_H

#include "base/buf.h"
#include "repository/seal.h"

/* Seeds the generator (nonces too) and makes keys: both halves. */
struct keys *known_keys(uint64_t seed);
/* The agent half of k alone, as a write-only host has it. */
struct keys *known_agent_half(const struct keys *k);
/* The restore half of k alone, as a bare machine has it. */
struct keys *known_restore_half(const struct keys *k);

/* Bytes that don't compress, different for each seed. */
void known_noise(uint8_t *p, size_t n, uint32_t seed);
/* Lines like those of COPY: they compress well. */
void known_rows(uint8_t *p, size_t n, uint32_t seed);

/* True when the decoder takes these bytes. */
struct attempt {
	bool (*takes)(const uint8_t *p, size_t n, const void *arg);
	const void *arg;
};
/* How many copies of good with one bit flipped are taken. step 1: all bits;
 * more: one bit of every step-th byte. Each copy is exactly n bytes of heap. */
size_t known_flips_taken(
    const struct buf *good, size_t step, const struct attempt *a);
/* How many of its proper beginnings are taken. */
size_t known_cuts_taken(const struct buf *good, const struct attempt *a);
/* How many of good with bytes appended are taken. */
size_t known_longer_taken(const struct buf *good, const struct attempt *a);

/* SHA-256 as hex, static storage: for comparison with a fixed text. */
const char *known_sha(const void *p, size_t n);
/* The same of the unkeyed BLAKE2b-256, to out. */
void known_blake2b(const void *p, size_t n, char out[65]);

#endif
