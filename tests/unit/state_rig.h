/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of local state share: one for each test, with three endpoints,
 * and short ways to fill it.
 */
#ifndef TESTS_UNIT_STATE_RIG_H
#define TESTS_UNIT_STATE_RIG_H

#include "repository/state_chunks.h"

struct state_rig {
	char *folder;
	struct repo_id repo;
	struct state *s;
	uint8_t numbers[4]; /* of the configured endpoints */
};

int state_rig_setup(void **arg);
int state_rig_teardown(void **arg);
/* Prints why and fails the test when failed is not 0. */
void state_rig_must(int failed, const struct err *e);
/* fra, ams, waw, new: the first n are configured. */
void state_rig_configure(struct state_rig *f, size_t n);
void state_rig_reopen(struct state_rig *f);

/* A pack of 1000 + seed bytes with n records of 100, named by chunk_name. */
uint64_t state_rig_add_pack(
    struct state_rig *f, uint32_t seed, size_t n, bool spooled);
void state_rig_chunk_name(uint32_t seed, size_t i, struct name *out);
bool state_rig_knows(struct state_rig *f, uint32_t seed, size_t i);
/* An index object of 50 bytes. */
uint64_t state_rig_add_index(
    struct state_rig *f, const char *name, const uint64_t *packs, size_t n);
struct state_object state_rig_get(struct state_rig *f, uint64_t number);
/* endpoint: as configured; the spool lets go, or not, as expected. */
void state_rig_confirm(
    struct state_rig *f, uint64_t number, size_t endpoint, bool expect_gone);

#endif
