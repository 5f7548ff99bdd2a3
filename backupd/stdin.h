/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard input as one stream of a backup, under the name that --stdin gives.
 */
#ifndef BACKUPD_STDIN_H
#define BACKUPD_STDIN_H

#include "base/err.h"

struct run;

/* Fails: ERR_USAGE for a name that can't be a path in a backup. */
int stdin_check_name(const char *name, struct err *e) MUST_USE;
/* Reads to the end of file. Fails: ERR_SOURCE; the ingest's errors. */
int stdin_copy(struct run *run, struct err *e) MUST_USE;

#endif
