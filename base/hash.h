/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (packs), SHA-1 (attachments' names) and MD5 (where a server asks for
 * it) by libcrypto, whose SHA-256 uses the processor's instructions. Nothing
 * secret passes here.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SHA256 32
#define HASH_SHA1   20
#define HASH_MD5    16
#define HASH_MAX    32

enum hash_kind { HASH_IS_SHA256, HASH_IS_SHA1, HASH_IS_MD5 };

void hash_of(enum hash_kind kind, const void *p, size_t n, uint8_t *out);

/* A hash as base64 (RFC 4648) with its NUL, for headers that want it so. */
#define HASH_BASE64 45
void hash_base64(const uint8_t *hash, size_t n, char out[HASH_BASE64]);

struct hash; /* a running hash */
struct hash *hash_new(enum hash_kind kind);
void hash_add(struct hash *h, const void *p, size_t n);
void hash_end(
    struct hash *h, uint8_t *out); /* h is ready for a new run after it */
void hash_free(struct hash *h);
void hash_freep(struct hash **h);

#endif
