/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How pg_dump is called for a backup.
 */
#ifndef BACKUPD_ARCHIVE_COMMAND_H
#define BACKUPD_ARCHIVE_COMMAND_H

#include "backupd/archive_check.h"

struct run;
struct snapshot;

#define ARCHIVE_COMMAND_LOCK_WAIT_MS 5000

struct archive_command {
	char *program;	     /* pg_dump's path */
	char version[64];    /* "15.20" */
	unsigned major;	     /* 15 */
	char *password_env;  /* PGPASSWORD=…, or NULL */
	struct buf words;    /* its arguments, each with its NUL */
	struct buf patterns; /* for its standard input, with --filter=- */
	size_t nwords;
};

/*
 * Finds pg_dump and puts its arguments together. Tables and sequences that we
 * may not read are left out, and named as unreadable. More tables than a
 * command line holds go into a filter, which pg_dump 17 and newer read.
 * Fails: ERR_DATABASE.
 */
int archive_command_build(struct run *run, const struct snapshot *s,
    const struct archive_check *check, struct archive_command *out,
    struct err *e) MUST_USE;
/* A NULL-ended vector into words; the caller frees the array. */
const char **archive_command_argv(const struct archive_command *a);
void archive_command_free(struct archive_command *a);

/* Takes number and major out of "pg_dump (PostgreSQL) 15.20 (Debian …)". */
bool archive_command_parse_version(
    const char *text, char *version, size_t size, unsigned *major);

#endif
