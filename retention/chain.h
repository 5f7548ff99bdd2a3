/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the record of what happened whole, and does every endpoint show it? Local
 * state's audit chain and manifests are checked link by link; then every
 * endpoint is listed, and each of its entries read and compared. Nothing is
 * changed, neither here nor there.
 *
 * What is found, each with where it is and what to do (findings.h: an error is
 * damage):
 *   edited       bytes that are not those of the name, or that nobody signed
 *   gap          an entry is gone between two others
 *   chain        an entry does not follow the one before it
 *   fork         two entries of one writer with one number
 *   truncated    the newest entries, which were confirmed there, are gone
 *   rolled-back  an endpoint shows an older state: entries, and the backups
 *                since then, were confirmed there and are gone
 *   gone         a backup is gone that no entry says was removed
 *   manifest     a backup does not follow the one before it, or stands on an
 *                audit entry that is not in the chain
 *   foreign      what stands in our places and no key of ours vouches for
 *   unknown      an authentic entry or backup that local state lacks: it is
 *                older than the endpoint (a warning)
 *   writer       a displaced writer's entries, or a later writer (a warning)
 * What is still pending for an endpoint is no finding, nor is a removed backup
 * that is gone.
 */
#ifndef RETENTION_CHAIN_H
#define RETENTION_CHAIN_H

#include "repository/audit.h"
#include "repository/findings.h"
#include "repository/repo.h"

/* At r->endpoints[i]. */
struct chain_endpoint {
	bool reached;	  /* it answered, and was looked through */
	struct err error; /* why not */
	uint64_t entries; /* of local state's, whole there */
	uint64_t newest;  /* number of the newest of them, 0 none */
	uint64_t backups; /* manifests of local state's that it lists */
	uint64_t unknown; /* authentic, and local state lacks them */
	bool is_rolled_back;
};

struct chain_result {
	uint64_t entries; /* in local state */
	uint64_t seq;	  /* of the newest, 0 none; its epoch, hash and date */
	uint32_t epoch;
	struct sha256 head;
	int64_t when;
	bool ok;	/* no damage, here or at an endpoint that was reached */
	bool is_behind; /* an endpoint knows more, or has a later writer: this
			   machine must not go on with the chain */
	struct chain_endpoint at[SETTINGS_ENDPOINTS_MAX];
};

/*
 * each (or NULL) gets every sound entry of local state, by epoch and number.
 * Adds to findings. Memory grows by some 200 bytes an entry and manifest.
 * Fails: ERR_STOPPED, local state's errors, each's; never for what is found,
 * nor for an endpoint that is away.
 */
int chain_check(struct repo *r,
    int (*each)(const struct audit_entry *a, void *arg, struct err *e),
    void *arg, struct findings *f, struct chain_result *out,
    struct err *e) MUST_USE;

#endif
