/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A check of the chain and its findings, for tests: run, counted, and asserted
 * to be one and no other. And entries and manifests that go away.
 */
#ifndef TESTS_UNIT_CHAIN_CHECK_H
#define TESTS_UNIT_CHAIN_CHECK_H

#include "retention/chain.h"
#include "tests/unit/repo_fixture.h"

/* What a check gave. */
struct check {
	struct findings f;
	struct chain_result out;
	size_t entries; /* that each got */
};
void check_free(struct check *c); /* also for SCOPED */
void check_run(struct repo *r, struct check *c);

size_t check_count(const struct check *c, enum finding_state state);
/* How many findings of this subject and name there are; text (or NULL) stands
 * in each of them. */
size_t check_found(const struct check *c, const char *subject, const char *name,
    enum finding_state state, const char *text);
/* This finding, once, and no other damage or warning. */
void check_assert_only(const struct check *c, const char *subject,
    const char *name, enum finding_state state, const char *text);
void check_assert_well(const struct check *c);

/* --- entries and manifests --- */

/* An entry more, in local state alone. */
void check_add(struct repo *r, const char *event);
/* The name of an entry by its number, in local state. */
void check_name(struct repo *r, uint64_t seq, char out[OBJECT_NAME_TEXT]);
void check_drop_entry(struct repo *r, size_t i, uint64_t seq);
void check_drop_backup(struct repo *r, size_t i, const char *id);
void check_put(
    struct repo *r, size_t i, const char *name, const void *p, size_t n);

#endif
