/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Post-data dealt to sessions: no two of them ever want what would make one
 * wait for the other, and nothing begins before what it needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "restore/dealing.h"

#define SESSIONS 4

/* --- archives --- */

static struct toc
archive(const char *text)
{
	struct toc l = TOC_INIT;
	struct err e = ERR_INIT;
	size_t i;

	if (toc_parse(&l, text, strlen(text), &e) < 0)
		fail_msg("%s", e.text);
	for (i = 0; i < l.n; i++)
		l.v[i].section = strncmp(l.v[i].desc, "TABLE", 5) == 0
		    ? TOC_PRE
		    : TOC_POST;
	return (l);
}

static uint64_t
all_small(uint32_t oid, void *arg)
{
	(void)oid;
	(void)arg;
	return (1000);
}

/* Tables of 64 MB: a deal takes one item. */
static uint64_t
all_large(uint32_t oid, void *arg)
{
	(void)oid;
	(void)arg;
	return ((uint64_t)64 << 20);
}

static uint64_t
by_oid(uint32_t oid, void *arg)
{
	(void)arg;
	return ((uint64_t)oid << 20);
}

/* --- what must hold --- */

static bool
is_table_of(const struct toc *l, int id)
{
	const struct toc_entry *a = toc_find(l, id);

	return (a != NULL && strcmp(a->desc, "TABLE") == 0);
}

/* Would PostgreSQL let one of the two wait for the other? Here without groups:
 * by the tables that each needs. */
static bool
in_the_way(const struct toc *l, size_t a, size_t b)
{
	const struct toc_entry *one = &l->v[a], *two = &l->v[b];
	size_t i, k;

	if (strcmp(one->desc, "INDEX") == 0 && strcmp(two->desc, "INDEX") == 0)
		return (false);
	for (i = 0; i < one->nneeds; i++)
		for (k = 0; k < two->nneeds; k++)
			if (one->needs[i] == two->needs[k] &&
			    is_table_of(l, one->needs[i]))
				return (true);
	return (false);
}

struct game {
	const struct toc *l;
	bool *begun, *done;
	struct deal deals[SESSIONS];
	bool busy[SESSIONS];
	size_t given, most; /* items given; sessions busy at once */
};

static void
check_deal(struct game *g, size_t session)
{
	const struct deal *deal = &g->deals[session];
	const struct toc_entry *a, *need;
	size_t i, k, s;

	for (i = 0; i < deal->n; i++) {
		a = &g->l->v[deal->entries[i]];
		assert_false(g->begun[deal->entries[i]]);
		g->begun[deal->entries[i]] = true;
		/* What it needs is done, or was begun before it in this deal.
		 */
		for (k = 0; k < a->nneeds; k++) {
			need = toc_find(g->l, a->needs[k]);
			if (need == NULL || need->section != TOC_POST)
				continue;
			if (g->done[need - g->l->v])
				continue;
			for (s = 0; s < i; s++)
				if (deal->entries[s] ==
				    (size_t)(need - g->l->v))
					break;
			assert_true(s < i);
		}
		for (s = 0; s < SESSIONS; s++)
			for (k = 0;
			     s != session && g->busy[s] && k < g->deals[s].n;
			     k++)
				assert_false(in_the_way(g->l, deal->entries[i],
				    g->deals[s].entries[k]));
	}
	g->given += deal->n;
}

static size_t
count_busy(const struct game *g)
{
	size_t s, n = 0;

	for (s = 0; s < SESSIONS; s++)
		n += g->busy[s] ? 1 : 0;
	return (n);
}

/* Sessions end their deals in a random order until all is done. */
static void
play(struct game *g, struct dealing *d)
{
	enum dealing_answer answer = DEALING_WAIT;
	size_t s, i;

	for (;;) {
		for (s = 0; s < SESSIONS; s++) {
			if (g->busy[s])
				continue;
			answer = dealing_next(d, &g->deals[s]);
			if (answer != DEALING_GIVEN)
				break;
			check_deal(g, s);
			g->busy[s] = true;
		}
		if (count_busy(g) > g->most)
			g->most = count_busy(g);
		if (count_busy(g) == 0) {
			assert_int_equal(answer, DEALING_END);
			return;
		}
		do
			s = random_below(SESSIONS);
		while (!g->busy[s]);
		for (i = 0; i < g->deals[s].n; i++)
			g->done[g->deals[s].entries[i]] = true;
		dealing_done(d, &g->deals[s]);
		g->busy[s] = false;
	}
}

/* Plays it all; returns how many sessions were busy at once. */
static size_t
play_all(const struct toc *l, uint64_t (*bytes)(uint32_t, void *))
{
	SCOPED(scope_free) bool *begun = mem_array(l->n + 1, sizeof(bool));
	SCOPED(scope_free) bool *done = mem_array(l->n + 1, sizeof(bool));
	SCOPED(dealing_freep)
	struct dealing *d = dealing_new(l, bytes, NULL);
	SCOPED(scope_free) struct game *g = mem_new(sizeof(*g));
	size_t i, post = 0;

	g->l = l;
	g->begun = begun;
	g->done = done;
	for (i = 0; i < l->n; i++)
		if (l->v[i].section == TOC_POST && !l->v[i].left_out &&
		    !dealing_is_later(&l->v[i]))
			post++;
	play(g, d);
	assert_int_equal(g->given, post);
	return (g->most);
}

/* --- tests --- */

/* n tables with a key, some indexes and random foreign keys each. */
static struct toc
random_archive(unsigned n)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	unsigned t, i, to, id = 3 * n + 1;

	for (t = 1; t <= n; t++)
		buf_printf(
		    &text, "%u; 1259 %u TABLE public t%u odoo\n", t, t, t);
	for (t = 1; t <= n; t++)
		for (i = random_below(4); i > 0; i--) {
			buf_printf(&text,
			    "%u; 1259 %u INDEX public i%u odoo\n"
			    ";\tdepends on: %u %u\n",
			    id, id, id, t, t);
			id++;
		}
	for (t = 1; t <= n; t++)
		for (i = random_below(5); i > 0; i--) {
			to = 1 + random_below(n);
			buf_printf(&text,
			    "%u; 2606 %u FK CONSTRAINT public t%u f odoo\n"
			    ";\tdepends on: %u %u %u\n",
			    id, id, t, t, to, n + to);
			id++;
		}
	for (t = 1; t <= n; t++)
		buf_printf(&text,
		    "%u; 2606 %u CONSTRAINT public t%u pkey odoo\n"
		    ";\tdepends on: %u\n"
		    "%u; 2620 %u TRIGGER public t%u g odoo\n"
		    ";\tdepends on: %u\n",
		    n + t, n + t, t, t, 2 * n + t, 2 * n + t, t, t);
	return (archive(buf_text(&text)));
}

static void
random_schemas_are_dealt_without_anything_in_the_way(void **state)
{
	unsigned round;

	(void)state;
	for (round = 0; round < 60; round++) {
		struct toc l = random_archive(1 + random_below(40));

		(void)play_all(&l, round % 2 == 0 ? all_small : all_large);
		toc_free(&l);
	}
}

static void
indexes_of_one_table_go_together(void **state)
{
	SCOPED(toc_free)
	struct toc l = archive("1; 1259 1 TABLE public t odoo\n"
			       "2; 1259 2 INDEX public a odoo\n"
			       ";\tdepends on: 1\n"
			       "3; 1259 3 INDEX public b odoo\n"
			       ";\tdepends on: 1\n"
			       "4; 1259 4 INDEX public c odoo\n"
			       ";\tdepends on: 1\n");

	(void)state;
	assert_int_equal(play_all(&l, all_large), 3);
}

static void
keys_of_one_table_go_one_after_the_other(void **state)
{
	SCOPED(toc_free)
	struct toc l = archive("1; 1259 1 TABLE public t odoo\n"
			       "2; 2606 2 CONSTRAINT public t a odoo\n"
			       ";\tdepends on: 1\n"
			       "3; 2606 3 CONSTRAINT public t b odoo\n"
			       ";\tdepends on: 1 1\n");

	(void)state;
	assert_int_equal(play_all(&l, all_large), 1);
}

static void
a_foreign_key_takes_all_partitions_of_its_tables(void **state)
{
	/* 2 is a partition of 1; 5 refers to 1, 6 is a key of 2. */
	SCOPED(toc_free)
	struct toc l = archive("1; 1259 1 TABLE public parent odoo\n"
			       "2; 1259 2 TABLE public part odoo\n"
			       "3; 0 0 TABLE ATTACH public part odoo\n"
			       ";\tdepends on: 1 2\n"
			       "4; 1259 4 TABLE public other odoo\n"
			       "5; 2606 5 FK CONSTRAINT public other f odoo\n"
			       ";\tdepends on: 1 4\n"
			       "6; 2606 6 CONSTRAINT public part k odoo\n"
			       ";\tdepends on: 2\n");

	(void)state;
	assert_int_equal(play_all(&l, all_large), 1);
}

static void
what_nobody_understands_goes_alone_and_last(void **state)
{
	SCOPED(toc_free)
	struct toc l = archive("1; 1259 1 TABLE public t odoo\n"
			       "2; 9999 2 NEWFANGLED public t x odoo\n"
			       ";\tdepends on: 1\n"
			       "3; 1259 3 INDEX public b odoo\n"
			       ";\tdepends on: 1\n");
	SCOPED(dealing_freep)
	struct dealing *d = dealing_new(&l, all_small, NULL);
	struct deal first, second;

	(void)state;
	assert_int_equal(dealing_next(d, &first), DEALING_GIVEN);
	assert_int_equal(first.n, 1);
	assert_int_equal(first.entries[0], 2);
	assert_int_equal(dealing_next(d, &second), DEALING_WAIT);
	dealing_done(d, &first);
	assert_int_equal(dealing_next(d, &second), DEALING_GIVEN);
	assert_int_equal(second.entries[0], 1);
	assert_int_equal(dealing_next(d, &first), DEALING_END);
}

static void
the_largest_table_goes_first(void **state)
{
	SCOPED(toc_free)
	struct toc l = archive("1; 1259 10 TABLE public small odoo\n"
			       "2; 1259 99 TABLE public large odoo\n"
			       "3; 1259 3 INDEX public a odoo\n"
			       ";\tdepends on: 1\n"
			       "4; 1259 4 INDEX public b odoo\n"
			       ";\tdepends on: 2\n");
	struct dealing *d;
	struct deal deal;

	(void)state;
	d = dealing_new(&l, by_oid, NULL);
	assert_int_equal(dealing_next(d, &deal), DEALING_GIVEN);
	assert_int_equal(deal.entries[0], 3);
	dealing_free(d);
}

static void
needs_in_a_ring_end_all_the_same(void **state)
{
	SCOPED(toc_free)
	struct toc l = archive("1; 1259 1 TABLE public t odoo\n"
			       "2; 1259 2 INDEX public a odoo\n"
			       ";\tdepends on: 1 3\n"
			       "3; 1259 3 INDEX public b odoo\n"
			       ";\tdepends on: 1 2\n");
	SCOPED(dealing_freep)
	struct dealing *d = dealing_new(&l, all_small, NULL);
	struct deal deal;
	size_t given = 0;

	(void)state;
	while (dealing_next(d, &deal) == DEALING_GIVEN) {
		given += deal.n;
		dealing_done(d, &deal);
	}
	assert_int_equal(given, 2);
}

static void
privileges_and_materialized_views_come_later(void **state)
{
	SCOPED(toc_free)
	struct toc l = archive("2; 0 0 ACL public TABLE t odoo\n"
			       "3; 0 5 MATERIALIZED VIEW DATA public m odoo\n"
			       "4; 3466 6 EVENT TRIGGER - e odoo\n"
			       "5; 0 0 COMMENT - EVENT TRIGGER e odoo\n"
			       "6; 0 0 COMMENT public INDEX i odoo\n");

	(void)state;
	assert_true(dealing_is_later(&l.v[0]));
	assert_true(dealing_is_later(&l.v[1]));
	assert_true(dealing_is_later(&l.v[2]));
	assert_true(dealing_is_later(&l.v[3]));
	assert_false(dealing_is_later(&l.v[4]));
	assert_int_equal(play_all(&l, all_small), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    random_schemas_are_dealt_without_anything_in_the_way),
		cmocka_unit_test(indexes_of_one_table_go_together),
		cmocka_unit_test(keys_of_one_table_go_one_after_the_other),
		cmocka_unit_test(
		    a_foreign_key_takes_all_partitions_of_its_tables),
		cmocka_unit_test(what_nobody_understands_goes_alone_and_last),
		cmocka_unit_test(the_largest_table_goes_first),
		cmocka_unit_test(needs_in_a_ring_end_all_the_same),
		cmocka_unit_test(privileges_and_materialized_views_come_later),
	};

	random_seed(20261122);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
