/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Notes by key, in a file without a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "restore/notes.h"
#include "tests/unit/rig.h"

#define MANY 5000

static char folder[] = "/tmp/triplicate-notes-XXXXXX";

static int
make_folder(void **arg)
{
	(void)arg;
	return (mkdtemp(folder) == NULL ? -1 : 0);
}

static int
remove_folder(void **arg)
{
	struct err e = ERR_INIT;

	(void)arg;
	return (file_remove_tree(folder, &e));
}

static void
key_of(uint32_t i, uint8_t key[NAMED_KEY])
{
	uint8_t sha[HASH_SHA256];

	hash_of(HASH_IS_SHA256, &i, sizeof(i), sha);
	memcpy(key, sha, NAMED_KEY);
}

static void
each_key_has_its_note_however_many_there_are(void **arg)
{
	struct err e = ERR_INIT;
	SCOPED(notes_freep) struct notes *n = notes_new(folder, &e);
	uint8_t key[NAMED_KEY];

	(void)arg;
	assert_non_null(n);
	for (uint32_t i = 0; i < MANY; i++) {
		struct note *note;

		key_of(i, key);
		assert_null(notes_find(n, key));
		note = notes_add(n, key, &e);
		assert_non_null(note);
		assert_int_equal(note->bytes + note->content, 0);
		assert_int_equal(note->is_met, 0);
		note->bytes = i;
	}
	assert_int_equal(notes_count(n), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		key_of(i, key);
		assert_non_null(notes_find(n, key));
		assert_int_equal(notes_find(n, key)->bytes, i);
	}
	key_of(MANY, key);
	assert_null(notes_find(n, key));
	/* Nothing of it is to be seen. */
	assert_int_equal(rig_files(folder), 0);
}

static void
a_key_has_one_note_also_a_key_of_zeros(void **arg)
{
	struct err e = ERR_INIT;
	SCOPED(notes_freep) struct notes *n = notes_new(folder, &e);
	const uint8_t zeros[NAMED_KEY] = { 0 };

	(void)arg;
	assert_non_null(n);
	assert_null(notes_find(n, zeros));
	assert_non_null(notes_add(n, zeros, &e));
	assert_non_null(notes_find(n, zeros));
	assert_null(notes_add(n, zeros, &e));
	assert_int_equal(e.kind, ERR_NONE);
	assert_int_equal(notes_count(n), 1);
}

static void
a_folder_that_is_not_there_is_an_error(void **arg)
{
	struct err e = ERR_INIT;

	(void)arg;
	assert_null(notes_new("/nonexistent", &e));
	assert_int_equal(e.kind, ERR_MISSING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_its_note_however_many_there_are),
		cmocka_unit_test(a_key_has_one_note_also_a_key_of_zeros),
		cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}
