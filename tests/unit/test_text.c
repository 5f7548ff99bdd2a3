/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Any bytes in, one printable line of valid UTF-8 out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/text.h"

static size_t
length_of(const char *bytes)
{
	return (text_sequence((const uint8_t *)bytes, strlen(bytes)));
}

static void
sequences_of_each_length_are_known(void **state)
{
	(void)state;
	assert_int_equal(length_of("a"), 1);
	assert_int_equal(length_of("\xc3\xa9"), 2);
	assert_int_equal(length_of("\xe2\x82\xac"), 3);
	assert_int_equal(length_of("\xf0\x9f\x98\x80"), 4);
	assert_int_equal(length_of("\xf4\x8f\xbf\xbf"), 4);
}

static void
malformed_sequences_are_refused(void **state)
{
	static const char *const bad[] = { "\x80", "\xc3", "\xc3(", "\xc0\xaf",
		"\xc1\xbf", "\xe0\x80\xaf", "\xe2\x82", "\xed\xa0\x80",
		"\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(length_of(bad[i]), 0);
	assert_int_equal(text_sequence((const uint8_t *)"", 0), 0);
}

/* Every code point, encoded here by the book, is one sequence unless it is a
 * surrogate. */
static void
every_code_point_is_a_sequence_but_surrogates(void **state)
{
	uint8_t p[4];
	uint32_t code;
	size_t n;

	(void)state;
	for (code = 0x10000; code <= 0x10ffff; code += 0x101) {
		p[0] = (uint8_t)(0xf0 | code >> 18);
		p[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		p[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		p[3] = (uint8_t)(0x80 | (code & 0x3f));
		assert_int_equal(text_sequence(p, 4), 4);
	}
	for (code = 0x800; code <= 0xffff; code++) {
		p[0] = (uint8_t)(0xe0 | code >> 12);
		p[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		p[2] = (uint8_t)(0x80 | (code & 0x3f));
		n = code >= 0xd800 && code <= 0xdfff ? 0 : 3;
		assert_int_equal(text_sequence(p, 3), n);
	}
}

static void
controls_and_broken_bytes_become_question_marks(void **state)
{
	char text[] = "a\x1b[31m\n\x7f\xc2\x9b"
		      "1m\xff\xc3\xa9z";

	(void)state;
	text_clean(text);
	assert_string_equal(text, "a?[31m????1m?\xc3\xa9z");
}

static void
a_cut_sequence_is_taken_off(void **state)
{
	char two[] = "ab\xc3", three[] = "ab\xe2\x82", four[] = "a\xf0\x9f\x98";

	(void)state;
	text_mend_end(two);
	assert_string_equal(two, "ab");
	text_mend_end(three);
	assert_string_equal(three, "ab");
	text_mend_end(four);
	assert_string_equal(four, "a");
}

static void
a_whole_sequence_stays(void **state)
{
	char euro[] = "ab\xe2\x82\xac", plain[] = "abc", none[] = "";

	(void)state;
	text_mend_end(euro);
	assert_string_equal(euro, "ab\xe2\x82\xac");
	text_mend_end(plain);
	assert_string_equal(plain, "abc");
	text_mend_end(none);
	assert_string_equal(none, "");
}

static void
lines_become_one(void **state)
{
	SCOPED(scope_free) char *line = text_one_line("\na\r\n\tb\n\nc d\n");
	SCOPED(scope_free) char *none = text_one_line("\n");

	(void)state;
	assert_string_equal(line, "a b c d");
	assert_string_equal(none, "");
}

static void
distance_counts_letters(void **state)
{
	(void)state;
	assert_int_equal(text_distance("state", "state"), 0);
	assert_int_equal(text_distance("sate", "state"), 1);
	assert_int_equal(text_distance("staate", "state"), 1);
	assert_int_equal(text_distance("stxte", "state"), 1);
	assert_int_equal(text_distance("tsate", "state"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
}

static void
overlong_words_are_far(void **state)
{
	char word[200];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(text_distance(word, "a"), TEXT_FAR);
	assert_int_equal(text_distance("a", word), TEXT_FAR);
}

static void
escaped_text_keeps_every_byte_and_drives_no_terminal(void **state)
{
	static const char *const pairs[][2] = { { "plain", "plain" },
		{ "two\nlines\t\r", "two\\nlines\\t\\r" },
		{ "\x1b[31m\x07\x7f", "\\x1b[31m\\x07\\x7f" },
		{ "\xc2\x9b", "\\xc2\\x9b" },
		{ "caf\xe9 caf\xc3\xa9", "caf\\xe9 caf\xc3\xa9" },
		{ "a\\nb", "a\\\\nb" },
		{ "\xe2\x80\xa8"
		  "gpj",
		    "\\xe2\\x80\\xa8gpj" },
		{ "\xe2\x80\x8f\xe2\x82\xac", "\\xe2\\x80\\x8f\xe2\x82\xac" },
		{ "", "" } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		SCOPED(scope_free) char *got = text_escaped(pairs[i][0]);

		assert_string_equal(got, pairs[i][1]);
	}
}

static void
valid_text_is_told_from_other_bytes(void **state)
{
	(void)state;
	assert_true(text_is_valid(""));
	assert_true(text_is_valid("caf\xc3\xa9\n"));
	assert_false(text_is_valid("caf\xe9"));
	assert_false(text_is_valid("ends in \xe2\x82"));
}

static void
plain_text_is_one_line_that_anything_can_show(void **state)
{
	(void)state;
	assert_true(text_is_plain(""));
	assert_true(text_is_plain("before the caf\xc3\xa9's update, 100 %"));
	assert_false(text_is_plain("caf\xe9"));
	assert_false(text_is_plain("two\nlines"));
	assert_false(text_is_plain("a\x7f"));
	assert_false(text_is_plain("\xc2\x9b"));
	assert_false(text_is_plain("\xe2\x80\xa8")); /* a line end */
}

/* There and back, and valid in between. */
static void
check_armor(const char *bytes)
{
	char *armored = text_armor(bytes);
	size_t n = strlen(armored), length;

	for (const uint8_t *p = (const uint8_t *)armored; n > 0;
	     p += length, n -= length) {
		length = text_sequence(p, n);
		assert_true(length > 0);
	}
	text_unarmor(armored);
	assert_string_equal(armored, bytes);
	free(armored);
}

static void
armor_keeps_every_byte(void **state)
{
	char bytes[3] = "";

	(void)state;
	for (unsigned a = 1; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			bytes[0] = (char)a;
			bytes[1] = (char)b;
			check_armor(bytes);
		}
}

static void
armor_leaves_valid_text_alone(void **state)
{
	static const char text[] = "a \"name\" \xc3\xa9 \xf0\x9f\x90\x98";
	char *armored = text_armor(text);

	(void)state;
	assert_string_equal(armored, text);
	free(armored);
}

static void
armor_knows_armor_from_what_looks_like_it(void **state)
{
	char *armored = text_armor("\xe9");

	(void)state;
	assert_string_equal(armored, "\xf4\x8f\xbf\xa9");
	check_armor(armored);
	check_armor("\xf4\x8f\xbe\x80\xf4\x8f\xbf\xbf");
	check_armor("\xf4\x8f\xbe");
	check_armor("\xf4\x8f\xbd\xbf");
	free(armored);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_of_each_length_are_known),
		cmocka_unit_test(
		    escaped_text_keeps_every_byte_and_drives_no_terminal),
		cmocka_unit_test(valid_text_is_told_from_other_bytes),
		cmocka_unit_test(malformed_sequences_are_refused),
		cmocka_unit_test(every_code_point_is_a_sequence_but_surrogates),
		cmocka_unit_test(
		    controls_and_broken_bytes_become_question_marks),
		cmocka_unit_test(a_cut_sequence_is_taken_off),
		cmocka_unit_test(a_whole_sequence_stays),
		cmocka_unit_test(armor_keeps_every_byte),
		cmocka_unit_test(armor_leaves_valid_text_alone),
		cmocka_unit_test(armor_knows_armor_from_what_looks_like_it),
		cmocka_unit_test(lines_become_one),
		cmocka_unit_test(distance_counts_letters),
		cmocka_unit_test(overlong_words_are_far),
		cmocka_unit_test(plain_text_is_one_line_that_anything_can_show),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
