/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Listings folder by folder: everything once, several folders at a time and no
 * more than the endpoint takes, and one thread that hands out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage-drivers/walk.h"

#define FOLDERS	   256
#define PARALLEL   4
#define PATIENCE_S 20

/* An endpoint of folders 00 to ff, each with the objects a and b, and with
 * "config" above them; 07 has the folder "deep" with an object of its own. */
struct tree {
	struct store store;
	struct store_ops ops;
	pthread_t caller;
	const char *fails; /* a folder that can't be looked at */
	atomic_uint looks, looking, most;
	atomic_bool had_helpers;
	pthread_mutex_t lock;
	pthread_cond_t come;
	/* guarded by lock */
	unsigned waited_for, came; /* so many must look at the same time */
};

static void
tree_init(struct tree *t)
{
	*t = (struct tree){ .ops = { .parallel = PARALLEL },
		.caller = pthread_self() };
	t->store.ops = &t->ops;
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->come, NULL);
}

static void
tree_free(struct tree *t)
{
	(void)pthread_mutex_destroy(&t->lock);
	(void)pthread_cond_destroy(&t->come);
}

/* Until enough threads have come here, or they don't. */
static void
meet(struct tree *t)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	(void)pthread_mutex_lock(&t->lock);
	t->came++;
	(void)pthread_cond_broadcast(&t->come);
	while (t->came < t->waited_for)
		if (pthread_cond_timedwait(&t->come, &t->lock, &until) != 0)
			t->waited_for = 0;
	(void)pthread_mutex_unlock(&t->lock);
}

static void
add_object(struct walk_found *found, const char *folder, const char *leaf)
{
	struct store_entry entry = { .bytes = strlen(folder),
		.modified = STORE_NO_TIME };

	(void)snprintf(entry.name, sizeof(entry.name), "%s%s", folder, leaf);
	walk_add_object(found, &entry);
}

static void
add_what_is_in(struct walk_found *found, const char *folder)
{
	char name[8];

	if (*folder != '\0') {
		add_object(found, folder, "a");
		if (strcmp(folder, "07/") == 0)
			walk_add_folder(found, "07/deep");
		if (strstr(folder, "deep") == NULL)
			add_object(found, folder, "b");
		return;
	}
	add_object(found, "", "config");
	for (unsigned i = 0; i < FOLDERS; i++) {
		(void)snprintf(name, sizeof(name), "%02x", i);
		walk_add_folder(found, name);
	}
}

static int
look(struct store *store, const char *folder, struct walk_found *found,
    struct err *e)
{
	struct tree *t = (struct tree *)store;
	unsigned now = atomic_fetch_add(&t->looking, 1) + 1;
	unsigned most = atomic_load(&t->most);

	while (
	    now > most && !atomic_compare_exchange_weak(&t->most, &most, now))
		;
	(void)atomic_fetch_add(&t->looks, 1);
	if (!pthread_equal(pthread_self(), t->caller))
		atomic_store(&t->had_helpers, true);
	if (*folder != '\0')
		meet(t);
	add_what_is_in(found, folder);
	(void)atomic_fetch_sub(&t->looking, 1);
	if (t->fails != NULL && strcmp(folder, t->fails) == 0)
		return (err_set(e, ERR_DENIED, "%s is closed", folder));
	return (0);
}

/* Who is given what. */
struct taker {
	struct tree *t;
	unsigned given, twice, deep, ends_after;
	int answer;
	bool is_disturbed; /* by another thread, or a folder being looked at */
	bool has[FOLDERS][2];
};

static int
take(const struct store_entry *entry, void *arg, struct err *e)
{
	struct taker *k = arg;
	char *end;
	unsigned long folder = strtoul(entry->name, &end, 16);

	if (!pthread_equal(pthread_self(), k->t->caller) ||
	    atomic_load(&k->t->looking) != 0)
		k->is_disturbed = true;
	if (strcmp(entry->name, "07/deep/a") == 0) {
		k->deep++;
	} else if (*end == '/') {
		if (k->has[folder][end[1] - 'a'])
			k->twice++;
		k->has[folder][end[1] - 'a'] = true;
	}
	if (++k->given == k->ends_after && k->answer < 0)
		(void)err_set(e, ERR_QUORUM, "the caller's own");
	return (k->given == k->ends_after ? k->answer : 0);
}

static int
walk(struct tree *t, struct taker *k, const char *prefix, struct err *e)
{
	const struct walk w = {
		.store = &t->store, .look = look, .each = take, .arg = k
	};

	k->t = t;
	return (walk_folders(&w, prefix, e));
}

/* --- what is given ------------------------------------------------------- */

static void
everything_is_given_once_by_the_callers_thread(void **state)
{
	SCOPED(tree_free) struct tree t;
	struct taker k = { .given = 0 };
	struct err e = ERR_INIT;

	(void)state;
	tree_init(&t);
	assert_int_equal(walk(&t, &k, "", &e), 0);
	assert_int_equal(k.given, 1 + 2 * FOLDERS + 1);
	assert_int_equal(k.twice, 0);
	assert_int_equal(k.deep, 1);
	assert_false(k.is_disturbed);
	assert_int_equal(t.looks, 1 + FOLDERS + 1);
}

static void
only_what_is_below_the_prefix_is_looked_at(void **state)
{
	SCOPED(tree_free) struct tree t;
	struct taker k = { .given = 0 };
	struct err e = ERR_INIT;

	(void)state;
	tree_init(&t);
	assert_int_equal(walk(&t, &k, "07/", &e), 0);
	assert_int_equal(k.given, 3);
	assert_int_equal(t.looks, 2);
}

struct entries {
	const struct store_entry *next;
	size_t n;
};

static int
compare(const struct store_entry *entry, void *arg, struct err *e)
{
	struct entries *x = arg;

	(void)e;
	assert_string_equal(entry->name, x->next->name);
	assert_true(entry->bytes == x->next->bytes);
	assert_true(entry->modified == x->next->modified);
	x->next++;
	x->n++;
	return (0);
}

static void
an_entry_is_given_as_it_was_found(void **state)
{
	const struct store_entry in[] = {
		{ .name = "config", .bytes = 0, .modified = STORE_NO_TIME },
		{ .name = "packs/ab/1", .bytes = UINT64_MAX, .modified = -1 },
		{ .name = "a", .bytes = 1, .modified = INT64_MAX },
	};
	SCOPED(walk_found_free)
	struct walk_found found = { .objects = BUF_INIT };
	struct entries x = { .next = in };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		walk_add_object(&found, &in[i]);
	assert_int_equal(walk_give(&found, compare, &x, &e), 0);
	assert_int_equal(x.n, 3);
}

/* --- at a time ----------------------------------------------------------- */

static void
as_many_folders_at_a_time_as_the_endpoint_takes(void **state)
{
	SCOPED(tree_free) struct tree t;
	struct taker k = { .given = 0 };
	struct err e = ERR_INIT;

	(void)state;
	tree_init(&t);
	t.waited_for = PARALLEL;
	assert_int_equal(walk(&t, &k, "", &e), 0);
	assert_int_equal(t.most, PARALLEL);
	assert_int_equal(k.given, 1 + 2 * FOLDERS + 1);
}

static void
one_at_a_time_where_the_endpoint_takes_one(void **state)
{
	SCOPED(tree_free) struct tree t;
	struct taker k = { .given = 0 };
	struct err e = ERR_INIT;

	(void)state;
	tree_init(&t);
	t.ops.parallel = 1;
	assert_int_equal(walk(&t, &k, "", &e), 0);
	assert_int_equal(t.most, 1);
	assert_false(t.had_helpers);
	assert_int_equal(k.given, 1 + 2 * FOLDERS + 1);
}

static void
few_folders_are_not_worth_a_connection(void **state)
{
	SCOPED(tree_free) struct tree t;
	struct taker k = { .given = 0 };
	struct err e = ERR_INIT;

	(void)state;
	tree_init(&t);
	assert_int_equal(walk(&t, &k, "07/", &e), 0);
	assert_false(t.had_helpers);
}

/* --- ending early -------------------------------------------------------- */

static void
an_answer_of_each_ends_it(void **state)
{
	const int answers[] = { 7, -1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SCOPED(tree_free) struct tree t;
		struct taker k = { .ends_after = 9, .answer = answers[i] };
		struct err e = ERR_INIT;

		tree_init(&t);
		assert_int_equal(walk(&t, &k, "", &e), answers[i]);
		assert_int_equal(k.given, 9);
		assert_int_equal(
		    e.kind, answers[i] < 0 ? ERR_QUORUM : ERR_NONE);
		assert_in_range(t.looks, 1, FOLDERS / 2);
		assert_int_equal(t.looking, 0);
	}
}

static void
a_folder_that_fails_ends_it_with_its_failure(void **state)
{
	SCOPED(tree_free) struct tree t;
	struct taker k = { .given = 0 };
	struct err e = ERR_INIT;

	(void)state;
	tree_init(&t);
	t.fails = "00/";
	assert_int_equal(walk(&t, &k, "", &e), -1);
	assert_int_equal(e.kind, ERR_DENIED);
	assert_string_equal(e.text, "00/ is closed");
	assert_int_equal(k.given, 1);
	assert_in_range(t.looks, 2, FOLDERS / 2);
	assert_int_equal(t.looking, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    everything_is_given_once_by_the_callers_thread),
		cmocka_unit_test(only_what_is_below_the_prefix_is_looked_at),
		cmocka_unit_test(an_entry_is_given_as_it_was_found),
		cmocka_unit_test(
		    as_many_folders_at_a_time_as_the_endpoint_takes),
		cmocka_unit_test(one_at_a_time_where_the_endpoint_takes_one),
		cmocka_unit_test(few_folders_are_not_worth_a_connection),
		cmocka_unit_test(an_answer_of_each_ends_it),
		cmocka_unit_test(a_folder_that_fails_ends_it_with_its_failure),
	};

	return (cmocka_run_group_tests_name("walk", tests, NULL, NULL) == 0
		? 0
		: 1);
}
