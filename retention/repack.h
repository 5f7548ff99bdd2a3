/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs of which little is still needed are written anew without the rest, box
 * by box, without any key but the index key. The old ones go by the sweep, when
 * every endpoint has the new ones.
 */
#ifndef RETENTION_REPACK_H
#define RETENTION_REPACK_H

#include "repository/repo.h"

struct repack_result {
	uint64_t packs;	      /* written anew */
	uint64_t bytes_saved; /* that a copy will be smaller by */
};

/*
 * Looks at all packs, when a backup has been removed since this was done last,
 * and writes anew those of which less than half is needed, the emptiest first,
 * as long as what is to be copied stays within settings.repack_limit. New packs
 * and their index object lie in the spool when this returns, known and pending;
 * senders take them from there.
 * Fails: as live_read; ERR_FULL is no failure: it stops there.
 */
int repack(struct repo *r, struct repack_result *out, struct err *e) MUST_USE;

#endif
