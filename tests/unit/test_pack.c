/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Packs: filled, read, changed, cut, and made up by someone with the key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/pack.h"
#include "tests/unit/known.h"

/* A finished pack of a few records of every sort. */
struct fixture {
	struct keys *k;
	struct pack_key *pk;
	struct buf object;
	struct directory d;
};

static void
fixture_free(struct fixture *f)
{
	buf_free(&f->object);
	directory_free(&f->d);
	pack_key_free(f->pk);
	keys_free(f->k);
}

/* The i-th record and its box. */
static void
add_record(struct fixture *f, struct pack *p, unsigned i)
{
	static const struct record sorts[] = {
		{ .kind = RECORD_DATA, .codec = CODEC_RAW },
		{ .kind = RECORD_DATA, .codec = CODEC_ZSTD },
		{ .kind = RECORD_DATA, .codec = CODEC_DELTA, .nbases = 1 },
		{ .kind = RECORD_DATA, .codec = CODEC_DELTA, .nbases = 4 },
		{ .kind = RECORD_RECIPE,
		    .codec = CODEC_RAW,
		    .slot = SEAL_BY_INDEX_KEY },
		{ .kind = RECORD_TREE, .codec = CODEC_ZSTD },
	};
	SCOPED(buf_free) struct buf box = BUF_INIT;
	struct record r = sorts[i % 6];
	uint8_t bytes[64];
	unsigned j;

	r.plain_bytes = r.codec == CODEC_RAW ? 10 + i % 50 : 1000 + i;
	known_noise(r.name.b, NAME_BYTES, 100 + i);
	for (j = 0; j < r.nbases; j++)
		known_noise(r.bases[j].b, NAME_BYTES, 100000 + 10 * i + j);
	known_noise(bytes, sizeof(bytes), i);
	seal_box(f->k, f->pk, &r, bytes, 10 + i % 50, &box);
	pack_add(p, &r, box.p);
}

static void
make_pack(struct fixture *f, unsigned records)
{
	SCOPED(pack_freep) struct pack *p = NULL;
	unsigned i;

	memset(f, 0, sizeof(*f));
	f->k = known_keys(21);
	f->pk = pack_key_new(f->k);
	p = pack_new(f->k, f->pk, PACK_DATA);
	for (i = 0; i < records; i++)
		add_record(f, p, i);
	assert_int_equal(pack_count(p), records);
	pack_end(p, &f->object, &f->d);
}

static void
assert_same(const struct directory *a, const struct directory *b)
{
	size_t i;

	assert_int_equal(a->kind, b->kind);
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
a_pack_gives_its_directory_and_its_boxes_back(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	make_pack(&f, 100);
	assert_int_equal(
	    pack_read(f.k, f.object.p, f.object.n, &f.d.pack, &d, &e), 0);
	assert_same(&f.d, &d);
	assert_int_equal(d.bytes, f.object.n);
	for (i = 0; i < d.n; i++) {
		SCOPED(buf_free) struct buf out = BUF_INIT;
		const struct placed *at = &d.records[i];
		uint8_t bytes[64];

		assert_int_equal(
		    unseal_box(f.k, f.pk, &at->record, f.object.p + at->offset,
			at->record.box_bytes, &out, &e),
		    0);
		known_noise(bytes, sizeof(bytes), (uint32_t)i);
		assert_int_equal(out.n, 10 + i % 50);
		assert_memory_equal(out.p, bytes, out.n);
	}
}

static void
a_pack_is_named_by_its_bytes_and_padded(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 40; n++) {
		SCOPED(fixture_free) struct fixture f;
		char name[OBJECT_NAME_TEXT];

		make_pack(&f, n);
		format_pack_name(&f.d.pack, name);
		assert_string_equal(
		    name + 9, known_sha(f.object.p, f.object.n));
		assert_int_equal(f.object.n, format_padme(f.object.n));
	}
}

static bool
takes_named(const uint8_t *p, size_t n, const void *arg)
{
	const struct fixture *f = arg;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err e = ERR_INIT;

	if (pack_read(f->k, p, n, &f->d.pack, &d, &e) == 0)
		return (true);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(d.n, 0);
	assert_null(d.slots);
	return (false);
}

/* Without the hash: what the seals alone notice. */
static bool
takes_unnamed(const uint8_t *p, size_t n, const void *arg)
{
	const struct fixture *f = arg;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err e = ERR_INIT;

	return (pack_read(f->k, p, n, NULL, &d, &e) == 0);
}

static void
one_flipped_bit_anywhere_is_corrupt(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct attempt a = { takes_named, &f };

	(void)state;
	make_pack(&f, 6);
	assert_true(takes_named(f.object.p, f.object.n, &f));
	assert_int_equal(known_flips_taken(&f.object, 1, &a), 0);
}

static void
a_cut_or_longer_pack_is_corrupt(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct attempt named = { takes_named, &f };
	struct attempt unnamed = { takes_unnamed, &f };

	(void)state;
	make_pack(&f, 6);
	assert_int_equal(known_cuts_taken(&f.object, &named), 0);
	assert_int_equal(known_longer_taken(&f.object, &named), 0);
	assert_int_equal(known_cuts_taken(&f.object, &unnamed), 0);
	assert_int_equal(known_longer_taken(&f.object, &unnamed), 0);
}

static void
key_slots_and_header_are_authentic_by_the_directory(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct buf front;
	size_t at, taken = 0;

	(void)state;
	make_pack(&f, 6);
	front = (struct buf){ .p = f.object.p,
		.n = FORMAT_HEADER + 1 + SEAL_KEY_SLOT };
	for (at = 0; at < front.n; at++) {
		front.p[at] ^= 0x10;
		taken += takes_unnamed(f.object.p, f.object.n, &f);
		front.p[at] ^= 0x10;
	}
	assert_int_equal(taken, 0);
}

static void
a_pack_under_another_name_or_of_another_repository_is_corrupt(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(keys_freep) struct keys *other = known_keys(22);
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct sha256 name;
	struct err e = ERR_INIT;

	(void)state;
	make_pack(&f, 6);
	name = f.d.pack;
	name.b[0] ^= 1;
	assert_int_equal(
	    pack_read(f.k, f.object.p, f.object.n, &name, &d, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	err_clear(&e);
	assert_int_equal(
	    pack_read(other, f.object.p, f.object.n, &f.d.pack, &d, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
reading_a_directory_needs_the_agent_key_alone(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(keys_freep) struct keys *agent = NULL, *restore = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make_pack(&f, 6);
	agent = known_agent_half(f.k);
	restore = known_restore_half(f.k);
	assert_int_equal(
	    pack_read(agent, f.object.p, f.object.n, NULL, &d, &e), 0);
	assert_int_equal(
	    pack_read(restore, f.object.p, f.object.n, NULL, &d, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static void
a_newer_pack_says_so(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err e = ERR_INIT;

	(void)state;
	make_pack(&f, 1);
	f.object.p[9] = FORMAT_VERSION + 1;
	assert_int_equal(
	    pack_read(f.k, f.object.p, f.object.n, NULL, &d, &e), -1);
	assert_int_equal(e.kind, ERR_VERSION);
	f.object.p[9] = FORMAT_VERSION;
	f.object.p[12] = 1;
	err_clear(&e);
	assert_int_equal(
	    pack_read(f.k, f.object.p, f.object.n, NULL, &d, &e), -1);
	assert_int_equal(e.kind, ERR_VERSION);
}

static void
a_pack_without_slots_holds_recipes(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(23);
	SCOPED(pack_freep) struct pack *p = pack_new(k, NULL, PACK_META);
	SCOPED(directory_free) struct directory made = DIRECTORY_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf box = BUF_INIT, object = BUF_INIT;
	struct record r = { .kind = RECORD_RECIPE,
		.slot = SEAL_BY_INDEX_KEY,
		.plain_bytes = 5 };
	struct err e = ERR_INIT;

	(void)state;
	seal_box(k, NULL, &r, "hello", 5, &box);
	pack_add(p, &r, box.p);
	pack_end(p, &object, &made);
	assert_int_equal(
	    pack_read(k, object.p, object.n, &made.pack, &d, &e), 0);
	assert_int_equal(d.kind, PACK_META);
	assert_int_equal(d.nslots, 0);
	assert_int_equal(d.n, 1);
}

static void
a_pack_is_full_at_its_target_and_stays_below_the_limit(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(24);
	SCOPED(pack_key_freep) struct pack_key *pk = pack_key_new(k);
	SCOPED(pack_freep) struct pack *p = pack_new(k, pk, PACK_DATA);
	SCOPED(scope_free) uint8_t *plain = mem_new(CHUNK_MAX);
	SCOPED(buf_free) struct buf box = BUF_INIT, object = BUF_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct record r = { .kind = RECORD_DATA, .plain_bytes = CHUNK_MAX };

	(void)state;
	seal_box(k, pk, &r, plain, CHUNK_MAX, &box);
	while (!pack_is_full(p))
		pack_add(p, &r, box.p);
	assert_int_equal(pack_count(p), 4);
	pack_end(p, &object, &d);
	assert_true(object.n >= PACK_TARGET && object.n <= PACK_MAX);
}

static void
many_small_records_fill_a_pack_by_its_directory(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(25);
	SCOPED(pack_key_freep) struct pack_key *pk = pack_key_new(k);
	SCOPED(pack_freep) struct pack *p = pack_new(k, pk, PACK_DATA);
	SCOPED(buf_free) struct buf box = BUF_INIT, object = BUF_INIT;
	SCOPED(directory_free) struct directory made = DIRECTORY_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct record r = { .kind = RECORD_DATA,
		.codec = CODEC_DELTA,
		.nbases = 4,
		.plain_bytes = 1 };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		r.bases[i].b[0] = (uint8_t)(1 + i);
	seal_box(k, pk, &r, "x", 1, &box);
	while (!pack_is_full(p))
		pack_add(p, &r, box.p);
	assert_true(pack_count(p) < PACK_RECORDS_MAX);
	pack_end(p, &object, &made);
	assert_true(object.n <= PACK_MAX);
	assert_int_equal(
	    pack_read(k, object.p, object.n, &made.pack, &d, &e), 0);
	assert_int_equal(d.n, made.n);
}

/* --- directories made up by someone who has the index key ---------------- */

/* One record as bytes. */
static void
put_record(struct buf *b, const struct record *r)
{
	size_t i;

	buf_add(b, r->name.b, NAME_BYTES);
	buf_add_u8(b, r->kind);
	buf_add_u8(b, r->codec);
	buf_add_u8(b, r->slot);
	buf_add_u8(b, r->nbases);
	buf_add_u32(b, r->plain_bytes);
	buf_add_u32(b, r->box_bytes);
	for (i = 0; i < r->nbases && i < BASES_MAX; i++)
		buf_add(b, r->bases[i].b, NAME_BYTES);
}

static enum err_kind
decode(const void *p, size_t n)
{
	SCOPED(directory_free) struct directory d = { .nslots = 2 };
	struct bytes b = bytes_of(p, n);
	struct err e = ERR_INIT;

	if (directory_decode(&b, 100, &d, &e) < 0)
		return (e.kind);
	return (bytes_done(&b) ? ERR_NONE : ERR_SYSTEM);
}

static enum err_kind
decode_record(const struct record *r)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	buf_add_u8(&b, PACK_DATA);
	buf_add_u32(&b, 1);
	put_record(&b, r);
	return (decode(b.p, b.n));
}

static struct record
good_delta(void)
{
	struct record r = { .kind = RECORD_DATA,
		.codec = CODEC_DELTA,
		.slot = 1,
		.nbases = 4,
		.plain_bytes = CHUNK_MAX,
		.box_bytes = BOX_MAX };
	uint8_t i;

	r.name.b[0] = 9;
	for (i = 0; i < 4; i++)
		r.bases[i].b[0] = i;
	return (r);
}

static void
a_record_that_breaks_a_rule_is_corrupt(void **state)
{
	struct record r[14];
	size_t i;

	(void)state;
	for (i = 0; i < 14; i++)
		r[i] = good_delta();
	assert_int_equal(decode_record(&r[0]), ERR_NONE);
	r[0].kind = 0;
	r[1].kind = 4;
	r[2].codec = 3;
	r[3].slot = 2;		   /* there are two */
	r[4].nbases = 5;	   /* more than four */
	r[5].nbases = 0;	   /* a delta of nothing */
	r[6].codec = CODEC_ZSTD;   /* a full copy with bases */
	r[7].bases[2] = r[7].name; /* its own base */
	r[8].bases[2] = r[8].bases[1];
	r[9].plain_bytes = CHUNK_MAX + 1;
	r[10].box_bytes = BOX_MAX + 1;
	r[11].box_bytes = BOX_OVERHEAD - 1;
	r[12].codec = CODEC_RAW; /* raw, and of another length */
	r[12].nbases = 0;
	r[13].kind = RECORD_RECIPE; /* only data has deltas */
	for (i = 0; i < 14; i++)
		assert_int_equal(decode_record(&r[i]), ERR_CORRUPT);
}

static void
the_least_and_the_most_of_a_record_are_taken(void **state)
{
	struct record r = { .kind = RECORD_TREE,
		.slot = SEAL_BY_INDEX_KEY,
		.box_bytes = SEAL_INDEX_OVERHEAD };

	(void)state;
	assert_int_equal(decode_record(&r), ERR_NONE);
	r.slot = 0;
	r.plain_bytes = CHUNK_MAX;
	r.box_bytes = CHUNK_MAX + BOX_OVERHEAD;
	assert_int_equal(decode_record(&r), ERR_NONE);
}

static void
a_directory_longer_than_what_holds_it_is_corrupt(void **state)
{
	static const uint32_t counts[] = { 2, 3, PACK_RECORDS_MAX,
		PACK_RECORDS_MAX + 1, UINT32_MAX };
	struct record r = good_delta();
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;

		buf_add_u8(&b, PACK_DATA);
		buf_add_u32(&b, counts[i]);
		put_record(&b, &r);
		for (n = 0; n <= b.n; n++)
			assert_int_equal(decode(b.p, n), ERR_CORRUPT);
	}
}

static void
a_pack_of_unknown_kind_is_corrupt(void **state)
{
	static const uint8_t kinds[] = { 0, 3, 255 };
	uint8_t b[5] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds); i++) {
		b[0] = kinds[i];
		assert_int_equal(decode(b, sizeof(b)), ERR_CORRUPT);
	}
	b[0] = PACK_META;
	assert_int_equal(decode(b, sizeof(b)), ERR_NONE);
}

static void
boxes_that_pass_the_end_of_any_pack_are_corrupt(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct record r = good_delta();
	uint32_t i, n = PACK_MAX / BOX_MAX + 1;

	(void)state;
	buf_add_u8(&b, PACK_DATA);
	buf_add_u32(&b, n);
	for (i = 0; i < n; i++) {
		r.name.b[1] = (uint8_t)i;
		put_record(&b, &r);
	}
	assert_int_equal(decode(b.p, b.n), ERR_CORRUPT);
}

/* A pack with a directory of our own making, sealed as it should be. */
static enum err_kind
read_made_up(const struct buf *plain, size_t boxes)
{
	SCOPED(keys_freep) struct keys *k = known_keys(26);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	char context[80];
	struct err e = ERR_INIT;
	size_t before;

	format_add_header(&object, FORMAT_PACK, keys_repo(k));
	buf_add_u8(&object, 0);
	snprintf(
	    context, sizeof(context), "pack %s", known_sha(object.p, object.n));
	buf_add_zeros(&object, boxes);
	before = object.n;
	seal_index(k, context, plain->p, plain->n, &object);
	buf_add_u32(&object, (uint32_t)(object.n - before));
	if (pack_read(k, object.p, object.n, NULL, &d, &e) == 0)
		return (ERR_NONE);
	return (e.kind);
}

static void
boxes_that_leave_a_gap_or_overlap_the_directory_are_corrupt(void **state)
{
	SCOPED(buf_free) struct buf plain = BUF_INIT;
	struct record r = { .kind = RECORD_RECIPE,
		.slot = SEAL_BY_INDEX_KEY,
		.plain_bytes = 10,
		.box_bytes = 10 + SEAL_INDEX_OVERHEAD };

	(void)state;
	buf_add_u8(&plain, PACK_META);
	buf_add_u32(&plain, 1);
	put_record(&plain, &r);
	assert_int_equal(read_made_up(&plain, r.box_bytes), ERR_NONE);
	assert_int_equal(read_made_up(&plain, r.box_bytes + 1U), ERR_CORRUPT);
	assert_int_equal(read_made_up(&plain, r.box_bytes - 1U), ERR_CORRUPT);
	assert_int_equal(read_made_up(&plain, 0), ERR_CORRUPT);
	buf_add_zeros(&plain, 20);
	assert_int_equal(read_made_up(&plain, r.box_bytes), ERR_NONE);
	plain.p[plain.n - 1] = 1; /* padding is zeros */
	assert_int_equal(read_made_up(&plain, r.box_bytes), ERR_CORRUPT);
}

static void
the_tail_length_is_checked_against_the_pack(void **state)
{
	static const struct {
		uint32_t tail;
		uint64_t pack;
		int rc;
	} cases[] = { { 0, 1000, -1 }, { 43, 1000, -1 }, { 44, 1000, 0 },
		{ 963, 1000, 0 }, { 964, 1000, -1 }, { 996, 1000, -1 },
		{ UINT32_MAX, 1000, -1 }, { 44, PACK_MAX, 0 },
		{ 44, PACK_MAX + 1, -1 }, { 44, UINT64_MAX, -1 } };
	size_t i, tail;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;
		struct err e = ERR_INIT;

		buf_add_u32(&b, cases[i].tail);
		assert_int_equal(pack_tail_bytes(b.p, cases[i].pack, &tail, &e),
		    cases[i].rc);
		if (cases[i].rc == 0)
			assert_int_equal(tail, cases[i].tail + 4);
		else
			assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void
the_bytes_of_a_known_pack_do_not_change(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	make_pack(&f, 20);
	assert_string_equal(known_sha(f.object.p, f.object.n),
	    "5985b823fb4cc19590ac3c3ce64def84da807013772a3a18b86ddecd8555dabb");
	directory_encode(&f.d, &b);
	assert_string_equal(known_sha(b.p, b.n),
	    "7cbcf829818ec7fff4b10a8f678798437ed1b7584a1a0a7934adce1b33f67614");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pack_gives_its_directory_and_its_boxes_back),
		cmocka_unit_test(a_pack_is_named_by_its_bytes_and_padded),
		cmocka_unit_test(one_flipped_bit_anywhere_is_corrupt),
		cmocka_unit_test(a_cut_or_longer_pack_is_corrupt),
		cmocka_unit_test(
		    key_slots_and_header_are_authentic_by_the_directory),
		cmocka_unit_test(
		    a_pack_under_another_name_or_of_another_repository_is_corrupt),
		cmocka_unit_test(reading_a_directory_needs_the_agent_key_alone),
		cmocka_unit_test(a_newer_pack_says_so),
		cmocka_unit_test(a_pack_without_slots_holds_recipes),
		cmocka_unit_test(
		    a_pack_is_full_at_its_target_and_stays_below_the_limit),
		cmocka_unit_test(
		    many_small_records_fill_a_pack_by_its_directory),
		cmocka_unit_test(a_record_that_breaks_a_rule_is_corrupt),
		cmocka_unit_test(the_least_and_the_most_of_a_record_are_taken),
		cmocka_unit_test(
		    a_directory_longer_than_what_holds_it_is_corrupt),
		cmocka_unit_test(a_pack_of_unknown_kind_is_corrupt),
		cmocka_unit_test(
		    boxes_that_pass_the_end_of_any_pack_are_corrupt),
		cmocka_unit_test(
		    boxes_that_leave_a_gap_or_overlap_the_directory_are_corrupt),
		cmocka_unit_test(the_tail_length_is_checked_against_the_pack),
		cmocka_unit_test(the_bytes_of_a_known_pack_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
