/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A repository with three folders as endpoints, for the tests of what sends,
 * checks, heals and recovers: backups whose bytes are known, damage of every
 * kind, and the two questions that matter: do all endpoints hold the same, and
 * does one of them alone give everything back?
 */
#ifndef TESTS_UNIT_REPO_FIXTURE_H
#define TESTS_UNIT_REPO_FIXTURE_H

#include "repository/pack.h"
#include "repository/replicate.h"
#include "repository/state.h"
#include "repository/verify.h"
#include "tests/unit/rig.h"

#define FIXTURE_NOISE                                                          \
	((size_t)1500 << 10) /* bytes of a backup's first stream */

/* Passes on what went well, and fails the test with the reason of the rest. */
void fixture_must(int failed, const struct err *e);

void fixture_open(struct rig *g);
void fixture_close(struct rig *g);

/* A complete backup of three streams, the first of noise(seed), which is new
 * for each seed. id (may be NULL) gets its id. */
void fixture_backup(struct repo *r, uint32_t seed, char id[BACKUP_ID_TEXT]);
/* replicate_start and replicate_finish; reports may be NULL. */
void fixture_send(
    struct repo *r, unsigned flags, struct endpoint_report reports[]);
/* Both of them in a repository that is opened for it, everywhere up to date. */
void fixture_backup_everywhere(
    const struct rig *g, uint32_t seed, char id[BACKUP_ID_TEXT]);
/* A passphrase slot of the least cost, to be sent. */
void fixture_add_slot(struct repo *r, const char *name, const char *passphrase);

/* --- endpoints and their files --- */

/* Endpoint i's folder goes away, and comes back. */
void fixture_unmount(const struct rig *g, size_t i);
void fixture_mount(const struct rig *g, size_t i);
/* Removes every object of endpoint i; its folder stays. */
void fixture_empty(const struct rig *g, size_t i);
/* How many objects below prefix ("" for all) endpoint i holds. */
size_t fixture_objects(const struct rig *g, size_t i, const char *prefix);
/* Asserts that all endpoints hold the same objects, byte for byte. */
void fixture_assert_same(const struct rig *g);

/* The nth object (from 0) that local state knows below prefix. */
void fixture_name(
    struct repo *r, const char *prefix, size_t nth, char out[OBJECT_NAME_TEXT]);

/* The same among the packs of a kind; read from the first endpoint. */
void fixture_pack(struct repo *r, enum pack_kind kind, size_t nth,
    char out[OBJECT_NAME_TEXT]);

enum fixture_damage {
	FIXTURE_FLIP,
	FIXTURE_CUT,
	FIXTURE_DELETE,
	FIXTURE_SWAP /* with another object */
};
void fixture_damage(const struct rig *g, size_t i, const char *object,
    enum fixture_damage how, const char *other);

/* --- two backups, verified --- */

/* Three endpoints with two backups and two passphrase slots ("one", of "a
 * passphrase", and "two"), all whole: a test's set up, which is what *state is.
 */
struct fixture_pair {
	struct rig g;
	char ids[2][BACKUP_ID_TEXT];
};
int fixture_set_up_two(void **state);
int fixture_tear_down_two(void **state);
const struct rig *fixture_rig(void **state);

/* Names one object of a kind, and another of the same ("": none asked for). */
struct fixture_names {
	char one[OBJECT_NAME_TEXT], other[OBJECT_NAME_TEXT];
};
void fixture_name_two(const struct rig *g, const char *prefix, bool both,
    struct fixture_names *out);
void fixture_name_packs(
    const struct rig *g, enum pack_kind kind, struct fixture_names *out);

void fixture_verify_with(
    struct repo *r, const struct verify_conf *conf, struct verify_result *out);
/* The same in a repository that is opened for it. */
void fixture_verify(const struct rig *g, enum verify_depth depth, bool repair,
    struct verify_result *out);
/* How often a list has a name; how many findings there are in all. */
size_t fixture_times(const struct json *names, const char *name);
size_t fixture_found(const struct verify_result *v);
/* Asserts that every object of every endpoint is looked at, and good. */
void fixture_assert_whole(const struct rig *g, enum verify_depth depth);
/* Repairs, and asserts that all is whole and the same afterwards. */
void fixture_heal(const struct rig *g, struct verify_result *out);

/* --- a bare machine --- */

struct bare {
	struct settings settings; /* of a machine that has only endpoint i */
	struct endpoint_settings endpoint;
	char *state, *agent_key;
};
/* Only the key file and endpoint i are there: opens the keys, recovers the
 * state. */
void fixture_recover(const struct rig *g, size_t i, struct bare *b);
/* Settings alone: which endpoints (a bit each), and places for a new state. */
void fixture_bare(const struct rig *g, size_t i, struct bare *b);
void fixture_bare_free(struct bare *b);
/* Reads every stream of every backup from r->endpoints[i] and compares it with
 * what was stored. Returns how many backups there are. */
size_t fixture_read_all(struct repo *r, size_t i);
/* From endpoint i alone: how many backups it gives back whole. */
size_t fixture_restorable(const struct rig *g, size_t i);

#endif
