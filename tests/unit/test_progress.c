/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Numbers added by many are seen by one who looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/progress.h"

#define ADDERS 4
#define EACH   1000

static void
a_phase_begins_its_count_anew(void **state)
{
	struct progress *p = progress_new();
	struct progress_view v;

	(void)state;
	progress_phase(p, "tables", 100);
	progress_add(p, 10, 1000, 1);
	progress_total(p, 120);
	progress_note(p, "fra is behind");
	progress_look(p, &v);
	assert_string_equal(v.phase, "tables");
	assert_string_equal(v.note, "fra is behind");
	assert_int_equal(v.done, 10);
	assert_int_equal(v.total, 120);
	assert_int_equal(v.bytes, 1000);
	progress_phase(p, "files", 0);
	progress_add(p, 1, 5, 2);
	progress_note(p, NULL);
	progress_look(p, &v);
	assert_int_equal(v.done, 1);
	assert_int_equal(v.total, 0);
	assert_int_equal(v.bytes, 1005); /* since the start */
	assert_int_equal(v.items, 3);
	assert_string_equal(v.note, "");
	progress_free(p);
}

static void
nobody_to_tell_is_fine(void **state)
{
	struct progress_view v;

	(void)state;
	memset(&v, 0xff, sizeof(v));
	progress_phase(NULL, "x", 1);
	progress_total(NULL, 1);
	progress_add(NULL, 1, 1, 1);
	progress_note(NULL, "x");
	progress_look(NULL, &v);
	assert_string_equal(v.phase, "");
	assert_int_equal(v.done, 0);
	progress_free(NULL);
}

static void
long_words_are_cut_between_letters(void **state)
{
	struct progress *p = progress_new();
	struct progress_view v;
	char word[201];
	size_t i;

	(void)state;
	for (i = 0; i < 200; i += 2)
		memcpy(word + i, "\xc3\xa9", 2);
	word[200] = '\0';
	progress_phase(p, word, 0);
	progress_note(p, word);
	progress_look(p, &v);
	assert_int_equal(strlen(v.phase), 46);
	assert_int_equal(strlen(v.note), 158);
	progress_free(p);
}

static void *
add_many(void *arg)
{
	int i;

	for (i = 0; i < EACH; i++)
		progress_add(arg, 1, 2, 3);
	return (NULL);
}

static void
threads_add_without_losing(void **state)
{
	struct progress *p = progress_new();
	struct progress_view v;
	pthread_t adders[ADDERS];
	int i;

	(void)state;
	for (i = 0; i < ADDERS; i++)
		assert_int_equal(
		    pthread_create(&adders[i], NULL, add_many, p), 0);
	for (i = 0; i < ADDERS; i++)
		assert_int_equal(pthread_join(adders[i], NULL), 0);
	progress_look(p, &v);
	assert_int_equal(v.done, ADDERS * EACH);
	assert_int_equal(v.bytes, 2 * ADDERS * EACH);
	assert_int_equal(v.items, 3 * ADDERS * EACH);
	progress_free(p);
}

static void
ended_phases_are_told_once_as_they_were(void **state)
{
	struct progress *p = progress_new();
	struct progress_view v;

	(void)state;
	assert_false(progress_next_ended(p, &v));
	progress_phase(p, "first", 10);
	progress_add(p, 10, 7, 1);
	progress_phase(p, "second", 0);
	progress_add(p, 0, 5, 0);
	assert_true(progress_next_ended(p, &v));
	assert_string_equal(v.phase, "first");
	assert_int_equal(v.done, 10);
	assert_int_equal(v.total, 10);
	assert_false(progress_next_ended(p, &v));
	progress_look(p, &v);
	assert_int_equal(v.bytes, 12);
	assert_int_equal(v.phase_bytes, 5);
	for (unsigned i = 0; i < 100; i++)
		progress_phase(p, i % 2 == 0 ? "even" : "odd", i);
	for (unsigned i = 0; progress_next_ended(p, &v); i++)
		assert_in_range(i, 0, 50);
	assert_int_equal(v.total, 98); /* the newest are kept */
	progress_free(p);
}

static void
a_total_grows_and_shrinks_but_is_not_made_up(void **state)
{
	struct progress *p = progress_new();
	struct progress_view v;

	(void)state;
	progress_phase(p, "unknown", 0);
	progress_grow(p, 5);
	progress_look(p, &v);
	assert_int_equal(v.total, 0);
	progress_phase(p, "known", 100);
	progress_grow(p, 50);
	progress_grow(p, -30);
	progress_look(p, &v);
	assert_int_equal(v.total, 120);
	progress_grow(p, -500);
	progress_look(p, &v);
	assert_int_equal(v.total, 1);
	progress_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_phase_begins_its_count_anew),
		cmocka_unit_test(nobody_to_tell_is_fine),
		cmocka_unit_test(long_words_are_cut_between_letters),
		cmocka_unit_test(threads_add_without_losing),
		cmocka_unit_test(ended_phases_are_told_once_as_they_were),
		cmocka_unit_test(a_total_grows_and_shrinks_but_is_not_made_up),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
