/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What belongs to a database and is in no dump: its settings, privileges,
 * comment and limit. A production target gets the source's back; any other
 * keeps its own, over the source's settings.
 */
#ifndef RESTORE_PROPERTIES_H
#define RESTORE_PROPERTIES_H

#include "restore/hidden.h"

struct json;

/*
 * Gives them to the hidden database, before its sessions are closed. What can't
 * be set here (an unknown setting, a role that isn't there) is remarked.
 * source: as production gets it; else as the branch's database has it now.
 * *limit: connections, for the swap.
 */
int properties_set(struct hidden *h, const struct json *facts, bool source,
    int *limit, struct remarks *remarks, struct err *e) MUST_USE;

#endif
