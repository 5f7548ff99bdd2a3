/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Headers, Padme lengths and names of objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repository/format.h"

static const struct repo_id some = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    13, 14, 15, 16 } };

static enum err_kind
check(const void *p, size_t n, const struct repo_id *repo)
{
	struct bytes b = bytes_of(p, n);
	struct repo_id found = { { 0 } };
	struct err e = ERR_INIT;

	if (format_check_header(&b, FORMAT_PACK, repo, &found, &e) < 0) {
		assert_int_not_equal(e.kind, ERR_NONE);
		assert_int_not_equal(e.text[0], '\0');
		return (e.kind);
	}
	assert_int_equal(b.n, n - FORMAT_HEADER);
	assert_memory_equal(found.b, some.b, sizeof(some.b));
	return (ERR_NONE);
}

static void
make_header(struct buf *b)
{
	b->n = 0;
	format_add_header(b, FORMAT_PACK, &some);
}

static void
a_header_goes_there_and_back(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	make_header(&b);
	assert_int_equal(b.n, FORMAT_HEADER);
	assert_memory_equal(
	    b.p, "TRIPLCTE\x04\x01\x00\x00\x00\x00\x00\x00\x01\x02", 18);
	assert_int_equal(check(b.p, b.n, &some), ERR_NONE);
	assert_int_equal(check(b.p, b.n, NULL), ERR_NONE);
	buf_add_u8(&b, 7);
	assert_int_equal(check(b.p, b.n, &some), ERR_NONE);
}

static void
a_cut_header_is_corrupt(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t n;

	(void)state;
	make_header(&b);
	for (n = 0; n < b.n; n++)
		assert_int_equal(check(b.p, n, NULL), ERR_CORRUPT);
}

static void
another_magic_kind_or_reserved_byte_is_corrupt(void **state)
{
	static const size_t places[] = { 0, 7, 8, 10, 11 };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		make_header(&b);
		b.p[places[i]] ^= 1;
		assert_int_equal(check(b.p, b.n, &some), ERR_CORRUPT);
	}
}

static void
another_repository_is_corrupt(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct repo_id other = some;

	(void)state;
	make_header(&b);
	other.b[15] ^= 0x80;
	assert_int_equal(check(b.p, b.n, &other), ERR_CORRUPT);
}

static void
a_newer_version_says_which_one_it_needs(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct bytes in;

	(void)state;
	make_header(&b);
	b.p[9] = 7;
	in = bytes_of(b.p, b.n);
	assert_int_equal(
	    format_check_header(&in, FORMAT_PACK, &some, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_VERSION);
	assert_non_null(strstr(e.text, "needs triplicate with format 7"));
	b.p[9] = 0;
	assert_int_equal(check(b.p, b.n, &some), ERR_CORRUPT);
}

static void
unknown_required_features_are_refused_and_optional_ones_ignored(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	unsigned bit;

	(void)state;
	for (bit = 0; bit < 32; bit++) {
		make_header(&b);
		b.p[12 + bit / 8] = (uint8_t)(1U << bit % 8);
		assert_int_equal(
		    check(b.p, b.n, &some), bit < 16 ? ERR_VERSION : ERR_NONE);
	}
}

static void
padme_gives_the_lengths_of_the_paper(void **state)
{
	static const uint64_t pairs[][2] = { { 0, 0 }, { 1, 1 }, { 2, 2 },
		{ 3, 3 }, { 8, 8 }, { 9, 10 }, { 15, 16 }, { 16, 16 },
		{ 17, 18 }, { 100, 104 }, { 1000, 1024 }, { 1025, 1088 },
		{ 10000, 10240 }, { 1000000, 1015808 },
		{ 16777217, 17301504 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_int_equal(format_padme(pairs[i][0]), pairs[i][1]);
}

static void
padme_grows_by_an_eighth_at_most_and_pads_once(void **state)
{
	uint64_t n, padded, before = 0;

	(void)state;
	for (n = 1; n < 40000; n++) {
		padded = format_padme(n);
		assert_true(padded >= n && padded >= before);
		assert_true((padded - n) * 100 <= n * 12);
		assert_true(format_padme(padded) == padded);
		before = padded;
	}
	assert_true(format_padme(UINT64_MAX) == UINT64_MAX);
}

static void
padding_counts_what_stands_outside(void **state)
{
	size_t n, outside;

	(void)state;
	for (n = 0; n < 300; n += 7)
		for (outside = 0; outside < 200; outside += 13) {
			SCOPED(buf_free) struct buf b = BUF_INIT;

			buf_add_zeros(&b, n);
			format_pad(&b, outside, ' ');
			assert_int_equal(
			    b.n + outside, format_padme(n + outside));
			if (b.n > n)
				assert_int_equal(b.p[b.n - 1], ' ');
		}
}

static void
pack_names_go_there_and_back(void **state)
{
	struct sha256 h, back;
	char name[OBJECT_NAME_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(h.b); i++)
		h.b[i] = (uint8_t)(0xa0 + i);
	format_pack_name(&h, name);
	assert_string_equal(name,
	    "packs/a0/a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
	assert_true(format_parse_pack_name(name, &back));
	assert_memory_equal(back.b, h.b, sizeof(h.b));
}

static void
what_is_no_pack_name_is_refused(void **state)
{
	char name[OBJECT_NAME_TEXT + 8];
	struct sha256 h = { { 0xab } }, back;
	size_t n;

	(void)state;
	format_pack_name(&h, name);
	for (n = strlen(name); n > 0; n--) {
		name[n - 1] = '\0';
		assert_false(format_parse_pack_name(name, &back));
	}
	format_pack_name(&h, name);
	name[6] = '0'; /* packs/0b/ab… */
	assert_false(format_parse_pack_name(name, &back));
	format_pack_name(&h, name);
	name[9] = 'A';
	name[6] = 'A';
	assert_false(format_parse_pack_name(name, &back));
	format_pack_name(&h, name);
	strcat(name, "0");
	assert_false(format_parse_pack_name(name, &back));
	assert_false(format_parse_pack_name("index/1-1-0011223344556677", &h));
}

static void
backup_ids_are_a_time_and_eight_digits(void **state)
{
	static const char *const bad[] = { "", "20261122T023000Z",
		"20261122T023000Z-", "20261122T023000Z-0011223",
		"20261122T023000Z-001122334", "20261122T023000Z-0011223G",
		"20261122T023000Z-ABCDEF01", "2026-11-22T02:30:00Z-0011",
		"20261322T023000Z-00112233", "20261122T253000Z-00112233",
		"20261122T023000Z+00112233", "20261122X023000Z-00112233",
		"../61122T023000Z-00112233", "20261122T023000Z-0011223/" };
	size_t i;

	(void)state;
	assert_true(format_backup_id_is_good("20261122T023000Z-0a1b2c3d"));
	assert_true(format_backup_id_is_good("20240229T235959Z-00000000"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(format_backup_id_is_good(bad[i]));
}

static void
names_are_compared_whole(void **state)
{
	struct name a = { { 0 } }, b = { { 0 } };

	(void)state;
	assert_true(name_equals(&a, &b));
	b.b[NAME_BYTES - 1] = 1;
	assert_false(name_equals(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_goes_there_and_back),
		cmocka_unit_test(a_cut_header_is_corrupt),
		cmocka_unit_test(
		    another_magic_kind_or_reserved_byte_is_corrupt),
		cmocka_unit_test(another_repository_is_corrupt),
		cmocka_unit_test(a_newer_version_says_which_one_it_needs),
		cmocka_unit_test(
		    unknown_required_features_are_refused_and_optional_ones_ignored),
		cmocka_unit_test(padme_gives_the_lengths_of_the_paper),
		cmocka_unit_test(
		    padme_grows_by_an_eighth_at_most_and_pads_once),
		cmocka_unit_test(padding_counts_what_stands_outside),
		cmocka_unit_test(pack_names_go_there_and_back),
		cmocka_unit_test(what_is_no_pack_name_is_refused),
		cmocka_unit_test(backup_ids_are_a_time_and_eight_digits),
		cmocka_unit_test(names_are_compared_whole),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
