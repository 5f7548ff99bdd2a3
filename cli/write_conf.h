/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration that recover writes: enough to list, restore and verify,
 * with the branches that the backups know as comments to fill in.
 */
#ifndef CLI_WRITE_CONF_H
#define CLI_WRITE_CONF_H

#include "base/buf.h"
#include "repository/settings.h"

struct write_conf {
	const char *state, *agent_key, *restore_key; /* absolute */
	size_t nendpoints;
	const struct endpoint_settings *endpoints;
	bool finished; /* else it says that it is not, and how to go on */
	size_t nbranches;
	const char (*branches)[64];
};
void write_conf_text(const struct write_conf *w, struct buf *out);

#endif
