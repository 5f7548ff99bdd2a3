/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the engine share: a folder of their own with settings,
 * state and up to three endpoints in it, a repository made there, and a plain
 * sender.
 */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include "repository/ingest.h"
#include "repository/state.h"

#define RIG_ENDPOINTS 3

struct rig {
	char *folder;
	struct settings settings;
	struct endpoint_settings endpoints[RIG_ENDPOINTS];
	struct branch_settings branches[2]; /* production, none configured
					       until a test says so */
};

/* Settings for n endpoints, e0 to e2, that are not there yet. */
void rig_open(struct rig *g, size_t n);
/* The same in a folder that is there: in a child that a test runs. */
void rig_attach(struct rig *g, const char *folder, size_t n);
/* Leaves the folder as it is. */
void rig_detach(struct rig *g);
/*
 * Runs this program again as "PROGRAM work FOLDER", to be ended by SIGKILL at
 * its step-th durable step. True when it was, false when it got through with 0;
 * anything else fails the test.
 */
bool rig_is_killed(const struct rig *g, const char *work, unsigned step);
/* The same with a repository initialized in it. */
void rig_open_repository(struct rig *g, size_t n);
/* Removes the folder. */
void rig_close(struct rig *g);
/* FOLDER/name, allocated. */
char *rig_path(const struct rig *g, const char *name);
/* Opens the repository, or fails the test. */
struct repo *rig_repo(const struct rig *g, enum repo_mode mode);

/* A stream of bytes into an ingest, in steps of a few sizes; its recipe. */
void rig_ingest(struct ingest *in, const char *text, const uint8_t *p, size_t n,
    struct recipe *r);
/* Adds a recipe and a tree entry of that path. */
void rig_add(struct ingest *in, const struct recipe *r, const char *path);
/* Commits as a complete backup of branch, started then (0: now). */
void rig_commit(
    struct ingest *in, const char *branch, int64_t started, struct manifest *m);
/* A whole backup with one stream of seeded noise. */
void rig_backup(struct repo *r, const char *branch, uint32_t seed, size_t n,
    struct manifest *m);

/* Sends what is pending at r->endpoints[i] and may go; returns how many. */
size_t rig_send(struct repo *r, size_t i);
/* Objects of a class that local state knows. */
size_t rig_count(struct repo *r, int class);

/* How many entries a folder has; 0 when it is not there. */
size_t rig_files(const char *folder);

#endif
