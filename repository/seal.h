/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names, boxes and signatures. Plain buffers in, sealed buffers out, and back;
 * a changed, swapped or truncated one is always ERR_CORRUPT.
 *
 *   box            = nonce[24] ciphertext tag[16]  XChaCha20-Poly1305 (IETF)
 *   index-sealed   = epoch:u32 box                 under the index key
 *   slot           = epoch:u32 sealed[80]          crypto_box_seal of a key
 *   private-sealed = slot box                      under the slot's key
 *
 * docs/format.md, "Seals", has the additional data of each.
 */
#ifndef REPOSITORY_SEAL_H
#define REPOSITORY_SEAL_H

#include "repository/keys.h"

#define SEAL_KEY_SLOT	    84
#define SEAL_INDEX_OVERHEAD (4 + BOX_OVERHEAD)
#define SEAL_SIGNATURE	    68 /* signing epoch:u32, Ed25519[64] */
#define SEAL_BY_INDEX_KEY                                                      \
	255 /* a record's slot number: sealed under the index key */

enum record_kind { RECORD_DATA = 1, RECORD_RECIPE = 2, RECORD_TREE = 3 };
enum codec { CODEC_RAW = 0, CODEC_ZSTD = 1, CODEC_DELTA = 2 };

/* What a pack's directory says of one box. */
struct record {
	struct name name;
	uint8_t kind;  /* enum record_kind */
	uint8_t codec; /* enum codec */
	uint8_t slot;  /* number of the pack's key slot, or SEAL_BY_INDEX_KEY */
	uint8_t nbases;
	uint32_t plain_bytes;
	uint32_t box_bytes;
	struct name bases[BASES_MAX];
};

/* The chunk's name: BLAKE2b-256 of its plaintext under the name key. */
void seal_name(const struct keys *k, const void *p, size_t n, struct name *out);
/* The same over a whole stream, in parts. */
struct seal_sum;
struct seal_sum *seal_sum_new(const struct keys *k);
void seal_sum_add(struct seal_sum *s, const void *p, size_t n);
void seal_sum_end(struct seal_sum *s, struct name *out);
void seal_sum_free(struct seal_sum *s);
void seal_sum_freep(struct seal_sum **s);
/* Keyed hash of what, branch and text (none runs into the next), first 16
 * bytes: stream identities and cache keys. */
void seal_identity(const struct keys *k, const char *what, const char *branch,
    const char *text, uint8_t out[16]);

/* A run's pack key and its slot; made with the restore *public* key alone. */
struct pack_key;
struct pack_key *pack_key_new(const struct keys *k);
/* Opens a slot; needs the restore secret of its epoch (else ERR_KEY). */
struct pack_key *pack_key_open(const struct keys *k,
    const uint8_t slot[SEAL_KEY_SLOT], struct err *e) MUST_USE;
const uint8_t *pack_key_slot(
    const struct pack_key *pk); /* SEAL_KEY_SLOT bytes */
void pack_key_free(struct pack_key *pk);
void pack_key_freep(struct pack_key **pk);

/*
 * Seals n bytes (already compressed) as r's box, appended to out; sets
 * r->box_bytes. Additional data: repository, kind, name, bases, plain_bytes,
 * codec; not the place, so that repack moves boxes byte for byte. Records with
 * slot SEAL_BY_INDEX_KEY are index-sealed (pk may be NULL), others use pk.
 */
void seal_box(const struct keys *k, const struct pack_key *pk, struct record *r,
    const void *p, size_t n, struct buf *out);
/* Fails: ERR_CORRUPT, ERR_KEY. Appends the compressed bytes. */
int unseal_box(const struct keys *k, const struct pack_key *pk,
    const struct record *r, const void *box, size_t n, struct buf *out,
    struct err *e) MUST_USE;

/* Directories, index objects, summaries, audit texts: context binds them to
 * their place ("index index/1-…", "summary 2026…"). */
void seal_index(const struct keys *k, const char *context, const void *p,
    size_t n, struct buf *out);
int unseal_index(const struct keys *k, const char *context, const void *p,
    size_t n, struct buf *out, struct err *e) MUST_USE;
/* The manifest's private part and the config's agent keys: slot[84] box. */
void seal_private(const struct keys *k, const char *context, const void *p,
    size_t n, struct buf *out);
int unseal_private(const struct keys *k, const char *context, const void *p,
    size_t n, struct buf *out, struct err *e) MUST_USE;

/* Appends SEAL_SIGNATURE bytes over all of b (with the domain in front). */
void seal_sign(const struct keys *k, const char *domain, struct buf *b);
/*
 * Ed25519 by the newest signing key over bytes as they are, so that any other
 * program checks it with the public key alone (keys_signing_pem): for reports.
 * Fails: ERR_REFUSED for bytes that begin as what signatures of objects sign.
 */
#define SEAL_BARE_SIGNATURE 64
int seal_sign_bare(const struct keys *k, const void *p, size_t n,
    uint8_t out[SEAL_BARE_SIGNATURE], struct err *e) MUST_USE;
/* Checks the last SEAL_SIGNATURE bytes of an object. Fails: ERR_CORRUPT. */
int seal_check_signature(const struct keys *k, const char *domain,
    const void *p, size_t n, struct err *e) MUST_USE;
/* The same by the root key (epoch field 0). */
int seal_sign_root(const struct keys *k, const char *domain, struct buf *b,
    struct err *e) MUST_USE;
int seal_check_root(const uint8_t root_public[32], const char *domain,
    const void *p, size_t n, struct err *e) MUST_USE;

#endif
