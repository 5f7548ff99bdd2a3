/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* A pack from several endpoints at once: who dies, stalls or lies costs no more
 * than his own pieces, and no piece comes twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/stop.h"
#include "repository/lookup.h"
#include "restore/fetch.h"
#include "restore/pull.h"
#include "tests/unit/giver.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define BYTES  ((size_t)3 << 20)
#define MEMORY ((uint64_t)8 << 20) /* pieces of 128 KiB with three lanes */

struct world {
	struct rig g;
	struct repo *r;
	struct remarks remarks;
	struct recipe recipe;
	uint8_t *plain;
	struct copy copy; /* of the first chunk */
	struct givers all;
	struct giver *quick[RIG_ENDPOINTS], *patient[RIG_ENDPOINTS];
	struct store *stores[RIG_ENDPOINTS]; /* the repository's own */
	struct fetch *f;
};

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

/* One stream in one pack, at all endpoints, nothing left in the spool. */
static void
fill(struct world *w)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	struct err e = ERR_INIT;
	struct ingest *in = ingest_open(w->r, &e);
	struct manifest m;
	size_t i;

	must(in == NULL, &e);
	w->plain = mem_new(BYTES);
	known_noise(w->plain, BYTES, 7);
	rig_ingest(in, "public.t", w->plain, BYTES, &w->recipe);
	rig_add(in, &w->recipe, "public.t");
	rig_commit(in, "production", 0, &m);
	manifest_free(&m);
	ingest_free(in);
	for (i = 0; i < RIG_ENDPOINTS; i++)
		rig_send(w->r, i);
	assert_true(
	    lookup_copies(w->r, &w->recipe.parts[0].name, copies, &e) > 0);
	w->copy = copies[0];
}

static int
setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));
	size_t i;

	rig_open_repository(&w->g, RIG_ENDPOINTS);
	w->g.settings.restore_cache = (uint64_t)64 << 20;
	w->g.settings.memory = MEMORY;
	w->r = rig_repo(&w->g, REPO_WRITE);
	remarks_init(&w->remarks);
	givers_init(&w->all);
	fill(w);
	for (i = 0; i < RIG_ENDPOINTS; i++) {
		w->stores[i] = w->r->endpoints[i].store;
		w->quick[i] = giver_new(&w->all, w->stores[i], 1);
		w->patient[i] = giver_new(&w->all, w->stores[i], 1);
		w->r->endpoints[i].store = &w->patient[i]->store;
	}
	*state = w;
	return (0);
}

static int
teardown(void **state)
{
	struct world *w = *state;
	size_t i;

	stop_reset();
	givers_release(&w->all);
	fetch_free(w->f);
	for (i = 0; i < RIG_ENDPOINTS; i++) {
		w->r->endpoints[i].store = w->stores[i];
		giver_free(w->quick[i]);
		giver_free(w->patient[i]);
	}
	recipe_free(&w->recipe);
	remarks_free(&w->remarks);
	free(w->plain);
	repo_free(w->r);
	rig_close(&w->g);
	givers_free(&w->all);
	free(w);
	return (0);
}

/* With everything expected. */
static void
open_fetch(struct world *w)
{
	struct store *quick[RIG_ENDPOINTS];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		quick[i] = &w->quick[i]->store;
	w->f = fetch_new_by(w->r, w->g.folder, &w->remarks, quick, &e);
	must(w->f == NULL, &e);
	must(fetch_expect_recipe(w->f, &w->recipe, &e), &e);
}

static int
join(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return (0);
}

/* The whole stream comes back. */
static void
assert_reads(struct world *w)
{
	SCOPED(buf_free) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	must(fetch_stream(w->f, &w->recipe, join, &got, &e), &e);
	assert_int_equal(got.n, BYTES);
	assert_memory_equal(got.p, w->plain, BYTES);
}

static uint64_t
given(struct giver *const givers[RIG_ENDPOINTS])
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		sum += giver_given(givers[i]);
	return (sum);
}

/* Each piece of the pack was given once, by whomever. */
static void
assert_once(struct world *w)
{
	uint64_t off;
	unsigned times;
	size_t i, piece = (size_t)128 << 10;

	assert_int_equal(
	    given(w->quick) + given(w->patient), w->copy.pack_bytes);
	for (off = 0; off < w->copy.pack_bytes; off += piece) {
		for (times = 0, i = 0; i < RIG_ENDPOINTS; i++)
			times += giver_times(w->quick[i], off) +
			    giver_times(w->patient[i], off);
		assert_int_equal(times, 1);
	}
}

static bool
is_remarked(struct world *w, const char *text)
{
	size_t i;

	for (i = 0; i < json_count(w->remarks.list); i++)
		if (strstr(json_text(json_at(w->remarks.list, i)), text) !=
		    NULL)
			return (true);
	return (false);
}

/* What JSON and progress tell is what was given. */
static void
assert_counted(struct world *w)
{
	struct fetch_totals t;
	size_t i;

	fetch_totals(w->f, &t);
	for (i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(t.fetched[i],
		    giver_given(w->quick[i]) + giver_given(w->patient[i]));
}

static void
pieces_come_from_several_endpoints_each_once(void **state)
{
	struct world *w = *state;
	size_t i;

	/* Nobody is done with the first before all have one. */
	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->meets = RIG_ENDPOINTS;
	open_fetch(w);
	assert_reads(w);
	for (i = 0; i < RIG_ENDPOINTS; i++)
		assert_true(giver_given(w->quick[i]) > 0);
	assert_once(w);
	assert_counted(w);
	assert_int_equal(json_count(w->remarks.list), 0);
}

static void
two_lanes_where_the_endpoint_takes_two_calls(void **state)
{
	struct world *w = *state;
	struct store *inner = w->quick[0]->inner;

	giver_free(w->quick[0]);
	w->quick[0] = giver_new(&w->all, inner, 2);
	w->quick[0]->stalls = 1;
	w->quick[1]->fails_from = w->quick[2]->fails_from = 1;
	w->patient[1]->fails_from = w->patient[2]->fails_from = 1;
	open_fetch(w);
	/* One lane stalls; the other brings what is left, but for its piece,
	 * which is then had patiently. */
	givers_release(&w->all);
	assert_reads(w);
	assert_int_equal(
	    given(w->quick) + given(w->patient), w->copy.pack_bytes);
}

static void
one_that_dies_in_the_middle_keeps_what_it_gave(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->meets = RIG_ENDPOINTS;
	w->quick[0]->fails_from = 2;
	open_fetch(w);
	assert_reads(w);
	assert_true(giver_given(w->quick[0]) > 0);
	assert_once(w);
	assert_counted(w);
	assert_false(w->remarks.damage);
	/* It was set aside, not hammered: there are 24 pieces. */
	assert_true(giver_gets(w->quick[0]) < 12);
}

struct reader {
	struct world *w;
	int rc;
	struct err e;
};

static void *
read_in_thread(void *arg)
{
	struct reader *reader = arg;
	SCOPED(buf_free) struct buf got = BUF_INIT;

	reader->rc = fetch_stream(
	    reader->w->f, &reader->w->recipe, join, &got, &reader->e);
	if (reader->rc == 0 &&
	    (got.n != BYTES || memcmp(got.p, reader->w->plain, BYTES) != 0))
		reader->rc = 1;
	return (NULL);
}

static void
a_stall_holds_up_its_own_piece_alone(void **state)
{
	struct world *w = *state;
	struct reader reader = { .w = w };
	pthread_t thread;
	uint64_t rest = w->copy.pack_bytes - ((uint64_t)128 << 10);
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->meets = RIG_ENDPOINTS;
	w->quick[1]->stalls = 2;
	open_fetch(w);
	assert_int_equal(
	    pthread_create(&thread, NULL, read_in_thread, &reader), 0);
	/* All but that piece comes while the line is silent. */
	(void)pthread_mutex_lock(&w->all.lock);
	while (
	    w->quick[0]->given + w->quick[1]->given + w->quick[2]->given < rest)
		clock_wait(&w->all.changed, &w->all.lock, 1000);
	(void)pthread_mutex_unlock(&w->all.lock);
	givers_release(&w->all);
	(void)pthread_join(thread, NULL);
	must(reader.rc, &reader.e);
	assert_once(w);
}

static void
who_lies_is_found_and_the_others_are_not_blamed(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->meets = RIG_ENDPOINTS;
	w->quick[1]->lies = 1;
	w->patient[1]->lies = 1;
	open_fetch(w);
	assert_reads(w);
	assert_counted(w);
	assert_true(w->remarks.damage);
	assert_true(is_remarked(w, "the copy at e1 is damaged"));
	assert_false(is_remarked(w, "the copy at e0"));
	assert_false(is_remarked(w, "the copy at e2"));
}

static void
an_object_that_is_missing_is_damage_there(void **state)
{
	struct world *w = *state;
	char object[OBJECT_NAME_TEXT];
	SCOPED(scope_free) char *path = NULL;
	struct err e = ERR_INIT;
	size_t i;

	format_pack_name(&w->copy.pack, object);
	path = file_join(w->g.endpoints[2].url, object);
	must(file_remove(path, &e), &e);
	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->meets = RIG_ENDPOINTS;
	open_fetch(w);
	assert_reads(w);
	assert_once(w);
	assert_true(is_remarked(w, "the copy at e2 is damaged or missing"));
	assert_false(is_remarked(w, "the copy at e0"));
	/* Nothing more was asked of it. */
	assert_int_equal(giver_gets(w->quick[2]), 1);
}

static void
what_no_one_gives_at_once_is_had_patiently(void **state)
{
	struct world *w = *state;
	size_t i;

	/* The patient stores don't fail. */
	for (i = 0; i < RIG_ENDPOINTS; i++) {
		w->quick[i]->meets = RIG_ENDPOINTS;
		w->quick[i]->fails_from = 3;
	}
	open_fetch(w);
	assert_reads(w);
	assert_true(given(w->quick) > 0);
	assert_true(given(w->patient) > 0);
	assert_once(w);
}

static void
one_that_comes_back_is_asked_again(void **state)
{
	struct world *w = *state;

	w->quick[0]->fails_from = w->quick[0]->fails_to = 2;
	w->quick[1]->fails_from = w->quick[2]->fails_from = 1;
	w->patient[1]->fails_from = w->patient[2]->fails_from = 1;
	open_fetch(w);
	assert_reads(w);
	assert_once(w);
	assert_true(giver_gets(w->quick[0]) > 2);
	assert_true(is_remarked(w, "endpoint e1 could not be read"));
	assert_false(is_remarked(w, "endpoint e0"));
}

static void
when_all_fail_it_fails_after_bounded_tries(void **state)
{
	struct world *w = *state;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->fails_from = w->patient[i]->fails_from = 1;
	open_fetch(w);
	assert_int_equal(
	    fetch_chunk(w->f, &w->recipe.parts[0].name, &out, &e), -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	assert_non_null(strstr(e.text, "packs/"));
	assert_false(w->remarks.damage);
	for (i = 0; i < RIG_ENDPOINTS; i++) {
		assert_int_equal(giver_gets(w->patient[i]), 1);
		assert_true(giver_gets(w->quick[i]) < 12);
	}
}

static void
a_stop_ends_it(void **state)
{
	struct world *w = *state;
	struct reader reader = { .w = w };
	pthread_t thread;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->stalls = 1;
	open_fetch(w);
	assert_int_equal(
	    pthread_create(&thread, NULL, read_in_thread, &reader), 0);
	(void)pthread_mutex_lock(&w->all.lock);
	while (w->quick[0]->gets + w->quick[1]->gets + w->quick[2]->gets <
	    RIG_ENDPOINTS)
		clock_wait(&w->all.changed, &w->all.lock, 10);
	(void)pthread_mutex_unlock(&w->all.lock);
	stop_request();
	(void)pthread_join(thread, NULL);
	assert_int_equal(reader.rc, -1);
	assert_int_equal(reader.e.kind, ERR_STOPPED);
	fetch_free(w->f);
	w->f = NULL;
	assert_int_equal(given(w->quick), 0);
}

static void
ranges_go_past_one_that_is_away_at_once(void **state)
{
	struct world *w = *state;
	size_t i;

	w->g.settings.restore_cache = 0;
	w->quick[0]->fails_from = 1;
	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->patient[i]->fails_from = 1;
	open_fetch(w);
	assert_reads(w);
	assert_true(w->recipe.n > 1);
	assert_int_equal(given(w->patient), 0);
	assert_counted(w);
}

static void
pieces_fit_into_the_memory(void **state)
{
	static const uint64_t MIB = (uint64_t)1 << 20;
	static const struct {
		uint64_t memory;
		size_t piece;
	} known[] = { { 256, 2048 }, { 128, 2048 }, { 64, 1024 }, { 8, 128 } };
	struct world *w = *state;
	struct store *quick[RIG_ENDPOINTS];
	struct err e = ERR_INIT;
	struct endpoints *endpoints;
	struct pull *p;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		quick[i] = &w->quick[i]->store;
	endpoints = endpoints_new(w->r, &w->remarks, quick, &e);
	must(endpoints == NULL, &e);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		p = pull_new(endpoints, known[i].memory * MIB);
		assert_int_equal(pull_piece_bytes(p), known[i].piece << 10);
		pull_free(p);
	}
	endpoints_free(endpoints);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pieces_come_from_several_endpoints_each_once),
		TEST(two_lanes_where_the_endpoint_takes_two_calls),
		TEST(one_that_dies_in_the_middle_keeps_what_it_gave),
		TEST(a_stall_holds_up_its_own_piece_alone),
		TEST(who_lies_is_found_and_the_others_are_not_blamed),
		TEST(an_object_that_is_missing_is_damage_there),
		TEST(what_no_one_gives_at_once_is_had_patiently),
		TEST(one_that_comes_back_is_asked_again),
		TEST(when_all_fail_it_fails_after_bounded_tries),
		TEST(a_stop_ends_it),
		TEST(ranges_go_past_one_that_is_away_at_once),
		TEST(pieces_fit_into_the_memory),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
