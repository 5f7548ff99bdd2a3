/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pack's name flows in, a checked file in the staging area flows out. What
 * always holds: staging hears that a pack is good only after its bytes in the
 * file were compared with its name; an endpoint is blamed only for bytes that
 * differ from those of a good copy.
 */
#include "restore/bring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/stop.h"
#include "restore/first.h"

struct bringing {
	const struct bring_with *with;
	struct staged *staged;
	struct staging_pack pack;
	char object[OBJECT_NAME_TEXT];
	int fd;
	struct pulling *pulling;
	struct asking a;
	unsigned given_up; /* endpoints that were asked patiently in vain */
	bool is_ours;	   /* the failure is this machine's */
};

/* A piece's SHA-256. */
struct sum {
	uint8_t b[HASH_SHA256];
};

struct bringing *
bring_begin(const struct bring_with *with, struct staged *p,
    const struct staging_pack *pack, bool first, struct err *e)
{
	struct bringing *x = mem_new(sizeof(*x));
	struct pull_pack pulled = { .bytes = pack->bytes, .sure = pack->sure };

	x->with = with;
	x->staged = p;
	x->pack = *pack;
	x->a.sure = pack->sure;
	format_pack_name(&pack->pack, x->object);
	if ((x->fd = staging_begin_whole(with->staging, p, e)) < 0) {
		staging_end_whole(with->staging, p, false);
		free(x);
		return (NULL);
	}
	pulled.object = x->object;
	pulled.fd = x->fd;
	x->pulling = pull_begin(with->pull, &pulled, first);
	return (x);
}

void
bring_hurry(struct bringing *x)
{
	pull_hurry(x->with->pull, x->pulling);
}

bool
bring_is_settled(struct bringing *x)
{
	struct pull_piece ignored;

	return (pull_look(x->with->pull, x->pulling, &ignored) != PULL_COMING);
}

/* Tells staging, and frees. */
static void
end(struct bringing *x, bool good)
{
	pull_end(x->with->pull, x->pulling);
	scope_close(&x->fd);
	staging_end_whole(x->with->staging, x->staged, good);
	free(x);
}

void
bring_abandon(struct bringing *x)
{
	end(x, false);
}

/* --- is it good? --- */

/* What is in the file now: the whole's SHA-256, and each piece's, unless NULL.
 */
static int
sum_up(struct bringing *x, struct sum *whole, struct sum *pieces, struct err *e)
{
	SCOPED(hash_freep) struct hash *h = hash_new(HASH_IS_SHA256);
	SCOPED(scope_free)
	uint8_t *bytes = mem_new(pull_piece_bytes(x->with->pull));
	ssize_t got;
	unsigned i;

	for (i = 0; i < pull_pieces(x->pulling); i++) {
		struct pull_piece part = pull_piece(x->pulling, i);

		got = file_read_at(x->fd, part.offset, bytes, part.n, e);
		if (got < 0)
			return (-1);
		if ((size_t)got != part.n)
			return (err_set(
			    e, ERR_CORRUPT, "%s is too short", x->object));
		hash_add(h, bytes, part.n);
		if (pieces != NULL)
			hash_of(HASH_IS_SHA256, bytes, part.n, pieces[i].b);
	}
	hash_end(h, whole->b);
	return (0);
}

static bool
is_good(struct bringing *x)
{
	struct sum whole;
	struct err e = ERR_INIT;

	if (sum_up(x, &whole, NULL, &e) < 0) {
		x->is_ours = true;
		return (false);
	}
	return (memcmp(whole.b, x->pack.pack.b, sizeof(whole.b)) == 0);
}

bool
bring_end_at_once(struct bringing *x)
{
	struct pull_piece ignored;

	if (pull_look(x->with->pull, x->pulling, &ignored) != PULL_HERE ||
	    !is_good(x))
		return (false);
	pull_met(x->with->pull, x->pulling, &x->a);
	endpoints_served(
	    x->with->endpoints, &x->a, pull_giver(x->pulling, 0), x->object);
	end(x, true);
	return (true);
}

/* --- patiently --- */

/* Brings a part from endpoint i to its place. */
static int
bring_part(struct bringing *x, unsigned i, const struct pull_piece *part,
    struct err *e)
{
	SCOPED(scope_free) uint8_t *bytes = mem_new(part->n);

	if (endpoints_get(x->with->endpoints, i, x->object, part->offset, bytes,
		part->n, e) < 0)
		return (-1);
	if (lseek(x->fd, (off_t)part->offset, SEEK_SET) < 0 ||
	    file_write(x->fd, bytes, part->n, e) < 0) {
		x->is_ours = true;
		return (-1);
	}
	return (0);
}

/* A piece that nobody gave at one try, from whoever gives it in the end. */
static int
bring_patiently(
    struct bringing *x, const struct pull_piece *piece, struct err *e)
{
	const struct bring_with *with = x->with;
	int i;

	pull_met(with->pull, x->pulling, &x->a);
	x->a.asked = x->given_up | x->a.damaged;
	while ((i = endpoints_next(with->endpoints, &x->a)) >= 0) {
		err_clear(e);
		if (stop_check(e) < 0)
			return (-1);
		if (bring_part(x, (unsigned)i, piece, e) == 0) {
			pull_given(
			    with->pull, x->pulling, piece->number, (unsigned)i);
			return (0);
		}
		if (x->is_ours || e->kind == ERR_STOPPED)
			return (-1);
		x->given_up |= 1U << i;
		endpoints_failed(
		    with->endpoints, &x->a, (unsigned)i, x->object, e);
	}
	return (-1);
}

/* Until every piece is here. */
static int
bring_pieces(struct bringing *x, struct err *e)
{
	struct pull_piece piece;
	enum pull_news news;

	for (;;) {
		if (pull_wait(x->with->pull, x->pulling, &news, &piece, e) < 0)
			return (-1);
		if (news == PULL_HERE)
			return (0);
		x->is_ours |= news == PULL_OURS;
		if (x->is_ours || bring_patiently(x, &piece, e) < 0)
			return (-1);
	}
}

/* --- from one endpoint --- */

static void
blame(struct bringing *x, unsigned i)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_CORRUPT, "its bytes are not those of its name");
	endpoints_failed(x->with->endpoints, &x->a, i, x->object, &why);
}

/* The whole from endpoint i alone. */
static int
bring_from(struct bringing *x, unsigned i, struct err *e)
{
	unsigned n;

	for (n = 0; n < pull_pieces(x->pulling); n++) {
		struct pull_piece part = pull_piece(x->pulling, n);

		if (stop_check(e) < 0 || bring_part(x, i, &part, e) < 0)
			return (-1);
	}
	if (!is_good(x))
		return (err_set(
		    e, ERR_CORRUPT, "its bytes are not those of its name"));
	return (0);
}

/* Endpoint good gave the right bytes: who gave others before? One that was
 * right now is not called damaged, whatever it sent the first time. */
static void
blame_liars(struct bringing *x, const struct sum *before, unsigned good)
{
	SCOPED(scope_free)
	struct sum *now = mem_array(
	    pull_pieces(x->pulling), sizeof(struct sum));
	struct sum whole;
	struct err ignored = ERR_INIT;
	unsigned i, from;

	if (sum_up(x, &whole, now, &ignored) < 0)
		return;
	for (i = 0; i < pull_pieces(x->pulling); i++) {
		from = pull_giver(x->pulling, i);
		if (memcmp(&before[i], &now[i], sizeof(now[i])) != 0 &&
		    from != good && (x->a.damaged >> from & 1) == 0)
			blame(x, from);
	}
}

/* Did one endpoint give all of it? */
static bool
has_one_giver(const struct bringing *x)
{
	unsigned i;

	for (i = 1; i < pull_pieces(x->pulling); i++)
		if (pull_giver(x->pulling, i) != pull_giver(x->pulling, 0))
			return (false);
	return (true);
}

/* What came from several is wrong. True: one of them had it right. */
static bool
bring_alone(struct bringing *x, struct err *e)
{
	struct endpoints *endpoints = x->with->endpoints;
	SCOPED(scope_free)
	struct sum *before = mem_array(
	    pull_pieces(x->pulling), sizeof(struct sum));
	struct sum whole;
	int i;

	if (sum_up(x, &whole, before, e) < 0) {
		x->is_ours = true;
		return (false);
	}
	if (has_one_giver(x))
		blame(x, pull_giver(x->pulling, 0));
	x->a.asked = x->given_up | x->a.damaged;
	while ((i = endpoints_next(endpoints, &x->a)) >= 0) {
		err_clear(e);
		if (bring_from(x, (unsigned)i, e) == 0) {
			blame_liars(x, before, (unsigned)i);
			endpoints_served(
			    endpoints, &x->a, (unsigned)i, x->object);
			return (true);
		}
		if (x->is_ours || e->kind == ERR_STOPPED)
			return (false);
		endpoints_failed(endpoints, &x->a, (unsigned)i, x->object, e);
	}
	return (false);
}

/* No copy that readers see is whole, or none is left. */
static bool
bring_first(struct bringing *x)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct err e = ERR_INIT;

	if (!first_load(endpoints_repo(x->with->endpoints), x->object, &bytes))
		return (false);
	if (lseek(x->fd, 0, SEEK_SET) == 0 &&
	    file_write(x->fd, bytes.p, bytes.n, &e) == 0)
		return (true);
	x->is_ours = true;
	return (false);
}

int
bring_end(struct bringing *x, struct err *e)
{
	struct err why = ERR_INIT;
	bool good = false;
	int rc = 0;

	if (bring_pieces(x, &why) == 0) {
		pull_met(x->with->pull, x->pulling, &x->a);
		good = is_good(x);
		if (good)
			endpoints_served(x->with->endpoints, &x->a,
			    pull_giver(x->pulling, 0), x->object);
		else if (!x->is_ours)
			good = bring_alone(x, &why);
	}
	if (!good && !x->is_ours && why.kind != ERR_STOPPED)
		good = bring_first(x);
	if (!good && why.kind == ERR_STOPPED) {
		*e = why;
		rc = -1;
	} else if (!good && !x->is_ours && x->a.damaged == 0 &&
	    x->a.last.kind != ERR_NONE) {
		rc = endpoints_none(x->with->endpoints, &x->a, x->object, e);
	}
	end(x, good);
	return (rc);
}
