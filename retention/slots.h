/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Letting go of a passphrase slot: the one object besides what retention
 * sweeps that is ever deleted.
 */
#ifndef RETENTION_SLOTS_H
#define RETENTION_SLOTS_H

#include "repository/repo.h"

struct slot_removal {
	unsigned removed; /* endpoints that had it and have it no longer */
	/* Why it may still be at an endpoint, else kind ERR_NONE. */
	struct err error[SETTINGS_ENDPOINTS_MAX];
};
/*
 * Deletes keys/<name> at every endpoint. Can be done again for endpoints that
 * were away. Until slots_forget this machine would put it back there. Fails:
 * ERR_USAGE (bad name), ERR_MISSING when nobody has it and none was away.
 */
int slots_remove(struct repo *r, const char *name, struct slot_removal *out,
    struct err *e) MUST_USE;
/* Out of local state, once the audit log tells of the removal. */
int slots_forget(struct repo *r, const char *name, struct err *e) MUST_USE;

#endif
