/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Random is random, seeded is the same again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"

static void
two_requests_differ(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	random_bytes(a, 0);
}

static void
below_stays_below_and_reaches_everything(void **state)
{
	unsigned seen = 0, i;
	uint32_t v;

	(void)state;
	for (i = 0; i < 1000; i++) {
		v = random_below(5);
		assert_true(v < 5);
		seen |= 1U << v;
	}
	assert_int_equal(seen, 0x1f);
	assert_int_equal(random_below(0), 0);
	assert_int_equal(random_below(1), 0);
}

static void
hex_has_its_length_and_letters(void **state)
{
	char text[201];

	(void)state;
	random_hex(text, 100);
	assert_int_equal(strlen(text), 200);
	assert_int_equal(strspn(text, "0123456789abcdef"), 200);
	random_hex(text, 0);
	assert_string_equal(text, "");
	random_hex(text, 8);
	assert_int_equal(strlen(text), 16);
}

/* What a seeded process draws, keys included, as seen by its parent. */
static void
draw(uint64_t seed, uint8_t out[64])
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		random_seed(seed);
		random_bytes(out, 31);
		out[31] = (uint8_t)random_below(200);
		randombytes_buf(out + 32, 32);
		if (write(ends[1], out, 64) != 64)
			_exit(1);
		_exit(0);
	}
	assert_true(pid > 0);
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], out, 64), 64);
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_seed_decides_everything_that_follows(void **state)
{
	uint8_t a[64] = { 0 }, again[64] = { 0 }, other[64] = { 0 };

	(void)state;
	draw(7, a);
	draw(7, again);
	draw(8, other);
	assert_memory_equal(a, again, sizeof(a));
	assert_memory_not_equal(a, other, 31);
	assert_memory_not_equal(a + 32, other + 32, 32);
	assert_memory_not_equal(a, a + 32, 31);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_requests_differ),
		cmocka_unit_test(below_stays_below_and_reaches_everything),
		cmocka_unit_test(hex_has_its_length_and_letters),
		cmocka_unit_test(a_seed_decides_everything_that_follows),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
