/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All of the encryption and signing there is. Plain bytes and a description of
 * what they are flow in, sealed bytes flow out, and back. Every seal binds its
 * bytes to the repository and to what they are (additional data that starts
 * with a label of its own for each use), so that nothing sealed can be shown in
 * another place. Nonces are random: 24 bytes make a repeat impossible in
 * practice, without a counter that a restored host could set back.
 */
#include "repository/seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES   32
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define LABEL_BYTES 16
#define AD_MAX	    512 /* label, repository, and a context or a record */

/* The labels: 16 bytes each, not terminated. */
#define LABEL_BOX     "triplicate/box/1"
#define LABEL_INDEX   "triplicate/idx/1"
#define LABEL_PRIVATE "triplicate/prv/1"
#define LABEL_SIGN    "triplicate/sig/1"
#define LABEL_IDENT   "triplicate-ident"

static_assert(NONCE_BYTES + TAG_BYTES == BOX_OVERHEAD, "a box's overhead");
static_assert(4 + KEY_BYTES + crypto_box_SEALBYTES == SEAL_KEY_SLOT,
    "epoch and sealed key");
static_assert(4 + crypto_sign_BYTES == SEAL_SIGNATURE, "epoch and signature");
static_assert(crypto_sign_BYTES == SEAL_BARE_SIGNATURE, "Ed25519");
static_assert(sizeof(LABEL_BOX) == LABEL_BYTES + 1, "labels are 16 bytes");
static_assert(LABEL_BYTES == crypto_generichash_blake2b_PERSONALBYTES,
    "LABEL_IDENT is a BLAKE2b personalization");

/* --- names --------------------------------------------------------------- */

struct seal_sum {
	crypto_generichash_state state;
};

void
seal_name(const struct keys *k, const void *p, size_t n, struct name *out)
{
	assert(keys_have_agent(k));
	(void)crypto_generichash(
	    out->b, NAME_BYTES, p, n, keys_name_key(k), KEY_BYTES);
}

struct seal_sum *
seal_sum_new(const struct keys *k)
{
	struct seal_sum *s;

	assert(keys_have_agent(k));
	/* libsodium wants the state on a 64-byte line. */
	s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);
	if (s == NULL)
		abort();
	(void)crypto_generichash_init(
	    &s->state, keys_name_key(k), KEY_BYTES, NAME_BYTES);
	return (s);
}

void
seal_sum_add(struct seal_sum *s, const void *p, size_t n)
{
	(void)crypto_generichash_update(&s->state, p, n);
}

void
seal_sum_end(struct seal_sum *s, struct name *out)
{
	(void)crypto_generichash_final(&s->state, out->b, NAME_BYTES);
}

void
seal_sum_free(struct seal_sum *s)
{
	if (s != NULL)
		secret_wipe(s, sizeof(*s));
	free(s);
}

void
seal_sum_freep(struct seal_sum **s)
{
	seal_sum_free(*s);
}

void
seal_identity(const struct keys *k, const char *what, const char *branch,
    const char *text, uint8_t out[16])
{
	crypto_generichash_blake2b_state state;
	uint8_t whole[NAME_BYTES];

	assert(keys_have_agent(k));
	(void)crypto_generichash_blake2b_init_salt_personal(&state,
	    keys_name_key(k), KEY_BYTES, sizeof(whole), NULL,
	    (const uint8_t *)LABEL_IDENT);
	/* With their NULs, so that no two triples run into the same bytes. */
	(void)crypto_generichash_blake2b_update(
	    &state, (const uint8_t *)what, strlen(what) + 1);
	(void)crypto_generichash_blake2b_update(
	    &state, (const uint8_t *)branch, strlen(branch) + 1);
	(void)crypto_generichash_blake2b_update(
	    &state, (const uint8_t *)text, strlen(text));
	(void)crypto_generichash_blake2b_final(&state, whole, sizeof(whole));
	memcpy(out, whole, 16);
}

/* --- boxes --------------------------------------------------------------- */

/* Additional data: at most AD_MAX bytes, on the stack. */
struct ad {
	uint8_t p[AD_MAX];
	size_t n;
};

static void
ad_add(struct ad *ad, const void *p, size_t n)
{
	assert(n <= sizeof(ad->p) - ad->n);
	memcpy(ad->p + ad->n, p, n);
	ad->n += n;
}

static void
ad_add_u32(struct ad *ad, uint32_t v)
{
	const uint8_t p[4] = { (uint8_t)v, (uint8_t)(v >> 8),
		(uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	ad_add(ad, p, sizeof(p));
}

/* label repository context */
static struct ad
ad_of_context(const struct keys *k, const char *label, const char *context)
{
	struct ad ad = { .n = 0 };

	ad_add(&ad, label, LABEL_BYTES);
	ad_add(&ad, keys_repo(k)->b, REPO_ID_BYTES);
	ad_add(&ad, context, strlen(context));
	return (ad);
}

/* label repository kind codec nbases zero plain-bytes name bases */
static struct ad
ad_of_record(const struct keys *k, const struct record *r)
{
	const uint8_t small[4] = { r->kind, r->codec, r->nbases, 0 };
	struct ad ad = { .n = 0 };
	size_t i;

	ad_add(&ad, LABEL_BOX, LABEL_BYTES);
	ad_add(&ad, keys_repo(k)->b, REPO_ID_BYTES);
	ad_add(&ad, small, sizeof(small));
	ad_add_u32(&ad, r->plain_bytes);
	ad_add(&ad, r->name.b, NAME_BYTES);
	for (i = 0; i < r->nbases; i++)
		ad_add(&ad, r->bases[i].b, NAME_BYTES);
	return (ad);
}

/* Appends nonce, ciphertext and tag. */
static void
box_add(const uint8_t *key, const struct ad *ad, const void *p, size_t n,
    struct buf *out)
{
	uint8_t *nonce, *text;
	unsigned long long got;

	buf_reserve(out, n + BOX_OVERHEAD);
	nonce = out->p + out->n;
	text = nonce + NONCE_BYTES;
	randombytes_buf(nonce, NONCE_BYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
	    text, &got, p, n, ad->p, ad->n, NULL, nonce, key);
	assert(got == n + TAG_BYTES);
	out->n += n + BOX_OVERHEAD;
}

/* Appends the plain bytes of a box. After failure: out is unchanged. */
static int
box_open(const uint8_t *key, const struct ad *ad, const uint8_t *box, size_t n,
    struct buf *out, struct err *e)
{
	unsigned long long got;

	if (n < BOX_OVERHEAD)
		return (err_set(e, ERR_CORRUPT, "too short for a sealed box"));
	buf_reserve(out, n - BOX_OVERHEAD);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out->p + out->n, &got,
		NULL, box + NONCE_BYTES, n - NONCE_BYTES, ad->p, ad->n, box,
		key) != 0)
		return (err_set(e, ERR_CORRUPT,
		    "a sealed box was changed, or belongs elsewhere"));
	out->n += got;
	return (0);
}

/* --- pack keys ----------------------------------------------------------- */

struct pack_key {
	struct secret key;
	uint8_t slot[SEAL_KEY_SLOT];
};

static void
put_u32(uint8_t out[4], uint32_t v)
{
	out[0] = (uint8_t)v;
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)(v >> 16);
	out[3] = (uint8_t)(v >> 24);
}

static uint32_t
get_u32(const uint8_t p[4])
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24);
}

struct pack_key *
pack_key_new(const struct keys *k)
{
	struct pack_key *pk = mem_new(sizeof(*pk));
	uint32_t epoch = keys_restore_epoch(k);

	secret_new(&pk->key, KEY_BYTES);
	randombytes_buf(pk->key.p, KEY_BYTES);
	put_u32(pk->slot, epoch);
	if (crypto_box_seal(pk->slot + 4, pk->key.p, KEY_BYTES,
		keys_restore_public(k, epoch)) != 0)
		abort(); /* only a public key of low order does that */
	return (pk);
}

struct pack_key *
pack_key_open(
    const struct keys *k, const uint8_t slot[SEAL_KEY_SLOT], struct err *e)
{
	SCOPED(pack_key_freep) struct pack_key *pk = mem_new(sizeof(*pk));
	uint32_t epoch = get_u32(slot);
	const uint8_t *secret = keys_restore_secret(k, epoch);
	const uint8_t *public = keys_restore_public(k, epoch);

	if (!keys_have_restore(k)) {
		err_set(e, ERR_KEY, "reading data needs the restore key");
		return (NULL);
	}
	if (secret == NULL || public == NULL) {
		err_set(e, ERR_KEY, "this needs the restore key of epoch %u",
		    epoch);
		return (NULL);
	}
	secret_new(&pk->key, KEY_BYTES);
	memcpy(pk->slot, slot, SEAL_KEY_SLOT);
	if (crypto_box_seal_open(
		pk->key.p, slot + 4, SEAL_KEY_SLOT - 4, public, secret) != 0) {
		err_set(e, ERR_CORRUPT, "a key slot doesn't open");
		return (NULL);
	}
	return (TAKE(pk));
}

const uint8_t *
pack_key_slot(const struct pack_key *pk)
{
	return (pk->slot);
}

void
pack_key_free(struct pack_key *pk)
{
	if (pk == NULL)
		return;
	secret_free(&pk->key);
	free(pk);
}

void
pack_key_freep(struct pack_key **pk)
{
	pack_key_free(*pk);
}

/* --- what is sealed under the index key ---------------------------------- */

static void
index_add(const struct keys *k, const struct ad *ad, const void *p, size_t n,
    struct buf *out)
{
	uint32_t epoch = keys_index_epoch(k);

	assert(keys_have_agent(k));
	buf_add_u32(out, epoch);
	box_add(keys_index_key(k, epoch), ad, p, n, out);
}

static int
index_open(const struct keys *k, const struct ad *ad, const uint8_t *p,
    size_t n, struct buf *out, struct err *e)
{
	const uint8_t *key;

	if (!keys_have_agent(k))
		return (err_set(e, ERR_KEY, "this needs the agent key"));
	if (n < SEAL_INDEX_OVERHEAD)
		return (err_set(e, ERR_CORRUPT, "too short for a sealed box"));
	if ((key = keys_index_key(k, get_u32(p))) == NULL)
		return (err_set(e, ERR_CORRUPT,
		    "sealed with the index key of an unknown epoch %u",
		    get_u32(p)));
	return (box_open(key, ad, p + 4, n - 4, out, e));
}

void
seal_index(const struct keys *k, const char *context, const void *p, size_t n,
    struct buf *out)
{
	struct ad ad = ad_of_context(k, LABEL_INDEX, context);

	index_add(k, &ad, p, n, out);
}

int
unseal_index(const struct keys *k, const char *context, const void *p, size_t n,
    struct buf *out, struct err *e)
{
	struct ad ad = ad_of_context(k, LABEL_INDEX, context);

	return (index_open(k, &ad, p, n, out, e));
}

/* --- records ------------------------------------------------------------- */

void
seal_box(const struct keys *k, const struct pack_key *pk, struct record *r,
    const void *p, size_t n, struct buf *out)
{
	struct ad ad;
	size_t before = out->n;

	assert(r->nbases <= BASES_MAX && n <= BOX_MAX - SEAL_INDEX_OVERHEAD);
	ad = ad_of_record(k, r);
	if (r->slot == SEAL_BY_INDEX_KEY)
		index_add(k, &ad, p, n, out);
	else
		box_add(pk->key.p, &ad, p, n, out);
	r->box_bytes = (uint32_t)(out->n - before);
}

int
unseal_box(const struct keys *k, const struct pack_key *pk,
    const struct record *r, const void *box, size_t n, struct buf *out,
    struct err *e)
{
	struct ad ad;

	if (r->nbases > BASES_MAX || n > BOX_MAX || n != r->box_bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a box of another length than its "
		    "record says"));
	ad = ad_of_record(k, r);
	if (r->slot == SEAL_BY_INDEX_KEY)
		return (index_open(k, &ad, box, n, out, e));
	if (pk == NULL)
		return (
		    err_set(e, ERR_KEY, "reading data needs the restore key"));
	return (box_open(pk->key.p, &ad, box, n, out, e));
}

/* --- what only the restore key opens ------------------------------------- */

void
seal_private(const struct keys *k, const char *context, const void *p, size_t n,
    struct buf *out)
{
	SCOPED(pack_key_freep) struct pack_key *pk = pack_key_new(k);
	struct ad ad = ad_of_context(k, LABEL_PRIVATE, context);

	buf_add(out, pk->slot, SEAL_KEY_SLOT);
	box_add(pk->key.p, &ad, p, n, out);
}

int
unseal_private(const struct keys *k, const char *context, const void *p,
    size_t n, struct buf *out, struct err *e)
{
	SCOPED(pack_key_freep) struct pack_key *pk = NULL;
	struct ad ad = ad_of_context(k, LABEL_PRIVATE, context);
	const uint8_t *from = p;

	if (n < SEAL_KEY_SLOT + BOX_OVERHEAD)
		return (err_set(e, ERR_CORRUPT, "too short for a sealed box"));
	if ((pk = pack_key_open(k, from, e)) == NULL)
		return (-1);
	return (box_open(
	    pk->key.p, &ad, from + SEAL_KEY_SLOT, n - SEAL_KEY_SLOT, out, e));
}

/* --- signatures ---------------------------------------------------------- */

/*
 * What is signed in the place of an object: label, signing epoch, BLAKE2b-512
 * of the object's bytes, domain. Short, so that any Ed25519 does, and no copy
 * of a large object is made.
 */
static struct ad
to_sign(const char *domain, uint32_t epoch, const void *p, size_t n)
{
	uint8_t digest[crypto_generichash_BYTES_MAX];
	struct ad text = { .n = 0 };

	(void)crypto_generichash(digest, sizeof(digest), p, n, NULL, 0);
	ad_add(&text, LABEL_SIGN, LABEL_BYTES);
	ad_add_u32(&text, epoch);
	ad_add(&text, digest, sizeof(digest));
	ad_add(&text, domain, strlen(domain));
	return (text);
}

static void
sign_with(
    const uint8_t *secret, uint32_t epoch, const char *domain, struct buf *b)
{
	struct ad text = to_sign(domain, epoch, b->p, b->n);
	uint8_t signature[crypto_sign_BYTES];

	(void)crypto_sign_detached(signature, NULL, text.p, text.n, secret);
	buf_add_u32(b, epoch);
	buf_add(b, signature, sizeof(signature));
}

static int
check_with(const uint8_t *public, const char *domain, const uint8_t *p,
    size_t n, struct err *e)
{
	const uint8_t *signature = p + n - crypto_sign_BYTES;
	struct ad text = to_sign(
	    domain, get_u32(p + n - SEAL_SIGNATURE), p, n - SEAL_SIGNATURE);

	if (crypto_sign_verify_detached(signature, text.p, text.n, public) != 0)
		return (err_set(e, ERR_CORRUPT, "the signature doesn't fit"));
	return (0);
}

void
seal_sign(const struct keys *k, const char *domain, struct buf *b)
{
	assert(keys_have_agent(k));
	sign_with(keys_signing_secret(k), keys_signing_epoch(k), domain, b);
}

int
seal_sign_bare(const struct keys *k, const void *p, size_t n,
    uint8_t out[SEAL_BARE_SIGNATURE], struct err *e)
{
	static const char reserved[] = "triplicate/";
	const size_t bytes = sizeof(reserved) - 1;

	assert(keys_have_agent(k));
	/* Else it could be shown as the signature of an object. */
	if (n >= bytes && memcmp(p, reserved, bytes) == 0)
		return (err_set(e, ERR_REFUSED,
		    "what begins with \"%s\" is not signed bare", reserved));
	(void)crypto_sign_detached(out, NULL, p, n, keys_signing_secret(k));
	return (0);
}

int
seal_check_signature(const struct keys *k, const char *domain, const void *p,
    size_t n, struct err *e)
{
	const uint8_t *from = p, *public;
	uint32_t epoch;

	if (n < SEAL_SIGNATURE)
		return (err_set(e, ERR_CORRUPT, "too short for a signature"));
	if (!keys_have_agent(k))
		return (err_set(e, ERR_KEY, "this needs the agent key"));
	epoch = get_u32(from + n - SEAL_SIGNATURE);
	if ((public = keys_signing_public(k, epoch)) == NULL)
		return (err_set(e, ERR_CORRUPT,
		    "signed by a key of an unknown epoch %u", epoch));
	return (check_with(public, domain, from, n, e));
}

int
seal_sign_root(
    const struct keys *k, const char *domain, struct buf *b, struct err *e)
{
	if (keys_root_secret(k) == NULL)
		return (err_set(e, ERR_KEY,
		    "this needs the restore key, which holds the root key"));
	sign_with(keys_root_secret(k), 0, domain, b);
	return (0);
}

int
seal_check_root(const uint8_t root_public[32], const char *domain,
    const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;

	if (n < SEAL_SIGNATURE)
		return (err_set(e, ERR_CORRUPT, "too short for a signature"));
	if (get_u32(from + n - SEAL_SIGNATURE) != 0)
		return (err_set(e, ERR_CORRUPT, "not signed by the root key"));
	return (check_with(root_public, domain, from, n, e));
}
