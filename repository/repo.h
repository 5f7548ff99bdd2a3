/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One open repository on this machine: its settings, keys, local state and
 * endpoints. Everything else in repository/ that does work takes it.
 * Thread: after repo_open, to be used by several threads; the state's own
 * transactions serialize writers.
 */
#ifndef REPOSITORY_REPO_H
#define REPOSITORY_REPO_H

#include <pthread.h>

#include "base/progress.h"
#include "repository/keys.h"
#include "repository/settings.h"
#include "storage-drivers/store.h"

struct state;

struct endpoint {
	const struct endpoint_settings *conf;
	struct store *store;
	uint8_t number; /* in local state; stays with the name */
	pthread_mutex_t asking;
	uint64_t checked_ms; /* an answer that is kept, or 0; guarded by
				asking */
};

struct repo {
	const struct settings *settings; /* the caller's */
	struct keys *keys; /* agent half, and the restore half when configured
			      and wanted */
	struct state *state;
	int lock; /* descriptor that holds the writer's flock, or -1 */
	size_t nendpoints;
	struct endpoint *endpoints;
	uint32_t epoch;	 /* this machine's writer epoch; 0: read-only */
	char writer[17]; /* its id, hex */
	struct progress *progress; /* or NULL; the caller's */
};

enum repo_mode {
	REPO_READ,  /* list, restore, verify: any number of processes */
	REPO_WRITE, /* backup, sync, repair: one process (ERR_LOCKED, saying
		       which pid and since when) */
};
enum {
	REPO_NEEDS_RESTORE_KEY =
	    1, /* ERR_KEY names the file or setting when it is not to be had */
	REPO_TRIES_RESTORE_KEY =
	    2 /* load it when configured and readable, go on without */
};

/*
 * Opens keys, state and endpoints; reaches for no endpoint. Runs crash
 * recovery of the spool in REPO_WRITE mode (which a reader never does).
 * Fails: ERR_KEY, ERR_LOCKED, ERR_MISSING "no repository here: run init or
 * recover", ERR_REFUSED for REPO_WRITE in a repository recovered read-only.
 */
struct repo *repo_open(const struct settings *s, enum repo_mode mode,
    unsigned flags, struct err *e) MUST_USE;
/* Below the state folder: held alone by a prune, which may write packs without
 * the writer's lock, and for a moment by who tidies the spool up. */
#define REPO_PRUNE_LOCK "prune.lock"

/* ERR_LOCKED in words: which process holds state/lock, and since when. */
int repo_fail_locked(const struct settings *s, struct err *e);
void repo_free(struct repo *r);
void repo_freep(struct repo **r);
struct endpoint *repo_endpoint(const struct repo *r, const char *name,
    struct err *e) MUST_USE; /* ERR_MISSING */

/* What init did at one endpoint. */
enum init_outcome { INIT_CREATED, INIT_THERE_ALREADY, INIT_FAILED };
struct init_result {
	enum init_outcome outcome[SETTINGS_ENDPOINTS_MAX];
	struct err error[SETTINGS_ENDPOINTS_MAX];
	bool new_keys; /* the key files were written now */
};
/*
 * Creates the repository: key files when neither exists, config and writer 1 at
 * every endpoint that has none. With existing keys it adds the endpoints that
 * have none. An endpoint with another repository's config: ERR_REFUSED before
 * anything is touched anywhere. Needs the restore key's path in the settings.
 * Fails also when fewer than the quorum could be prepared (new repository).
 * may_use is asked of each endpoint that gets a repository, before anything is
 * put there; where it fails, so does that endpoint. NULL: nothing is asked.
 */
int repo_init(const struct settings *s,
    int (*may_use)(const struct endpoint_settings *conf,
	uint64_t give_up_after_s, struct err *e),
    struct init_result *out, struct err *e) MUST_USE;

/*
 * Asks an endpoint whether it is ours: config signed by our root, no higher
 * writer epoch (ERR_TAKEN_OVER: who and when). Fails: ERR_KEY for another
 * repository's, ERR_MISSING when config is not there, or the endpoint's error.
 */
int repo_check_endpoint(
    struct repo *r, struct endpoint *ep, struct err *e) MUST_USE;
/* Of an endpoint that this job has found to be ours: has nobody taken over
 * meanwhile? Fails: ERR_TAKEN_OVER, or the endpoint's error. */
int repo_check_again(
    struct repo *r, struct endpoint *ep, struct err *e) MUST_USE;
/* The same as the first, and the answer is kept for repo_check_once: it serves
 * a sender that starts in a moment, once, instead of being asked for again. */
int repo_check_ahead(
    struct repo *r, struct endpoint *ep, struct err *e) MUST_USE;
int repo_check_once(
    struct repo *r, struct endpoint *ep, struct err *e) MUST_USE;

#endif
