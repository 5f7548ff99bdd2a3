/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of keys, and the files that it comes from. Everything secret lies in
 * one guarded block; what is public lies beside it. A set may hold the agent's
 * half, the restore half or both, and both halves always are of the same
 * repository and root. What the files say is in keys_text.c.
 */
#include "repository/keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "repository/keys_impl.h"

static_assert(crypto_sign_SECRETKEYBYTES == KEYS_PAIR_BYTES, "Ed25519");
static_assert(crypto_box_SECRETKEYBYTES == KEYS_BYTES, "X25519");

struct hidden *
keys_hidden(const struct keys *k)
{
	return ((void *)k->block.p);
}

struct keys *
keys_empty(void)
{
	struct keys *k = mem_new(sizeof(*k));

	secret_start();
	secret_new(&k->block, sizeof(struct hidden));
	return (k);
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	secret_free(&k->block);
	free(k);
}

void
keys_freep(struct keys **k)
{
	keys_free(*k);
}

const uint8_t *
epochs_find(const struct epochs *list, uint32_t epoch)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].epoch == epoch)
			return (list->v[i].key);
	return (NULL);
}

uint32_t
epochs_newest(const struct epochs *list)
{
	return (list->n == 0 ? 0 : list->v[list->n - 1].epoch);
}

uint8_t *
epochs_add(struct epochs *list, uint32_t epoch)
{
	assert(list->n < KEYS_EPOCHS_MAX && epoch > epochs_newest(list));
	list->v[list->n].epoch = epoch;
	return (list->v[list->n++].key);
}

void
keys_derive_publics(struct keys *k)
{
	const struct epochs *secrets = &keys_hidden(k)->restore;
	size_t i;

	k->restore.n = 0;
	for (i = 0; i < secrets->n; i++)
		(void)crypto_scalarmult_base(
		    epochs_add(&k->restore, secrets->v[i].epoch),
		    secrets->v[i].key);
}

struct keys *
keys_generate(void)
{
	struct keys *k = keys_empty();
	struct hidden *h = keys_hidden(k);

	randombytes_buf(k->repo.b, sizeof(k->repo.b));
	randombytes_buf(h->name_key, KEYS_BYTES);
	randombytes_buf(epochs_add(&h->index, 1), KEYS_BYTES);
	(void)crypto_sign_keypair(epochs_add(&k->signing, 1), h->signing);
	(void)crypto_sign_keypair(k->root_public, h->root);
	randombytes_buf(epochs_add(&h->restore, 1), KEYS_BYTES);
	keys_derive_publics(k);
	k->have_agent = true;
	k->have_restore = true;
	return (k);
}

/* --- files --------------------------------------------------------------- */

/* A missing, unreadable or overlong key file is a key error to the caller. */
static int
as_key_error(struct err *e)
{
	if (e->kind == ERR_MISSING || e->kind == ERR_DENIED ||
	    e->kind == ERR_CORRUPT)
		e->kind = ERR_KEY;
	return (err_within(e, "key file"));
}

static int
load_file(const char *path, struct buf *text, struct err *e)
{
	struct stat st;

	if (file_stat(path, &st, e) < 0)
		return (as_key_error(e));
	if (!S_ISREG(st.st_mode))
		return (err_set(e, ERR_KEY,
		    "key file %s is not a plain file but %s", path,
		    S_ISLNK(st.st_mode)	      ? "a symbolic link"
			: S_ISDIR(st.st_mode) ? "a folder"
					      : "a device or pipe"));
	if ((st.st_mode & 077) != 0) {
		err_set(e, ERR_KEY, "key file %s may be used by others", path);
		return (err_hint(e, "run: chmod 600 %s", path));
	}
	buf_reserve(text, KEYS_FILE_MAX + 1);
	if (file_load(path, KEYS_FILE_MAX, text, e) < 0)
		return (as_key_error(e));
	return (0);
}

/* What an operator can do without the right file. */
static void
hint_agent(struct err *e)
{
	if (e->hint[0] == '\0')
		(void)err_hint(e,
		    "put the right agent.key there, owned by this user; it can be made again: triplicate recover --from ENDPOINT --key RESTORE-KEY");
}

static void
hint_restore(struct err *e)
{
	if (e->hint[0] == '\0')
		(void)err_hint(e,
		    "put the right restore.key there, owned by this user: from its copy, or typed from the paper kit that init printed");
}

struct keys *
keys_load_agent(const char *path, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;
	SCOPED(keys_freep) struct keys *k = keys_empty();

	if (load_file(path, &text, e) < 0) {
		hint_agent(e);
		return (NULL);
	}
	if (keys_parse_agent(k, (const char *)text.p, text.n, e) < 0) {
		err_within(e, "key file %s", path);
		hint_agent(e);
		return (NULL);
	}
	return (TAKE(k));
}

struct keys *
keys_load_restore(const char *path, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;
	struct keys *k = NULL;

	if (load_file(path, &text, e) == 0 &&
	    (k = keys_parse_restore((const char *)text.p, text.n, e)) == NULL)
		err_within(e, "key file %s", path);
	if (k == NULL)
		hint_restore(e);
	return (k);
}

/* Are the two of one repository, with the same keys where both have them? */
static int
check_related(const struct keys *k, const struct keys *other, struct err *e)
{
	char mine[2 * REPO_ID_BYTES + 1], its[2 * REPO_ID_BYTES + 1];
	const uint8_t *key;
	size_t i;

	keys_repo_text(k, mine);
	keys_repo_text(other, its);
	if (strcmp(mine, its) != 0)
		return (err_set(e, ERR_KEY,
		    "the key is of another repository, %s, not %s", its, mine));
	if (memcmp(k->root_public, other->root_public, KEYS_BYTES) != 0)
		return (
		    err_set(e, ERR_KEY, "the keys have different root keys"));
	for (i = 0; i < other->restore.n; i++) {
		key = epochs_find(&k->restore, other->restore.v[i].epoch);
		if (key != NULL &&
		    memcmp(key, other->restore.v[i].key, KEYS_BYTES) != 0)
			return (err_set(e, ERR_KEY,
			    "the restore keys of epoch %u differ",
			    other->restore.v[i].epoch));
	}
	return (0);
}

int
keys_add_restore_file(struct keys *k, const char *path, struct err *e)
{
	SCOPED(keys_freep) struct keys *other = keys_load_restore(path, e);
	struct hidden *mine = keys_hidden(k);

	if (other == NULL)
		return (-1);
	if (check_related(k, other, e) < 0) {
		hint_restore(e);
		return (err_within(e, "key file %s", path));
	}
	memcpy(mine->root, keys_hidden(other)->root, sizeof(mine->root));
	mine->restore = keys_hidden(other)->restore;
	k->have_restore = true;
	return (0);
}

int
keys_add_agent_text(struct keys *k, const char *text, size_t n, struct err *e)
{
	SCOPED(keys_freep) struct keys *other = keys_empty();
	struct hidden *mine = keys_hidden(k), *its = keys_hidden(other);

	if (keys_parse_agent(other, text, n, e) < 0 ||
	    check_related(k, other, e) < 0)
		return (-1);
	memcpy(mine->name_key, its->name_key, sizeof(mine->name_key));
	memcpy(mine->signing, its->signing, sizeof(mine->signing));
	mine->index = its->index;
	k->signing = other->signing;
	k->restore = other->restore;
	k->have_agent = true;
	return (0);
}

int
keys_save_agent(const struct keys *k, const char *path, struct err *e)
{
	SCOPED(secret_free) struct secret text = SECRET_INIT;

	keys_agent_text(k, &text);
	return (file_save_new(path, 0600, text.p, text.n, e));
}

int
keys_save_restore(const struct keys *k, const char *path, struct err *e)
{
	SCOPED(secret_free) struct secret text = SECRET_INIT;

	if (keys_restore_text(k, &text, e) < 0)
		return (-1);
	return (file_save_new(path, 0600, text.p, text.n, e));
}

void
keys_check_sum(const void *p, size_t n, uint8_t out[KEYS_CHECK_BYTES])
{
	uint8_t whole[crypto_generichash_BYTES];

	(void)crypto_generichash(whole, sizeof(whole), p, n, NULL, 0);
	memcpy(out, whole, KEYS_CHECK_BYTES);
}

/* --- what the rest of repository/ asks ----------------------------------- */

bool
keys_have_agent(const struct keys *k)
{
	return (k->have_agent);
}

bool
keys_have_restore(const struct keys *k)
{
	return (k->have_restore);
}

const struct repo_id *
keys_repo(const struct keys *k)
{
	return (&k->repo);
}

void
keys_repo_text(const struct keys *k, char out[33])
{
	hex_of(k->repo.b, sizeof(k->repo.b), out);
}

void
keys_fingerprint(const struct keys *k, char out[17])
{
	uint8_t sum[KEYS_CHECK_BYTES];

	keys_check_sum(k->root_public, KEYS_BYTES, sum);
	hex_of(sum, sizeof(sum), out);
}

const uint8_t *
keys_name_key(const struct keys *k)
{
	return (k->have_agent ? keys_hidden(k)->name_key : NULL);
}

const uint8_t *
keys_index_key(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&keys_hidden(k)->index, epoch));
}

uint32_t
keys_index_epoch(const struct keys *k)
{
	return (epochs_newest(&keys_hidden(k)->index));
}

const uint8_t *
keys_signing_secret(const struct keys *k)
{
	return (k->have_agent ? keys_hidden(k)->signing : NULL);
}

uint32_t
keys_signing_epoch(const struct keys *k)
{
	return (epochs_newest(&k->signing));
}

const uint8_t *
keys_signing_public(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&k->signing, epoch));
}

const uint8_t *
keys_root_public(const struct keys *k)
{
	return (k->root_public);
}

const uint8_t *
keys_root_secret(const struct keys *k)
{
	return (k->have_restore ? keys_hidden(k)->root : NULL);
}

const uint8_t *
keys_restore_public(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&k->restore, epoch));
}

const uint8_t *
keys_restore_secret(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&keys_hidden(k)->restore, epoch));
}

uint32_t
keys_restore_epoch(const struct keys *k)
{
	return (epochs_newest(&k->restore));
}
