/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One backup of one branch, from the first look at its database to a manifest
 * that the endpoints hold: the flow that the command line, and later the
 * daemon, calls. Nothing at the source is ever changed, but for the locks that
 * keep a snapshot whole.
 */
#ifndef BACKUPD_BACKUP_H
#define BACKUPD_BACKUP_H

#include "repository/manifest.h"
#include "repository/replicate.h"
#include "repository/repo.h"

struct backup_conf {
	const struct branch_settings *branch;
	const char *type;	/* "manual", "daily", …; at most 23 bytes */
	const char *comment;	/* or NULL */
	bool reread;		/* read files also when size, mtime and inode
				   say that they are known */
	const char *stdin_name; /* --stdin NAME, or NULL */
	int stdin_fd;		/* read when stdin_name is given; not closed */
	bool accept_missing; /* the operator knows of the missing attachments:
				their mass doesn't make it incomplete */
};

struct backup_result {
	/*
	 * As committed; owned. m.id and m.state as in CLI.md; m.counts holds
	 * CLI.md's keys of `backup` from "seconds" to "attachments" (database
	 * and attachments null where the branch has none) and "warnings", and:
	 * "bytes_logical" (= bytes_read), "reason" (why degraded or incomplete;
	 * null).
	 */
	struct manifest m;
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	unsigned stored;      /* endpoints that hold the manifest */
	bool pending;	      /* fewer than write-quorum do; state to show:
				 "pending" (never of an incomplete one) */
	bool endpoint_behind; /* some endpoint lacks something */
};

/* Can what is asked for be done at all? Looks at the words alone. Fails:
 * ERR_USAGE. */
int backup_check(const struct backup_conf *conf, struct err *e) MUST_USE;

/*
 * Backs up a branch; r is open for writing. Progress phases: "snapshot",
 * "tables", "attachments", "logs", "commit", "endpoints".
 * Returns 0 whenever a manifest was made, be it complete, degraded, incomplete
 * or pending: out tells, and the command line makes the exit status of it.
 * Fails (no manifest): ERR_DATABASE (dump or COPY; the table is named),
 * ERR_SOURCE (filestore folder missing), ERR_CONFIG, ERR_USAGE, ERR_MISSING
 * (database), ERR_DENIED, ERR_FULL, ERR_TAKEN_OVER, ERR_STOPPED.
 * Owns: out is filled and freed by backup_result_free, after a failure too.
 */
int backup_run(struct repo *r, const struct backup_conf *conf,
    struct backup_result *out, struct err *e) MUST_USE;
void backup_result_free(struct backup_result *b);

#endif
