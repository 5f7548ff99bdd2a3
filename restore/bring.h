/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One whole pack from the endpoints into the staging area: pieces from several
 * of them, what none gave at one try patiently, and when the bytes are not
 * those of the pack's name, whole from one endpoint after the other, which
 * shows who gave wrong ones.
 * Thread: one owner for each bringing.
 */
#ifndef RESTORE_BRING_H
#define RESTORE_BRING_H

#include "restore/pull.h"
#include "restore/staging.h"

struct bringing;

/* What it works with; outlives every bringing. */
struct bring_with {
	struct endpoints *endpoints;
	struct staging *staging;
	struct pull *pull;
};

/*
 * Begins with a pack that staging gave to be brought whole. first: somebody
 * waits for it. Fails when there can be no file; staging has heard of it.
 */
struct bringing *bring_begin(const struct bring_with *with, struct staged *p,
    const struct staging_pack *pack, bool first, struct err *e) MUST_USE;
void bring_hurry(struct bringing *x);

/* Has every piece come, or is there one that takes patience? */
bool bring_is_settled(struct bringing *x);
/* A settled one: true when it is good and in the staging area; x is freed.
 * False: bring_end has to be called by somebody who needs it. */
bool bring_end_at_once(struct bringing *x);
/*
 * Waits, and takes the pains that it needs. Frees. Staging is told in any case.
 * Fails only when asking for a part of the pack could not help either; when no
 * copy is whole, or it can't be written, 0 says that parts are to be asked for.
 */
int bring_end(struct bringing *x, struct err *e) MUST_USE;
void bring_abandon(struct bringing *x);

#endif
