/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Manifests: each field comes back, each change is noticed, and a manifest
 * that someone with the keys made up is read with care. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/compress.h"
#include "repository/manifest.h"
#include "tests/unit/known.h"

#define ID "20261122T023000Z-0a1b2c3d"

struct fixture {
	struct keys *k;
	struct manifest m;
	struct buf object;
};

static void
fixture_free(struct fixture *f)
{
	manifest_free(&f->m);
	buf_free(&f->object);
	keys_free(f->k);
}

static void
add_names(struct name_list *l, size_t n, uint32_t seed)
{
	struct name name = { { 0 } };
	size_t i;

	for (i = 0; i < n; i++) {
		known_noise(name.b, NAME_BYTES, seed + (uint32_t)i);
		name_list_add(l, &name);
	}
}

static void
fill(struct manifest *m, size_t names)
{
	size_t i;

	manifest_init(m);
	strcpy(m->id, ID);
	strcpy(m->branch, "main");
	strcpy(m->stage, "production");
	strcpy(m->type, "daily");
	strcpy(m->state, "complete");
	strcpy(m->zone, "Europe/Brussels");
	strcpy(m->comment, "before the upgrade, \"really\" \xc3\xa9");
	m->started = 1795401000;
	m->finished = 1795401065;
	m->sequence = 42;
	known_noise(m->previous.b, 32, 1);
	m->epoch = 3;
	m->audit_seq = 77;
	known_noise(m->audit_head.b, 32, 2);
	add_names(&m->recipes, names, 100);
	m->recipe_bytes = 123456789;
	m->streams = 1234;
	m->nindexes = 3;
	m->indexes = mem_array(3, sizeof(*m->indexes));
	for (i = 0; i < 3; i++) {
		snprintf(m->indexes[i].object, OBJECT_NAME_TEXT,
		    "index/3-%zu-0011223344556677", i);
		known_noise(m->indexes[i].sha.b, 32, 10 + (uint32_t)i);
		m->indexes[i].bytes = 5000 + i;
		for (size_t j = 0; j < i * 100; j++)
			buf_add_u8(&m->indexes[i].used, (uint8_t)(j * 7));
	}
	m->closure_packs = 9;
	m->closure_bytes = UINT64_C(1) << 40;
	m->counts = json_object();
	json_set_integer(m->counts, "bytes_read", 1000);
	add_names(&m->tree, names / 2, 200);
	m->tree_bytes = 987654321;
	m->tree_entries = 4321;
	m->facts = json_object();
	json_set_string(m->facts, "encoding", "UTF8");
}

static void
make_manifest(struct fixture *f, size_t names)
{
	struct err e = ERR_INIT;

	memset(f, 0, sizeof(*f));
	f->k = known_keys(41);
	fill(&f->m, names);
	assert_int_equal(manifest_encode(f->k, &f->m, &f->object, &e), 0);
}

static void
assert_same_names(const struct name_list *a, const struct name_list *b)
{
	assert_int_equal(a->n, b->n);
	if (a->n > 0)
		assert_memory_equal(a->v, b->v, a->n * sizeof(a->v[0]));
}

static void
assert_same_summary(const struct manifest *a, const struct manifest *b)
{
	size_t i;

	assert_string_equal(a->id, b->id);
	assert_string_equal(a->branch, b->branch);
	assert_string_equal(a->stage, b->stage);
	assert_string_equal(a->type, b->type);
	assert_string_equal(a->state, b->state);
	assert_string_equal(a->zone, b->zone);
	assert_string_equal(a->comment, b->comment);
	assert_true(a->started == b->started && a->finished == b->finished);
	assert_int_equal(a->sequence, b->sequence);
	assert_memory_equal(a->previous.b, b->previous.b, 32);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->audit_seq, b->audit_seq);
	assert_memory_equal(a->audit_head.b, b->audit_head.b, 32);
	assert_same_names(&a->recipes, &b->recipes);
	assert_int_equal(a->recipe_bytes, b->recipe_bytes);
	assert_int_equal(a->streams, b->streams);
	assert_int_equal(a->nindexes, b->nindexes);
	for (i = 0; i < a->nindexes; i++) {
		assert_string_equal(a->indexes[i].object, b->indexes[i].object);
		assert_memory_equal(
		    a->indexes[i].sha.b, b->indexes[i].sha.b, 32);
		assert_int_equal(a->indexes[i].bytes, b->indexes[i].bytes);
		assert_int_equal(a->indexes[i].used.n, b->indexes[i].used.n);
		if (a->indexes[i].used.n > 0)
			assert_memory_equal(a->indexes[i].used.p,
			    b->indexes[i].used.p, a->indexes[i].used.n);
	}
	assert_int_equal(a->closure_packs, b->closure_packs);
	assert_int_equal(a->closure_bytes, b->closure_bytes);
	assert_int_equal(json_get_integer(a->counts, "bytes_read", -1),
	    json_get_integer(b->counts, "bytes_read", -2));
}

static void
every_field_comes_back_with_both_keys(void **state)
{
	static const size_t names[] = { 0, 1, 2, 3000 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		SCOPED(fixture_free) struct fixture f;
		SCOPED(manifest_free) struct manifest m;
		struct err e = ERR_INIT;

		manifest_init(&m);
		make_manifest(&f, names[i]);
		assert_int_equal(
		    manifest_decode(f.k, ID, f.object.p, f.object.n, &m, &e),
		    0);
		assert_same_summary(&f.m, &m);
		assert_true(m.has_private);
		assert_same_names(&f.m.tree, &m.tree);
		assert_int_equal(m.tree_bytes, f.m.tree_bytes);
		assert_int_equal(m.tree_entries, f.m.tree_entries);
		assert_string_equal(
		    json_get_string(m.facts, "encoding"), "UTF8");
	}
}

static void
the_agent_key_alone_sees_the_summary_alone(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(manifest_free) struct manifest m;
	SCOPED(keys_freep) struct keys *agent = NULL, *restore = NULL;
	struct err e = ERR_INIT;

	(void)state;
	manifest_init(&m);
	make_manifest(&f, 5);
	agent = known_agent_half(f.k);
	restore = known_restore_half(f.k);
	assert_int_equal(
	    manifest_decode(agent, ID, f.object.p, f.object.n, &m, &e), 0);
	assert_same_summary(&f.m, &m);
	assert_false(m.has_private);
	assert_int_equal(m.tree.n, 0);
	assert_null(m.facts);
	assert_int_equal(
	    manifest_decode(restore, ID, f.object.p, f.object.n, &m, &e), -1);
	assert_int_equal(e.kind, ERR_KEY);
}

static void
a_manifest_without_counts_and_facts_is_written_all_the_same(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(manifest_free) struct manifest m;
	struct err e = ERR_INIT;

	(void)state;
	manifest_init(&m);
	make_manifest(&f, 1);
	json_free(f.m.counts);
	json_free(f.m.facts);
	f.m.counts = NULL;
	f.m.facts = NULL;
	assert_int_equal(manifest_encode(f.k, &f.m, &f.object, &e), 0);
	assert_int_equal(
	    manifest_decode(f.k, ID, f.object.p, f.object.n, &m, &e), 0);
	assert_int_equal(json_count(m.counts), 0);
	assert_non_null(m.facts);
}

static void
the_sealed_parts_have_padme_lengths(void **state)
{
	size_t names;

	(void)state;
	for (names = 0; names < 200; names += 11) {
		SCOPED(fixture_free) struct fixture f;
		struct bytes b;
		uint32_t bytes;

		make_manifest(&f, names);
		b = bytes_of(f.object.p, f.object.n);
		(void)bytes_take(&b, FORMAT_HEADER + BACKUP_ID_LENGTH);
		bytes = bytes_u32(&b);
		assert_int_equal(bytes, format_padme(bytes));
		(void)bytes_take(&b, bytes);
		bytes = bytes_u32(&b);
		assert_int_equal(bytes, format_padme(bytes));
		(void)bytes_take(&b, bytes);
		assert_int_equal(b.n, SEAL_SIGNATURE);
	}
}

static bool
takes(const uint8_t *p, size_t n, const void *arg)
{
	const struct fixture *f = arg;
	SCOPED(manifest_free) struct manifest m;
	struct err e = ERR_INIT;

	manifest_init(&m);
	if (manifest_decode(f->k, ID, p, n, &m, &e) == 0)
		return (true);
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_VERSION);
	assert_int_equal(m.nindexes, 0);
	assert_null(m.counts);
	return (false);
}

static void
a_changed_cut_or_longer_manifest_is_refused(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	struct attempt a = { takes, &f };

	(void)state;
	make_manifest(&f, 0);
	assert_true(takes(f.object.p, f.object.n, &f));
	assert_int_equal(known_flips_taken(&f.object, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&f.object, &a), 0);
	assert_int_equal(known_longer_taken(&f.object, &a), 0);
}

static void
a_manifest_of_another_backup_or_repository_is_corrupt(void **state)
{
	static const char *const ids[] = { "20261122T023000Z-0a1b2c3e",
		"20261122T023001Z-0a1b2c3d", "", "latest" };
	SCOPED(fixture_free) struct fixture f;
	SCOPED(manifest_free) struct manifest m;
	SCOPED(keys_freep) struct keys *other = known_keys(42);
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	manifest_init(&m);
	make_manifest(&f, 2);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		err_clear(&e);
		assert_int_equal(manifest_decode(f.k, ids[i], f.object.p,
				     f.object.n, &m, &e),
		    -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
	err_clear(&e);
	assert_int_equal(
	    manifest_decode(other, ID, f.object.p, f.object.n, &m, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
names_up_to_the_part_limit_are_written_and_more_are_refused(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(manifest_free) struct manifest m;
	struct err e = ERR_INIT;

	(void)state;
	manifest_init(&m);
	make_manifest(&f, 100000); /* of 1.6 GB of recipes */
	assert_int_equal(
	    manifest_decode(f.k, ID, f.object.p, f.object.n, &m, &e), 0);
	assert_int_equal(m.recipes.n, 100000);
	add_names(&f.m.recipes, 40000, 7);
	assert_int_equal(manifest_encode(f.k, &f.m, &f.object, &e), -1);
	assert_int_equal(e.kind, ERR_SYSTEM);
}

/* --- made up by someone who has the keys --------------------------------- */

/* A manifest whose parts are these texts, sealed and signed as they should. */
static enum err_kind
read_made_up(const char *summary, const char *private)
{
	SCOPED(keys_freep) struct keys *k = known_keys(43);
	SCOPED(buf_free) struct buf part = BUF_INIT, sealed = BUF_INIT;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(manifest_free) struct manifest m;
	struct err e = ERR_INIT;

	manifest_init(&m);
	format_add_header(&object, FORMAT_MANIFEST, keys_repo(k));
	buf_add_string(&object, ID);
	compress_part(summary, strlen(summary), 0, &part);
	seal_index(k, "summary " ID, part.p, part.n, &sealed);
	buf_add_u32(&object, (uint32_t)sealed.n);
	buf_add(&object, sealed.p, sealed.n);
	sealed.n = 0;
	compress_part(private, strlen(private), 0, &part);
	seal_private(k, "private " ID, part.p, part.n, &sealed);
	buf_add_u32(&object, (uint32_t)sealed.n);
	buf_add(&object, sealed.p, sealed.n);
	seal_sign(k, "manifest", &object);
	if (manifest_decode(k, ID, object.p, object.n, &m, &e) == 0)
		return (ERR_NONE);
	return (e.kind);
}

#define Z16 "00000000000000000000000000000000"
#define Z32 Z16 Z16
#define PRIVATE                                                                \
	"{\"tree\":\"\",\"tree_bytes\":0,\"tree_entries\":0,\"facts\":{}}"

/* The least good summary with one key's value replaced. */
static char *
summary_with(const char *key, const char *value)
{
	static const char *const good[][2] = { { "branch", "\"b\"" },
		{ "stage", "\"s\"" }, { "type", "\"t\"" },
		{ "state", "\"complete\"" }, { "zone", "\"UTC\"" },
		{ "comment", "\"\"" }, { "started", "1" }, { "finished", "2" },
		{ "sequence", "1" }, { "previous", "\"" Z32 "\"" },
		{ "epoch", "1" }, { "audit_seq", "0" },
		{ "audit_head", "\"" Z32 "\"" }, { "recipes", "\"\"" },
		{ "recipe_bytes", "0" }, { "streams", "0" },
		{ "indexes", "[]" }, { "closure_packs", "0" },
		{ "closure_bytes", "0" }, { "counts", "{}" } };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		buf_printf(&b, "%c\"%s\":%s", i == 0 ? '{' : ',', good[i][0],
		    strcmp(good[i][0], key) == 0 ? value : good[i][1]);
	buf_add_u8(&b, '}');
	return (mem_string(buf_text(&b)));
}

static enum err_kind
with(const char *key, const char *value)
{
	SCOPED(scope_free) char *summary = summary_with(key, value);

	return (read_made_up(summary, PRIVATE));
}

#define INDEX(object, sha, bytes, used)                                        \
	"[{\"object\":" object ",\"sha256\":" sha ",\"bytes\":" bytes          \
	",\"used\":" used "}]"

static void
a_summary_that_breaks_a_rule_is_corrupt(void **state)
{
	static const char *const bad[][2] = { { "branch", "null" },
		{ "branch", "7" }, { "branch", "\"" Z32 "\"" },
		{ "stage", "\"productionproduct\"" }, { "state", "\"good\"" },
		{ "state", "\"\"" }, { "zone", "[]" }, { "started", "-1" },
		{ "started", "\"1\"" }, { "finished", "1.5" },
		{ "sequence", "0" }, { "sequence", "-1" }, { "epoch", "0" },
		{ "epoch", "4294967296" }, { "previous", "\"\"" },
		{ "previous", "\"" Z16 "\"" }, { "previous", "\"G" Z32 "\"" },
		{ "audit_seq", "-1" }, { "recipes", "[]" },
		{ "recipes", "\"00\"" }, { "recipes", "\"" Z32 "0\"" },
		{ "recipe_bytes", "null" }, { "streams", "268435457" },
		{ "indexes", "null" }, { "indexes", "[null]" },
		{ "indexes", INDEX("\"packs/x\"", "\"" Z32 "\"", "1", "\"\"") },
		{ "indexes", INDEX("\"index/x\"", "\"\"", "1", "\"\"") },
		{ "indexes",
		    INDEX("\"index/x\"", "\"" Z32 "\"", "33554433", "\"\"") },
		{ "indexes",
		    INDEX("\"index/x\"", "\"" Z32 "\"", "1", "\"0\"") },
		{ "indexes",
		    INDEX("\"index/x\"", "\"" Z32 "\"", "1", "\"zz\"") },
		{ "closure_packs", "-1" }, { "closure_bytes", "{}" },
		{ "counts", "[]" }, { "counts", "null" } };
	size_t i;

	(void)state;
	assert_int_equal(with("", ""), ERR_NONE);
	assert_int_equal(with("recipes", "\"" Z32 Z32 "\""), ERR_NONE);
	assert_int_equal(
	    with("indexes", INDEX("\"index/x\"", "\"" Z32 "\"", "1", "\"ff\"")),
	    ERR_NONE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (with(bad[i][0], bad[i][1]) != ERR_CORRUPT)
			fail_msg("%s: %s was taken", bad[i][0], bad[i][1]);
}

static void
a_bitmap_longer_than_any_index_object_is_corrupt(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	buf_add_string(&b,
	    "[{\"object\":\"index/x\",\"sha256\":\"" Z32
	    "\",\"bytes\":1,\"used\":\"");
	for (i = 0; i < 513; i++)
		buf_add_string(&b, "ff");
	buf_add_string(&b, "\"}]");
	assert_int_equal(with("indexes", buf_text(&b)), ERR_CORRUPT);
}

static void
a_part_that_is_no_json_or_lacks_a_key_is_corrupt(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "null", "{}", "\"x\"",
		"{\"tree\":\"\",\"tree_bytes\":0,\"tree_entries\":0}",
		"{\"tree\":\"\",\"tree_bytes\":-1,\"tree_entries\":0,"
		"\"facts\":{}}",
		"{\"tree\":0,\"tree_bytes\":0,\"tree_entries\":0,"
		"\"facts\":{}}" };
	SCOPED(scope_free) char *summary = summary_with("", "");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_made_up(bad[i], PRIVATE), ERR_CORRUPT);
		assert_int_equal(read_made_up(summary, bad[i]), ERR_CORRUPT);
	}
}

static void
a_part_over_the_limit_is_corrupt(void **state)
{
	SCOPED(scope_free) char *spaces = mem_new(JSON_PART_MAX + 2);
	SCOPED(scope_free) char *summary = summary_with("", "");

	(void)state;
	memset(spaces, ' ', JSON_PART_MAX + 1);
	memcpy(spaces, PRIVATE, strlen(PRIVATE));
	assert_int_equal(read_made_up(summary, spaces), ERR_CORRUPT);
	spaces[JSON_PART_MAX] = '\0';
	assert_int_equal(read_made_up(summary, spaces), ERR_NONE);
}

static void
a_comment_is_cut_between_characters(void **state)
{
	SCOPED(fixture_free) struct fixture f;
	SCOPED(manifest_free) struct manifest m;
	struct err e = ERR_INIT;

	(void)state;
	manifest_init(&m);
	make_manifest(&f, 0);
	memset(f.m.comment, '\xff', 255); /* each becomes three bytes */
	f.m.comment[255] = '\0';
	assert_int_equal(manifest_encode(f.k, &f.m, &f.object, &e), 0);
	assert_int_equal(
	    manifest_decode(f.k, ID, f.object.p, f.object.n, &m, &e), 0);
	assert_int_equal(strlen(m.comment), 255);
	assert_memory_equal(m.comment + 252, "\xef\xbf\xbd", 3);
}

/* What the first version wrote for fill(m, 2) under the keys of seed 41. That
 * it is read is what counts: zstd's next version may write other bytes. */
static const char known_manifest[] =
    "545249504c435445060100000000000065fe16d43ae0742f0e4820a3e881c3e7"
    "3230323631313232543032333030305a2d3061316232633364a0030000010000"
    "00ced0eae48d2865df357d4acebe1fac90d487f7728c40bc0ad3b9ebf912a97e"
    "04ae2e77535f6f0e4962c57a793cfd9842ccf4e084681a7e2f96a36f33b286ad"
    "d5118a94c653c1bf88410d8c3a69d50b9953eef9408cf95e490ea439af5e62e4"
    "8ddec5c44247ab7dcd38a00992c0b15b37e5bbcc8bf6b398ada1bdc93e384e66"
    "fa73eb76b2182b6228143f8eee8bce6c855e848bda94e4d2c456184db0ccf252"
    "65bcf821b86efc2d4b22550afe12ef8f59d4284cbf02c094463b77596cf21908"
    "c3813e0e14c50491b7c314ca9ee7d2114a3a236c2ed869c6517947a8ed7e34f7"
    "73d9c6699cba33a0e922317ac80a11f9edab300493ead2da20463fcb1b7ae7f9"
    "aec4e9acf13420e937c27a61ac117bb78e5bea1237f7df29d3cf48cdc8cf509b"
    "fb3e3dbed1e61716bbae0aef87730f181c3e94d79aa60518d86e3adc111bd6a4"
    "5668143a6c802b0819a03556bcb365d5fee8888ca2f7ba4f937afca46c039cdf"
    "c0a2e9882806d34f6b223b49c027d73e7d803463de513960b061c0c2a85bb1dd"
    "0e05e3b71f5be2ea0c97d7355b70aa10c149325c31a8ba816b9b72e18d301a32"
    "f1e68cc284fdb6140b06060728274c673b7aeb38cafa862e25171754b7c8cf95"
    "a0fbb6c661dbbcbf138612707d0d2b2a6adc300b1303d5b704362aee5ee87ddb"
    "9fb7b5ba60dc6a4a8cac28b3239d87af842be32edfc2a12acccf64469bf715b1"
    "df29aff564f5f173fa50d58475eb2e2a0a49afbddb254d466bfaea43a50e8cb1"
    "09249a3c86fe761c28ab57516f281b9bf4de951cea3c5e56ae57e6ec0ab9b414"
    "82cc31e6097852a27a21373c7a56f1c705d59b97a94dc8396ab6f127bacfb63c"
    "ca278b4f3160f4491032ffb1b224d8076a1579a8a576c8093645a0e2b6c631a6"
    "5d72902e910bc29c0ba265e6c70b8c6ebe157c50d4d2629e3190214407bf465f"
    "547c97bb218ad1dd0c7a6481ae96fa5a097851593f2fe63a636619a8707717d3"
    "b220826c10d76d915442c472ab2c61ff6e7057bb347abbbf010e43bcdfcfef50"
    "a008d40fd0c7917af44aa49eb0aa80e3514f4fded2f9595a1afc1e7dc7c40e96"
    "c8e8a27f3b7a99dd574f0a85372b6f6826c86d3ccf9cf1569ac6e878787169e0"
    "137b38b122b559c904fa04e2a37899eaf1da86e41db4a4def397c3e38cf123af"
    "699426b897e36666d373c0fcbae45e3d47b5dcfe971ba71939a1208ca2bdc922"
    "eb8807447ad04437b794826d4908fc58b173dff992b9ec53c8c0f1c2950eec3b"
    "d0158c1dff6989fbc44d635ce0b3504b3832d7a0af4cb1c17b6c0a1081000100"
    "000100000025019de269e74b87876ff5a7c7aa343205ae798bb35cd0dc80890a"
    "c23268903e44e40f54a70a8f69bb73bbf4d86a2084932ee30fa7148e54bf68ed"
    "cc4020b556f4ed7bfc2b93a421060ec69a74ff4c949f8a267ffd81a68f1dfb17"
    "99d009286962e3c8387b47abd87eb566f76cfa4ab69626237d0702b96c50c04d"
    "8d143b13e4b631974aa3532aa625ca1ffefc053999cc8fa000affdf544956e39"
    "d7ae73483fe1d0b1736e78efaf19f3e3404434b034ba6e807920820b21b53ceb"
    "29f5ad12aacba554c42acd85082cbb97668db040384ea11850ada5b9be234ae6"
    "31faaed6f3a91f4758ffb22df77bacf9306401591021b90a8128556aeb6ff146"
    "3601000000c751cce2b9d05eaf34d1964024c4c3b07ca2c50578b3d9054310de"
    "a23b651db052d2320ba45d59b56e8e5bb40e47a700ede1faf82181699c7a32c9"
    "633658970f";

static void
a_manifest_written_by_the_first_version_is_read(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(41);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(manifest_free) struct manifest want, m;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	(void)state;
	fill(&want, 2);
	manifest_init(&m);
	buf_add_zeros(&object, strlen(known_manifest) / 2);
	assert_true(hex_parse(known_manifest, object.p, object.n));
	assert_int_equal(manifest_decode(k, ID, object.p, object.n, &m, &e), 0);
	assert_same_summary(&want, &m);
	assert_same_names(&want.tree, &m.tree);
	manifest_name(ID, name);
	assert_string_equal(name, "backups/" ID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_comes_back_with_both_keys),
		cmocka_unit_test(the_agent_key_alone_sees_the_summary_alone),
		cmocka_unit_test(
		    a_manifest_without_counts_and_facts_is_written_all_the_same),
		cmocka_unit_test(the_sealed_parts_have_padme_lengths),
		cmocka_unit_test(a_changed_cut_or_longer_manifest_is_refused),
		cmocka_unit_test(
		    a_manifest_of_another_backup_or_repository_is_corrupt),
		cmocka_unit_test(
		    names_up_to_the_part_limit_are_written_and_more_are_refused),
		cmocka_unit_test(a_summary_that_breaks_a_rule_is_corrupt),
		cmocka_unit_test(
		    a_bitmap_longer_than_any_index_object_is_corrupt),
		cmocka_unit_test(
		    a_part_that_is_no_json_or_lacks_a_key_is_corrupt),
		cmocka_unit_test(a_part_over_the_limit_is_corrupt),
		cmocka_unit_test(a_comment_is_cut_between_characters),
		cmocka_unit_test(
		    a_manifest_written_by_the_first_version_is_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
