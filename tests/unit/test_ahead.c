/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* What is brought before somebody asks for it: within its window, never twice,
 * and with no pains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/stop.h"
#include "restore/fetch.h"
#include "tests/unit/giver.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define MIB	((uint64_t)1 << 20)
#define BACKUPS 6
#define BYTES	((size_t)3 << 19) /* of each */

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

struct world {
	struct rig g;
	struct repo *r;
	struct remarks remarks;
	struct recipe recipes[BACKUPS];
	uint8_t *plain[BACKUPS];
	struct givers all;
	struct giver *quick[RIG_ENDPOINTS], *patient[RIG_ENDPOINTS];
	struct store *stores[RIG_ENDPOINTS];
	struct fetch *f;
};

/* A backup has packs of its own. */
static void
back_up(struct world *w, unsigned i)
{
	struct err e = ERR_INIT;
	struct ingest *in = ingest_open(w->r, &e);
	struct manifest m;

	must(in == NULL, &e);
	w->plain[i] = mem_new(BYTES);
	known_noise(w->plain[i], BYTES, i + 1);
	rig_ingest(in, "public.t", w->plain[i], BYTES, &w->recipes[i]);
	rig_add(in, &w->recipes[i], "public.t");
	rig_commit(in, "production", 0, &m);
	manifest_free(&m);
	ingest_free(in);
}

static int
setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));
	unsigned i;

	rig_open_repository(&w->g, RIG_ENDPOINTS);
	w->g.settings.restore_cache = 64 * MIB;
	w->g.settings.memory = 8 * MIB;
	w->r = rig_repo(&w->g, REPO_WRITE);
	remarks_init(&w->remarks);
	givers_init(&w->all);
	for (i = 0; i < BACKUPS; i++)
		back_up(w, i);
	for (i = 0; i < RIG_ENDPOINTS; i++) {
		rig_send(w->r, i);
		w->stores[i] = w->r->endpoints[i].store;
		w->quick[i] = giver_new(&w->all, w->stores[i], 2);
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
	unsigned i;

	stop_reset();
	givers_release(&w->all);
	fetch_free(w->f);
	for (i = 0; i < RIG_ENDPOINTS; i++) {
		w->r->endpoints[i].store = w->stores[i];
		giver_free(w->quick[i]);
		giver_free(w->patient[i]);
	}
	for (i = 0; i < BACKUPS; i++) {
		recipe_free(&w->recipes[i]);
		free(w->plain[i]);
	}
	remarks_free(&w->remarks);
	repo_free(w->r);
	rig_close(&w->g);
	givers_free(&w->all);
	free(w);
	return (0);
}

/* With everything expected; what is to be fetched then. */
static uint64_t
open_fetch(struct world *w)
{
	struct store *quick[RIG_ENDPOINTS];
	struct fetch_totals planned;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		quick[i] = &w->quick[i]->store;
	w->f = fetch_new_by(w->r, w->g.folder, &w->remarks, quick, &e);
	must(w->f == NULL, &e);
	for (i = 0; i < BACKUPS; i++)
		must(fetch_expect_recipe(w->f, &w->recipes[i], &e), &e);
	fetch_totals(w->f, &planned);
	assert_true(planned.objects >= BACKUPS);
	return (planned.to_fetch);
}

static uint64_t
fetched(struct world *w)
{
	struct fetch_totals t;
	uint64_t sum = 0;
	size_t i;

	fetch_totals(w->f, &t);
	for (i = 0; i < RIG_ENDPOINTS; i++)
		sum += t.fetched[i];
	return (sum);
}

static int
join(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return (0);
}

/* All streams come back. */
static void *
read_all(void *arg)
{
	struct world *w = arg;
	unsigned i;

	for (i = 0; i < BACKUPS; i++) {
		SCOPED(buf_free) struct buf got = BUF_INIT;
		struct err e = ERR_INIT;

		must(fetch_stream(w->f, &w->recipes[i], join, &got, &e), &e);
		assert_int_equal(got.n, BYTES);
		assert_memory_equal(got.p, w->plain[i], BYTES);
	}
	return (NULL);
}

static void
packs_come_before_they_are_asked_for(void **state)
{
	struct world *w = *state;
	uint64_t planned = open_fetch(w);

	assert_int_equal(fetched(w), 0);
	fetch_ahead(w->f);
	while (fetched(w) < planned)
		(void)usleep(1000);
	(void)read_all(w);
	assert_int_equal(fetched(w), planned);
	assert_int_equal(json_count(w->remarks.list), 0);
}

static void
several_readers_and_the_one_ahead_fetch_no_byte_twice(void **state)
{
	struct world *w = *state;
	uint64_t planned = open_fetch(w);
	pthread_t threads[4];
	size_t i;

	fetch_ahead(w->f);
	for (i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, read_all, w), 0);
	for (i = 0; i < 4; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(fetched(w), planned);
}

static void
no_more_comes_than_the_window_takes(void **state)
{
	struct world *w = *state;
	uint64_t planned;

	w->g.settings.restore_cache = 8 * MIB;
	planned = open_fetch(w);
	fetch_ahead(w->f);
	/* At least one pack comes; whatever comes, the window holds. */
	while (fetched(w) < BYTES)
		(void)usleep(1000);
	(void)usleep(200000);
	assert_true(fetched(w) <= 4 * MIB);
	(void)read_all(w);
	assert_int_equal(fetched(w), planned);
}

static void
what_it_could_not_bring_is_left_to_the_reader(void **state)
{
	struct world *w = *state;
	uint64_t planned = 0, given = 0;
	size_t i;

	/* The first answers are good, the later ones only patient stores'. */
	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->fails_from = 10;
	planned = open_fetch(w);
	fetch_ahead(w->f);
	(void)read_all(w);
	assert_int_equal(fetched(w), planned);
	for (i = 0; i < RIG_ENDPOINTS; i++)
		given += giver_given(w->patient[i]);
	assert_true(given > 0);
	assert_false(w->remarks.damage);
}

static void
a_lie_met_ahead_of_time_is_found_when_it_is_read(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->meets = RIG_ENDPOINTS;
	w->quick[2]->lies = w->patient[2]->lies = 1;
	(void)open_fetch(w);
	fetch_ahead(w->f);
	(void)read_all(w);
	assert_true(w->remarks.damage);
}

static void
a_stop_ends_it(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < RIG_ENDPOINTS; i++)
		w->quick[i]->stalls = 2;
	(void)open_fetch(w);
	fetch_ahead(w->f);
	while (giver_gets(w->quick[0]) < 2)
		(void)usleep(1000);
	stop_request();
	fetch_free(w->f);
	w->f = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packs_come_before_they_are_asked_for),
		TEST(several_readers_and_the_one_ahead_fetch_no_byte_twice),
		TEST(no_more_comes_than_the_window_takes),
		TEST(what_it_could_not_bring_is_left_to_the_reader),
		TEST(a_lie_met_ahead_of_time_is_found_when_it_is_read),
		TEST(a_stop_ends_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
