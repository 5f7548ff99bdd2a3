/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys, bytes and attacks for the tests of repository/. */
#include "tests/unit/known.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/random.h"

struct keys *
known_keys(uint64_t seed)
{
	random_seed(seed);
	return (keys_generate());
}

/* The halves go by way of their text, as they would through files. */
struct keys *
known_restore_half(const struct keys *k)
{
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	struct err e = ERR_INIT;
	struct keys *half = NULL;

	if (keys_restore_text(k, &text, &e) < 0 ||
	    (half = keys_parse_restore((const char *)text.p, text.n, &e)) ==
		NULL)
		abort();
	return (half);
}

struct keys *
known_agent_half(const struct keys *k)
{
	char path[] = "/tmp/triplicate-known-XXXXXX";
	struct err e = ERR_INIT;
	struct keys *half;
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	(void)close(fd);
	(void)unlink(path);
	if (keys_save_agent(k, path, &e) < 0 ||
	    (half = keys_load_agent(path, &e)) == NULL)
		abort();
	(void)unlink(path);
	return (half);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t
next_noise(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

void
known_noise(uint8_t *p, size_t n, uint32_t seed)
{
	uint64_t x = seed, v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i % 8 == 0)
			v = next_noise(&x);
		p[i] = (uint8_t)(v >> (8 * (i % 8)));
	}
}

void
known_rows(uint8_t *p, size_t n, uint32_t seed)
{
	char line[96];
	uint64_t x = seed;
	size_t at = 0, row = 0, now;

	while (at < n) {
		now = (size_t)snprintf(line, sizeof(line),
		    "%zu\tINV/2026/%05u\t2026-11-%02u\t\\N\t%u.50\tposted\n",
		    row++, (unsigned)(next_noise(&x) % 100000),
		    (unsigned)(next_noise(&x) % 28 + 1),
		    (unsigned)(next_noise(&x) % 10000));
		if (now > n - at)
			now = n - at;
		memcpy(p + at, line, now);
		at += now;
	}
}

/* Tries a copy that is exactly n bytes of heap: ASan sees one byte more. */
static bool
takes_copy(const struct buf *b, size_t n, const struct attempt *a)
{
	uint8_t *copy = mem_new(n > 0 ? n : 1);
	bool taken;

	if (n > 0)
		memcpy(copy, b->p, n);
	taken = a->takes(copy, n, a->arg);
	free(copy);
	return (taken);
}

size_t
known_flips_taken(const struct buf *good, size_t step, const struct attempt *a)
{
	size_t at, taken = 0;
	unsigned bit;

	for (at = 0; at < good->n; at += step)
		for (bit = 0; bit < 8; bit++) {
			if (step > 1 && bit != (at / step) % 8)
				continue;
			good->p[at] ^= (uint8_t)(1U << bit);
			taken += takes_copy(good, good->n, a);
			good->p[at] ^= (uint8_t)(1U << bit);
		}
	return (taken);
}

size_t
known_cuts_taken(const struct buf *good, const struct attempt *a)
{
	size_t n, taken = 0;

	for (n = 0; n < good->n; n++)
		taken += takes_copy(good, n, a);
	return (taken);
}

size_t
known_longer_taken(const struct buf *good, const struct attempt *a)
{
	SCOPED(buf_free) struct buf longer = BUF_INIT;
	size_t i, taken = 0;

	buf_add(&longer, good->p, good->n);
	for (i = 0; i < 100; i++) {
		buf_add_u8(&longer, i % 2 == 0 ? 0 : 0xa5);
		taken += takes_copy(&longer, longer.n, a);
	}
	return (taken);
}

const char *
known_sha(const void *p, size_t n)
{
	static char text[2 * HASH_SHA256 + 1];
	uint8_t sum[HASH_SHA256];

	hash_of(HASH_IS_SHA256, p, n, sum);
	hex_of(sum, sizeof(sum), text);
	return (text);
}

void
known_blake2b(const void *p, size_t n, char out[65])
{
	uint8_t sum[32];

	(void)crypto_generichash(sum, sizeof(sum), p, n, NULL, 0);
	hex_of(sum, sizeof(sum), out);
}
