/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the branch's earlier backups say about its missing attachments, and when
 * the newest of them began.
 */
#ifndef BACKUPD_PREVIOUS_H
#define BACKUPD_PREVIOUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct repo;

struct previous {
	int64_t newest; /* when the newest backup of any state began, or 0 */
	/* of the newest with attachments that counts: complete or degraded */
	bool is_there;
	uint64_t missing;
	bool has_list; /* the restore key is at hand, and the list is whole */
	size_t n;
	char **paths; /* sorted by bytes; owned */
};

int previous_read(struct repo *r, const char *branch, struct previous *out,
    struct err *e) MUST_USE;
void previous_free(struct previous *p); /* also a SCOPED releaser */
/* Was that file in the list? */
bool previous_lacked(const struct previous *p, const char *path);

#endif
