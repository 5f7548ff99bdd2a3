/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * A large repository in seconds, for benchmarks: CHUNKS chunks of 32 bytes in
 * packs of 64, with all that local state and file endpoints have of them.
 *   fill CONF CHUNKS
 * After "init", in a repository whose endpoints are folders on one disk. There
 * are BACKUPS daily backups of the first branch, the last of them of today.
 * Three fifths of the chunks are needed by all of them; the rest came with one
 * each, and of what came with it later ones need a quarter of every second
 * pack: when one goes, some packs go with it, and some have become thin.
 * Objects are written without fsync, one copy for all endpoints; what no prune
 * looks at (trees) is left out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "repository/audit_log.h"
#include "repository/index_object.h"
#include "repository/manifest.h"
#include "repository/recipe.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_impl.h"

#define BACKUPS		14
#define IN_PACK		64
#define CHUNK_BYTES	32
#define IN_STREAM	100 /* of a table; every second chunk is a file */
#define RECIPE_BYTES	((size_t)64 << 10) /* a chunk of recipes */
#define PACKS_AT_A_TIME 256
#define DAY_S		86400
#define FILE_URL	"file://"

/* An index object, and which of its packs are needed by later backups. */
struct described {
	struct index_ref all, some;
};

struct fill {
	struct repo *r;
	const char *branch;
	struct pack_key *pk;
	uint32_t mask;	       /* all endpoints */
	uint64_t next;	       /* chunk */
	uint64_t share;	       /* packs that come with a backup */
	struct name_list base; /* chunks of recipes that all share */
	uint64_t base_bytes;
	/* what is being described */
	size_t n;
	struct directory *d;
	uint64_t *numbers;
	bool *stays;
	size_t nindexes;
	struct described *indexes;
	uint64_t packs, bytes;
};

/* --- objects ---------------------------------------------------------------
 */

static const char *
folder_of(const struct endpoint *ep)
{
	const char *url = ep->conf->url;
	size_t n = strlen(FILE_URL);

	return (strncmp(url, FILE_URL, n) == 0 ? url + n : url);
}

static int
write_file(const char *path, const struct buf *b, struct err *e)
{
	SCOPED(scope_close)
	int fd = file_create(path, O_WRONLY | O_CREAT | O_EXCL, 0600, e);

	return (fd < 0 ? -1 : file_write(fd, b->p, b->n, e));
}

static int
link_file(const char *from, const char *to, struct err *e)
{
	return (link(from, to) == 0 ? 0 : err_errno(e, "link %s", to));
}

/* The folder, of which there are few, is made when it is missed. */
static int
put_at(const struct endpoint *ep, const char *first, const char *name,
    const struct buf *b, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(folder_of(ep), name);

	for (bool again = true;; again = false) {
		int rc = first == NULL ? write_file(path, b, e)
				       : link_file(first, path, e);

		if (rc == 0 || e->kind != ERR_MISSING || !again)
			return (rc);
		err_clear(e);
		if (file_make_parent(path, 0700, e) < 0)
			return (-1);
	}
}

static int
put_everywhere(
    const struct fill *f, const char *name, const struct buf *b, struct err *e)
{
	SCOPED(scope_free)
	char *first = file_join(folder_of(&f->r->endpoints[0]), name);

	for (size_t i = 0; i < f->r->nendpoints; i++)
		if (put_at(&f->r->endpoints[i], i == 0 ? NULL : first, name, b,
			e) < 0)
			return (-1);
	return (0);
}

/* It is there, and local state knows. */
static int
confirm(
    const struct fill *f, struct state_txn *t, const char *name, struct err *e)
{
	struct state_object was, o;
	bool found;

	if (state_object_find(t, name, &was, &found, e) < 0)
		return (-1);
	assert(found);
	o = was;
	o.confirmed = f->mask;
	o.pending = 0;
	return (state_object_put(t, &was, &o, e));
}

/* --- packs -----------------------------------------------------------------
 */

static void
plain_of(uint64_t chunk, uint8_t out[CHUNK_BYTES])
{
	uint64_t x = chunk;

	for (size_t i = 0; i < CHUNK_BYTES; i += sizeof(x)) {
		x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15) + i + 1;
		memcpy(out + i, &x, sizeof(x));
	}
}

static void
name_of(const struct fill *f, uint64_t chunk, struct name *out)
{
	uint8_t plain[CHUNK_BYTES];

	plain_of(chunk, plain);
	seal_name(f->r->keys, plain, sizeof(plain), out);
}

static int
end_pack(struct fill *f, struct pack *p, bool stays, struct err *e)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	char name[OBJECT_NAME_TEXT];

	f->d = mem_grow(f->d, f->n + 1, sizeof(*f->d));
	f->stays = mem_grow(f->stays, f->n + 1, sizeof(*f->stays));
	f->d[f->n] = (struct directory)DIRECTORY_INIT;
	pack_end(p, &object, &f->d[f->n]);
	f->stays[f->n] = stays;
	format_pack_name(&f->d[f->n].pack, name);
	f->packs++;
	f->bytes += object.n;
	f->n++;
	return (put_everywhere(f, name, &object, e));
}

static int
add_data_pack(struct fill *f, bool stays, struct err *e)
{
	SCOPED(pack_freep)
	struct pack *p = pack_new(f->r->keys, f->pk, PACK_DATA);

	for (size_t i = 0; i < IN_PACK; i++) {
		SCOPED(buf_free) struct buf box = BUF_INIT;
		struct record r = { .kind = RECORD_DATA,
			.codec = CODEC_RAW,
			.plain_bytes = CHUNK_BYTES };
		uint8_t plain[CHUNK_BYTES];

		plain_of(f->next, plain);
		name_of(f, f->next++, &r.name);
		seal_box(f->r->keys, f->pk, &r, plain, sizeof(plain), &box);
		pack_add(p, &r, box.p);
	}
	return (end_pack(f, p, stays, e));
}

/* --- recipes ---------------------------------------------------------------
 */

static void
add_recipe(const struct fill *f, uint64_t first, size_t n, struct buf *out)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	SCOPED(seal_sum_freep) struct seal_sum *sum = seal_sum_new(f->r->keys);
	uint8_t plain[CHUNK_BYTES];
	struct name name = { { 0 } };

	r.kind = n == 1 ? STREAM_FILE : STREAM_TABLE;
	memcpy(r.identity, &first, sizeof(first));
	for (uint64_t i = first; i < first + n; i++) {
		plain_of(i, plain);
		seal_sum_add(sum, plain, sizeof(plain));
		seal_name(f->r->keys, plain, sizeof(plain), &name);
		recipe_add(&r, &name, sizeof(plain));
	}
	seal_sum_end(sum, &r.checksum);
	if (n == 1)
		r.checksum = name;
	recipe_encode(&r, out);
}

/* Chunks from first on: as many in files as in tables. */
static void
add_recipes(const struct fill *f, uint64_t first, uint64_t n, struct buf *out)
{
	uint64_t at = first, end = first + n;

	while (at < end) {
		uint64_t left = end - at;
		size_t table = left < IN_STREAM ? (size_t)left : IN_STREAM;

		add_recipe(f, at, table, out);
		at += table;
		for (size_t i = 0; i < IN_STREAM && at < end; i++)
			add_recipe(f, at++, 1, out);
	}
}

/* A stream of recipes becomes chunks in one meta pack; their names are added to
 * names. */
static int
add_meta_pack(struct fill *f, const struct buf *stream, bool stays,
    struct name_list *names, struct err *e)
{
	SCOPED(pack_freep)
	struct pack *p = pack_new(f->r->keys, f->pk, PACK_META);

	for (size_t at = 0; at < stream->n; at += RECIPE_BYTES) {
		size_t n = stream->n - at < RECIPE_BYTES ? stream->n - at
							 : RECIPE_BYTES;
		SCOPED(buf_free) struct buf box = BUF_INIT;
		struct record r = { .kind = RECORD_RECIPE,
			.codec = CODEC_RAW,
			.slot = SEAL_BY_INDEX_KEY,
			.plain_bytes = (uint32_t)n };

		seal_name(f->r->keys, stream->p + at, n, &r.name);
		seal_box(f->r->keys, NULL, &r, stream->p + at, n, &box);
		if (pack_is_full(p)) {
			if (end_pack(f, p, stays, e) < 0)
				return (-1);
			pack_freep(&p);
			p = pack_new(f->r->keys, f->pk, PACK_META);
		}
		pack_add(p, &r, box.p);
		name_list_add(names, &r.name);
	}
	return (pack_count(p) == 0 ? 0 : end_pack(f, p, stays, e));
}

/* --- index objects ---------------------------------------------------------
 */

static int
know_packs(struct fill *f, struct err *e)
{
	char name[OBJECT_NAME_TEXT];

	f->numbers = mem_array(f->n, sizeof(*f->numbers));
	for (size_t at = 0; at < f->n;) {
		SCOPED(state_abortp)
		struct state_txn *t = state_begin(f->r->state, e);

		if (t == NULL)
			return (-1);
		for (size_t i = 0; i < PACKS_AT_A_TIME && at < f->n;
		     i++, at++) {
			format_pack_name(&f->d[at].pack, name);
			if (state_add_pack(t, &f->d[at], false, false,
				&f->numbers[at], e) < 0 ||
			    confirm(f, t, name, e) < 0)
				return (-1);
		}
		if (state_commit(&t, e) < 0)
			return (-1);
	}
	return (0);
}

static void
set_bit(struct buf *bitmap, size_t i)
{
	while (bitmap->n <= i / 8)
		buf_add_u8(bitmap, 0);
	bitmap->p[i / 8] |= (uint8_t)(1U << (i % 8));
}

static int
describe(struct fill *f, size_t first, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct described *x;
	char id[17];
	uint64_t number;

	f->indexes = mem_grow(f->indexes, f->nindexes + 1, sizeof(*f->indexes));
	x = &f->indexes[f->nindexes++];
	memset(x, 0, sizeof(*x));
	random_hex(id, 8);
	index_object_name(f->r->epoch, f->nindexes, id, x->all.object);
	index_object_encode(
	    f->r->keys, x->all.object, f->d + first, n, NULL, &object);
	hash_of(HASH_IS_SHA256, object.p, object.n, x->all.sha.b);
	x->all.bytes = object.n;
	x->some = x->all;
	for (size_t i = 0; i < n; i++) {
		set_bit(&x->all.used, i);
		if (f->stays[first + i])
			set_bit(&x->some.used, i);
	}
	if (put_everywhere(f, x->all.object, &object, e) < 0 ||
	    (t = state_begin(f->r->state, e)) == NULL ||
	    state_add_index(t, x->all.object, &x->all.sha, x->all.bytes, false,
		f->numbers + first, n, &number, e) < 0 ||
	    confirm(f, t, x->all.object, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* Everything that came since the last time. */
static int
describe_all(struct fill *f, struct err *e)
{
	int rc = know_packs(f, e);

	for (size_t at = 0, n; at < f->n && rc == 0; at += n) {
		n = index_object_fits(f->d + at, f->n - at);
		rc = describe(f, at, n, e);
	}
	for (size_t i = 0; i < f->n; i++)
		directory_free(&f->d[i]);
	free(f->numbers);
	f->numbers = NULL;
	f->n = 0;
	return (rc);
}

/* --- backups ---------------------------------------------------------------
 */

static void
fill_manifest(const struct fill *f, size_t k, struct manifest *m)
{
	char stamp[CLOCK_TEXT], id[9];

	m->started = clock_now() - (int64_t)(BACKUPS - 1 - k) * DAY_S - 60;
	m->finished = m->started + 1;
	clock_stamp(m->started, stamp);
	random_hex(id, 4);
	(void)snprintf(m->id, sizeof(m->id), "%.16s-%.8s", stamp, id);
	(void)snprintf(m->branch, sizeof(m->branch), "%s", f->branch);
	(void)snprintf(m->stage, sizeof(m->stage), "production");
	(void)snprintf(m->type, sizeof(m->type), "daily");
	(void)snprintf(m->state, sizeof(m->state), "complete");
	(void)snprintf(m->zone, sizeof(m->zone), "UTC");
	m->epoch = f->r->epoch;
	m->closure_packs = f->packs;
	m->closure_bytes = f->bytes;
	m->counts = json_object();
	m->facts = json_object();
}

/* all_from: index objects from there on came with this backup. */
static void
add_closure(const struct fill *f, size_t all_from, struct manifest *m)
{
	m->indexes = mem_array(f->nindexes, sizeof(*m->indexes));
	m->nindexes = f->nindexes;
	for (size_t i = 0; i < f->nindexes; i++) {
		const struct index_ref *ref = i < all_from ? &f->indexes[i].some
							   : &f->indexes[i].all;

		m->indexes[i] = *ref;
		m->indexes[i].used = (struct buf)BUF_INIT;
		buf_add(&m->indexes[i].used, ref->used.p, ref->used.n);
	}
}

static int
commit_backup(struct fill *f, struct manifest *m, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct json *detail = json_object();
	struct state_manifest_head head;
	char name[OBJECT_NAME_TEXT];

	if ((t = state_begin(f->r->state, e)) == NULL ||
	    state_manifest_head(t, &head, e) < 0)
		return (-1);
	m->sequence = head.sequence + 1;
	m->previous = head.sha;
	json_set_integer(detail, "sequence", (int64_t)m->sequence);
	manifest_name(m->id, name);
	if (manifest_encode(f->r->keys, m, &object, e) < 0 ||
	    put_everywhere(f, name, &object, e) < 0 ||
	    state_add_manifest(t, m, object.p, object.n, e) < 0 ||
	    confirm(f, t, name, e) < 0 || state_commit(&t, e) < 0)
		return (-1);
	return (audit_log_add(f->r, "backup", m->id, m->branch, detail, e));
}

/* Chunks of backup k's own packs: where they begin. */
static uint64_t
first_own(const struct fill *f, uint64_t base, size_t k)
{
	return (base + k * f->share * IN_PACK);
}

/* Of what came with an earlier backup: a quarter of every second pack. */
static void
add_earlier(const struct fill *f, uint64_t base, size_t k, struct buf *out)
{
	for (size_t j = 0; j < k; j++)
		for (uint64_t i = 1; i < f->share; i += 2)
			add_recipes(f, first_own(f, base, j) + i * IN_PACK,
			    IN_PACK / 4, out);
}

static int
make_backup(struct fill *f, uint64_t base, size_t k, struct err *e)
{
	SCOPED(manifest_free) struct manifest m;
	SCOPED(buf_free) struct buf stream = BUF_INIT;
	size_t before = k == 0 ? 0 : f->nindexes;

	manifest_init(&m);
	for (size_t i = 0; i < f->base.n; i++)
		name_list_add(&m.recipes, &f->base.v[i]);
	for (uint64_t i = 0; i < f->share; i++)
		if (add_data_pack(f, i % 2 == 1, e) < 0)
			return (-1);
	add_earlier(f, base, k, &stream);
	add_recipes(f, first_own(f, base, k), f->share * IN_PACK, &stream);
	if (add_meta_pack(f, &stream, false, &m.recipes, e) < 0 ||
	    describe_all(f, e) < 0)
		return (-1);
	m.recipe_bytes = f->base_bytes + stream.n;
	m.streams = 1;
	fill_manifest(f, k, &m);
	add_closure(f, before, &m);
	return (commit_backup(f, &m, e));
}

static int
fill(struct fill *f, uint64_t chunks, struct err *e)
{
	SCOPED(buf_free) struct buf stream = BUF_INIT;
	uint64_t packs = chunks / IN_PACK, base;

	f->share = packs * 2 / 5 / BACKUPS;
	base = (packs - f->share * BACKUPS) * IN_PACK;
	while (f->next < base)
		if (add_data_pack(f, true, e) < 0)
			return (-1);
	add_recipes(f, 0, base, &stream);
	f->base_bytes = stream.n;
	if (add_meta_pack(f, &stream, true, &f->base, e) < 0)
		return (-1);
	for (size_t k = 0; k < BACKUPS; k++)
		if (make_backup(f, base, k, e) < 0)
			return (-1);
	(void)printf(
	    "%d backups, %llu chunks in %llu packs of %llu bytes, %llu bytes of recipes\n",
	    BACKUPS, (unsigned long long)f->next, (unsigned long long)f->packs,
	    (unsigned long long)f->bytes, (unsigned long long)f->base_bytes);
	return (0);
}

static void
fill_free(struct fill *f)
{
	for (size_t i = 0; i < f->nindexes; i++) {
		buf_free(&f->indexes[i].all.used);
		buf_free(&f->indexes[i].some.used);
	}
	free(f->indexes);
	free(f->d);
	free(f->stays);
	name_list_free(&f->base);
	pack_key_free(f->pk);
}

int
main(int argc, char **argv)
{
	SCOPED(settings_freep) struct settings *s = NULL;
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(fill_free) struct fill f = { .next = 0 };
	struct err e = ERR_INIT;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: fill CONF CHUNKS\n");
		return (2);
	}
	secret_start();
	if ((s = settings_read(argv[1], &e)) != NULL)
		r = repo_open(s, REPO_WRITE, 0, &e);
	if (r != NULL && s->nbranches > 0) {
		f.r = r;
		f.branch = s->branches[0].name;
		f.pk = pack_key_new(r->keys);
		if (state_configured(r->state, &f.mask, &e) == 0 &&
		    fill(&f, strtoull(argv[2], NULL, 10), &e) == 0)
			return (0);
	}
	(void)fprintf(stderr, "fill: %s\n", e.text);
	return (1);
}
