/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database that is made in the dark: all sessions that the restore will
 * ever need in it are opened while it is empty; from then on nobody, not even
 * its owner, gets in until the swap.
 */
#ifndef RESTORE_HIDDEN_H
#define RESTORE_HIDDEN_H

#include "restore/session.h"
#include "restore/target.h"

struct hidden {
	struct target *t; /* the caller's */
	int reader;	  /* programs_reader's; before hidden_make */
	char name[TARGET_NAME_MAX + 1];
	struct session_place place;
	size_t nsessions; /* psql children, at least 1 */
	struct session **sessions;
	size_t nconns; /* of our own, at least 1 */
	PGconn **conns;
};
#define HIDDEN_INIT                                                            \
	{                                                                      \
		.t = NULL                                                      \
	}

/* "triplicate_<id>" */
void hidden_name(const char *id, char out[TARGET_NAME_MAX + 1]);
/*
 * Makes it, opens jobs sessions of each kind (fewer when the server has no room
 * for more), shuts it and ends everybody else's sessions. The name was given to
 * it before.
 * After failure: it may be there; target_drop.
 */
int hidden_make(struct hidden *h, struct target *t,
    const struct target_locale *l, bool from_template, size_t jobs,
    struct remarks *remarks, struct err *e) MUST_USE;
/* Closes all sessions. */
void hidden_close(struct hidden *h);
void hidden_free(struct hidden *h); /* does not drop it; for SCOPED */

#endif
