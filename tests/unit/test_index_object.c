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

#include "known.h"
#include "repository/compress.h"
#include "repository/index_object.h"

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
	index_object_encode(f->k, f->name, f->packs, packs, &f->object);
}

static void
packs_go_there_and_back(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 20 };
	size_t c, i, j;

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
		for (i = 0; i < x.n; i++) {
			const struct directory *a = &f.packs[i];
			const struct directory *b = &x.packs[i];

			assert_memory_equal(a->pack.b, b->pack.b, 32);
			assert_int_equal(a->bytes, b->bytes);
			assert_int_equal(a->nslots, b->nslots);
			if (a->nslots > 0)
				assert_memory_equal(a->slots, b->slots,
				    a->nslots * SEAL_KEY_SLOT);
			assert_int_equal(a->n, b->n);
			for (j = 0; j < a->n; j++)
				assert_memory_equal(&a->records[j],
				    &b->records[j], sizeof(a->records[j]));
		}
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

static void
a_newer_body_says_so_and_a_count_over_the_limit_is_corrupt(void **state)
{
	static const uint32_t counts[] = { 1, INDEX_PACKS_MAX,
		INDEX_PACKS_MAX + 1, UINT32_MAX };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	buf_add_u8(&b, 2);
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

static void
the_bytes_of_a_known_index_object_do_not_change(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;

	(void)state;
	make_object(&f, 20);
	assert_string_equal(f.name, "index/1-17-" ID);
	assert_string_equal(known_sha(f.object.p, f.object.n),
	    "2d1691167c063aa8b89333a4011163d8afd0f192b86b1a28d54dcca843bb4d1c");
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
		cmocka_unit_test(
		    a_newer_body_says_so_and_a_count_over_the_limit_is_corrupt),
		cmocka_unit_test(an_expanded_body_over_the_limit_is_corrupt),
		cmocka_unit_test(packs_are_dealt_to_objects_below_the_target),
		cmocka_unit_test(no_object_describes_more_packs_than_the_limit),
		cmocka_unit_test(
		    the_bytes_of_a_known_index_object_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
