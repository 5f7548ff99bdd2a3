/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* What a failure says, and that it always fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void
setting_fills_kind_and_text(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_KEY, "key %s is %d", "k", 3), -1);
	assert_int_equal(e.kind, ERR_KEY);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.text, "key k is 3");
	assert_string_equal(e.hint, "");
}

static void
setting_again_forgets_the_hint(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_KEY, "one"), -1);
	assert_int_equal(err_hint(&e, "do %s", "this"), -1);
	assert_string_equal(e.hint, "do this");
	assert_int_equal(err_hint(&e, "or that"), -1);
	assert_string_equal(e.hint, "or that");
	assert_int_equal(err_set(&e, ERR_FULL, "two"), -1);
	assert_string_equal(e.hint, "");
}

static void
errno_chooses_the_kind(void **state)
{
	static const struct {
		int sys;
		enum err_kind kind;
	} known[] = { { ENOENT, ERR_MISSING }, { EEXIST, ERR_EXISTS },
		{ EACCES, ERR_DENIED }, { EPERM, ERR_DENIED },
		{ EROFS, ERR_DENIED }, { ENOSPC, ERR_FULL },
		{ EDQUOT, ERR_FULL }, { EINTR, ERR_AGAIN },
		{ EAGAIN, ERR_AGAIN }, { EIO, ERR_SYSTEM } };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		errno = known[i].sys;
		assert_int_equal(err_errno(&e, "open"), -1);
		assert_int_equal(e.kind, known[i].kind);
		assert_int_equal(e.sys, known[i].sys);
	}
}

static void
errno_is_told_in_words(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_errno(&e, "open %s", "/x"), -1);
	assert_string_equal(e.text, "open /x: No such file or directory");
}

static void
context_goes_in_front(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_AGAIN, "503"), -1);
	assert_int_equal(err_hint(&e, "wait"), -1);
	assert_int_equal(err_within(&e, "endpoint %s", "paris"), -1);
	assert_string_equal(e.text, "endpoint paris: 503");
	assert_string_equal(e.hint, "wait");
	assert_int_equal(e.kind, ERR_AGAIN);
}

static void
an_error_may_quote_itself(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_AGAIN, "inner"), -1);
	assert_int_equal(err_set(&e, ERR_FULL, "outer (%s)", e.text), -1);
	assert_string_equal(e.text, "outer (inner)");
	assert_int_equal(err_within(&e, "<%s>", e.text), -1);
	assert_string_equal(e.text, "<outer (inner)>: outer (inner)");
}

static void
control_characters_become_question_marks(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_SYSTEM, "a\x1b[1m\nb"), -1);
	assert_string_equal(e.text, "a?[1m?b");
	assert_int_equal(err_hint(&e, "c\td"), -1);
	assert_string_equal(e.hint, "c?d");
	assert_int_equal(err_within(&e, "x\ny"), -1);
	assert_string_equal(e.text, "x?y: a?[1m?b");
}

static void
what_does_not_fit_is_cut_between_letters(void **state)
{
	struct err e = ERR_INIT;
	char many[1001];
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i += 2)
		memcpy(many + i, "\xc3\xa9", 2);
	many[1000] = '\0';
	assert_int_equal(err_set(&e, ERR_SYSTEM, "%s", many), -1);
	assert_int_equal(strlen(e.text), 498);
	assert_memory_equal(e.text, many, 498);
	assert_int_equal(err_within(&e, "abc"), -1);
	assert_int_equal(strlen(e.text), 499);
	assert_int_equal(err_within(&e, "abcd"), -1);
	assert_int_equal(strlen(e.text), 499);
	assert_int_equal(err_hint(&e, "%s", many), -1);
	assert_int_equal(strlen(e.hint), 198);
}

static void
clearing_forgets_everything(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = EIO;
	assert_int_equal(err_errno(&e, "x"), -1);
	assert_int_equal(err_hint(&e, "y"), -1);
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.text, "");
	assert_string_equal(e.hint, "");
}

static void
only_again_and_network_are_transient(void **state)
{
	struct err e = ERR_INIT;
	int kind;

	(void)state;
	for (kind = ERR_NONE; kind <= ERR_SYSTEM; kind++) {
		e.kind = (enum err_kind)kind;
		assert_int_equal(err_is_transient(&e),
		    kind == ERR_AGAIN || kind == ERR_NETWORK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_fills_kind_and_text),
		cmocka_unit_test(setting_again_forgets_the_hint),
		cmocka_unit_test(errno_chooses_the_kind),
		cmocka_unit_test(errno_is_told_in_words),
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(an_error_may_quote_itself),
		cmocka_unit_test(control_characters_become_question_marks),
		cmocka_unit_test(what_does_not_fit_is_cut_between_letters),
		cmocka_unit_test(clearing_forgets_everything),
		cmocka_unit_test(only_again_and_network_are_transient),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
