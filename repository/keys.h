/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may do what: agent.key (makes backups, reads no data), restore.key (reads
 * everything, may be kept elsewhere). This file makes them, reads and writes
 * them, and gives the other files of repository/ what they seal and sign with.
 * Key files are text, one field a line, with a check sum line:
 * docs/format.md, "Key files".
 */
#ifndef REPOSITORY_KEYS_H
#define REPOSITORY_KEYS_H

#include "base/secret.h"
#include "repository/format.h"

#define KEYS_EPOCHS_MAX 64
#define KEYS_FILE_MAX	((size_t)64 << 10)

struct keys;

/* A new repository's keys: both halves, all epochs 1. */
struct keys *keys_generate(void);
/*
 * Reads an agent key file. Fails: ERR_KEY when it is missing, readable by
 * others than its owner (mode & 077), or not an agent key.
 */
struct keys *keys_load_agent(const char *path, struct err *e) MUST_USE;
/* A restore key alone: until keys_add_agent, only the config object can be
 * opened. */
struct keys *keys_load_restore(const char *path, struct err *e) MUST_USE;
/* The same from the file's text (a passphrase slot holds it). */
struct keys *keys_parse_restore(
    const char *text, size_t n, struct err *e) MUST_USE;
/* Adds the restore half to an agent's. Fails: ERR_KEY when missing or of
 * another repository. */
int keys_add_restore_file(
    struct keys *k, const char *path, struct err *e) MUST_USE;
void keys_free(struct keys *k); /* wipes */
void keys_freep(struct keys **k);

/* Write the files, mode 0600. Fails: ERR_EXISTS, never overwriting. */
int keys_save_agent(
    const struct keys *k, const char *path, struct err *e) MUST_USE;
int keys_save_restore(
    const struct keys *k, const char *path, struct err *e) MUST_USE;
/* The text of the files, for slots, the config object and the paper kit. */
void keys_agent_text(const struct keys *k, struct secret *out);
int keys_restore_text(
    const struct keys *k, struct secret *out, struct err *e) MUST_USE;
/* Adds the agent half from its text (out of the config object). Checks id and
 * root. */
int keys_add_agent_text(
    struct keys *k, const char *text, size_t n, struct err *e) MUST_USE;

bool keys_have_agent(const struct keys *k);
bool keys_have_restore(const struct keys *k);
const struct repo_id *keys_repo(const struct keys *k);
void keys_repo_text(const struct keys *k, char out[33]);
/* First 16 hex digits of BLAKE2b of a public key, for people to compare. */
void keys_fingerprint(const struct keys *k, char out[17]);
/* The public key that the newest signatures are checked with, as PEM (RFC
 * 8410). Needs the agent's half. */
#define KEYS_PEM_TEXT 128
void keys_signing_pem(const struct keys *k, char out[KEYS_PEM_TEXT]);

/* For seal.c, config.c, slot.c and chunk.c alone. NULL when that half is
 * absent. */
const uint8_t *keys_name_key(const struct keys *k);		     /* 32 */
const uint8_t *keys_index_key(const struct keys *k, uint32_t epoch); /* 32 */
uint32_t keys_index_epoch(const struct keys *k);	  /* newest */
const uint8_t *keys_signing_secret(const struct keys *k); /* 64 */
uint32_t keys_signing_epoch(const struct keys *k);
const uint8_t *keys_signing_public(
    const struct keys *k, uint32_t epoch);	       /* 32 */
const uint8_t *keys_root_public(const struct keys *k); /* 32 */
const uint8_t *keys_root_secret(const struct keys *k); /* 64 */
const uint8_t *keys_restore_public(
    const struct keys *k, uint32_t epoch); /* 32 */
const uint8_t *keys_restore_secret(
    const struct keys *k, uint32_t epoch); /* 32 */
uint32_t keys_restore_epoch(const struct keys *k);

#endif
