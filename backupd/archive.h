/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything of a database but its rows, as pg_dump writes it from our
 * snapshot: one stream in custom format, uncompressed, never on disk.
 */
#ifndef BACKUPD_ARCHIVE_H
#define BACKUPD_ARCHIVE_H

#include "backupd/archive_command.h"
#include "base/proc.h"

struct run;
struct snapshot;

struct archive {
	struct archive_command command;
	struct archive_check check;
	struct archive_list list;
	struct proc *proc;   /* running */
	uint64_t started_ms; /* since when, by clock_ticks_ms */
	struct recipe recipe;
	char *definitions; /* of the snapshot, see definitions_read */
};

/*
 * Finds pg_dump, tells it what to leave out, and starts it.
 * Thread: the leading connection's.
 */
int archive_start(struct run *run, const struct snapshot *s,
    struct archive *out, struct err *e) MUST_USE;
/*
 * Reads what it writes into a stream, checks list and exit status; starts it
 * again when somebody's ALTER TABLE stood before its locks.
 * Fails: ERR_DATABASE with pg_dump's last words; ERR_AGAIN when only a new
 * snapshot helps: its locks could not be had, since a session that waits for
 * our leader stands before them; or what it described has changed meanwhile.
 */
int archive_read(struct run *run, struct archive *a, struct err *e) MUST_USE;
/* Adds recipe and tree entry. */
int archive_add(struct run *run, const struct archive *a, uint32_t *stream,
    struct err *e) MUST_USE;
void archive_free(struct archive *a); /* also a SCOPED releaser; ends pg_dump */

#endif
