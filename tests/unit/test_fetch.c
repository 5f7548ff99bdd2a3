/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Chunks from wherever a good copy is: damage at one endpoint is reported and
 * read from the next, and nothing is fetched twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "repository/lookup.h"
#include "restore/fetch.h"
#include "storage-drivers/store_impl.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define BYTES ((size_t)3 << 20)
#define PIECE ((uint32_t)2 << 20) /* what an endpoint gives at a time */

struct world {
	struct rig g;
	struct repo *r;
	struct remarks remarks;
	struct recipe recipe;
	uint8_t *plain;
	struct fetch *f;
};

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

/* One whose stores, for one try and patient ones, are those of the repository
 * at this moment. */
static void
open_fetch(struct world *w)
{
	struct store *quick[RIG_ENDPOINTS];
	struct err e = ERR_INIT;
	size_t i;

	fetch_free(w->f);
	for (i = 0; i < w->r->nendpoints; i++)
		quick[i] = w->r->endpoints[i].store;
	w->f = fetch_new_by(w->r, w->g.folder, &w->remarks, quick, &e);
	must(w->f == NULL, &e);
}

/* One stream, at all endpoints, nothing left in the spool. */
static int
setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));
	struct err e = ERR_INIT;
	struct ingest *in;
	struct manifest m;
	size_t i;

	rig_open_repository(&w->g, 3);
	w->g.settings.restore_cache = (uint64_t)64 << 20;
	w->r = rig_repo(&w->g, REPO_WRITE);
	remarks_init(&w->remarks);
	w->plain = mem_new(BYTES);
	known_noise(w->plain, BYTES, 7);
	in = ingest_open(w->r, &e);
	must(in == NULL, &e);
	rig_ingest(in, "public.t", w->plain, BYTES, &w->recipe);
	rig_add(in, &w->recipe, "public.t");
	rig_commit(in, "production", 0, &m);
	manifest_free(&m);
	ingest_free(in);
	for (i = 0; i < 3; i++)
		rig_send(w->r, i);
	open_fetch(w);
	*state = w;
	return (0);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	fetch_free(w->f);
	recipe_free(&w->recipe);
	remarks_free(&w->remarks);
	free(w->plain);
	repo_free(w->r);
	rig_close(&w->g);
	free(w);
	return (0);
}

static struct copy
copy_of(struct world *w, size_t part)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	struct err e = ERR_INIT;

	assert_int_equal(
	    lookup_copies(w->r, &w->recipe.parts[part].name, copies, &e), 1);
	return (copies[0]);
}

/* The pack's file at endpoint i. */
static char *
pack_file(struct world *w, size_t i, const struct copy *c)
{
	char object[OBJECT_NAME_TEXT];

	format_pack_name(&c->pack, object);
	return (file_join(w->g.endpoints[i].url, object));
}

static void
flip(struct world *w, size_t i, const struct copy *c)
{
	SCOPED(scope_free) char *path = pack_file(w, i, c);
	struct err e = ERR_INIT;
	SCOPED(scope_close) int fd = -1;
	uint8_t byte;

	(void)chmod(path, 0600);
	fd = file_open(path, O_RDWR, &e);
	must(fd < 0, &e);
	assert_int_equal(pread(fd, &byte, 1, (off_t)c->offset + 50), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)c->offset + 50), 1);
}

struct joined {
	struct buf bytes;
};

static int
join(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	struct joined *j = arg;

	(void)e;
	buf_add(&j->bytes, p, n);
	return (0);
}

/* The whole stream comes back. */
static void
assert_reads(struct world *w)
{
	struct joined j = { BUF_INIT };
	struct err e = ERR_INIT;

	must(fetch_stream(w->f, &w->recipe, join, &j, &e), &e);
	assert_int_equal(j.bytes.n, BYTES);
	assert_memory_equal(j.bytes.p, w->plain, BYTES);
	buf_free(&j.bytes);
}

static uint64_t
fetched(struct world *w, int i)
{
	struct fetch_totals t;

	fetch_totals(w->f, &t);
	return (
	    i >= 0 ? t.fetched[i] : t.fetched[0] + t.fetched[1] + t.fetched[2]);
}

static void
expect_all(struct world *w)
{
	struct err e = ERR_INIT;

	must(fetch_expect_recipe(w->f, &w->recipe, &e), &e);
}

static void
a_stream_comes_back_whole_and_each_byte_once(void **state)
{
	struct world *w = *state;
	uint64_t once;

	expect_all(w);
	assert_reads(w);
	once = fetched(w, -1);
	assert_true(once >= BYTES);
	assert_reads(w);
	assert_int_equal(fetched(w, -1), once);
	assert_int_equal(json_count(w->remarks.list), 0);
}

static void
the_plan_is_what_is_then_fetched(void **state)
{
	struct world *w = *state;
	struct fetch_totals planned;

	expect_all(w);
	expect_all(w);
	fetch_totals(w->f, &planned);
	assert_true(planned.objects >= 1);
	assert_reads(w);
	assert_int_equal(fetched(w, -1), planned.to_fetch);
}

static void
damage_at_one_endpoint_is_reported_and_read_elsewhere(void **state)
{
	struct world *w = *state;
	struct copy c = copy_of(w, 0), last = copy_of(w, w->recipe.n - 1);
	size_t i;

	/* Two of three, in every piece: no mixture of theirs is good. */
	assert_memory_equal(c.pack.b, last.pack.b, 32);
	assert_true(c.offset < PIECE && last.offset >= PIECE);
	for (i = 0; i < 2; i++) {
		flip(w, i, &c);
		flip(w, i, &last);
	}
	expect_all(w);
	assert_reads(w);
	assert_true(fetched(w, 2) >= c.pack_bytes);
}

static void
damage_that_was_met_is_remarked(void **state)
{
	struct world *w = *state;
	struct copy c = copy_of(w, 0);
	SCOPED(scope_free) char *third = pack_file(w, 2, &c);
	SCOPED(scope_free) char *second = pack_file(w, 1, &c);
	struct err e = ERR_INIT;

	flip(w, 0, &c);
	must(file_remove(second, &e), &e);
	assert_true(file_exists(third));
	/* Without a plan: ranges, a request a chunk, to whoever is best. */
	assert_reads(w);
	open_fetch(w);
	w->r->nendpoints = 3;
	expect_all(w);
	assert_reads(w);
	assert_true(w->remarks.damage);
	assert_true(json_count(w->remarks.list) >= 1);
}

static void
boxes_are_found_when_no_copy_of_the_pack_is_whole(void **state)
{
	struct world *w = *state;
	struct copy first = copy_of(w, 0), second = copy_of(w, 1);

	/* In one piece, so that no mixture of theirs is good, either. */
	assert_memory_equal(first.pack.b, second.pack.b, 32);
	assert_int_not_equal(first.offset, second.offset);
	assert_true(first.offset < PIECE - 51 && second.offset < PIECE - 51);
	flip(w, 0, &first);
	flip(w, 1, &second);
	flip(w, 2, &second);
	expect_all(w);
	assert_reads(w);
	assert_true(w->remarks.damage);
}

static void
no_copy_is_whole_and_it_reads_whoever_gives_which_piece(void **state)
{
	struct world *w = *state;
	struct copy first = copy_of(w, 0), last = copy_of(w, w->recipe.n - 1);

	/* Pieces of two damaged copies may make a good one. */
	flip(w, 0, &first);
	flip(w, 1, &last);
	flip(w, 2, &last);
	expect_all(w);
	assert_reads(w);
}

static void
it_fails_as_damage_only_when_no_good_copy_is_left(void **state)
{
	struct world *w = *state;
	struct copy c = copy_of(w, 0);
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	flip(w, 0, &c);
	flip(w, 1, &c);
	flip(w, 2, &c);
	assert_int_equal(
	    fetch_chunk(w->f, &w->recipe.parts[0].name, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "e0"));
	assert_non_null(strstr(e.text, "e2"));
}

static void
endpoints_that_are_away_are_no_damage(void **state)
{
	static const struct store_fault faults[] = { { .op = "*",
	    .match = "",
	    .count = 1000,
	    .action = FAULT_FAIL,
	    .kind = ERR_NETWORK } };
	struct world *w = *state;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < 2; i++)
		w->r->endpoints[i].store = store_with_faults(
		    w->r->endpoints[i].store, faults, 1);
	open_fetch(w);
	expect_all(w);
	assert_reads(w);
	assert_false(w->remarks.damage);
	fetch_forget_staged(w->f);
	w->r->endpoints[2].store = store_with_faults(
	    w->r->endpoints[2].store, faults, 1);
	open_fetch(w);
	assert_int_equal(
	    fetch_chunk(w->f, &w->recipe.parts[0].name, &out, &e), -1);
	assert_int_equal(e.kind, ERR_NETWORK);
}

static void
a_bit_that_flips_on_the_way_is_caught(void **state)
{
	static const struct store_fault faults[] = { { .op = "get",
	    .match = "packs/",
	    .count = 1000,
	    .action = FAULT_FLIP } };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < 2; i++)
		w->r->endpoints[i].store = store_with_faults(
		    w->r->endpoints[i].store, faults, 1);
	open_fetch(w);
	expect_all(w);
	assert_reads(w);
}

static void
an_unknown_chunk_is_damage_of_the_index(void **state)
{
	struct world *w = *state;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct name unknown = { { 1, 2, 3 } };
	struct err e = ERR_INIT;

	assert_int_equal(fetch_chunk(w->f, &unknown, &out, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.hint, "recover"));
}

static void
a_stream_that_differs_from_its_recipe_is_refused(void **state)
{
	struct world *w = *state;
	struct joined j = { BUF_INIT };
	struct err e = ERR_INIT;

	w->recipe.checksum.b[0] ^= 1;
	assert_int_equal(fetch_stream(w->f, &w->recipe, join, &j, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	buf_free(&j.bytes);
}

static void
what_was_staged_serves_the_next_restore_unless_it_changed(void **state)
{
	struct world *w = *state;
	struct copy c = copy_of(w, 0);
	SCOPED(scope_free)
	char *cache = file_join(w->g.settings.state, "cache");
	SCOPED(scope_free) char *path = NULL;
	char hex[65];
	struct err e = ERR_INIT;

	expect_all(w);
	assert_reads(w);
	open_fetch(w);
	expect_all(w);
	assert_reads(w);
	assert_int_equal(fetched(w, -1), 0);
	fetch_free(w->f);
	w->f = NULL;
	hex_of(c.pack.b, 32, hex);
	path = file_join(cache, hex);
	must(file_save(path, 0600, "junk", 4, &e), &e);
	open_fetch(w);
	expect_all(w);
	assert_reads(w);
	fetch_forget_staged(w->f);
	fetch_free(w->f);
	w->f = NULL;
	assert_int_equal(rig_files(cache), 0);
}

static void
without_room_to_stage_it_still_reads(void **state)
{
	struct world *w = *state;

	w->g.settings.restore_cache = 0;
	open_fetch(w);
	expect_all(w);
	assert_reads(w);
	assert_reads(w);
}

static void *
read_all(void *arg)
{
	assert_reads(arg);
	return (NULL);
}

static void
several_threads_fetch_no_byte_twice(void **state)
{
	struct world *w = *state;
	struct fetch_totals planned;
	pthread_t threads[4];
	size_t i;

	expect_all(w);
	fetch_totals(w->f, &planned);
	for (i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_all, w), 0);
	for (i = 0; i < 4; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(fetched(w, -1), planned.to_fetch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_comes_back_whole_and_each_byte_once),
		TEST(the_plan_is_what_is_then_fetched),
		TEST(damage_at_one_endpoint_is_reported_and_read_elsewhere),
		TEST(damage_that_was_met_is_remarked),
		TEST(boxes_are_found_when_no_copy_of_the_pack_is_whole),
		TEST(no_copy_is_whole_and_it_reads_whoever_gives_which_piece),
		TEST(it_fails_as_damage_only_when_no_good_copy_is_left),
		TEST(endpoints_that_are_away_are_no_damage),
		TEST(a_bit_that_flips_on_the_way_is_caught),
		TEST(an_unknown_chunk_is_damage_of_the_index),
		TEST(a_stream_that_differs_from_its_recipe_is_refused),
		TEST(what_was_staged_serves_the_next_restore_unless_it_changed),
		TEST(without_room_to_stage_it_still_reads),
		TEST(several_threads_fetch_no_byte_twice),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
