/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Key files: there and back, and every way in which one can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/known.h"

struct folder {
	char path[64];
	char agent[80], restore[80];
};

static int
make_folder(void **state)
{
	struct folder *f = mem_new(sizeof(*f));

	strcpy(f->path, "/tmp/triplicate-keys-XXXXXX");
	if (mkdtemp(f->path) == NULL)
		return (-1);
	snprintf(f->agent, sizeof(f->agent), "%s/agent.key", f->path);
	snprintf(f->restore, sizeof(f->restore), "%s/restore.key", f->path);
	*state = f;
	return (0);
}

static int
remove_folder(void **state)
{
	struct folder *f = *state;
	struct err e = ERR_INIT;
	int rc = file_remove_tree(f->path, &e);

	free(f);
	return (rc);
}

/* Everything that two sets of agent keys can be asked. */
static void
assert_same_agent(const struct keys *a, const struct keys *b)
{
	assert_memory_equal(keys_repo(a)->b, keys_repo(b)->b, REPO_ID_BYTES);
	assert_memory_equal(keys_name_key(a), keys_name_key(b), 32);
	assert_int_equal(keys_index_epoch(a), keys_index_epoch(b));
	assert_memory_equal(keys_index_key(a, 1), keys_index_key(b, 1), 32);
	assert_int_equal(keys_signing_epoch(a), keys_signing_epoch(b));
	assert_memory_equal(keys_signing_secret(a), keys_signing_secret(b), 64);
	assert_memory_equal(
	    keys_signing_public(a, 1), keys_signing_public(b, 1), 32);
	assert_memory_equal(keys_root_public(a), keys_root_public(b), 32);
	assert_int_equal(keys_restore_epoch(a), keys_restore_epoch(b));
	assert_memory_equal(
	    keys_restore_public(a, 1), keys_restore_public(b, 1), 32);
}

static void
new_keys_differ_and_have_both_halves(void **state)
{
	SCOPED(keys_freep) struct keys *a = keys_generate();
	SCOPED(keys_freep) struct keys *b = keys_generate();
	char one[33], two[33], print[17];

	(void)state;
	assert_true(keys_have_agent(a) && keys_have_restore(a));
	assert_int_equal(keys_restore_epoch(a), 1);
	assert_non_null(keys_root_secret(a));
	assert_null(keys_index_key(a, 2));
	assert_null(keys_restore_secret(a, 0));
	keys_repo_text(a, one);
	keys_repo_text(b, two);
	assert_string_not_equal(one, two);
	assert_memory_not_equal(keys_name_key(a), keys_name_key(b), 32);
	keys_fingerprint(a, print);
	assert_int_equal(strlen(print), 16);
}

static void
an_agent_key_goes_there_and_back_without_the_restore_half(void **state)
{
	const struct folder *f = *state;
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(keys_freep) struct keys *back = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(keys_save_agent(k, f->agent, &e), 0);
	assert_int_equal(stat(f->agent, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	back = keys_load_agent(f->agent, &e);
	assert_non_null(back);
	assert_same_agent(k, back);
	assert_true(keys_have_agent(back));
	assert_false(keys_have_restore(back));
	assert_null(keys_root_secret(back));
	assert_null(keys_restore_secret(back, 1));
}

static void
a_restore_key_goes_there_and_back_without_the_agent_half(void **state)
{
	const struct folder *f = *state;
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(keys_freep) struct keys *back = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(keys_save_restore(k, f->restore, &e), 0);
	back = keys_load_restore(f->restore, &e);
	assert_non_null(back);
	assert_true(keys_have_restore(back));
	assert_false(keys_have_agent(back));
	assert_null(keys_name_key(back));
	assert_null(keys_index_key(back, 1));
	assert_null(keys_signing_secret(back));
	assert_memory_equal(keys_root_secret(back), keys_root_secret(k), 64);
	assert_memory_equal(keys_root_public(back), keys_root_public(k), 32);
	assert_memory_equal(
	    keys_restore_secret(back, 1), keys_restore_secret(k, 1), 32);
	assert_memory_equal(
	    keys_restore_public(back, 1), keys_restore_public(k, 1), 32);
}

static void
the_halves_join_in_either_order(void **state)
{
	const struct folder *f = *state;
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(keys_freep) struct keys *restore = known_restore_half(k);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(keys_save_restore(k, f->restore, &e), 0);
	assert_int_equal(keys_add_restore_file(agent, f->restore, &e), 0);
	assert_memory_equal(keys_root_secret(agent), keys_root_secret(k), 64);
	assert_memory_equal(
	    keys_restore_secret(agent, 1), keys_restore_secret(k, 1), 32);
	keys_agent_text(k, &text);
	assert_int_equal(
	    keys_add_agent_text(restore, (char *)text.p, text.n, &e), 0);
	assert_same_agent(k, restore);
}

static void
keys_of_another_repository_are_refused(void **state)
{
	const struct folder *f = *state;
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(keys_freep) struct keys *restore = known_restore_half(k);
	SCOPED(keys_freep) struct keys *other = known_keys(2);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(keys_save_restore(other, f->restore, &e), 0);
	assert_int_equal(keys_add_restore_file(agent, f->restore, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	assert_non_null(strstr(e.text, "of another repository"));
	assert_false(keys_have_restore(agent));
	keys_agent_text(other, &text);
	err_clear(&e);
	assert_int_equal(
	    keys_add_agent_text(restore, (char *)text.p, text.n, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	assert_false(keys_have_agent(restore));
}

static void
key_files_are_never_overwritten(void **state)
{
	const struct folder *f = *state;
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(keys_freep) struct keys *other = known_keys(2);
	SCOPED(keys_freep) struct keys *back = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(keys_save_agent(k, f->agent, &e), 0);
	assert_int_equal(keys_save_agent(other, f->agent, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	err_clear(&e);
	assert_int_equal(keys_save_restore(k, f->restore, &e), 0);
	assert_int_equal(keys_save_restore(other, f->restore, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	back = keys_load_agent(f->agent, &e);
	assert_same_agent(k, back);
}

static void
a_missing_key_file_is_a_key_error(void **state)
{
	const struct folder *f = *state;
	struct err e = ERR_INIT;

	assert_null(keys_load_agent(f->agent, &e));
	assert_int_equal(e.kind, ERR_KEY);
	assert_non_null(strstr(e.text, f->agent));
	err_clear(&e);
	assert_null(keys_load_restore(f->path, &e)); /* a folder */
	assert_int_equal(e.kind, ERR_KEY);
}

static void
a_key_file_that_others_can_read_is_refused_with_the_cure(void **state)
{
	const struct folder *f = *state;
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	static const mode_t bad[] = { 0640, 0604, 0610, 0602, 0666 };
	size_t i;

	{
		struct err e = ERR_INIT;

		assert_int_equal(keys_save_agent(k, f->agent, &e), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(chmod(f->agent, bad[i]), 0);
		assert_null(keys_load_agent(f->agent, &e));
		assert_int_equal(e.kind, ERR_KEY);
		assert_non_null(strstr(e.hint, "chmod 600"));
		assert_non_null(strstr(e.hint, f->agent));
	}
}

/* keys_parse_restore and keys_add_agent_text on changed texts. */
static bool
takes_restore(const uint8_t *p, size_t n, const void *arg)
{
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	(void)arg;
	k = keys_parse_restore((const char *)p, n, &e);
	if (k == NULL)
		assert_true(e.kind == ERR_KEY || e.kind == ERR_VERSION);
	return (k != NULL);
}

static bool
takes_agent(const uint8_t *p, size_t n, const void *arg)
{
	SCOPED(keys_freep) struct keys *k = known_restore_half(arg);
	struct err e = ERR_INIT;
	int rc = keys_add_agent_text(k, (const char *)p, n, &e);

	if (rc < 0)
		assert_true(e.kind == ERR_KEY || e.kind == ERR_VERSION);
	assert_int_equal(keys_have_agent(k), rc == 0);
	return (rc == 0);
}

static void
one_wrong_character_in_a_key_is_noticed(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	struct attempt restore = { takes_restore, NULL };
	struct attempt agent = { takes_agent, k };
	struct err e = ERR_INIT;
	struct buf view;

	(void)state;
	assert_int_equal(keys_restore_text(k, &text, &e), 0);
	view = (struct buf){ .p = text.p, .n = text.n };
	assert_true(restore.takes(view.p, view.n, NULL));
	/* The last newline may be missing, and so may be changed to a \r. */
	view.n--;
	assert_int_equal(known_flips_taken(&view, 1, &restore), 0);
	assert_int_equal(known_cuts_taken(&view, &restore), 0);

	keys_agent_text(k, &text);
	view = (struct buf){ .p = text.p, .n = text.n - 1 };
	assert_true(agent.takes(view.p, view.n, k));
	assert_int_equal(known_flips_taken(&view, 2, &agent), 0);
	assert_int_equal(known_cuts_taken(&view, &agent), 0);
}

static void
a_key_typed_in_with_other_line_ends_is_taken(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	SCOPED(buf_free) struct buf typed = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	assert_int_equal(keys_restore_text(k, &text, &e), 0);
	for (i = 0; i + 1 < text.n; i++) {
		if (text.p[i] == '\n')
			buf_add_u8(&typed, '\r');
		buf_add_u8(&typed, text.p[i]);
	}
	assert_true(takes_restore(typed.p, typed.n, NULL));
}

/* A text with its right check line, whatever it says. */
static void
with_check(const char *text, struct buf *out)
{
	struct secret whole = SECRET_INIT;
	char hex[65];

	out->n = 0;
	buf_add_string(out, text);
	secret_copy(&whole, out->p, out->n);
	known_blake2b(whole.p, whole.n, hex);
	buf_printf(out, "check: %.16s\n", hex);
	secret_free(&whole);
}

#define REPO "repository: 00112233445566778899aabbccddeeff\n"
#define HEX32                                                                  \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static void
well_summed_keys_of_a_wrong_form_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"triplicate agent key 1\n" REPO,
		"triplicate restore key 1\n",
		"triplicate restore key 2\n" REPO,
		"triplicate restore key 1\n" REPO "root secret: " HEX32,
		"triplicate restore key 1\n" REPO "restore secret 1: " HEX32
		"root secret: " HEX32,
		"triplicate restore key 1\n" REPO "root secret: " HEX32
		"restore secret 0: " HEX32,
		"triplicate restore key 1\n" REPO "root secret: " HEX32
		"restore secret 01: " HEX32,
		"triplicate restore key 1\n" REPO "root secret: " HEX32
		"restore secret 10000: " HEX32,
		"triplicate restore key 1\n" REPO "root secret: " HEX32
		"restore secret 2: " HEX32 "restore secret 1: " HEX32,
		"triplicate restore key 1\n" REPO "root secret: " HEX32
		"restore secret 1: " HEX32 "restore secret 1: " HEX32,
		"triplicate restore key 1\n" REPO "root secret: " HEX32
		"restore secret 1: " HEX32 "more: 1\n",
		"triplicate restore key 1\n" REPO "root secret: 00" HEX32
		"restore secret 1: " HEX32,
		"triplicate restore key 1\n" REPO REPO "root secret: " HEX32
		"restore secret 1: " HEX32,
	};
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	with_check("triplicate restore key 1\n" REPO "root secret: " HEX32
		   "restore secret 1: " HEX32 "restore secret 9999: " HEX32,
	    &b);
	assert_true(takes_restore(b.p, b.n, NULL));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		with_check(bad[i], &b);
		assert_false(takes_restore(b.p, b.n, NULL));
	}
}

static void
more_epochs_than_the_limit_are_refused(void **state)
{
	SCOPED(buf_free) struct buf text = BUF_INIT, b = BUF_INIT;
	unsigned epoch;

	(void)state;
	buf_add_string(
	    &text, "triplicate restore key 1\n" REPO "root secret: " HEX32);
	for (epoch = 1; epoch <= KEYS_EPOCHS_MAX; epoch++)
		buf_printf(&text, "restore secret %u: " HEX32, epoch);
	with_check(buf_text(&text), &b);
	assert_true(takes_restore(b.p, b.n, NULL));
	buf_printf(&text, "restore secret %u: " HEX32, epoch);
	with_check(buf_text(&text), &b);
	assert_false(takes_restore(b.p, b.n, NULL));
}

static void
a_key_longer_than_the_limit_is_refused(void **state)
{
	const struct folder *f = *state;
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	buf_add_zeros(&b, KEYS_FILE_MAX + 1);
	assert_false(takes_restore(b.p, b.n, NULL));
	assert_int_equal(file_save(f->agent, 0600, b.p, b.n, &e), 0);
	assert_null(keys_load_agent(f->agent, &e));
	assert_int_equal(e.kind, ERR_KEY);
}

static void
the_restore_text_needs_the_restore_half(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(1);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	const struct folder *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(keys_restore_text(agent, &text, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	err_clear(&e);
	assert_int_equal(keys_save_restore(agent, f->restore, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	assert_false(file_exists(f->restore));
}

static void
the_text_of_known_keys_does_not_change(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(20261122);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	struct err e = ERR_INIT;
	char print[17], pem[KEYS_PEM_TEXT];

	(void)state;
	keys_agent_text(k, &text);
	assert_string_equal(known_sha(text.p, text.n),
	    "ad0b330a2706c2dfd539bd4208b5b20e920f2dae9770f0ef7712ca06a4062111");
	assert_int_equal(keys_restore_text(k, &text, &e), 0);
	assert_string_equal(known_sha(text.p, text.n),
	    "76b58b60dcd121e1f41e9daea7f7a067a66f20a2a26fbee960b84fb4e75152be");
	keys_fingerprint(k, print);
	assert_string_equal(print, "1884daea091b0336");
	keys_signing_pem(k, pem);
	assert_string_equal(pem,
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MCowBQYDK2VwAyEAhItBf+JPnLSgDXZ1pZvlYrltSRR17/XGzDpEbuSGxT0=\n"
	    "-----END PUBLIC KEY-----\n");
}

#define in_folder(t)                                                           \
	cmocka_unit_test_setup_teardown(t, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_keys_differ_and_have_both_halves),
		in_folder(
		    an_agent_key_goes_there_and_back_without_the_restore_half),
		in_folder(
		    a_restore_key_goes_there_and_back_without_the_agent_half),
		in_folder(the_halves_join_in_either_order),
		in_folder(keys_of_another_repository_are_refused),
		in_folder(key_files_are_never_overwritten),
		in_folder(a_missing_key_file_is_a_key_error),
		in_folder(
		    a_key_file_that_others_can_read_is_refused_with_the_cure),
		cmocka_unit_test(one_wrong_character_in_a_key_is_noticed),
		cmocka_unit_test(a_key_typed_in_with_other_line_ends_is_taken),
		cmocka_unit_test(well_summed_keys_of_a_wrong_form_are_refused),
		cmocka_unit_test(more_epochs_than_the_limit_are_refused),
		in_folder(a_key_longer_than_the_limit_is_refused),
		in_folder(the_restore_text_needs_the_restore_half),
		cmocka_unit_test(the_text_of_known_keys_does_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
