/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* Where chunks are, and that no chunk is given out that is not what its name
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/delta.h"
#include "repository/lookup.h"
#include "repository/state.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define BYTES ((size_t)200000)

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

static int
setup(void **arg)
{
	struct rig *g = mem_new(sizeof(*g));

	rig_open_repository(g, 3);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	rig_close(*arg);
	free(*arg);
	return (0);
}

/* One backup of one stream; the name of its first chunk. */
static void
back_up(struct repo *r, struct name *first)
{
	SCOPED(scope_free) uint8_t *p = mem_new(BYTES);
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	struct err e = ERR_INIT;
	struct ingest *in = ingest_open(r, &e);
	struct manifest m;

	must(in == NULL, &e);
	known_noise(p, BYTES, 5);
	rig_ingest(in, "public.t", p, BYTES, &recipe);
	rig_add(in, &recipe, "public.t");
	rig_commit(in, "production", 0, &m);
	*first = recipe.parts[0].name;
	manifest_free(&m);
	ingest_free(in);
}

static struct copy
copy_of(struct repo *r, const struct name *name)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	struct err e = ERR_INIT;

	assert_int_equal(lookup_copies(r, name, copies, &e), 1);
	return (copies[0]);
}

static void
load_pack(struct repo *r, const struct copy *c, struct buf *out)
{
	char object[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	bool found;

	format_pack_name(&c->pack, object);
	must(lookup_spooled(r, object, out, &found, &e), &e);
	assert_true(found);
}

static void
a_copy_says_where_it_is_spooled_and_confirmed(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(scope_free) char *path = NULL;
	struct name name, unknown = { { 1 } };
	struct copy copies[LOOKUP_COPIES_MAX];
	struct copy c;
	struct err e = ERR_INIT;

	back_up(r, &name);
	assert_int_equal(lookup_copies(r, &unknown, copies, &e), 0);
	c = copy_of(r, &name);
	assert_true(c.in_spool);
	assert_int_equal(c.endpoints, 0);
	assert_int_equal(c.record.kind, RECORD_DATA);
	path = lookup_spooled_path(r, &c.pack);
	assert_non_null(path);
	rig_send(r, 2);
	assert_int_equal(copy_of(r, &name).endpoints, 1 << 2);
	rig_send(r, 0);
	rig_send(r, 1);
	c = copy_of(r, &name);
	assert_int_equal(c.endpoints, 7);
	assert_false(c.in_spool);
	assert_null(lookup_spooled_path(r, &c.pack));
}

static void
endpoints_are_those_of_the_configuration_in_its_order(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_settings first = g->endpoints[0];
	struct name name;

	back_up(r, &name);
	rig_send(r, 0);
	repo_free(r);
	g->endpoints[0] = g->endpoints[2];
	g->endpoints[2] = first;
	r = rig_repo(g, REPO_READ);
	assert_int_equal(copy_of(r, &name).endpoints, 1 << 2);
	repo_free(r);
}

static void
a_box_opens_with_the_restore_key_and_not_without(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(opener_freep) struct opener *without = NULL;
	SCOPED(keys_freep) struct keys *agent = known_agent_half(r->keys);
	SCOPED(buf_free) struct buf pack = BUF_INIT, plain = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(BYTES);
	struct name name;
	struct copy c;
	struct err e = ERR_INIT;

	back_up(r, &name);
	c = copy_of(r, &name);
	load_pack(r, &c, &pack);
	for (unsigned i = 0; i < 2; i++)
		must(opener_open(o, &c, pack.p + c.offset, NULL, &plain, &e),
		    &e);
	known_noise(p, BYTES, 5);
	assert_int_equal(plain.n, c.record.plain_bytes);
	assert_memory_equal(plain.p, p, plain.n);
	without = opener_new(agent);
	assert_int_equal(
	    opener_open(without, &c, pack.p + c.offset, NULL, &plain, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static void
a_changed_box_or_record_is_corrupt(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(buf_free) struct buf pack = BUF_INIT, plain = BUF_INIT;
	struct name name;
	struct copy c, other;
	struct err e = ERR_INIT;

	back_up(r, &name);
	c = copy_of(r, &name);
	load_pack(r, &c, &pack);
	pack.p[c.offset + 30] ^= 1;
	assert_int_equal(
	    opener_open(o, &c, pack.p + c.offset, NULL, &plain, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	pack.p[c.offset + 30] ^= 1;
	other = c;
	other.record.name.b[0] ^= 1;
	err_clear(&e);
	assert_int_equal(
	    opener_open(o, &other, pack.p + c.offset, NULL, &plain, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	err_clear(&e);
	assert_int_equal(
	    opener_open(o, &c, pack.p + c.offset, &pack, &plain, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

/* A box whose seal is right, and whose contents are another chunk's. */
static void
contents_of_another_name_are_corrupt_however_well_sealed(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_READ);
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(buf_free) struct buf box = BUF_INIT, plain = BUF_INIT;
	struct copy c = { .record = { .kind = RECORD_RECIPE,
			      .slot = SEAL_BY_INDEX_KEY,
			      .plain_bytes = 5 } };
	struct err e = ERR_INIT;

	seal_name(r->keys, "other", 5, &c.record.name);
	seal_box(r->keys, NULL, &c.record, "plain", 5, &box);
	assert_int_equal(opener_open(o, &c, box.p, NULL, &plain, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "name"));
}

static void
a_delta_opens_with_its_bases(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_READ);
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(buf_free) struct buf box = BUF_INIT, out = BUF_INIT;
	SCOPED(buf_free) struct buf bases = BUF_INIT, delta = BUF_INIT;
	uint8_t plain[5000];
	struct copy c = { .record = { .kind = RECORD_DATA,
			      .codec = CODEC_DELTA,
			      .slot = SEAL_BY_INDEX_KEY,
			      .nbases = 1,
			      .plain_bytes = sizeof(plain) } };
	struct err e = ERR_INIT;

	known_rows(plain, sizeof(plain), 1);
	buf_add(&bases, plain, sizeof(plain));
	plain[100] ^= 1;
	seal_name(r->keys, bases.p, bases.n, &c.record.bases[0]);
	seal_name(r->keys, plain, sizeof(plain), &c.record.name);
	must(
	    delta_encode(3, plain, sizeof(plain), bases.p, bases.n, &delta, &e),
	    &e);
	seal_box(r->keys, NULL, &c.record, delta.p, delta.n, &box);
	must(opener_open(o, &c, box.p, &bases, &out, &e), &e);
	assert_int_equal(out.n, sizeof(plain));
	assert_memory_equal(out.p, plain, sizeof(plain));
	assert_int_equal(opener_open(o, &c, box.p, NULL, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	err_clear(&e);
	bases.p[4000] ^= 1;
	assert_int_equal(opener_open(o, &c, box.p, &bases, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

struct reading {
	struct opener *o;
	const struct copy *c;
	const struct buf *pack;
	int failed;
};

static void *
open_many(void *arg)
{
	struct reading *reading = arg;
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < 20; i++) {
		SCOPED(buf_free) struct buf out = BUF_INIT;

		if (opener_open(reading->o, reading->c,
			reading->pack->p + reading->c->offset, NULL, &out,
			&e) < 0)
			reading->failed++;
	}
	return (NULL);
}

static void
threads_share_an_opener(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(opener_freep) struct opener *o = opener_new(r->keys);
	SCOPED(buf_free) struct buf pack = BUF_INIT;
	struct reading readings[3];
	pthread_t threads[3];
	struct name name;
	struct copy c;

	back_up(r, &name);
	c = copy_of(r, &name);
	load_pack(r, &c, &pack);
	for (size_t i = 0; i < 3; i++) {
		readings[i] = (struct reading){ o, &c, &pack, 0 };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, open_many, &readings[i]),
		    0);
	}
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(readings[i].failed, 0);
	}
}

static void
a_damaged_spool_file_is_as_if_not_there(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	SCOPED(buf_free) struct buf pack = BUF_INIT;
	SCOPED(scope_free) char *path = NULL;
	char object[OBJECT_NAME_TEXT];
	struct name name;
	struct copy c;
	struct err e = ERR_INIT;
	bool found;

	back_up(r, &name);
	c = copy_of(r, &name);
	format_pack_name(&c.pack, object);
	path = lookup_spooled_path(r, &c.pack);
	must(file_save(path, 0600, "cut", 3, &e), &e);
	must(lookup_spooled(r, object, &pack, &found, &e), &e);
	assert_false(found);
	must(lookup_spooled(r, "packs/none", &pack, &found, &e), &e);
	assert_false(found);
}

static void
reported_damage_makes_the_object_pending_there_again(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_WRITE);
	char object[OBJECT_NAME_TEXT];
	struct name name;
	struct state_object o;
	struct copy c;
	struct err e = ERR_INIT;
	bool found;

	back_up(r, &name);
	for (size_t i = 0; i < 3; i++)
		rig_send(r, i);
	c = copy_of(r, &name);
	format_pack_name(&c.pack, object);
	lookup_report_damage(r, &r->endpoints[1], object, false);
	lookup_report_damage(r, &r->endpoints[2], object, true);
	lookup_report_damage(r, &r->endpoints[2], "packs/none", true);
	assert_int_equal(copy_of(r, &name).endpoints, 1);
	must(state_find(r->state, object, &o, &found, &e), &e);
	assert_int_equal(o.damaged, 1 << r->endpoints[1].number);
	assert_int_equal(o.missing, 1 << r->endpoints[2].number);
	assert_int_equal(o.pending, o.damaged | o.missing);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(a_copy_says_where_it_is_spooled_and_confirmed),
		RIG_TEST(endpoints_are_those_of_the_configuration_in_its_order),
		RIG_TEST(a_box_opens_with_the_restore_key_and_not_without),
		RIG_TEST(a_changed_box_or_record_is_corrupt),
		RIG_TEST(
		    contents_of_another_name_are_corrupt_however_well_sealed),
		RIG_TEST(a_delta_opens_with_its_bases),
		RIG_TEST(threads_share_an_opener),
		RIG_TEST(a_damaged_spool_file_is_as_if_not_there),
		RIG_TEST(reported_damage_makes_the_object_pending_there_again),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
