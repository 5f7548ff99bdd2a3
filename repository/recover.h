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
void recover_result_free(struct recover_result *r);

#endif
