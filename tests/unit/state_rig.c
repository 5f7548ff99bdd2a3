/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A local state of its own for each test, and packs, index objects and chunks
 * whose bytes follow from a number. Whatever fails here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/state_rig.h"

#include "base/file.h"
#include "base/random.h"
#include "tests/unit/known.h"
#include "tests/unit/place.h"

static const char *const three[] = { "fra", "ams", "waw", "new" };

void
state_rig_must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

void
state_rig_configure(struct state_rig *f, size_t n)
{
	struct err e = ERR_INIT;

	state_rig_must(
	    state_configure(f->s, three, n, true, f->numbers, &e), &e);
}

int
state_rig_setup(void **arg)
{
	struct state_rig *f = mem_new(sizeof(*f));
	struct err e = ERR_INIT;

	secret_start();
	random_seed(7);
	f->folder = place_new();
	memset(&f->repo, 3, sizeof(f->repo));
	state_rig_must(state_create(f->folder, &f->repo, &e), &e);
	f->s = state_open(f->folder, &f->repo, &e);
	state_rig_must(f->s == NULL, &e);
	state_rig_configure(f, 3);
	*arg = f;
	return (0);
}

int
state_rig_teardown(void **arg)
{
	struct state_rig *f = *arg;
	struct err e = ERR_INIT;

	state_free(f->s);
	state_rig_must(file_remove_tree(f->folder, &e), &e);
	free(f->folder);
	free(f);
	return (0);
}

void
state_rig_reopen(struct state_rig *f)
{
	struct err e = ERR_INIT;

	state_free(f->s);
	f->s = state_open(f->folder, &f->repo, &e);
	state_rig_must(f->s == NULL, &e);
}

/* A pack of n records whose names follow from seed. */
uint64_t
state_rig_add_pack(struct state_rig *f, uint32_t seed, size_t n, bool spooled)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err e = ERR_INIT;
	uint64_t number;

	d.kind = PACK_DATA;
	d.bytes = 1000 + seed;
	known_noise(d.pack.b, sizeof(d.pack.b), seed);
	d.nslots = 1;
	d.slots = mem_array(1, SEAL_KEY_SLOT);
	known_noise(d.slots[0], SEAL_KEY_SLOT, seed + 1);
	d.n = n;
	d.records = mem_array(n, sizeof(*d.records));
	for (size_t i = 0; i < n; i++) {
		struct record *r = &d.records[i].record;

		known_noise(r->name.b, NAME_BYTES, seed * 1000 + (uint32_t)i);
		r->kind = RECORD_DATA;
		r->plain_bytes = 100;
		r->box_bytes = 100 + BOX_OVERHEAD;
		d.records[i].offset = (uint32_t)(117 + i * r->box_bytes);
	}
	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(state_add_pack(t, &d, spooled, true, &number, &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	return (number);
}

uint64_t
state_rig_add_index(
    struct state_rig *f, const char *name, const uint64_t *packs, size_t n)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct sha256 sha = { { 9 } };
	struct err e = ERR_INIT;
	uint64_t number;

	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(
	    state_add_index(t, name, &sha, 50, true, packs, n, &number, &e),
	    &e);
	state_rig_must(state_commit(&t, &e), &e);
	return (number);
}

struct state_object
state_rig_get(struct state_rig *f, uint64_t number)
{
	struct state_object o;
	struct err e = ERR_INIT;

	state_rig_must(state_get(f->s, number, &o, &e), &e);
	return (o);
}

void
state_rig_confirm(
    struct state_rig *f, uint64_t number, size_t endpoint, bool expect_gone)
{
	struct err e = ERR_INIT;
	bool let_go;

	state_rig_must(
	    state_confirm(f->s, number, f->numbers[endpoint], &let_go, &e), &e);
	assert_int_equal(let_go, expect_gone);
}

void
state_rig_chunk_name(uint32_t seed, size_t i, struct name *out)
{
	known_noise(out->b, NAME_BYTES, seed * 1000 + (uint32_t)i);
}

bool
state_rig_knows(struct state_rig *f, uint32_t seed, size_t i)
{
	struct state_use use;
	struct name name;
	struct err e = ERR_INIT;
	bool known;

	state_rig_chunk_name(seed, i, &name);
	state_rig_must(
	    state_knows(f->s, &name, RECORD_DATA, &use, &known, &e), &e);
	return (known);
}
