/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Bytes out and bytes in: there and back, and never past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "base/buf.h"

static void
integers_come_back_as_they_went(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct bytes in;

	(void)state;
	buf_add_u8(&b, 0xfe);
	buf_add_u16(&b, 0xfedc);
	buf_add_u32(&b, 0xfedcba98U);
	buf_add_u64(&b, UINT64_C(0xfedcba9876543210));
	buf_add_i64(&b, INT64_MIN);
	buf_add_i64(&b, -1);
	assert_int_equal(b.n, 1 + 2 + 4 + 8 + 8 + 8);
	in = bytes_of(b.p, b.n);
	assert_int_equal(bytes_u8(&in), 0xfe);
	assert_int_equal(bytes_u16(&in), 0xfedc);
	assert_int_equal(bytes_u32(&in), 0xfedcba98U);
	assert_true(bytes_u64(&in) == UINT64_C(0xfedcba9876543210));
	assert_true(bytes_i64(&in) == INT64_MIN);
	assert_true(bytes_i64(&in) == -1);
	assert_true(bytes_done(&in));
}

static void
integers_are_little_endian(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	buf_add_u32(&b, 0x04030201);
	assert_memory_equal(b.p, "\x01\x02\x03\x04", 4);
}

static void
a_read_past_the_end_fails_for_good(void **state)
{
	struct bytes in = bytes_of("\x01\x02\x03", 3);

	(void)state;
	assert_int_equal(bytes_u32(&in), 0);
	assert_true(in.bad);
	assert_int_equal(bytes_u8(&in), 0);
	assert_null(bytes_take(&in, 0));
	assert_false(bytes_done(&in));
}

static void
a_huge_length_is_a_read_past_the_end(void **state)
{
	struct bytes in = bytes_of("abc", 3);

	(void)state;
	assert_null(bytes_take(&in, SIZE_MAX));
	assert_true(in.bad);
}

static void
taking_nothing_of_nothing_is_fine(void **state)
{
	struct bytes in = bytes_of(NULL, 0);

	(void)state;
	assert_non_null(bytes_take(&in, 0));
	assert_true(bytes_done(&in));
}

static void
a_rest_is_not_done(void **state)
{
	struct bytes in = bytes_of("ab", 2);

	(void)state;
	assert_int_equal(bytes_u8(&in), 'a');
	assert_false(bytes_done(&in));
}

static void
copying_past_the_end_gives_zeros(void **state)
{
	struct bytes in = bytes_of("ab", 2);
	char out[4] = "xxxx";

	(void)state;
	bytes_copy(&in, out, 2);
	assert_memory_equal(out, "abxx", 4);
	bytes_copy(&in, out, 4);
	assert_memory_equal(out, "\0\0\0\0", 4);
	assert_true(in.bad);
}

static void
a_buffer_grows_over_many_additions(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_add_u8(&b, (uint8_t)i);
	assert_int_equal(b.n, 100000);
	assert_true(b.cap >= b.n && b.cap < 4 * b.n);
	for (i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], (uint8_t)i);
}

static void
reserving_leaves_the_contents(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	buf_reserve(&b, 0);
	assert_non_null(b.p);
	buf_add_string(&b, "abc");
	buf_reserve(&b, 5000);
	assert_true(b.cap >= 5003);
	assert_int_equal(b.n, 3);
	assert_string_equal(buf_text(&b), "abc");
}

static void
text_printing_and_zeros_are_appended(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	buf_add(&b, NULL, 0);
	buf_printf(&b, "%05d|", 42);
	buf_add_zeros(&b, 2);
	buf_add_zeros(&b, 0);
	buf_add_string(&b, "z");
	assert_int_equal(b.n, 9);
	assert_memory_equal(b.p, "00042|\0\0z", 9);
}

static void
a_long_printing_fits(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	buf_printf(&b, "%5000s", "x");
	assert_int_equal(b.n, 5000);
	assert_int_equal(b.p[4999], 'x');
}

static void
a_released_buffer_is_empty_and_usable(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	buf_add_string(&b, "abc");
	buf_wipe(&b);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.cap, 0);
	buf_wipe(&b);
	buf_add_string(&b, "d");
	assert_string_equal(buf_text(&b), "d");
}

static void
hex_goes_there_and_back(void **state)
{
	uint8_t all[256], back[256];
	char text[513];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	hex_of(all, sizeof(all), text);
	assert_int_equal(strlen(text), 512);
	assert_true(hex_parse(text, back, sizeof(back)));
	assert_memory_equal(all, back, sizeof(all));
	hex_of(all, 0, text);
	assert_string_equal(text, "");
	assert_true(hex_parse("", back, 0));
}

static void
anything_but_lower_case_hex_of_that_length_is_refused(void **state)
{
	static const char *const bad[] = { "", "a", "abc", "abcde", "abcdef",
		"ABCD", "abcg", " bcd", "ab d", "0x12" };
	uint8_t out[2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hex_parse(bad[i], out, sizeof(out)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_come_back_as_they_went),
		cmocka_unit_test(integers_are_little_endian),
		cmocka_unit_test(a_read_past_the_end_fails_for_good),
		cmocka_unit_test(a_huge_length_is_a_read_past_the_end),
		cmocka_unit_test(taking_nothing_of_nothing_is_fine),
		cmocka_unit_test(a_rest_is_not_done),
		cmocka_unit_test(copying_past_the_end_gives_zeros),
		cmocka_unit_test(a_buffer_grows_over_many_additions),
		cmocka_unit_test(reserving_leaves_the_contents),
		cmocka_unit_test(text_printing_and_zeros_are_appended),
		cmocka_unit_test(a_long_printing_fits),
		cmocka_unit_test(a_released_buffer_is_empty_and_usable),
		cmocka_unit_test(hex_goes_there_and_back),
		cmocka_unit_test(
		    anything_but_lower_case_hex_of_that_length_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
