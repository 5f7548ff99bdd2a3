/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A name flows in; its copies are looked up, a box is brought from the nearest
 * place that has it whole, and the checked plaintext flows out. What always
 * holds: nothing leaves here that was not compared with its name; no call fails
 * while one good copy can be read.
 */
#include "restore/fetch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/stop.h"
#include "repository/lookup.h"
#include "restore/endpoints.h"
#include "restore/keyset.h"
#include "restore/staging.h"

#define PIECE	  ((size_t)4 << 20) /* of a pack, a request */
#define TRIES_MAX 4		    /* turns for one copy */

struct fetch {
	struct repo *r;
	struct endpoints *endpoints;
	struct staging *staging;
	struct opener *opener;
	struct keyset *expected; /* chunks counted already */
	bool forget_stage;
};

/* How much the staging area may take. */
static int
stage_limit(
    const struct repo *r, const char *folder, uint64_t *limit, struct err *e)
{
	uint64_t unused;

	*limit = r->settings->restore_cache;
	if (r->settings->restore_cache_percent == 0)
		return (0);
	if (file_free_space(folder, &unused, e) < 0)
		return (-1);
	*limit = unused / 100 * r->settings->restore_cache_percent;
	return (0);
}

struct fetch *
fetch_new(
    struct repo *r, const char *folder, struct remarks *remarks, struct err *e)
{
	SCOPED(fetch_freep) struct fetch *f = mem_new(sizeof(*f));
	SCOPED(scope_free) char *cache = file_join(r->settings->state, "cache");
	uint64_t limit;

	f->r = r;
	f->endpoints = endpoints_new(r, remarks);
	f->opener = opener_new(r->keys);
	if (stage_limit(r, r->settings->state, &limit, e) < 0 ||
	    (f->staging = staging_new(cache, limit, e)) == NULL ||
	    (f->expected = keyset_new(folder, e)) == NULL)
		return (NULL);
	return (TAKE(f));
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	keyset_free(f->expected);
	staging_free(f->staging, !f->forget_stage);
	opener_free(f->opener);
	endpoints_free(f->endpoints);
	free(f);
}

void
fetch_freep(struct fetch **f)
{
	fetch_free(*f);
}

void
fetch_forget_staged(struct fetch *f)
{
	f->forget_stage = true;
}

/* Copies of a chunk, those in the spool in front of equals. A base's copies
 * leave deltas out: depth is one. Returns how many, never 0, or -1. */
static int
find_copies(struct fetch *f, const struct name *name, bool full_only,
    struct copy out[LOOKUP_COPIES_MAX], struct err *e)
{
	struct copy found[LOOKUP_COPIES_MAX];
	char hex[17];
	int n, i, pass, count = 0;
	bool delta;

	if ((n = lookup_copies(f->r, name, found, e)) < 0)
		return (-1);
	for (pass = 0; pass < 4; pass++)
		for (i = 0; i < n; i++) {
			delta = found[i].record.codec == CODEC_DELTA;
			if ((delta && full_only) || delta != (pass >= 2) ||
			    found[i].in_spool != (pass % 2 == 0))
				continue;
			out[count++] = found[i];
		}
	if (count > 0)
		return (count);
	hex_of(name->b, 8, hex);
	(void)err_set(e, ERR_CORRUPT, "chunk %s… is not in the local index%s",
	    hex, full_only ? " as a base" : "");
	return (err_hint(e, "rebuild it with 'triplicate recover'"));
}

/* The box out of the spooled pack, where that is on this disk. */
static bool
box_from_spool(struct fetch *f, const struct copy *c, struct buf *box)
{
	SCOPED(scope_free)
	char *path = c->in_spool ? lookup_spooled_path(f->r, &c->pack) : NULL;
	SCOPED(scope_close) int fd = -1;
	struct err ignored = ERR_INIT;
	ssize_t got;

	if (path == NULL || (fd = file_open(path, O_RDONLY, &ignored)) < 0)
		return (false);
	box->n = 0;
	buf_reserve(box, c->record.box_bytes);
	got = file_read_at(
	    fd, c->offset, box->p, c->record.box_bytes, &ignored);
	box->n = c->record.box_bytes;
	return (got == (ssize_t)c->record.box_bytes);
}

/* Writes a pack from endpoint i to fd and compares it with its name. *ours:
 * the failure is this machine's, not the endpoint's. */
static int
bring_from(struct fetch *f, unsigned i, const struct copy *c,
    const char *object, int fd, bool *ours, struct err *e)
{
	SCOPED(hash_freep) struct hash *h = hash_new(HASH_IS_SHA256);
	SCOPED(scope_free) uint8_t *piece = NULL;
	uint8_t sha[HASH_SHA256];
	uint64_t done;
	size_t n;

	*ours = false;
	piece = mem_new(c->pack_bytes < PIECE ? (size_t)c->pack_bytes : PIECE);
	for (done = 0; done < c->pack_bytes; done += n) {
		n = c->pack_bytes - done < PIECE
		    ? (size_t)(c->pack_bytes - done)
		    : PIECE;
		if (endpoints_get(f->endpoints, i, object, done, piece, n, e) <
		    0)
			return (-1);
		progress_add(f->r->progress, 0, n, 0);
		hash_add(h, piece, n);
		if (file_write(fd, piece, n, e) < 0) {
			*ours = true;
			return (-1);
		}
	}
	hash_end(h, sha);
	if (memcmp(sha, c->pack.b, sizeof(sha)) != 0)
		return (err_set(
		    e, ERR_CORRUPT, "its bytes are not those of its name"));
	return (0);
}

/*
 * Brings a whole pack into the staging area. Fails only when asking for a part
 * of it could not help either; when no copy is whole, or there is no room, the
 * parts are asked for from then on.
 */
static int
bring_whole(struct fetch *f, struct staged *p, const struct copy *c,
    const char *object, struct err *e)
{
	struct asking a = { .sure = c->endpoints };
	struct err why = ERR_INIT;
	bool good = false, ours = false;
	int i, fd;

	while (!good && !ours && stop_check(&why) == 0 &&
	    (i = endpoints_next(f->endpoints, &a)) >= 0) {
		if ((fd = staging_begin_whole(f->staging, p, &why)) < 0)
			break;
		good = bring_from(f, (unsigned)i, c, object, fd, &ours, &why) ==
		    0;
		scope_close(&fd);
		if (good)
			endpoints_served(f->endpoints, &a, (unsigned)i, object);
		else if (!ours && why.kind != ERR_STOPPED)
			endpoints_failed(
			    f->endpoints, &a, (unsigned)i, object, &why);
	}
	staging_end_whole(f->staging, p, good);
	if (why.kind == ERR_STOPPED) {
		*e = why;
		return (-1);
	}
	if (!good && !ours && a.damaged == 0 && a.last.kind != ERR_NONE)
		return (endpoints_none(f->endpoints, &a, object, e));
	return (0);
}

/* Reads one box from the endpoints until one opens. */
static int
bring_range(struct fetch *f, const struct copy *c, const char *object,
    const struct buf *bases, struct buf *box, struct buf *out, struct err *e)
{
	struct asking a = { .sure = c->endpoints };
	struct err why = ERR_INIT;
	int i;

	box->n = 0;
	buf_reserve(box, c->record.box_bytes);
	box->n = c->record.box_bytes;
	while ((i = endpoints_next(f->endpoints, &a)) >= 0) {
		if (stop_check(e) < 0)
			return (-1);
		if (endpoints_get(f->endpoints, (unsigned)i, object, c->offset,
			box->p, box->n, &why) == 0) {
			progress_add(f->r->progress, 0, box->n, 0);
			if (opener_open(
				f->opener, c, box->p, bases, out, &why) == 0) {
				endpoints_served(
				    f->endpoints, &a, (unsigned)i, object);
				return (0);
			}
		}
		if (why.kind == ERR_KEY || why.kind == ERR_STOPPED) {
			*e = why;
			return (-1);
		}
		endpoints_failed(f->endpoints, &a, (unsigned)i, object, &why);
	}
	return (endpoints_none(f->endpoints, &a, object, e));
}

/* A copy that is in an object at the endpoints, by way of the staging area. */
static int
open_remote(struct fetch *f, struct staged *p, const struct copy *c,
    const struct buf *bases, struct buf *box, struct buf *out, struct err *e)
{
	char object[OBJECT_NAME_TEXT];
	enum staging_turn turn;
	int tries, rc;

	format_pack_name(&c->pack, object);
	for (tries = 0; tries < TRIES_MAX; tries++) {
		if (staging_turn(f->staging, p, c->offset, c->record.box_bytes,
			&turn, e) < 0)
			return (-1);
		if (turn == STAGING_HERE) {
			if (staging_read(f->staging, p, c->offset,
				c->record.box_bytes, box, e) == 0 &&
			    opener_open(f->opener, c, box->p, bases, out, e) ==
				0)
				return (0);
			if (e->kind == ERR_KEY)
				return (-1);
			staging_forget(f->staging, p);
			continue;
		}
		if (turn == STAGING_WHOLE) {
			if (bring_whole(f, p, c, object, e) < 0)
				return (-1);
			continue;
		}
		rc = bring_range(f, c, object, bases, box, out, e);
		staging_end_range(f->staging, p, c->offset, c->record.box_bytes,
		    rc == 0 ? box->p : NULL);
		return (rc);
	}
	return (err_set(e, ERR_CORRUPT, "%s: a box of it does not open: %.200s",
	    object, e->text));
}

static int
open_copy(struct fetch *f, const struct copy *c, const struct buf *bases,
    struct buf *out, struct err *e)
{
	SCOPED(buf_free) struct buf box = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct staged *p;
	int rc;

	if (c->record.box_bytes > BOX_MAX || c->pack_bytes > PACK_MAX ||
	    c->record.box_bytes > c->pack_bytes - c->offset)
		return (err_set(e, ERR_CORRUPT, "the local index is damaged"));
	if (box_from_spool(f, c, &box) &&
	    opener_open(f->opener, c, box.p, bases, out, &ignored) == 0)
		return (0);
	p = staging_hold(f->staging, &c->pack, c->pack_bytes);
	rc = open_remote(f, p, c, bases, &box, out, e);
	staging_let_go(f->staging, p);
	return (rc);
}

/* A chunk by its full copies alone. */
static int
fetch_full(
    struct fetch *f, const struct name *name, struct buf *out, struct err *e)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	int i, n = find_copies(f, name, true, copies, e);

	for (i = 0; i < n; i++) {
		err_clear(e);
		if (open_copy(f, &copies[i], NULL, out, e) == 0)
			return (0);
		if (e->kind == ERR_KEY || e->kind == ERR_STOPPED)
			break;
	}
	return (-1);
}

/* The bases of a delta, in order, joined. */
static int
fetch_bases(
    struct fetch *f, const struct copy *c, struct buf *joined, struct err *e)
{
	SCOPED(buf_free) struct buf base = BUF_INIT;
	unsigned i;

	if (c->record.nbases == 0 || c->record.nbases > BASES_MAX)
		return (err_set(e, ERR_CORRUPT, "a delta with %u bases",
		    (unsigned)c->record.nbases));
	for (i = 0; i < c->record.nbases; i++) {
		if (name_equals(&c->record.bases[i], &c->record.name))
			return (err_set(
			    e, ERR_CORRUPT, "a delta that is its own base"));
		if (fetch_full(f, &c->record.bases[i], &base, e) < 0)
			return (err_within(e, "base of a delta"));
		if (base.n > CHUNK_MAX * BASES_MAX - joined->n)
			return (err_set(
			    e, ERR_CORRUPT, "a delta with too large bases"));
		buf_add(joined, base.p, base.n);
	}
	return (0);
}

int
fetch_chunk(
    struct fetch *f, const struct name *name, struct buf *out, struct err *e)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	int i, rc = -1, n = find_copies(f, name, false, copies, e);

	for (i = 0; i < n; i++) {
		SCOPED(buf_free) struct buf bases = BUF_INIT;

		err_clear(e);
		if (copies[i].record.codec == CODEC_DELTA)
			rc = fetch_bases(f, &copies[i], &bases, e);
		else
			rc = 0;
		if (rc == 0)
			rc = open_copy(f, &copies[i],
			    copies[i].record.codec == CODEC_DELTA ? &bases
								  : NULL,
			    out, e);
		if (rc == 0)
			return (0);
		if (e->kind == ERR_KEY || e->kind == ERR_STOPPED)
			break;
	}
	return (-1);
}

int
fetch_stream(struct fetch *f, const struct recipe *r,
    int (*sink)(void *arg, const uint8_t *p, size_t n, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(seal_sum_freep) struct seal_sum *sum = seal_sum_new(f->r->keys);
	SCOPED(buf_free) struct buf plain = BUF_INIT;
	struct name checksum;
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (stop_check(e) < 0 ||
		    fetch_chunk(f, &r->parts[i].name, &plain, e) < 0)
			return (-1);
		if (plain.n != r->parts[i].plain_bytes)
			return (err_set(e, ERR_CORRUPT,
			    "a chunk is not as long as its recipe says"));
		/* Of a stream of one chunk that was its name's check. */
		if (r->n > 1)
			seal_sum_add(sum, plain.p, plain.n);
		total += plain.n;
		if (sink(arg, plain.p, plain.n, e) < 0)
			return (-1);
	}
	if (total != r->bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a stream has %llu bytes, its recipe says %llu",
		    (unsigned long long)total, (unsigned long long)r->bytes));
	seal_sum_end(sum, &checksum);
	if (r->n > 1 && !name_equals(&checksum, &r->checksum))
		return (err_set(e, ERR_CORRUPT,
		    "a stream does not have the checksum that its backup "
		    "noted"));
	return (0);
}

/* Counts one copy's box against its pack. */
static void
expect_copy(struct fetch *f, const struct copy *c)
{
	struct staged *p;

	if (c->in_spool)
		return;
	p = staging_hold(f->staging, &c->pack, c->pack_bytes);
	staging_expect(f->staging, p, c->record.box_bytes, c->endpoints);
	staging_let_go(f->staging, p);
}

static int
expect_one(struct fetch *f, const struct name *name, bool base, struct err *e)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	unsigned i;
	bool is_new;

	if (keyset_add(f->expected, keyset_key(name->b, sizeof(name->b)),
		&is_new, e) < 0)
		return (-1);
	if (!is_new)
		return (0);
	if (find_copies(f, name, base, copies, e) < 0)
		return (-1);
	expect_copy(f, &copies[0]);
	if (base || copies[0].record.codec != CODEC_DELTA)
		return (0);
	for (i = 0; i < copies[0].record.nbases && i < BASES_MAX; i++)
		if (expect_one(f, &copies[0].record.bases[i], true, e) < 0)
			return (-1);
	return (0);
}

int
fetch_expect(struct fetch *f, const struct name *names, size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (expect_one(f, &names[i], false, e) < 0)
			return (-1);
	return (0);
}

int
fetch_expect_recipe(struct fetch *f, const struct recipe *r, struct err *e)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (expect_one(f, &r->parts[i].name, false, e) < 0)
			return (-1);
	return (0);
}

static void
count_pack(const struct sha256 *pack, uint64_t to_fetch, void *arg)
{
	struct fetch_totals *t = arg;

	(void)pack;
	t->objects++;
	t->to_fetch += to_fetch;
}

void
fetch_totals(struct fetch *f, struct fetch_totals *out)
{
	*out = (struct fetch_totals){ .objects = 0 };
	endpoints_fetched(f->endpoints, out->fetched);
	staging_each(f->staging, count_pack, out);
}
