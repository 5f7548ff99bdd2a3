/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* The config object and writers: opened with the right key, and told apart
 * from those of another repository, damaged ones and renamed ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "repository/config_object.h"
#include "tests/unit/known.h"

static void
make_config(const struct keys *k, struct buf *object)
{
	struct err e = ERR_INIT;

	assert_int_equal(config_encode(k, 1, object, &e), 0);
	assert_true(object->n <= CONFIG_MAX);
}

static void
a_restore_key_alone_gets_the_agent_half_from_config(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(51);
	SCOPED(keys_freep) struct keys *bare = known_restore_half(k);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	make_config(k, &object);
	assert_int_equal(config_check(bare, object.p, object.n, &e), 0);
	assert_false(keys_have_agent(bare));
	assert_int_equal(config_open(bare, object.p, object.n, &e), 0);
	assert_true(keys_have_agent(bare) && keys_have_restore(bare));
	assert_memory_equal(keys_name_key(bare), keys_name_key(k), 32);
	assert_memory_equal(
	    keys_signing_secret(bare), keys_signing_secret(k), 64);
	assert_memory_equal(keys_index_key(bare, 1), keys_index_key(k, 1), 32);
}

static void
an_agent_key_can_check_config_and_neither_make_nor_open_it(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(51);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(keys_freep) struct keys *restore = known_restore_half(k);
	SCOPED(buf_free) struct buf object = BUF_INIT, mine = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	make_config(k, &object);
	assert_int_equal(config_check(agent, object.p, object.n, &e), 0);
	assert_int_equal(config_open(agent, object.p, object.n, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	err_clear(&e);
	assert_int_equal(config_encode(agent, 1, &mine, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	err_clear(&e);
	assert_int_equal(config_encode(restore, 1, &mine, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static void
config_of_another_repository_names_it(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(51);
	SCOPED(keys_freep) struct keys *other = known_keys(52);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;
	char id[33];

	(void)state;
	make_config(other, &object);
	keys_repo_text(other, id);
	assert_int_equal(config_check(k, object.p, object.n, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	assert_non_null(strstr(e.text, "another repository"));
	assert_non_null(strstr(e.text, id));
}

static bool
takes_config(const uint8_t *p, size_t n, const void *arg)
{
	struct err e = ERR_INIT;

	if (config_check(arg, p, n, &e) == 0)
		return (true);
	/* Never ERR_KEY: damage is not taken for another repository. */
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_VERSION);
	return (false);
}

static void
a_changed_cut_or_longer_config_is_damage_and_not_another_key(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(51);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct attempt a = { takes_config, k };

	(void)state;
	make_config(k, &object);
	assert_true(takes_config(object.p, object.n, k));
	assert_int_equal(known_flips_taken(&object, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&object, &a), 0);
	assert_int_equal(known_longer_taken(&object, &a), 0);
}

static void
a_config_over_the_limit_is_corrupt(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(51);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_add_zeros(&b, CONFIG_MAX + 1);
	assert_int_equal(config_check(k, b.p, b.n, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
config_with_other_signing_keys_than_the_agent_has_is_refused(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(51);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(buf_free) struct buf object = BUF_INIT, again = BUF_INIT;
	struct err e = ERR_INIT;
	size_t signing = FORMAT_HEADER + 4 + 32 + 1 + 36 + 1;

	(void)state;
	make_config(k, &object);
	buf_add(&again, object.p, object.n - SEAL_SIGNATURE);
	again.p[signing + 4] ^= 1; /* its public key, and signed again */
	assert_int_equal(seal_sign_root(k, "config", &again, &e), 0);
	assert_int_equal(config_check(agent, again.p, again.n, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

/* --- writers ------------------------------------------------------------- */

static void
make_writer(struct writer *w)
{
	memset(w, 0, sizeof(*w));
	w->epoch = 3;
	known_noise(w->id, sizeof(w->id), 5);
	w->started = 1795401000;
	strcpy(w->host, "backup.example.net");
}

static void
a_writer_goes_there_and_back(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(53);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct writer w, back;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	(void)state;
	make_writer(&w);
	writer_name(&w, name);
	writer_encode(agent, &w, &object);
	assert_true(object.n <= WRITER_MAX);
	assert_int_equal(
	    writer_decode(agent, name, object.p, object.n, &back, &e), 0);
	assert_int_equal(back.epoch, w.epoch);
	assert_memory_equal(back.id, w.id, sizeof(w.id));
	assert_int_equal(back.started, w.started);
	assert_string_equal(back.host, w.host);
}

static bool
takes_writer(const uint8_t *p, size_t n, const void *arg)
{
	struct writer w, back;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	make_writer(&w);
	writer_name(&w, name);
	if (writer_decode(arg, name, p, n, &back, &e) == 0)
		return (true);
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_VERSION);
	return (false);
}

static void
a_changed_cut_or_longer_writer_is_refused(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(53);
	SCOPED(keys_freep) struct keys *other = known_keys(54);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct attempt a = { takes_writer, k };
	struct writer w;

	(void)state;
	make_writer(&w);
	writer_encode(k, &w, &object);
	assert_true(takes_writer(object.p, object.n, k));
	assert_false(takes_writer(object.p, object.n, other));
	assert_int_equal(known_flips_taken(&object, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&object, &a), 0);
	assert_int_equal(known_longer_taken(&object, &a), 0);
}

static void
a_writer_under_another_name_is_corrupt(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(53);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct writer w, back;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	(void)state;
	make_writer(&w);
	writer_encode(k, &w, &object);
	w.epoch = 4;
	writer_name(&w, name);
	assert_int_equal(
	    writer_decode(k, name, object.p, object.n, &back, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
writer_names_have_one_spelling(void **state)
{
	static const char *const bad[] = { "writers/", "writers/1",
		"writers/1-", "writers/1-001122334455667",
		"writers/1-00112233445566778", "writers/1-001122334455667G",
		"writers/01-0011223344556677", "writers/0-0011223344556677",
		"writers/-1-0011223344556677", "writers/+1-0011223344556677",
		"writers/ 1-0011223344556677", "writers/1x-0011223344556677",
		"writers/4294967296-0011223344556677",
		"writers/99999999999999999999999-0011223344556677",
		"writer/1-0011223344556677", "writers/1-00112233-4455667" };
	uint8_t id[8] = { 0 };
	uint32_t epoch = 0;
	size_t i;

	(void)state;
	assert_true(writer_parse_name(
	    "writers/4294967295-00112233445566ff", &epoch, id));
	assert_int_equal(epoch, UINT32_MAX);
	assert_int_equal(id[7], 0xff);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(writer_parse_name(bad[i], &epoch, id));
	assert_int_equal(epoch, UINT32_MAX);
}

static void
the_bytes_of_known_objects_do_not_change(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(55);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct writer w;

	(void)state;
	make_config(k, &object);
	assert_string_equal(known_sha(object.p, object.n),
	    "dd0d354fee7b09254e49fb6f779db4eb22bb0e4824b4f5749eb979efb2ddcabc");
	make_writer(&w);
	writer_encode(k, &w, &object);
	assert_string_equal(known_sha(object.p, object.n),
	    "1eee2dfcd0ddee3def4e6fc40e4beb25b5121ea1d40717adf820f9370be2d00f");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_restore_key_alone_gets_the_agent_half_from_config),
		cmocka_unit_test(
		    an_agent_key_can_check_config_and_neither_make_nor_open_it),
		cmocka_unit_test(config_of_another_repository_names_it),
		cmocka_unit_test(
		    a_changed_cut_or_longer_config_is_damage_and_not_another_key),
		cmocka_unit_test(a_config_over_the_limit_is_corrupt),
		cmocka_unit_test(
		    config_with_other_signing_keys_than_the_agent_has_is_refused),
		cmocka_unit_test(a_writer_goes_there_and_back),
		cmocka_unit_test(a_changed_cut_or_longer_writer_is_refused),
		cmocka_unit_test(a_writer_under_another_name_is_corrupt),
		cmocka_unit_test(writer_names_have_one_spelling),
		cmocka_unit_test(the_bytes_of_known_objects_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
