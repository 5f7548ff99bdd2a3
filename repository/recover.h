/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bare machine: from one endpoint and the restore key (or a passphrase slot)
 * back to a local state that lists, restores and verifies. Taking over makes
 * this machine the writer.
 */
#ifndef REPOSITORY_RECOVER_H
#define REPOSITORY_RECOVER_H

#include "repository/keys.h"
#include "repository/repo.h"

struct recover_result {
	uint32_t
	    epoch; /* newest writer epoch seen, or ours after a take-over */
	char writer_host[128];
	int64_t writer_since;
	uint64_t backups;
	char newest[BACKUP_ID_TEXT];
	uint64_t audit_seq;
	struct sha256 audit_head;
	size_t nbranches; /* names of the branches seen in the manifests */
	char (*branches)[64];
	uint64_t damaged; /* objects that could not be read; recovery goes on
			     without them */
};

/* Opens the endpoint's config with the restore half in k, adds the agent half.
 */
int recover_keys(struct store *s, struct keys *k, struct err *e) MUST_USE;
/* Names of the passphrase slots at an endpoint; tries each with the passphrase.
 * Fails: ERR_KEY when none opens or there is none. */
struct keys *recover_keys_by_passphrase(
    struct store *s, const struct secret *passphrase, struct err *e) MUST_USE;
/*
 * Rebuilds state from the first endpoint of the settings that answers (and what
 * further ones add): lists, index objects, manifests, audit chain.
 * The state folder must be empty or missing (ERR_REFUSED). The result is
 * read-only until recover_take_over.
 */
int recover_state(const struct settings *s, struct keys *k,
    struct progress *progress, struct recover_result *out,
    struct err *e) MUST_USE;
/* Removes the state that a recovery left which was never finished: the caller
 * knows that it is one. Nothing but a database may be in it (ERR_REFUSED). */
int recover_discard(const char *folder, struct err *e) MUST_USE;
/* Writes epoch + 1 at a quorum of the endpoints; r is then the writer. */
int recover_take_over(const struct settings *s, struct recover_result *out,
    struct err *e) MUST_USE;
/*
 * Local state that repo_open found lost or damaged, as why says: rebuilt from
 * the endpoints that answer, in place, with a warning. This machine goes on as
 * writer (recover_resume) if it was the newest one.
 * Fails: why itself when no endpoint holds this repository, ERR_LOCKED,
 * ERR_NETWORK, ERR_KEY. After failure: what was there is as it was.
 */
int recover_rebuild(const struct settings *s, struct keys *k,
    const struct err *why, struct err *e) MUST_USE;
/*
 * In a repository that was rebuilt and is locked for writing: takes over from
 * ourselves, with the next epoch, since what we numbered last may be lost.
 * Fails: ERR_REFUSED when the newest writer is another machine, ERR_QUORUM.
 */
int recover_resume(struct repo *r, struct err *e) MUST_USE;
/*
 * Index objects, audit entries and manifests that an endpoint holds and local
 * state does not know are taken in; *n tells how many. So a state that is older
 * than the endpoints (put back from a snapshot, rebuilt while one was away)
 * takes no number twice, and an endpoint's backups are never forgotten.
 */
int recover_learn(
    struct repo *r, struct endpoint *ep, uint64_t *n, struct err *e) MUST_USE;
/* How many backups an endpoint lists that local state does not know. */
int recover_count_unknown(
    struct repo *r, struct endpoint *ep, uint64_t *n, struct err *e) MUST_USE;
void recover_result_free(struct recover_result *r);

#endif
