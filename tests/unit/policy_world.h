/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch's backups for tests of the policy, and what became of them. Whatever
 * fails here fails the test.
 */
#ifndef TESTS_UNIT_POLICY_WORLD_H
#define TESTS_UNIT_POLICY_WORLD_H

#include "retention/policy.h"

#define WORLD_MOST     1024
#define WORLD_DAY      INT64_C(86400)
#define WORLD_COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct world {
	struct policy p;
	struct zone *zone;
	uint64_t made; /* the last one's number */
	size_t n;
	struct policy_backup b[WORLD_MOST];
	struct policy_verdict v[WORLD_MOST];
};

/* For cmocka: a world in UTC, empty, of the default policy; and its end. */
int world_setup(void **state);
int world_teardown(void **state);
void world_be_in(struct world *w, const char *zone);
void world_keep(struct world *w, const char *keep);

/* "2026-11-22", which is at half past two, or "2026-11-22T14:00"; UTC. */
int64_t world_at(const char *text);
/* A whole backup, received a minute later. */
struct policy_backup *world_add_at(
    struct world *w, int64_t started, const char *type);
struct policy_backup *world_add(
    struct world *w, const char *started, const char *type);
/* A daily one each day, at half past two UTC. */
void world_add_days(struct world *w, const char *first, size_t days);

void world_judge(struct world *w, const char *now);
/* Takes those away that go. */
void world_prune(struct world *w, int64_t now);

#endif
