/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's log files: what its patterns match, each a stream of its own,
 * under names that are made unique.
 */
#ifndef BACKUPD_LOGS_H
#define BACKUPD_LOGS_H

#include "base/err.h"

struct run;

/* Paths in the order of their bytes, each once, and the name of each. */
struct logs {
	size_t n;
	char **paths; /* owned */
	char *
	    *names; /* base names; "2-odoo.log" for the second of one; owned */
};

/*
 * Expands comma separated patterns. What matches nothing is counted in
 * *unmatched. Fails: ERR_SOURCE when a folder can't be listed.
 */
int logs_find(const char *patterns, struct logs *out, unsigned *unmatched,
    struct err *e) MUST_USE;
void logs_free(struct logs *l); /* also a SCOPED releaser */
/* Fills names from paths. */
void logs_name(struct logs *l);

/*
 * Reads each as far as it goes when it is opened, and adds it. One that can't
 * be read makes the backup incomplete; one that went away meanwhile (rotation)
 * is left out. Fails: the ingest's errors.
 */
int logs_copy(struct run *run, struct err *e) MUST_USE;

#endif
