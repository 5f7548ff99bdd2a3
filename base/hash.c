/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes in, SHA-256, SHA-1 or MD5 out, by OpenSSL's libcrypto. These cannot
 * fail but for want of memory or of the algorithm itself (a crippled OpenSSL),
 * and without them nothing here can go on.
 */
#include "base/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/scope.h"

struct hash {
	EVP_MD_CTX *ctx;
	const EVP_MD *kind;
};

static const EVP_MD *
digest_of(enum hash_kind kind)
{
	switch (kind) {
	case HASH_IS_SHA256: return (EVP_sha256());
	case HASH_IS_SHA1: return (EVP_sha1());
	case HASH_IS_MD5: return (EVP_md5());
	default: abort();
	}
}

static void
must(int ok)
{
	if (ok == 1)
		return;
	log_error("libcrypto cannot hash; is the algorithm switched off?");
	abort();
}

void
hash_of(enum hash_kind kind, const void *p, size_t n, uint8_t *out)
{
	must(EVP_Digest(p, n, out, NULL, digest_of(kind), NULL));
}

struct hash *
hash_new(enum hash_kind kind)
{
	struct hash *h = mem_new(sizeof(*h));

	h->kind = digest_of(kind);
	h->ctx = EVP_MD_CTX_new();
	must(h->ctx != NULL ? 1 : 0);
	must(EVP_DigestInit_ex(h->ctx, h->kind, NULL));
	return (h);
}

void
hash_add(struct hash *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

void
hash_end(struct hash *h, uint8_t *out)
{
	must(EVP_DigestFinal_ex(h->ctx, out, NULL));
	must(EVP_DigestInit_ex(h->ctx, h->kind, NULL));
}

void
hash_free(struct hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
hash_freep(struct hash **h)
{
	hash_free(*h);
	*h = NULL;
}

void
hash_base64(const uint8_t *hash, size_t n, char out[HASH_BASE64])
{
	assert(n <= HASH_MAX);
	(void)EVP_EncodeBlock((uint8_t *)out, hash, (int)n);
}
