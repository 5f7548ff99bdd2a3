/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups with known bytes, damage, and reading all of it back. Whatever fails
 * here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/repo_fixture.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stop.h"
#include "repository/catalog.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/lookup.h"
#include "repository/recover.h"
#include "tests/unit/known.h"

#define ROWS  ((size_t)300 << 10)
#define SMALL 777

void
fixture_must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

void
fixture_open(struct rig *g)
{
	stop_reset();
	rig_open_repository(g, RIG_ENDPOINTS);
}

void
fixture_close(struct rig *g)
{
	rig_close(g);
}

/* --- backups --- */

static void
fill(struct ingest *in, uint32_t seed)
{
	SCOPED(recipe_free) struct recipe noise = RECIPE_INIT;
	SCOPED(recipe_free) struct recipe rows = RECIPE_INIT;
	SCOPED(recipe_free) struct recipe small = RECIPE_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(FIXTURE_NOISE);
	struct err e = ERR_INIT;

	known_noise(p, FIXTURE_NOISE, seed);
	rig_ingest(in, "public.noise", p, FIXTURE_NOISE, &noise);
	known_rows(p, ROWS, 1);
	rig_ingest(in, "public.rows", p, ROWS, &rows);
	fixture_must(ingest_small(in, STREAM_FILE, "production", "ab/abcd", p,
			 SMALL, &small, &e),
	    &e);
	rig_add(in, &noise, "public.noise");
	rig_add(in, &rows, "public.rows");
	rig_add(in, &small, "ab/abcd");
}

void
fixture_backup(struct repo *r, uint32_t seed, char id[BACKUP_ID_TEXT])
{
	SCOPED(ingest_freep) struct ingest *in = NULL;
	SCOPED(manifest_free) struct manifest m;
	struct err e = ERR_INIT;

	manifest_init(&m);
	in = ingest_open(r, &e);
	fixture_must(in == NULL, &e);
	fill(in, seed);
	(void)snprintf(m.branch, sizeof(m.branch), "production");
	(void)snprintf(m.stage, sizeof(m.stage), "production");
	(void)snprintf(m.type, sizeof(m.type), "manual");
	(void)snprintf(m.state, sizeof(m.state), "complete");
	(void)snprintf(m.comment, sizeof(m.comment), "%u", seed);
	m.started = clock_now();
	m.finished = m.started;
	m.counts = json_object();
	m.facts = json_object();
	fixture_must(ingest_commit(in, &m, &e), &e);
	if (id != NULL)
		memcpy(id, m.id, BACKUP_ID_TEXT);
}

void
fixture_send(struct repo *r, unsigned flags, struct endpoint_report reports[])
{
	struct endpoint_report own[SETTINGS_ENDPOINTS_MAX];
	struct err e = ERR_INIT;
	SCOPED(replicate_freep)
	struct replicate *rep = replicate_start(r, 0, flags, &e);

	fixture_must(rep == NULL, &e);
	fixture_must(
	    replicate_finish(rep, reports != NULL ? reports : own, &e), &e);
}

void
fixture_backup_everywhere(
    const struct rig *g, uint32_t seed, char id[BACKUP_ID_TEXT])
{
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];

	fixture_backup(r, seed, id);
	fixture_send(r, 0, reports);
	for (size_t i = 0; i < r->nendpoints; i++)
		if (!reports[i].up_to_date)
			fail_msg("endpoint %zu: %s", i, reports[i].error.text);
}

void
fixture_add_slot(struct repo *r, const char *name, const char *passphrase)
{
	static const struct slot_cost least = { 1, 65536 };
	SCOPED(secret_free) struct secret secret = SECRET_INIT;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	char text[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	secret_copy(&secret, passphrase, strlen(passphrase));
	fixture_must(
	    slot_encode(r->keys, name, &secret, &least, &object, &e), &e);
	slot_object(name, text);
	t = state_begin(r->state, &e);
	fixture_must(t == NULL, &e);
	fixture_must(state_put_root(t, text, object.p, object.n, &e), &e);
	fixture_must(state_commit(&t, &e), &e);
}

/* --- endpoints and their files --- */

static struct store *
open_store(const struct rig *g, size_t i)
{
	struct err e = ERR_INIT;
	struct store *s = endpoint_open_store(&g->endpoints[i], 0, &e);

	fixture_must(s == NULL, &e);
	return (s);
}

void
fixture_unmount(const struct rig *g, size_t i)
{
	SCOPED(scope_free)
	char *away = mem_printf("%s.away", g->endpoints[i].url);

	assert_int_equal(rename(g->endpoints[i].url, away), 0);
}

void
fixture_mount(const struct rig *g, size_t i)
{
	SCOPED(scope_free)
	char *away = mem_printf("%s.away", g->endpoints[i].url);

	assert_int_equal(rename(away, g->endpoints[i].url), 0);
}

/* A sum over all names and bytes of an endpoint, whatever the order. */
struct sum {
	struct store *store;
	size_t n;
	uint64_t of_all;
	bool reads;
};

static int
add_object(const struct store_entry *entry, void *arg, struct err *e)
{
	struct sum *sum = arg;
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t sha[HASH_SHA256];
	uint64_t first;

	sum->n++;
	if (!sum->reads)
		return (0);
	buf_add(&b, entry->name, strlen(entry->name) + 1);
	if (store_load(sum->store, entry->name, STORE_OBJECT_MAX, &b, e) < 0)
		return (-1);
	hash_of(HASH_IS_SHA256, b.p, b.n, sha);
	memcpy(&first, sha, sizeof(first));
	sum->of_all += first;
	return (0);
}

static struct sum
sum_of(const struct rig *g, size_t i, const char *prefix, bool reads)
{
	SCOPED(store_freep) struct store *s = open_store(g, i);
	struct sum sum = { .store = s, .reads = reads };
	struct err e = ERR_INIT;

	fixture_must(store_list(s, prefix, add_object, &sum, &e), &e);
	sum.store = NULL;
	return (sum);
}

size_t
fixture_objects(const struct rig *g, size_t i, const char *prefix)
{
	return (sum_of(g, i, prefix, false).n);
}

void
fixture_assert_same(const struct rig *g)
{
	struct sum first = sum_of(g, 0, "", true);

	assert_true(first.n > 0);
	for (size_t i = 1; i < g->settings.nendpoints; i++) {
		struct sum other = sum_of(g, i, "", true);

		assert_int_equal(other.n, first.n);
		assert_true(other.of_all == first.of_all);
	}
}

void
fixture_empty(const struct rig *g, size_t i)
{
	struct err e = ERR_INIT;

	fixture_must(file_remove_tree(g->endpoints[i].url, &e), &e);
	assert_int_equal(mkdir(g->endpoints[i].url, 0700), 0);
}

struct search {
	const char *prefix;
	size_t left;
	char *out;
};

static int
take_nth(const struct state_object *o, void *arg, struct err *e)
{
	struct search *search = arg;

	(void)e;
	if (strncmp(o->name, search->prefix, strlen(search->prefix)) != 0 ||
	    search->left-- > 0)
		return (0);
	memcpy(search->out, o->name, strlen(o->name) + 1);
	return (1);
}

void
fixture_name(
    struct repo *r, const char *prefix, size_t nth, char out[OBJECT_NAME_TEXT])
{
	struct search search = { prefix, nth, out };
	struct err e = ERR_INIT;

	assert_int_equal(state_each(r->state, -1, take_nth, &search, &e), 1);
}

void
fixture_pack(
    struct repo *r, enum pack_kind kind, size_t nth, char out[OBJECT_NAME_TEXT])
{
	for (size_t i = 0;; i++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;
		SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
		struct err e = ERR_INIT;

		fixture_name(r, "packs/", i, out);
		fixture_must(store_load(r->endpoints[0].store, out,
				 STORE_OBJECT_MAX, &b, &e),
		    &e);
		fixture_must(pack_read(r->keys, b.p, b.n, NULL, &d, &e), &e);
		if (d.kind == kind && nth-- == 0)
			return;
	}
}

static void
rewrite(const char *path, const struct buf *b, size_t n)
{
	struct err e = ERR_INIT;

	fixture_must(file_save(path, 0600, b->p, n, &e), &e);
}

void
fixture_damage(const struct rig *g, size_t i, const char *object,
    enum fixture_damage how, const char *other)
{
	SCOPED(scope_free) char *path = file_join(g->endpoints[i].url, object);
	SCOPED(scope_free) char *second = NULL;
	SCOPED(buf_free) struct buf b = BUF_INIT, c = BUF_INIT;
	struct err e = ERR_INIT;

	fixture_must(file_load(path, STORE_OBJECT_MAX, &b, &e), &e);
	assert_true(b.n > 1);
	switch (how) {
	case FIXTURE_FLIP:
		b.p[b.n / 2] ^= 1;
		rewrite(path, &b, b.n);
		break;
	case FIXTURE_CUT: rewrite(path, &b, b.n - 1); break;
	case FIXTURE_DELETE: assert_int_equal(unlink(path), 0); break;
	case FIXTURE_SWAP:
		second = file_join(g->endpoints[i].url, other);
		fixture_must(file_load(second, STORE_OBJECT_MAX, &c, &e), &e);
		rewrite(path, &c, c.n);
		rewrite(second, &b, b.n);
		break;
	}
}

/* --- two backups, verified --- */

int
fixture_set_up_two(void **state)
{
	struct fixture_pair *b = mem_new(sizeof(*b));

	fixture_open(&b->g);
	{
		SCOPED(repo_freep) struct repo *r = rig_repo(&b->g, REPO_WRITE);

		fixture_add_slot(r, "one", "a passphrase");
		fixture_add_slot(r, "two", "another one");
	}
	fixture_backup_everywhere(&b->g, 1, b->ids[0]);
	fixture_backup_everywhere(&b->g, 2, b->ids[1]);
	*state = b;
	return (0);
}

int
fixture_tear_down_two(void **state)
{
	struct fixture_pair *b = *state;

	stop_reset();
	fixture_close(&b->g);
	free(b);
	return (0);
}

const struct rig *
fixture_rig(void **state)
{
	return (&((struct fixture_pair *)*state)->g);
}

void
fixture_verify_with(
    struct repo *r, const struct verify_conf *conf, struct verify_result *out)
{
	struct err e = ERR_INIT;

	memset(out, 0, sizeof(*out));
	fixture_must(verify_run(r, conf, out, &e), &e);
}

void
fixture_verify(const struct rig *g, enum verify_depth depth, bool repair,
    struct verify_result *out)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(g, repair ? REPO_WRITE : REPO_READ);
	struct verify_conf conf = { .depth = depth, .repair = repair };

	fixture_verify_with(r, &conf, out);
}

size_t
fixture_times(const struct json *names, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < json_count(names); i++)
		n += strcmp(json_text(json_at(names, i)), name) == 0;
	return (n);
}

size_t
fixture_found(const struct verify_result *v)
{
	size_t n = 0;

	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		n += json_count(v->at[i].missing) +
		    json_count(v->at[i].damaged);
	return (n);
}

void
fixture_assert_whole(const struct rig *g, enum verify_depth depth)
{
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	size_t had[RIG_ENDPOINTS] = { 0 };

	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		had[i] = fixture_objects(g, i, "");
	fixture_verify(g, depth, false, &v);
	assert_true(v.ok);
	assert_int_equal(fixture_found(&v), 0);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		assert_true(v.at[i].reached);
		assert_true(v.at[i].objects > 0);
		assert_int_equal(v.at[i].objects, had[i]);
	}
}

void
fixture_heal(const struct rig *g, struct verify_result *out)
{
	fixture_verify(g, VERIFY_HASH, true, out);
	assert_true(out->ok);
	assert_int_equal(fixture_found(out), 0);
	fixture_assert_same(g);
}

void
fixture_name_two(const struct rig *g, const char *prefix, bool both,
    struct fixture_names *out)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);

	memset(out, 0, sizeof(*out));
	fixture_name(r, prefix, 0, out->one);
	if (both)
		fixture_name(r, prefix, 1, out->other);
}

void
fixture_name_packs(
    const struct rig *g, enum pack_kind kind, struct fixture_names *out)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);

	fixture_pack(r, kind, 0, out->one);
	fixture_pack(r, kind, 1, out->other);
}

/* --- a bare machine --- */

void
fixture_bare(const struct rig *g, size_t i, struct bare *b)
{
	static unsigned made;

	memset(b, 0, sizeof(*b));
	made++;
	b->state = mem_printf("%s/bare-%u", g->folder, made);
	b->agent_key = mem_printf("%s/bare-%u.key", g->folder, made);
	b->endpoint = g->endpoints[i];
	b->settings = g->settings;
	b->settings.state = b->state;
	b->settings.agent_key = b->agent_key;
	b->settings.write_quorum = 1;
	b->settings.nendpoints = 1;
	b->settings.endpoints = &b->endpoint;
}

void
fixture_bare_free(struct bare *b)
{
	free(b->state);
	free(b->agent_key);
}

void
fixture_recover(const struct rig *g, size_t i, struct bare *b)
{
	SCOPED(store_freep) struct store *s = open_store(g, i);
	SCOPED(keys_freep) struct keys *k = NULL;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	struct err e = ERR_INIT;

	fixture_bare(g, i, b);
	k = keys_load_restore(g->settings.restore_key, &e);
	fixture_must(k == NULL, &e);
	fixture_must(recover_keys(s, k, &e), &e);
	fixture_must(keys_save_agent(k, b->agent_key, &e), &e);
	fixture_must(recover_state(&b->settings, k, NULL, &out, &e), &e);
	assert_int_equal(out.damaged, 0);
}

struct reader {
	struct repo *r;
	size_t i; /* the endpoint that is read */
	struct opener *opener;
};

static void
read_chunk(
    const struct reader *reader, const struct name *name, struct buf *joined)
{
	SCOPED(buf_free) struct buf box = BUF_INIT, plain = BUF_INIT;
	struct copy copies[LOOKUP_COPIES_MAX];
	char object[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	assert_true(lookup_copies(reader->r, name, copies, &e) > 0);
	assert_true((copies[0].endpoints & (1U << reader->i)) != 0);
	format_pack_name(&copies[0].pack, object);
	buf_reserve(&box, copies[0].record.box_bytes);
	fixture_must(
	    store_get(reader->r->endpoints[reader->i].store, object,
		copies[0].offset, box.p, copies[0].record.box_bytes, &e),
	    &e);
	fixture_must(
	    opener_open(reader->opener, &copies[0], box.p, NULL, &plain, &e),
	    &e);
	buf_add(joined, plain.p, plain.n);
}

static void
read_names(const struct reader *reader, const struct name_list *names,
    struct buf *joined)
{
	for (size_t k = 0; k < names->n; k++)
		read_chunk(reader, &names->v[k], joined);
}

/* The stream of the nth recipe has the bytes that fill gave it. */
static void
check_stream(const struct reader *reader, const struct recipe *recipe,
    size_t nth, uint32_t seed)
{
	SCOPED(buf_free) struct buf is = BUF_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(FIXTURE_NOISE);
	const size_t lengths[] = { FIXTURE_NOISE, ROWS, SMALL };

	assert_true(nth < 3);
	if (nth == 0)
		known_noise(p, FIXTURE_NOISE, seed);
	else
		known_rows(p, ROWS, 1);
	for (size_t k = 0; k < recipe->n; k++)
		read_chunk(reader, &recipe->parts[k].name, &is);
	assert_int_equal(is.n, lengths[nth]);
	assert_memory_equal(is.p, p, is.n);
}

static void
check_backup(const struct reader *reader, const struct manifest *m)
{
	SCOPED(buf_free) struct buf recipes = BUF_INIT, tree = BUF_INIT;
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	uint32_t seed = (uint32_t)strtoul(m->comment, NULL, 10);
	struct err e = ERR_INIT;
	struct bytes b;
	bool more = false;

	assert_true(m->has_private);
	read_names(reader, &m->recipes, &recipes);
	read_names(reader, &m->tree, &tree);
	assert_int_equal(recipes.n, m->recipe_bytes);
	assert_int_equal(tree.n, m->tree_bytes);
	assert_int_equal(m->streams, 3);
	b = bytes_of(recipes.p, recipes.n);
	for (size_t nth = 0; nth < m->streams; nth++) {
		fixture_must(recipe_decode(&b, &recipe, &more, &e), &e);
		check_stream(reader, &recipe, nth, seed);
	}
	assert_int_equal(b.n, 0);
}

size_t
fixture_read_all(struct repo *r, size_t i)
{
	SCOPED(opener_freep) struct opener *opener = opener_new(r->keys);
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct reader reader = { r, i, opener };
	struct err e = ERR_INIT;

	fixture_must(catalog_read(r, NULL, &all, &e), &e);
	for (size_t k = 0; k < all.n; k++) {
		fixture_must(catalog_fill(r, &all, &all.v[k], &e), &e);
		check_backup(&reader, &all.v[k].m);
	}
	return (all.n);
}

size_t
fixture_restorable(const struct rig *g, size_t i)
{
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;

	fixture_recover(g, i, &b);
	r = repo_open(&b.settings, REPO_READ, REPO_NEEDS_RESTORE_KEY, &e);
	fixture_must(r == NULL, &e);
	if (r == NULL)
		return (0);
	return (fixture_read_all(r, 0));
}
