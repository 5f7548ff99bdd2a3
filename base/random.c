/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One generator for names, jitter, keys and nonces: libsodium's. random_seed
 * puts another one in its place, process-wide: ChaCha20 under a key made of
 * the seed, each request a stream of its own nonce. The same seed and the same
 * order of requests give the same run.
 */
#include "base/random.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/secret.h"

#define HEX_PIECE ((size_t)32)

static pthread_once_t started = PTHREAD_ONCE_INIT;
static uint8_t seeded_key[crypto_stream_chacha20_KEYBYTES];
static atomic_uint_fast64_t seeded_requests;

static const char *
seeded_name(void)
{
	return ("seeded by a test");
}

static void
seeded_bytes(void *p, size_t n)
{
	uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	uint64_t request = atomic_fetch_add(&seeded_requests, 1);
	size_t i;

	for (i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)(request >> (8 * i));
	(void)crypto_stream_chacha20(p, n, nonce, seeded_key);
}

static uint32_t
seeded_u32(void)
{
	uint32_t v;

	seeded_bytes(&v, sizeof(v));
	return (v);
}

/* libsodium keeps the address and wants it writable. */
static randombytes_implementation seeded = {
	.implementation_name = seeded_name,
	.random = seeded_u32,
	.buf = seeded_bytes,
};

void
random_bytes(void *p, size_t n)
{
	(void)pthread_once(&started, secret_start);
	randombytes_buf(p, n);
}

uint32_t
random_below(uint32_t limit)
{
	(void)pthread_once(&started, secret_start);
	return (limit > 1 ? randombytes_uniform(limit) : 0);
}

void
random_hex(char *out, size_t n)
{
	uint8_t piece[HEX_PIECE];
	size_t now;

	*out = '\0';
	for (; n > 0; n -= now, out += 2 * now) {
		now = n < sizeof(piece) ? n : sizeof(piece);
		random_bytes(piece, now);
		hex_of(piece, now, out);
	}
}

void
random_seed(uint64_t seed)
{
	size_t i;

	(void)pthread_once(&started, secret_start);
	memset(seeded_key, 0, sizeof(seeded_key));
	for (i = 0; i < sizeof(seed); i++)
		seeded_key[i] = (uint8_t)(seed >> (8 * i));
	atomic_store(&seeded_requests, 0);
	if (randombytes_set_implementation(&seeded) != 0)
		abort();
}
