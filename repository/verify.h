/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks what is at the endpoints against what should be there, at three
 * depths, and heals from another endpoint or the spool.
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
};
struct verify_endpoint {
	bool reached;
	uint64_t objects, bytes;
	struct json *missing, *damaged,
	    *repaired;	  /* arrays of object names; owned */
	struct err error; /* when not reached, or why healing it ended early */
};
struct verify_result {
	struct verify_endpoint at[SETTINGS_ENDPOINTS_MAX];
	bool ok; /* an endpoint was reached, and nothing damaged or missing is
		    left at those that were */
};
/*
 * Fails only when it could not do its work (ERR_KEY for VERIFY_DATA without the
 * restore key, ERR_TAKEN_OVER for repair, ERR_STOPPED); damage is in the
 * result. Writes an audit entry (verify; heal with the objects) when the
 * repository is open for writing.
 */
int verify_run(struct repo *r, const struct verify_conf *conf,
    struct verify_result *out, struct err *e) MUST_USE;
void verify_result_free(struct verify_result *v);

#endif
