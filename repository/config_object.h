/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config at each endpoint, signed by the root key: what the restore key alone
 * needs to open everything else. Also writers/<epoch>-<id> and keys/<slot>.
 *
 *   config = header generation:u32 root-public[32]
 *            nrestore:u8 { epoch:u32 public[32] }*
 *            nsigning:u8 { epoch:u32 public[32] }*
 *            agent-bytes:u32 private-sealed(agent.key's text) signature[68]
 *   writer = header epoch:u32 id[8] started:i64
 *            json-bytes:u32 index-sealed({"host","machine","version"})
 * signature[68] slot   = header created:i64 namelen:u8 name ops:u32
 * memory-KiB:u32 salt[16] check[32] box-bytes:u32 box signature[68]
 *
 * config and slot are signed by the root key, writer by the agent's.
 */
#ifndef REPOSITORY_CONFIG_OBJECT_H
#define REPOSITORY_CONFIG_OBJECT_H

#include "repository/seal.h"

#define CONFIG_OBJECT_NAME "config"

/* Needs the restore half (root secret). */
int config_encode(const struct keys *k, uint32_t generation, struct buf *out,
    struct err *e) MUST_USE;
/* Checks repository id and root key against k. Fails: ERR_CORRUPT (changed),
 * ERR_KEY "belongs to another repository" (its id is in the text). */
int config_check(
    const struct keys *k, const void *p, size_t n, struct err *e) MUST_USE;
/* With a restore key alone: the same checks, then the agent half is added to k.
 */
int config_open(
    struct keys *k, const void *p, size_t n, struct err *e) MUST_USE;

#define WRITER_MACHINE 16

struct writer {
	uint32_t epoch;
	uint8_t id[8];
	int64_t started;
	char host[128];
	uint8_t machine[WRITER_MACHINE]; /* zeros when it does not say */
};
/*
 * Fills host and machine: a keyed hash of the host's name, its machine-id and
 * the path of its state folder. A machine that lost its local state knows by it
 * that the newest writer was itself.
 */
void writer_of_this_machine(
    const struct keys *k, const char *state_folder, struct writer *w);
void writer_name(const struct writer *w, char out[OBJECT_NAME_TEXT]);
/* The epoch and id in "writers/<epoch>-<16 hex>"; false for anything else. */
bool writer_parse_name(const char *object, uint32_t *epoch, uint8_t id[8]);
void writer_encode(
    const struct keys *k, const struct writer *w, struct buf *out);
int writer_decode(const struct keys *k, const char *object, const void *p,
    size_t n, struct writer *w, struct err *e) MUST_USE;

/* Argon2id parameters of a new slot; tests use the least. */
struct slot_cost {
	uint32_t ops;	     /* 1-10 */
	uint32_t memory_kib; /* 65536-2097152 */
};
extern const struct slot_cost slot_cost_default; /* 3 passes, 256 MiB */
bool slot_name_is_good(const char *name);	 /* 1-32 of [a-z0-9-] */
void slot_object(const char *name, char out[OBJECT_NAME_TEXT]);
/* Wraps the restore key's text. Needs the restore half. */
int slot_encode(const struct keys *k, const char *name,
    const struct secret *passphrase, const struct slot_cost *cost,
    struct buf *out, struct err *e) MUST_USE;
/* Unwraps it into a restore key. Fails: ERR_KEY (wrong passphrase),
 * ERR_CORRUPT. */
struct keys *slot_open(const char *name, const void *p, size_t n,
    const struct secret *passphrase, struct err *e) MUST_USE;
/* Checks signature and form without a passphrase. */
int slot_check(const struct keys *k, const char *name, const void *p, size_t n,
    struct err *e) MUST_USE;
/* A passphrase of at least 90 bits in words of [a-z0-9], and the estimate for
 * an own one. */
void slot_generate_passphrase(struct secret *out);
unsigned slot_passphrase_bits(const struct secret *passphrase);

#endif
