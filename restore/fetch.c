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
#include "restore/fetch_impl.h"
#include "restore/first.h"

#define TRIES_MAX 4 /* turns for one copy */

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
	return (fetch_new_by(r, folder, remarks, NULL, e));
}

struct fetch *
fetch_new_by(struct repo *r, const char *folder, struct remarks *remarks,
    struct store *const *quick, struct err *e)
{
	SCOPED(fetch_freep) struct fetch *f = mem_new(sizeof(*f));
	SCOPED(scope_free) char *cache = file_join(r->settings->state, "cache");
	struct bring_with *with = &f->with;
	uint64_t limit;

	f->r = r;
	f->opener = opener_new(r->keys);
	if (stage_limit(r, r->settings->state, &limit, e) < 0 ||
	    (with->endpoints = endpoints_new(r, remarks, quick, e)) == NULL ||
	    (with->staging = staging_new(cache, limit, e)) == NULL ||
	    (f->expected = keyset_new(folder, e)) == NULL)
		return (NULL);
	with->pull = pull_new(with->endpoints, r->settings->memory);
	f->ahead = ahead_new(with);
	return (TAKE(f));
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	ahead_free(f->ahead);
	pull_free(f->with.pull);
	keyset_free(f->expected);
	staging_free(f->with.staging, !f->forget_stage);
	opener_free(f->opener);
	endpoints_free(f->with.endpoints);
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

int
fetch_copies(struct fetch *f, const struct name *name, bool full_only,
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

/* Brings a whole pack into the staging area. Fails as bring_end. */
static int
bring_whole(
    struct fetch *f, struct staged *p, const struct copy *c, struct err *e)
{
	const struct staging_pack pack = {
		.pack = c->pack, .bytes = c->pack_bytes, .sure = c->endpoints
	};
	struct bringing *x = ahead_take_left(f->ahead, p);
	struct err ignored = ERR_INIT;

	if (x == NULL)
		x = bring_begin(&f->with, p, &pack, true, &ignored);
	return (x == NULL ? 0 : bring_end(x, e));
}

/* What a box is brought for. */
struct wanted {
	const struct copy *copy;
	const char *object;
	const struct buf *bases;
	struct buf *box, *out;
};

/* What came from endpoint i with answer rc: 0 when it opens, 1 when another is
 * to be asked. */
static int
judge_range(struct fetch *f, const struct wanted *w, struct asking *a,
    unsigned i, int rc, struct err *why)
{
	if (rc == 0)
		rc = opener_open(
		    f->opener, w->copy, w->box->p, w->bases, w->out, why);
	if (rc == 0) {
		endpoints_served(f->with.endpoints, a, i, w->object);
		return (0);
	}
	if (why->kind == ERR_KEY || why->kind == ERR_STOPPED)
		return (-1);
	endpoints_failed(f->with.endpoints, a, i, w->object, why);
	return (1);
}

/* The box out of the pack as it was put first. */
static bool
range_of_first(struct fetch *f, const struct wanted *w)
{
	SCOPED(buf_free) struct buf pack = BUF_INIT;
	const struct copy *c = w->copy;
	struct err ignored = ERR_INIT;

	if (!first_load(f->r, w->object, &pack) || pack.n < c->offset ||
	    pack.n - c->offset < w->box->n)
		return (false);
	memcpy(w->box->p, pack.p + c->offset, w->box->n);
	return (opener_open(
		    f->opener, c, w->box->p, w->bases, w->out, &ignored) == 0);
}

/* Reads one box from the endpoints until one opens: once from each that is not
 * set aside, then patiently. */
static int
bring_range(struct fetch *f, const struct wanted *w, struct err *e)
{
	struct endpoints *endpoints = f->with.endpoints;
	const struct copy *c = w->copy;
	struct asking a = { .sure = c->endpoints };
	int i, rc = 1;

	w->box->n = 0;
	buf_reserve(w->box, c->record.box_bytes);
	w->box->n = c->record.box_bytes;
	while (rc > 0 && stop_check(e) == 0 &&
	    (i = endpoints_next_open(endpoints, &a)) >= 0) {
		err_clear(e);
		rc = endpoints_try(endpoints, (unsigned)i, w->object, c->offset,
		    w->box->p, w->box->n, e);
		rc = judge_range(f, w, &a, (unsigned)i, rc, e);
	}
	a.asked = a.damaged;
	while (rc > 0 && stop_check(e) == 0 &&
	    (i = endpoints_next(endpoints, &a)) >= 0) {
		err_clear(e);
		rc = endpoints_get(endpoints, (unsigned)i, w->object, c->offset,
		    w->box->p, w->box->n, e);
		rc = judge_range(f, w, &a, (unsigned)i, rc, e);
	}
	if (rc <= 0 || e->kind == ERR_STOPPED)
		return (rc == 0 ? 0 : -1);
	if (range_of_first(f, w))
		return (0);
	return (endpoints_none(endpoints, &a, w->object, e));
}

/* A copy that is in an object at the endpoints, by way of the staging area. */
static int
open_remote(struct fetch *f, struct staged *p, const struct copy *c,
    const struct buf *bases, struct buf *box, struct buf *out, struct err *e)
{
	char object[OBJECT_NAME_TEXT];
	const struct wanted wanted = { c, object, bases, box, out };
	enum staging_turn turn;
	int tries, rc;

	format_pack_name(&c->pack, object);
	ahead_hurry(f->ahead, p);
	for (tries = 0; tries < TRIES_MAX; tries++) {
		if (staging_turn(f->with.staging, p, c->offset,
			c->record.box_bytes, &turn, e) < 0)
			return (-1);
		if (turn == STAGING_HERE) {
			if (staging_read(f->with.staging, p, c->offset,
				c->record.box_bytes, box, e) == 0 &&
			    opener_open(f->opener, c, box->p, bases, out, e) ==
				0)
				return (0);
			if (e->kind == ERR_KEY)
				return (-1);
			staging_forget(f->with.staging, p);
			continue;
		}
		if (turn == STAGING_WHOLE) {
			if (bring_whole(f, p, c, e) < 0)
				return (-1);
			continue;
		}
		rc = bring_range(f, &wanted, e);
		staging_end_range(f->with.staging, p, c->offset,
		    c->record.box_bytes, rc == 0 ? box->p : NULL);
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
	p = staging_hold(f->with.staging, &c->pack, c->pack_bytes);
	rc = open_remote(f, p, c, bases, &box, out, e);
	staging_let_go(f->with.staging, p);
	return (rc);
}

/* A chunk by its full copies alone. */
static int
fetch_full(
    struct fetch *f, const struct name *name, struct buf *out, struct err *e)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	int i, n = fetch_copies(f, name, true, copies, e);

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
	int i, rc = -1, n = fetch_copies(f, name, false, copies, e);

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
