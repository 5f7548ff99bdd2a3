/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Passphrase slots: the right words open them, costs out of bounds are refused
 * before they cost anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "repository/config_object.h"
#include "tests/unit/known.h"

/* header 32, created 8, namelen 1, "main" */
#define AT_OPS	  ((size_t)45)
#define AT_MEMORY ((size_t)49)
#define AT_SALT	  ((size_t)53)
#define AT_CHECK  ((size_t)69)
#define AT_BOX	  ((size_t)105)

static const struct slot_cost least = { 1, 64U << 10 };

static int64_t
fixed_now(void)
{
	return (INT64_C(1795401000000));
}

static struct secret
words(const char *text)
{
	struct secret s = SECRET_INIT;

	secret_copy(&s, text, strlen(text));
	return (s);
}

static void
make_slot(const struct keys *k, const char *phrase, struct buf *object)
{
	SCOPED(secret_free) struct secret s = words(phrase);
	struct err e = ERR_INIT;

	clock_replace(fixed_now);
	assert_int_equal(slot_encode(k, "main", &s, &least, object, &e), 0);
	clock_replace(NULL);
	assert_true(object->n <= SLOT_MAX);
}

static enum err_kind
open_slot(const struct buf *object, const char *name, const char *phrase)
{
	SCOPED(secret_free) struct secret s = words(phrase);
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	k = slot_open(name, object->p, object->n, &s, &e);
	return (k != NULL ? ERR_NONE : e.kind);
}

static void
the_passphrase_opens_the_restore_key(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(61);
	SCOPED(keys_freep) struct keys *back = NULL;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(secret_free) struct secret s = words("open sesame");
	struct err e = ERR_INIT;

	(void)state;
	make_slot(k, "open sesame", &object);
	back = slot_open("main", object.p, object.n, &s, &e);
	assert_non_null(back);
	assert_true(keys_have_restore(back));
	assert_false(keys_have_agent(back));
	assert_memory_equal(keys_root_secret(back), keys_root_secret(k), 64);
	assert_memory_equal(
	    keys_restore_secret(back, 1), keys_restore_secret(k, 1), 32);
}

static void
another_passphrase_is_a_key_error(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(61);
	SCOPED(buf_free) struct buf object = BUF_INIT;

	(void)state;
	make_slot(k, "open sesame", &object);
	assert_int_equal(open_slot(&object, "main", "open sesam"), ERR_KEY);
	assert_int_equal(open_slot(&object, "main", "Open sesame"), ERR_KEY);
	assert_int_equal(open_slot(&object, "main", ""), ERR_KEY);
	assert_int_equal(
	    open_slot(&object, "other", "open sesame"), ERR_CORRUPT);
}

static bool
takes_slot(const uint8_t *p, size_t n, const void *arg)
{
	struct err e = ERR_INIT;

	if (slot_check(arg, "main", p, n, &e) == 0)
		return (true);
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_VERSION);
	return (false);
}

static void
a_changed_cut_or_longer_slot_is_noticed_without_the_passphrase(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(61);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(keys_freep) struct keys *other = known_keys(62);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct attempt a = { takes_slot, agent };

	(void)state;
	make_slot(k, "open sesame", &object);
	assert_true(takes_slot(object.p, object.n, agent));
	assert_false(takes_slot(object.p, object.n, other));
	assert_int_equal(known_flips_taken(&object, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&object, &a), 0);
	assert_int_equal(known_longer_taken(&object, &a), 0);
}

static void
a_changed_slot_does_not_open(void **state)
{
	static const size_t places[] = { 32 /* created */, AT_SALT, AT_CHECK,
		AT_BOX + 24, AT_BOX + 100 };
	SCOPED(keys_freep) struct keys *k = known_keys(61);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	enum err_kind kind;
	size_t i;

	(void)state;
	make_slot(k, "open sesame", &object);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		object.p[places[i]] ^= 1;
		kind = open_slot(&object, "main", "open sesame");
		assert_int_equal(kind, i < 3 ? ERR_KEY : ERR_CORRUPT);
		object.p[places[i]] ^= 1;
	}
	object.p[object.n - 1] ^= 1; /* the signature */
	assert_int_equal(
	    open_slot(&object, "main", "open sesame"), ERR_CORRUPT);
}

/* Puts costs into a slot; opening it must not try them. */
static enum err_kind
open_with_cost(struct buf *object, uint32_t ops, uint32_t memory)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	buf_add_u32(&b, ops);
	buf_add_u32(&b, memory);
	memcpy(object->p + AT_OPS, b.p, 8);
	return (open_slot(object, "main", "open sesame"));
}

static void
costs_out_of_bounds_are_refused_unpaid(void **state)
{
	static const struct slot_cost bad[] = { { 0, 65536 }, { 11, 65536 },
		{ UINT32_MAX, 65536 }, { 1, 65535 }, { 1, 0 },
		{ 1, (2U << 20) + 1 }, { 1, UINT32_MAX } };
	SCOPED(keys_freep) struct keys *k = known_keys(61);
	SCOPED(buf_free) struct buf object = BUF_INIT, mine = BUF_INIT;
	SCOPED(secret_free) struct secret s = words("open sesame");
	size_t i;

	(void)state;
	make_slot(k, "open sesame", &object);
	assert_int_equal(open_with_cost(&object, 1, 65536), ERR_NONE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(
		    open_with_cost(&object, bad[i].ops, bad[i].memory_kib),
		    ERR_CORRUPT);
		assert_int_equal(
		    slot_encode(k, "main", &s, &bad[i], &mine, &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
	}
}

static void
slots_need_a_name_a_passphrase_and_the_restore_key(void **state)
{
	static const char *const bad[] = { "", "A", "a b", "a/b", "../a", "a.b",
		"a\n", "123456789012345678901234567890123" };
	SCOPED(keys_freep) struct keys *k = known_keys(61);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(secret_free) struct secret s = words("x"), none = words("");
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(slot_name_is_good(bad[i]));
		err_clear(&e);
		assert_int_equal(
		    slot_encode(k, bad[i], &s, &least, &object, &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
	}
	assert_true(slot_name_is_good("12345678901234567890123456789012"));
	assert_true(slot_name_is_good("ops-2"));
	slot_object("ops-2", name);
	assert_string_equal(name, "keys/ops-2");
	err_clear(&e);
	assert_int_equal(
	    slot_encode(k, "main", &none, &least, &object, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(
	    slot_encode(agent, "main", &s, &least, &object, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static void
the_default_cost_is_within_its_bounds(void **state)
{
	(void)state;
	assert_int_equal(slot_cost_default.ops, 3);
	assert_int_equal(slot_cost_default.memory_kib, 256U << 10);
}

static void
generated_passphrases_are_strong_and_differ(void **state)
{
	SCOPED(secret_free) struct secret a = SECRET_INIT, b = SECRET_INIT;
	size_t i, j;

	(void)state;
	slot_generate_passphrase(&b);
	for (i = 0; i < 200; i++) {
		slot_generate_passphrase(&a);
		assert_int_equal(a.n, 24);
		assert_memory_not_equal(a.p, b.p, a.n);
		assert_true(slot_passphrase_bits(&a) >= 90);
		for (j = 0; j < a.n; j++)
			assert_non_null(strchr(
			    "bcdfghjkmnpqrstvwxz23456789-", (int)a.p[j]));
		secret_copy(&b, a.p, a.n);
	}
}

static unsigned
bits(const char *text)
{
	SCOPED(secret_free) struct secret s = words(text);

	return (slot_passphrase_bits(&s));
}

static void
weak_passphrases_are_seen_as_weak(void **state)
{
	static const char *const weak[] = { "", "a", "password", "Password1!",
		"correct horse battery", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"12345678901234567890", "abcdefghijklmnopqrstuvwxyz",
		"my company backup 2026", "hunter2hunter2" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
		if (bits(weak[i]) >= 90)
			fail_msg("'%s': %u bits", weak[i], bits(weak[i]));
	assert_true(bits("correct horse battery staple orange window") >= 90);
	assert_true(bits("x7#Kp2!vQz9$Rt4&Wm8*") >= 90);
}

static void
the_bytes_of_a_known_slot_do_not_change(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(63);
	SCOPED(buf_free) struct buf object = BUF_INIT;

	(void)state;
	make_slot(k, "open sesame", &object);
	assert_string_equal(known_sha(object.p, object.n),
	    "2608b143086e2779b351fb59845cc1a609b731d25fac76ab9ee97f0e1cdbebbe");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_passphrase_opens_the_restore_key),
		cmocka_unit_test(another_passphrase_is_a_key_error),
		cmocka_unit_test(
		    a_changed_cut_or_longer_slot_is_noticed_without_the_passphrase),
		cmocka_unit_test(a_changed_slot_does_not_open),
		cmocka_unit_test(costs_out_of_bounds_are_refused_unpaid),
		cmocka_unit_test(
		    slots_need_a_name_a_passphrase_and_the_restore_key),
		cmocka_unit_test(the_default_cost_is_within_its_bounds),
		cmocka_unit_test(generated_passphrases_are_strong_and_differ),
		cmocka_unit_test(weak_passphrases_are_seen_as_weak),
		cmocka_unit_test(the_bytes_of_a_known_slot_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
