/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Boxes, slots, names and signatures: each opens what was sealed, where it was
 * sealed for, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "base/random.h"
#include "tests/unit/known.h"

#define TEXT  "a chunk of rows"
#define BYTES (sizeof(TEXT) - 1)

/* One run's keys, a sealed record, and what opens it. */
struct fixture {
	struct keys *k;
	struct pack_key *pk;
	struct record r;
	struct buf box;
};

static void
fixture_free(struct fixture *f)
{
	buf_free(&f->box);
	pack_key_free(f->pk);
	keys_free(f->k);
}

static void
make_box(struct fixture *f, uint8_t slot)
{
	memset(f, 0, sizeof(*f));
	f->k = known_keys(3);
	f->pk = pack_key_new(f->k);
	f->r = (struct record){ .kind = RECORD_DATA,
		.codec = CODEC_DELTA,
		.slot = slot,
		.nbases = 2,
		.plain_bytes = 77 };
	known_noise(f->r.name.b, NAME_BYTES, 1);
	known_noise(f->r.bases[0].b, NAME_BYTES, 2);
	known_noise(f->r.bases[1].b, NAME_BYTES, 3);
	seal_box(f->k, f->pk, &f->r, TEXT, BYTES, &f->box);
}

static int
open_box(const struct fixture *f, const struct record *r, struct err *e)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;

	err_clear(e);
	if (unseal_box(f->k, f->pk, r, f->box.p, f->box.n, &out, e) < 0) {
		assert_int_equal(out.n, 0);
		return (-1);
	}
	assert_int_equal(out.n, BYTES);
	assert_memory_equal(out.p, TEXT, BYTES);
	return (0);
}

static bool
takes_box(const uint8_t *p, size_t n, const void *arg)
{
	const struct fixture *f = arg;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct record r = f->r;
	struct err e = ERR_INIT;

	r.box_bytes = (uint32_t)n;
	if (unseal_box(f->k, f->pk, &r, p, n, &out, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (false);
}

static void
a_box_opens_to_what_was_sealed(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct err e = ERR_INIT;

	(void)state;
	make_box(&f, 0);
	assert_int_equal(f.box.n, BYTES + BOX_OVERHEAD);
	assert_int_equal(f.r.box_bytes, f.box.n);
	assert_int_equal(open_box(&f, &f.r, &e), 0);
}

static void
a_box_under_the_index_key_needs_no_pack_key(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct err e = ERR_INIT;

	(void)state;
	make_box(&f, SEAL_BY_INDEX_KEY);
	assert_int_equal(f.box.n, BYTES + SEAL_INDEX_OVERHEAD);
	pack_key_free(f.pk);
	f.pk = NULL;
	assert_int_equal(open_box(&f, &f.r, &e), 0);
	f.r.slot = 0;
	assert_int_equal(open_box(&f, &f.r, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static void
a_box_with_one_bit_flipped_is_corrupt(void **state)
{
	static const uint8_t slots[] = { 0, SEAL_BY_INDEX_KEY };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(slots); i++) {
		SCOPED(fixture_free) struct fixture f;
		struct attempt a = { takes_box, &f };

		make_box(&f, slots[i]);
		assert_true(takes_box(f.box.p, f.box.n, &f));
		assert_int_equal(known_flips_taken(&f.box, 1, &a), 0);
		assert_int_equal(known_cuts_taken(&f.box, &a), 0);
		assert_int_equal(known_longer_taken(&f.box, &a), 0);
	}
}

static void
a_box_is_bound_to_all_that_its_record_says(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct record changed[8];
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	make_box(&f, 0);
	for (i = 0; i < 8; i++)
		changed[i] = f.r;
	changed[0].name.b[31] ^= 1;
	changed[1].kind = RECORD_TREE;
	changed[2].codec = CODEC_ZSTD;
	changed[3].plain_bytes++;
	changed[4].bases[1].b[0] ^= 1;
	changed[5].nbases = 1;
	changed[6].nbases = 3;
	changed[7].bases[0] = f.r.bases[1];
	changed[7].bases[1] = f.r.bases[0];
	for (i = 0; i < 8; i++) {
		assert_int_equal(open_box(&f, &changed[i], &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
	/* but not to its place: repack renumbers slots */
	f.r.slot = 5;
	assert_int_equal(open_box(&f, &f.r, &e), 0);
}

static void
a_box_of_another_length_or_with_too_many_bases_is_corrupt(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct err e = ERR_INIT;
	struct record r;

	(void)state;
	make_box(&f, 0);
	r = f.r;
	r.box_bytes++;
	assert_int_equal(open_box(&f, &r, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	r = f.r;
	r.nbases = BASES_MAX + 1;
	assert_int_equal(open_box(&f, &r, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
a_box_of_another_repository_does_not_open(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(keys_freep) struct keys *other = known_keys(4);
	struct keys *mine;
	struct err e = ERR_INIT;

	(void)state;
	make_box(&f, 0);
	mine = f.k;
	f.k = other; /* the pack key is right, the repository is not */
	assert_int_equal(open_box(&f, &f.r, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	f.k = mine;
}

static void
a_pack_key_opens_again_with_the_restore_secret_alone(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(keys_freep) struct keys *agent = NULL, *restore = NULL;
	SCOPED(pack_key_freep) struct pack_key *pk = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make_box(&f, 0);
	agent = known_agent_half(f.k);
	restore = known_restore_half(f.k);
	assert_null(pack_key_open(agent, pack_key_slot(f.pk), &e));
	assert_int_equal(e.kind, ERR_KEY);
	pk = pack_key_open(restore, pack_key_slot(f.pk), &e);
	assert_non_null(pk);
	assert_memory_equal(
	    pack_key_slot(pk), pack_key_slot(f.pk), SEAL_KEY_SLOT);
	pack_key_free(f.pk);
	f.pk = TAKE(pk);
	assert_int_equal(open_box(&f, &f.r, &e), 0);
}

static void
a_changed_slot_or_one_of_an_unknown_epoch_does_not_open(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	uint8_t slot[SEAL_KEY_SLOT];
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	make_box(&f, 0);
	for (i = 0; i < SEAL_KEY_SLOT; i++) {
		memcpy(slot, pack_key_slot(f.pk), sizeof(slot));
		slot[i] ^= 0x40;
		err_clear(&e);
		assert_null(pack_key_open(f.k, slot, &e));
		assert_int_equal(e.kind, i < 4 ? ERR_KEY : ERR_CORRUPT);
	}
}

static bool
takes_index(const uint8_t *p, size_t n, const void *arg)
{
	const struct keys *k = arg;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (unseal_index(k, "index index/1-1-00", p, n, &out, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (false);
}

static void
index_sealed_opens_with_the_agent_key_in_its_context(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(5);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(keys_freep) struct keys *restore = known_restore_half(k);
	SCOPED(keys_freep) struct keys *other = known_keys(6);
	SCOPED(buf_free) struct buf sealed = BUF_INIT, out = BUF_INIT;
	struct attempt a = { takes_index, k };
	struct err e = ERR_INIT;

	(void)state;
	seal_index(agent, "index index/1-1-00", TEXT, BYTES, &sealed);
	assert_int_equal(sealed.n, BYTES + SEAL_INDEX_OVERHEAD);
	assert_true(takes_index(sealed.p, sealed.n, k));
	assert_int_equal(known_flips_taken(&sealed, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&sealed, &a), 0);
	assert_int_equal(known_longer_taken(&sealed, &a), 0);
	assert_int_equal(
	    unseal_index(k, "index index/1-2-00", sealed.p, sealed.n, &out, &e),
	    -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_false(takes_index(sealed.p, sealed.n, other));
	err_clear(&e);
	assert_int_equal(
	    unseal_index(restore, "x", sealed.p, sealed.n, &out, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static bool
takes_private(const uint8_t *p, size_t n, const void *arg)
{
	const struct keys *k = arg;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (unseal_private(k, "private x", p, n, &out, &e) == 0)
		return (true);
	/* an epoch nobody has is a missing key */
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_KEY);
	return (false);
}

static void
private_sealed_opens_with_the_restore_key_in_its_context(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(5);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(keys_freep) struct keys *restore = known_restore_half(k);
	SCOPED(buf_free) struct buf sealed = BUF_INIT, out = BUF_INIT;
	struct attempt a = { takes_private, k };
	struct err e = ERR_INIT;

	(void)state;
	seal_private(agent, "private x", TEXT, BYTES, &sealed);
	assert_true(takes_private(sealed.p, sealed.n, restore));
	assert_int_equal(known_flips_taken(&sealed, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&sealed, &a), 0);
	assert_int_equal(
	    unseal_private(agent, "private x", sealed.p, sealed.n, &out, &e),
	    -1);
	assert_int_equal(e.kind, ERR_KEY);
	err_clear(&e);
	assert_int_equal(
	    unseal_private(restore, "private y", sealed.p, sealed.n, &out, &e),
	    -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static bool
takes_signed(const uint8_t *p, size_t n, const void *arg)
{
	struct err e = ERR_INIT;

	if (seal_check_signature(arg, "audit", p, n, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (false);
}

static void
a_signature_covers_the_bytes_and_the_domain(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(5);
	SCOPED(keys_freep) struct keys *other = known_keys(6);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct attempt a = { takes_signed, k };
	struct err e = ERR_INIT;

	(void)state;
	buf_add(&b, TEXT, BYTES);
	seal_sign(k, "audit", &b);
	assert_int_equal(b.n, BYTES + SEAL_SIGNATURE);
	assert_true(takes_signed(b.p, b.n, k));
	assert_int_equal(known_flips_taken(&b, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&b, &a), 0);
	assert_int_equal(known_longer_taken(&b, &a), 0);
	assert_int_equal(seal_check_signature(k, "manifest", b.p, b.n, &e), -1);
	assert_false(takes_signed(b.p, b.n, other));
}

/* For a file that no one of ours reads: any Ed25519 checks it. */
static void
a_bare_signature_is_over_the_very_bytes(void **state)
{
	static const char object[] = "triplicate/sig/1 and so on";
	SCOPED(keys_freep) struct keys *k = known_keys(5);
	const uint8_t *public = keys_signing_public(k, keys_signing_epoch(k));
	uint8_t signature[SEAL_BARE_SIGNATURE], bytes[BYTES];
	struct err e = ERR_INIT;

	(void)state;
	memcpy(bytes, TEXT, BYTES);
	assert_int_equal(seal_sign_bare(k, bytes, BYTES, signature, &e), 0);
	assert_int_equal(
	    crypto_sign_verify_detached(signature, bytes, BYTES, public), 0);
	bytes[3] ^= 1;
	assert_int_not_equal(
	    crypto_sign_verify_detached(signature, bytes, BYTES, public), 0);
	assert_int_equal(
	    seal_sign_bare(k, object, sizeof(object), signature, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(seal_sign_bare(k, object, 10, signature, &e), 0);
}

static void
a_root_signature_needs_the_restore_key_and_is_no_other(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(5);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(buf_free) struct buf b = BUF_INIT, plain = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_add(&b, TEXT, BYTES);
	assert_int_equal(seal_sign_root(agent, "config", &b, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
	assert_int_equal(b.n, BYTES);
	assert_int_equal(seal_sign_root(k, "config", &b, &e), 0);
	assert_int_equal(
	    seal_check_root(keys_root_public(k), "config", b.p, b.n, &e), 0);
	assert_false(takes_signed(b.p, b.n, k));
	buf_add(&plain, TEXT, BYTES);
	seal_sign(k, "config", &plain);
	err_clear(&e);
	assert_int_equal(seal_check_root(keys_root_public(k), "config", plain.p,
			     plain.n, &e),
	    -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
a_sum_in_parts_is_the_name_of_the_whole(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(7);
	SCOPED(seal_sum_freep) struct seal_sum *s = seal_sum_new(k);
	struct name whole, parts;
	uint8_t p[1000];
	size_t at, now;

	(void)state;
	known_noise(p, sizeof(p), 9);
	seal_name(k, p, sizeof(p), &whole);
	for (at = 0; at < sizeof(p); at += now) {
		now = 1 + at % 37;
		if (now > sizeof(p) - at)
			now = sizeof(p) - at;
		seal_sum_add(s, p + at, now);
	}
	seal_sum_end(s, &parts);
	assert_true(name_equals(&whole, &parts));
}

static void
names_depend_on_the_repository(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(7);
	SCOPED(keys_freep) struct keys *other = known_keys(8);
	struct name a, b, empty;

	(void)state;
	seal_name(k, TEXT, BYTES, &a);
	seal_name(other, TEXT, BYTES, &b);
	seal_name(k, NULL, 0, &empty);
	assert_false(name_equals(&a, &b));
	assert_false(name_equals(&a, &empty));
}

static void
identities_do_not_run_into_each_other(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(7);
	uint8_t a[16], b[16];

	(void)state;
	seal_identity(k, "table", "main", "public.a", a);
	seal_identity(k, "table", "main", "public.a", b);
	assert_memory_equal(a, b, 16);
	seal_identity(k, "tablem", "ain", "public.a", b);
	assert_memory_not_equal(a, b, 16);
	seal_identity(k, "table", "mainp", "ublic.a", b);
	assert_memory_not_equal(a, b, 16);
	seal_identity(k, "table", "main/public", "a", a);
	seal_identity(k, "table", "main", "public/a", b);
	assert_memory_not_equal(a, b, 16);
}

static void
sealed_bytes_of_known_keys_do_not_change(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct name name;
	uint8_t identity[16];
	struct err e = ERR_INIT;

	(void)state;
	make_box(&f, 0);
	assert_string_equal(known_sha(f.box.p, f.box.n),
	    "969ad4674b0098cf605259e3f8fa6541ca962ae7df7bf0bc882d39cbac82a48e");
	assert_string_equal(known_sha(pack_key_slot(f.pk), SEAL_KEY_SLOT),
	    "74aa7aec10c1397b210c813df155fb9d6f8662ff72f0bfc7710b92919db60c6b");
	seal_index(f.k, "index index/1-1-00", TEXT, BYTES, &b);
	assert_string_equal(known_sha(b.p, b.n),
	    "310dc09265ee058cda274e228026cf81198ba3eac1df71d3111071d00d947166");
	seal_private(f.k, "private x", TEXT, BYTES, &b);
	assert_string_equal(known_sha(b.p, b.n),
	    "0c250b6be747ddf57b12e5c02d08b693d5dfabef30d720e1ca1eb18150c50695");
	seal_sign(f.k, "audit", &b);
	assert_string_equal(known_sha(b.p, b.n),
	    "e005ec3d421407d717d50affd7021208beefc2fa442a2b6b30e00dab1ad8f630");
	assert_int_equal(seal_sign_root(f.k, "config", &b, &e), 0);
	assert_string_equal(known_sha(b.p, b.n),
	    "5ff13b1b35a255274b32acf78de698ddc5aee929f09152f7beda1bec14964003");
	seal_name(f.k, TEXT, BYTES, &name);
	assert_string_equal(known_sha(name.b, sizeof(name.b)),
	    "4058075a980e74af3daec7887ac4680a915aaaaa4fa19b2a5cc521597953f4ca");
	seal_identity(f.k, "table", "main", "public.a", identity);
	assert_string_equal(known_sha(identity, sizeof(identity)),
	    "1febde82f778e89e8d1caf1a5d6d1d631b90ae746699c21ba3e6669c456bb6b0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_box_opens_to_what_was_sealed),
		cmocka_unit_test(a_box_under_the_index_key_needs_no_pack_key),
		cmocka_unit_test(a_box_with_one_bit_flipped_is_corrupt),
		cmocka_unit_test(a_box_is_bound_to_all_that_its_record_says),
		cmocka_unit_test(
		    a_box_of_another_length_or_with_too_many_bases_is_corrupt),
		cmocka_unit_test(a_box_of_another_repository_does_not_open),
		cmocka_unit_test(
		    a_pack_key_opens_again_with_the_restore_secret_alone),
		cmocka_unit_test(
		    a_changed_slot_or_one_of_an_unknown_epoch_does_not_open),
		cmocka_unit_test(
		    index_sealed_opens_with_the_agent_key_in_its_context),
		cmocka_unit_test(
		    private_sealed_opens_with_the_restore_key_in_its_context),
		cmocka_unit_test(a_signature_covers_the_bytes_and_the_domain),
		cmocka_unit_test(a_bare_signature_is_over_the_very_bytes),
		cmocka_unit_test(
		    a_root_signature_needs_the_restore_key_and_is_no_other),
		cmocka_unit_test(a_sum_in_parts_is_the_name_of_the_whole),
		cmocka_unit_test(names_depend_on_the_repository),
		cmocka_unit_test(identities_do_not_run_into_each_other),
		cmocka_unit_test(sealed_bytes_of_known_keys_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
