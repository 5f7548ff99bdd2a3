/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of one backup share while it runs: repository, branch and
 * ingest; the first failure, which stops all threads; and what must be said
 * about the source although the backup goes on.
 * Thread: all functions may be called from any thread of the backup.
 */
#ifndef BACKUPD_RUN_H
#define BACKUPD_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/json.h"
#include "repository/ingest.h"

struct backup_conf;

struct run {
	struct repo *repo;
	const struct branch_settings *branch;
	const struct backup_conf *conf;
	struct ingest *in;
	struct progress *progress; /* or NULL */
	pthread_mutex_t lock;
	/* guarded by lock */
	struct err first;
	struct json *warnings;
	uint64_t nwarnings;  /* more than the list holds, when very many */
	uint64_t unreadable; /* things that are there and could not be read */
	char worst[300];     /* the first of them, in words */
	/* free for all */
	atomic_bool has_failed;
};

void run_init(
    struct run *run, struct repo *repo, const struct backup_conf *conf);
void run_free(struct run *run); /* also a SCOPED releaser */

/* Fails with ERR_STOPPED when asked to stop, else with the first failure of
 * another thread, if there is one. Every loop asks it. */
int run_check(struct run *run, struct err *e) MUST_USE;
/* Makes e the first failure unless there is one; all threads then end. */
void run_fail(struct run *run, const struct err *e);
/* After threads were joined: their first failure. */
int run_outcome(struct run *run, struct err *e) MUST_USE;
/* How many warnings there are now, for run_reset. */
size_t run_mark(const struct run *run);
/* Forgets failure and findings since mark, when nothing unreadable was found
 * before it: the same is tried once more. No other thread runs. */
void run_reset(struct run *run, size_t mark);
/* Waits until fd can be read, asking run_check five times a second. */
int run_wait_readable(struct run *run, int fd, struct err *e) MUST_USE;

/* A sentence for the manifest's warnings. */
void run_warn(struct run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same for something that is there and was not stored whole: the backup
 * becomes incomplete. */
void run_unreadable(struct run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
