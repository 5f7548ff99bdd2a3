/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of neutralization that need a server share: a database for
 * each, found by libpq's variables, and short words for what they do with it.
 */
#ifndef TESTS_UNIT_NEUTRALIZE_WORLD_H
#define TESTS_UNIT_NEUTRALIZE_WORLD_H

#include "base/pg.h"
#include "restore/neutralize.h"

struct world {
	PGconn *server; /* to make and drop it */
	PGconn *c;	/* in it */
	char name[64];
	struct neutralize_conf conf;
	struct neutralize_report report;
	struct err e;
};

/* All of them fail the test when they cannot do what they say. */

/* owner NULL: the role that libpq's variables name. */
struct world *world_new(const char *owner);
void world_freep(struct world **w);
/* The first words of a test: a world w, or the test is skipped. */
#define WORLD(owner)                                                           \
	if (getenv("PGHOST") == NULL) /* NOLINT(concurrency-mt-unsafe) */      \
		skip();                                                        \
	SCOPED(world_freep) struct world *w = world_new(owner)

void world_sql(PGconn *c, const char *sql);
int64_t world_count(struct world *w, const char *sql);
bool world_has_role(PGconn *c, const char *role);

/* neutralize_run into an empty report; neutralize_prove. */
int world_run(struct world *w);
int world_prove(struct world *w);
/* Neutralizes and proves; once more changes nothing. */
void world_assert_neutralized(struct world *w);

const struct neutralize_rule *world_rule(
    const struct world *w, const char *name);
const struct neutralize_check *world_check(
    const struct world *w, const char *name);
/* Rows changed by all rules. */
int64_t world_changed(const struct world *w);

#endif
