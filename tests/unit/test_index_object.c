/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Index objects: what is in them comes back, under their own name alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/compress.h"
#include "repository/index_object.h"
#include "tests/unit/known.h"

#define ID "0011223344556677"

/* A few directories that could be of packs. */
struct fixture {
	struct keys *k;
	char name[OBJECT_NAME_TEXT];
	size_t n;
	struct directory *packs;
	struct buf object;
};

static void
fixture_free(struct fixture *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		directory_free(&f->packs[i]);
	free(f->packs);
	buf_free(&f->object);
	keys_free(f->k);
}

/* n records of 100 bytes each, of which every third is a delta. */
static void
make_directory(struct directory *d, uint32_t seed, size_t nslots, size_t n)
{
	uint32_t offset = (uint32_t)(33 + nslots * SEAL_KEY_SLOT);
	struct record *r;
	size_t i;

	*d = (struct directory){ .kind = PACK_DATA, .nslots = nslots, .n = n };
	known_noise(d->pack.b, 32, seed);
	d->slots = mem_array(nslots + 1, SEAL_KEY_SLOT);
	known_noise(d->slots[0], nslots * SEAL_KEY_SLOT, seed + 1);
	d->records = mem_array(n + 1, sizeof(*d->records));
	for (i = 0; i < n; i++) {
		r = &d->records[i].record;
		r->kind = RECORD_DATA;
		r->codec = i % 3 == 0 ? CODEC_DELTA : CODEC_ZSTD;
		r->slot = nslots == 0 ? SEAL_BY_INDEX_KEY : 0;
		r->plain_bytes = 1000;
		r->box_bytes = 100;
		known_noise(r->name.b, NAME_BYTES, seed * 1000 + (uint32_t)i);
		if (r->codec == CODEC_DELTA) {
			r->nbases = 1;
			known_noise(r->bases[0].b, NAME_BYTES, (uint32_t)i + 7);
		}
		d->records[i].offset = offset;
		offset += 100;
	}
	d->bytes = offset + 1000;
}

static void
make_object(struct fixture *f, size_t packs)
{
	size_t i;

	memset(f, 0, sizeof(*f));
	f->k = known_keys(31);
	index_object_name(1, 17, ID, f->name);
	f->n = packs;
	f->packs = mem_array(packs + 1, sizeof(*f->packs));
	for (i = 0; i < packs; i++)
		make_directory(
		    &f->packs[i], (uint32_t)i, i % 3, i % 5 == 4 ? 0 : 3 + i);
	index_object_encode(f->k, f->name, f->packs, packs, NULL, &f->object);
}

static void
assert_same_directory(const struct directory *a, const struct directory *b)
{
	size_t i;

	assert_memory_equal(a->pack.b, b->pack.b, 32);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->nslots, b->nslots);
	if (a->nslots > 0)
		assert_memory_equal(
		    a->slots, b->slots, a->nslots * SEAL_KEY_SLOT);
	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++)
		assert_memory_equal(
		    &a->records[i], &b->records[i], sizeof(a->records[i]));
}

static void
packs_go_there_and_back(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 20 };
	size_t c, i;

	(void)state;
	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		SCOPED(fixture_free) struct fixture f;
		SCOPED(index_object_free)
		struct index_object x = INDEX_OBJECT_INIT;
		struct err e = ERR_INIT;

		make_object(&f, counts[c]);
		assert_int_equal(f.object.n, format_padme(f.object.n));
		assert_int_equal(index_object_decode(f.k, f.name, f.object.p,
				     f.object.n, &x, &e),
		    0);
		assert_int_equal(x.n, counts[c]);
		for (i = 0; i < x.n; i++)
			assert_same_directory(&f.packs[i], &x.packs[i]);
	}
}

static bool
takes(const uint8_t *p, size_t n, const void *arg)
{
	const struct fixture *f = arg;
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	struct err e = ERR_INIT;

	if (index_object_decode(f->k, f->name, p, n, &x, &e) == 0)
		return (true);
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_VERSION);
	return (false);
}

static void
a_changed_cut_or_longer_index_object_is_refused(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct attempt a = { takes, &f };

	(void)state;
	make_object(&f, 2);
	assert_true(takes(f.object.p, f.object.n, &f));
	assert_int_equal(known_cuts_taken(&f.object, &a), 0);
	assert_int_equal(known_longer_taken(&f.object, &a), 0);
	assert_int_equal(known_flips_taken(&f.object, 1, &a), 0);
}

static void
an_index_object_under_another_name_or_repository_is_corrupt(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(keys_freep) struct keys *other = known_keys(32);
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	(void)state;
	make_object(&f, 2);
	index_object_name(1, 18, ID, name);
	assert_int_equal(
	    index_object_decode(f.k, name, f.object.p, f.object.n, &x, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	err_clear(&e);
	assert_int_equal(
	    index_object_decode(other, f.name, f.object.p, f.object.n, &x, &e),
	    -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(x.n, 0);
}

/* An object with a body of our own making, sealed as it should be. */
static enum err_kind
read_made_up(const void *body, size_t n)
{
	SCOPED(keys_freep) struct keys *k = known_keys(33);
	SCOPED(buf_free) struct buf part = BUF_INIT, object = BUF_INIT;
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	char name[OBJECT_NAME_TEXT], context[256], hex[65];
	struct err e = ERR_INIT;

	index_object_name(1, 1, ID, name);
	compress_part(body, n, 0, &part);
	format_add_header(&object, FORMAT_INDEX, keys_repo(k));
	hex_of(object.p, 32, hex);
	snprintf(context, sizeof(context), "index %s %s", name, hex);
	seal_index(k, context, part.p, part.n, &object);
	if (index_object_decode(k, name, object.p, object.n, &x, &e) == 0)
		return (ERR_NONE);
	return (e.kind);
}

/* version count { sha bytes nslots slot* kind count record* } of one pack */
static void
put_entry(struct buf *b, uint64_t bytes, uint8_t nslots, uint32_t box)
{
	buf_add_u8(b, 1);
	buf_add_u32(b, 1);
	buf_add_zeros(b, 32);
	buf_add_u64(b, bytes);
	buf_add_u8(b, nslots);
	buf_add_zeros(b, nslots * (size_t)SEAL_KEY_SLOT);
	buf_add_u8(b, PACK_META);
	buf_add_u32(b, 1);
	buf_add_zeros(b, NAME_BYTES);
	buf_add_u32(b, 0x00ff0102); /* recipe, zstd, index key, no bases */
	buf_add_u32(b, 100);
	buf_add_u32(b, box);
}

static void
an_entry_that_breaks_a_rule_is_corrupt(void **state)
{
	static const struct {
		uint64_t bytes;
		uint8_t nslots;
		uint32_t box;
		enum err_kind kind;
	} cases[] = {
		{ 33 + 50 + 48, 0, 50, ERR_NONE },
		{ 33 + 50 + 47, 0, 50, ERR_CORRUPT }, /* no room to seal */
		{ 0, 0, 50, ERR_CORRUPT },
		{ PACK_MAX, 0, 50, ERR_NONE },
		{ PACK_MAX + 1, 0, 50, ERR_CORRUPT },
		{ UINT64_MAX, 0, 50, ERR_CORRUPT },
		{ PACK_MAX, PACK_SLOTS_MAX, 50, ERR_NONE },
		{ PACK_MAX, PACK_SLOTS_MAX + 1, 50, ERR_CORRUPT },
		{ PACK_MAX, 0, 43, ERR_CORRUPT },
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;

		put_entry(&b, cases[i].bytes, cases[i].nslots, cases[i].box);
		assert_int_equal(read_made_up(b.p, b.n), cases[i].kind);
		if (cases[i].kind != ERR_NONE)
			continue;
		for (n = 0; n < b.n; n += 1 + b.n / 300)
			assert_int_equal(read_made_up(b.p, n), ERR_CORRUPT);
		buf_add_u8(&b, 0);
		assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
	}
}

/* Of a repack: three packs, that replace two, for one backup. */
static void
an_index_object_says_what_it_replaces(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	struct sha256 old[2] = { { { 1, 2, 3 } }, { { 4, 5, 6 } } };
	char ids[1][BACKUP_ID_TEXT] = { "20261129T023000Z-0a1b2c3d" };
	const struct index_replaced replaced = {
		.npacks = 2, .nbackups = 1, .packs = old, .backups = ids
	};
	struct err e = ERR_INIT;

	(void)state;
	make_object(&f, 3);
	index_object_encode(f.k, f.name, f.packs, 3, &replaced, &f.object);
	assert_int_equal(
	    index_object_decode(f.k, f.name, f.object.p, f.object.n, &x, &e),
	    0);
	assert_int_equal(x.n, 3);
	assert_int_equal(x.replaced.npacks, 2);
	assert_memory_equal(x.replaced.packs, old, sizeof(old));
	assert_int_equal(x.replaced.nbackups, 1);
	assert_string_equal(x.replaced.backups[0], ids[0]);
}

static void
what_a_replacing_body_says_is_checked(void **state)
{
	static const char id[] = "20261129T023000Z-0a1b2c3d";
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	put_entry(&b, PACK_MAX, 0, 50);
	b.p[0] = 2;
	assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
	buf_add_u32(&b, 1);
	buf_add_zeros(&b, 32);
	buf_add_u32(&b, 1);
	assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
	buf_add(&b, id, sizeof(id) - 1);
	assert_int_equal(read_made_up(b.p, b.n), ERR_NONE);
	b.p[b.n - 1] = 'x';
	assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
	b.p[b.n - 1] = 'd';
	b.p[b.n - sizeof(id)] = 0x7f; /* more backups than bytes */
	assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
}

static void
a_newer_body_says_so_and_a_count_over_the_limit_is_corrupt(void **state)
{
	static const uint32_t counts[] = { 1, INDEX_PACKS_MAX,
		INDEX_PACKS_MAX + 1, UINT32_MAX };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	buf_add_u8(&b, 3);
	assert_int_equal(read_made_up(b.p, b.n), ERR_VERSION);
	b.p[0] = 0;
	assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		b.n = 0;
		buf_add_u8(&b, 1);
		buf_add_u32(&b, counts[i]);
		buf_add_zeros(&b, 40);
		assert_int_equal(read_made_up(b.p, b.n), ERR_CORRUPT);
	}
}

static void
an_expanded_body_over_the_limit_is_corrupt(void **state)
{
	SCOPED(scope_free) uint8_t *zeros = mem_new(INDEX_BODY_MAX + 1);

	(void)state;
	zeros[0] = 1; /* no pack, and a long rest */
	assert_int_equal(read_made_up(zeros, INDEX_BODY_MAX + 1), ERR_CORRUPT);
}

static void
packs_are_dealt_to_objects_below_the_target(void **state)
{
	const size_t n = 10, records = 30000; /* 1.6 MB each */
	struct directory packs[10];
	size_t i, fits, at, objects = 0;

	(void)state;
	for (i = 0; i < n; i++)
		make_directory(&packs[i], (uint32_t)i, 1, records);
	assert_int_equal(index_object_fits(packs, 0), 0);
	for (at = 0; at < n; at += fits, objects++) {
		fits = index_object_fits(packs + at, n - at);
		assert_in_range(fits, 1, n - at);
	}
	assert_int_equal(objects, 2);
	for (i = 0; i < n; i++)
		directory_free(&packs[i]);
}

static void
no_object_describes_more_packs_than_the_limit(void **state)
{
	static struct directory packs[INDEX_PACKS_MAX + 5];

	(void)state;
	assert_int_equal(
	    index_object_fits(packs, INDEX_PACKS_MAX + 5), INDEX_PACKS_MAX);
}

/* What the first version wrote for make_object(f, 3). That it is read is what
 * counts: zstd's next version may write other bytes. */
static const char known_object[] =
    "545249504c4354450501000000000000d23b3902d75bead37daf8b6277b3e71e"
    "01000000444d794a1fff327671765c5599de2d9512d09bdd67b0354cb6284242"
    "cc7f1708fa812015ff506515fe41e1880dbfc52ba56563471deba04dd8ee195f"
    "23e28ddc7872a7f19511efafb0c0622303c28e0ec069184b0c83d81f9c116ac5"
    "66ce3b7659f1f7db83b085a6ff4281f031705b7371b435922a2dfe693c7fe77b"
    "9a91d2270efdcb539f7fb4df89cf3bc22ccf0d47cdf84be391bd59c08e43e3d3"
    "283bbec07dd9dab92fd1b95e070b7edc8ffbfd9e68b3b129e85872eeb54418e2"
    "2354dc1c219c3b46b986552db589565bb9210bc74b31445098ef51c16ca3fdab"
    "95ae3d1c296fc802107258d6470a4aad3c7cff69ff3e397bf8a9cabbf7cbb968"
    "e499e34e4a15a19cee4c3f10e1a82a888aff4045e01ad58d8f837b4b2256a2df"
    "2fa85829cf2a6bd92a59158adaac8635e5a3ef703f4f5baf85d4407dd500ce97"
    "2532591712ff9e15569a22e659fadc4439d7d713cfef8ea1c79f1eb59d9c5ab6"
    "06a31adc7a218043f340d251691ec72a40ded6acf5d3e315d45a17a06e24a202"
    "1afcd630166e067625a8b5a9135eeb3ea9a97b73ffe92df42389e4924c87e34e"
    "dcc67d6ed235202de58aea0bd888e3ae65f3fa49eb06e18e3ae26770754303bd"
    "2d76a6fac99729ad53279d21676a57ccdf945e19ed135a53fe3bdc58b7b2cac3"
    "da55e796b23bf9b06823e57a8836d9733385656a0abbf887c50c845049515c88"
    "1a05dbed289b0b2277282367af796ec8d62270684b480f00431d861b7407210b"
    "8aec29d8f3b2110f620449f4efd87272feeac7509725d8239b16b442365facec"
    "29401353dd90a96df6327f2a4e89aca13bc5894de98aa171036d607836bbff4c"
    "db7a1f2613fc3ae9d5f2db3e91f3944344268468279bd9b6cdd981c80afab83e"
    "06378bb1993dfdea3dd4a70f26e2b20eb02d6f07e2f9755dde07c0840be67c95"
    "3f8307615fcc542016ff09e197981bd084d22b913ab601c72af73d10c8a25028"
    "89ceb02242bd17490bec84392bedae3c43033e167a08413df1ec09be4074ac40"
    "80dcfda1cae4b1ec49296c5d6c63d59440be2ed2647556ff912bc4aaa3d2df5c"
    "09cbe06c482a46e20f601bef4b6ad6cdadba29485bec898ddd24b8a18ed8cc1a"
    "b9ff69f15a147c311efe3b7d5f2610d5e43a54eb6b3f38aaa5da16205e0ab550"
    "21054dfc2ea0e7ea6659b5812472a8ed67f4fb7d4b6f4ae825c45edf0a8d51ec";

static void
an_index_object_written_by_the_first_version_is_read(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	make_object(&f, 3);
	assert_string_equal(f.name, "index/1-17-" ID);
	buf_add_zeros(&object, strlen(known_object) / 2);
	assert_true(hex_parse(known_object, object.p, object.n));
	assert_int_equal(
	    index_object_decode(f.k, f.name, object.p, object.n, &x, &e), 0);
	assert_int_equal(x.n, 3);
	for (i = 0; i < 3; i++)
		assert_same_directory(&f.packs[i], &x.packs[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_go_there_and_back),
		cmocka_unit_test(
		    a_changed_cut_or_longer_index_object_is_refused),
		cmocka_unit_test(
		    an_index_object_under_another_name_or_repository_is_corrupt),
		cmocka_unit_test(an_entry_that_breaks_a_rule_is_corrupt),
		cmocka_unit_test(an_index_object_says_what_it_replaces),
		cmocka_unit_test(what_a_replacing_body_says_is_checked),
		cmocka_unit_test(
		    a_newer_body_says_so_and_a_count_over_the_limit_is_corrupt),
		cmocka_unit_test(an_expanded_body_over_the_limit_is_corrupt),
		cmocka_unit_test(packs_are_dealt_to_objects_below_the_target),
		cmocka_unit_test(no_object_describes_more_packs_than_the_limit),
		cmocka_unit_test(
		    an_index_object_written_by_the_first_version_is_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
