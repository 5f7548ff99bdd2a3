/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time zone in which a branch's days, weeks and months are counted.
 */
#ifndef BACKUPD_ZONE_H
#define BACKUPD_ZONE_H

#include <stddef.h>

struct branch_settings;

#define ZONE_TEXT 64

/* The branch's zone setting, else its schedule's zone, else the host's, else
 * UTC. */
void zone_of_branch(const struct branch_settings *b, char out[ZONE_TEXT]);

#endif
