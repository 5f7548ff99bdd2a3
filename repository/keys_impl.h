/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a key set, for keys.c (what it is) and keys_text.c (what its
 * files say) alone.
 */
#ifndef REPOSITORY_KEYS_IMPL_H
#define REPOSITORY_KEYS_IMPL_H

#include "repository/keys.h"

#define KEYS_BYTES	 32 /* of each: secret, seed or public */
#define KEYS_PAIR_BYTES	 64 /* an Ed25519 secret as libsodium wants it */
#define KEYS_CHECK_BYTES 8

/* Keys by epoch, ascending; the last one is used for new things. */
struct epochs {
	size_t n;
	struct {
		uint32_t epoch;
		uint8_t key[KEYS_BYTES];
	} v[KEYS_EPOCHS_MAX];
};

struct hidden {
	uint8_t name_key[KEYS_BYTES];
	uint8_t signing[KEYS_PAIR_BYTES];
	uint8_t root[KEYS_PAIR_BYTES];
	uint8_t seed[KEYS_BYTES]; /* only while a key pair is made of it */
	struct epochs index;
	struct epochs restore;
};

struct keys {
	struct repo_id repo;
	bool have_agent, have_restore;
	uint8_t root_public[KEYS_BYTES];
	struct epochs signing; /* public keys */
	struct epochs restore; /* public keys */
	struct secret block;   /* a struct hidden */
};

struct hidden *keys_hidden(const struct keys *k);
/* Neither half, all zeros. */
struct keys *keys_empty(void);
/* The public halves of the restore secrets, for a restore key alone. */
void keys_derive_publics(struct keys *k);
/* Reads an agent key's text into an empty set. Fails: ERR_KEY, ERR_VERSION. */
int keys_parse_agent(
    struct keys *k, const char *text, size_t n, struct err *e) MUST_USE;
/* First bytes of the BLAKE2b-256. */
void keys_check_sum(const void *p, size_t n, uint8_t out[KEYS_CHECK_BYTES]);

/* The key of an epoch, or NULL. */
const uint8_t *epochs_find(const struct epochs *list, uint32_t epoch);
uint32_t epochs_newest(const struct epochs *list); /* 0 when there is none */
/* Room for a key. There is room, and epoch is the newest. */
uint8_t *epochs_add(struct epochs *list, uint32_t epoch);

#endif
