/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups whose trees a test writes down line by line, for what reads trees and
 * compares them.
 */
#ifndef TESTS_UNIT_TREE_RIG_H
#define TESTS_UNIT_TREE_RIG_H

#include "tests/unit/rig.h"

/* One entry of a tree. */
struct planted {
	uint8_t kind;	  /* enum tree_kind; 0 ends a list */
	const char *path; /* of a table "schema.name" */
	const char *text; /* its bytes; a link's target; NULL: without stream */
	int64_t rows;	  /* of a table */
	int64_t mtime;
};

/* A complete backup of these, in their order; the archive's first chunk is
 * another each time. id may be NULL. */
void tree_rig_backup(struct repo *r, const char *branch, int64_t started,
    const struct planted *list, char id[BACKUP_ID_TEXT]);
/* Sends what is pending to every endpoint of r. */
void tree_rig_send(struct repo *r);

#endif
