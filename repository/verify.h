/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks what is at the endpoints against what should be there, at three
 * depths, and heals from another endpoint or the spool. What is there and
 * should not be is named, too.
 */
#ifndef REPOSITORY_VERIFY_H
#define REPOSITORY_VERIFY_H

#include "base/json.h"
#include "repository/repo.h"

enum verify_depth { VERIFY_PRESENCE, VERIFY_HASH, VERIFY_DATA };

struct verify_conf {
	enum verify_depth depth;
	bool repair;
	unsigned which;		    /* endpoints, a bit each; 0: all */
	size_t nbackups;	    /* 0: everything */
	const char *const *backups; /* full ids */
	/*
	 * What only retention/ can do (retention/remove.h), or NULL: removes a
	 * foreign object; brings back one that was deleted where versions are
	 * kept. arg is the first argument of both.
	 * Fails: ERR_LOCKED, ERR_DENIED, or the endpoint's error.
	 */
	int (*remove)(void *arg, const struct endpoint *ep, const char *name,
	    struct err *e);
	int (*unhide)(void *arg, const struct endpoint *ep, const char *name,
	    struct err *e);
	void *arg;
};
struct verify_endpoint {
	bool reached;
	uint64_t objects, bytes;
	struct json *missing, *damaged, *foreign,
	    *repaired;	  /* arrays of object names; owned */
	uint64_t unknown; /* authentic, and not known to local state: left */
	struct err error; /* when not reached, or why healing it ended early */
};
struct verify_result {
	struct verify_endpoint at[SETTINGS_ENDPOINTS_MAX];
	bool ok; /* an endpoint was reached, and nothing damaged, missing or
		    foreign is left at those that were */
};
/*
 * Foreign: what an endpoint lists in our places (packs/ and the like), local
 * state doesn't know, and our keys don't vouch for; looked for when all backups
 * are verified. Repair first takes in what local state should know.
 * Fails only when it could not do its work (ERR_KEY for VERIFY_DATA without the
 * restore key, ERR_TAKEN_OVER for repair, ERR_STOPPED); damage is in the
 * result. Writes an audit entry (verify; heal with the objects) when the
 * repository is open for writing.
 */
int verify_run(struct repo *r, const struct verify_conf *conf,
    struct verify_result *out, struct err *e) MUST_USE;
void verify_result_free(struct verify_result *v);

#endif
