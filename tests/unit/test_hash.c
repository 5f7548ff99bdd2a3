/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Published answers, at once and piece by piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"

static const struct {
	enum hash_kind kind;
	size_t n;
	const char *empty, *abc;
} known[] = {
	{ HASH_IS_SHA256, HASH_SHA256,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ HASH_IS_SHA1, HASH_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	    "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ HASH_IS_MD5, HASH_MD5, "d41d8cd98f00b204e9800998ecf8427e",
	    "900150983cd24fb0d6963f7d28e17f72" },
};

static void
hashes_are_the_published_ones(void **state)
{
	uint8_t out[HASH_MAX];
	char text[2 * HASH_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		hash_of(known[i].kind, NULL, 0, out);
		hex_of(out, known[i].n, text);
		assert_string_equal(text, known[i].empty);
		hash_of(known[i].kind, "abc", 3, out);
		hex_of(out, known[i].n, text);
		assert_string_equal(text, known[i].abc);
	}
}

static void
pieces_give_the_same_and_end_begins_anew(void **state)
{
	uint8_t out[HASH_MAX];
	char text[2 * HASH_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		SCOPED(hash_freep) struct hash *h = hash_new(known[i].kind);

		hash_add(h, "a", 1);
		hash_add(h, "", 0);
		hash_add(h, "bc", 2);
		hash_end(h, out);
		hex_of(out, known[i].n, text);
		assert_string_equal(text, known[i].abc);
		hash_end(h, out);
		hex_of(out, known[i].n, text);
		assert_string_equal(text, known[i].empty);
	}
}

/* The digest of nothing, as a Content-MD5 of an empty body has it. */
static void
base64_is_the_one_of_headers(void **state)
{
	uint8_t hash[HASH_MAX];
	char text[HASH_BASE64];

	(void)state;
	hash_of(HASH_IS_MD5, "", 0, hash);
	hash_base64(hash, HASH_MD5, text);
	assert_string_equal(text, "1B2M2Y8AsgTpgAmY7PhCfg==");
	hash_of(HASH_IS_SHA256, "", 0, hash);
	hash_base64(hash, HASH_SHA256, text);
	assert_string_equal(
	    text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void
freeing_nothing_is_fine(void **state)
{
	(void)state;
	hash_free(NULL);
	assert_int_equal(HASH_MAX, HASH_SHA256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_the_published_ones),
		cmocka_unit_test(pieces_give_the_same_and_end_begins_anew),
		cmocka_unit_test(base64_is_the_one_of_headers),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
