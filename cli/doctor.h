/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `triplicate doctor` share: one file looks at this host, one
 * at a branch, one at an endpoint; cmd_doctor.c tells what they found. Only
 * they include it.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/cli.h"
#include "repository/findings.h"
#include "repository/repo.h"

struct doctor {
	struct cli *c;
	/* as configured, but for a short give-up-after; a shallow copy */
	struct settings s;
	struct findings f;
	bool is_new;	   /* neither state nor keys: init was not run here */
	struct keys *keys; /* agent half; NULL: not to be had. Owned */
	struct repo *r;	   /* NULL: not to be had. Owned */
	struct json *endpoints; /* what was measured, by name; the answer's */
};

/*
 * Each adds findings; what fails is a finding. They fail for ERR_STOPPED alone.
 * The keys and the repository come from the first.
 */
int doctor_host(struct doctor *d, struct err *e) MUST_USE;
int doctor_keys(struct doctor *d, struct err *e) MUST_USE;
int doctor_state(struct doctor *d, struct err *e) MUST_USE;
int doctor_branch(struct doctor *d, const struct branch_settings *branch,
    struct err *e) MUST_USE;
int doctor_endpoint(struct doctor *d, size_t i, struct err *e) MUST_USE;

/* A failure becomes a finding, a stop is passed on: 0, or -1 with ERR_STOPPED.
 */
int doctor_failure(struct doctor *d, enum finding_state state, const char *name,
    const struct err *why, const char *hint, struct err *e) MUST_USE;

#endif
