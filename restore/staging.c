/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealed bytes flow in from endpoints and out to be opened. A whole pack is a
 * file <hex>, which was checked against its name when it was brought (and is
 * checked again when it was found there at the start); parts of packs are
 * sparse files <hex>.<run>, which go with the run. What always holds: what
 * stored says is in the folder, stored never passes limit, and a range is
 * brought by one thread at a time.
 */
#include "restore/staging.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stop.h"
#include "restore/staging_impl.h"

#define WAIT_MS	    200
#define CHECK_BYTES ((size_t)256 << 10)

struct staged *
staging_hold(struct staging *s, const struct sha256 *pack, uint64_t pack_bytes)
{
	struct staged *p;

	(void)pthread_mutex_lock(&s->lock);
	p = staging_find(s, pack, pack_bytes);
	p->users++;
	p->used = ++s->tick;
	(void)pthread_mutex_unlock(&s->lock);
	return (p);
}

void
staging_let_go(struct staging *s, struct staged *p)
{
	(void)pthread_mutex_lock(&s->lock);
	p->users--;
	(void)pthread_mutex_unlock(&s->lock);
}

/* Where a range is in p's list, or where it would go. */
static size_t
range_at(const struct staged *p, uint32_t offset)
{
	size_t low = 0, high = p->nranges, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (p->ranges[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return (low);
}

static struct range *
find_range(struct staged *p, uint32_t offset, uint32_t n)
{
	size_t at = range_at(p, offset);

	if (at < p->nranges && p->ranges[at].offset == offset &&
	    p->ranges[at].n == n)
		return (&p->ranges[at]);
	return (NULL);
}

static void
add_range(struct staged *p, uint32_t offset, uint32_t n)
{
	size_t at = range_at(p, offset);

	if (p->nranges == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->ranges = mem_grow(p->ranges, p->cap, sizeof(*p->ranges));
	}
	memmove(&p->ranges[at + 1], &p->ranges[at],
	    (p->nranges - at) * sizeof(*p->ranges));
	p->ranges[at] = (struct range){ .offset = offset, .n = n };
	p->nranges++;
}

static void
remove_range(struct staged *p, struct range *r)
{
	size_t at = (size_t)(r - p->ranges);

	memmove(r, r + 1, (p->nranges - at - 1) * sizeof(*r));
	p->nranges--;
}

/* A whole pack that an earlier run left is what its name says? */
static bool
still_good(struct staging *s, const struct staged *p)
{
	SCOPED(scope_free) char *path = staging_path(s, p, true);
	SCOPED(scope_free) uint8_t *part = mem_new(CHECK_BYTES);
	SCOPED(hash_freep) struct hash *h = hash_new(HASH_IS_SHA256);
	struct err e = ERR_INIT;
	SCOPED(scope_close) int fd = file_open(path, O_RDONLY, &e);
	uint8_t sha[HASH_SHA256];
	uint64_t total = 0;
	ssize_t got = -1;

	while (fd >= 0 && (got = file_read(fd, part, CHECK_BYTES, &e)) > 0) {
		hash_add(h, part, (size_t)got);
		total += (uint64_t)got;
	}
	hash_end(h, sha);
	return (got == 0 && total == p->bytes &&
	    memcmp(sha, p->pack.b, sizeof(sha)) == 0);
}

/* The lock is held; it is let go while a found pack is read. */
static void
check_found(struct staging *s, struct staged *p)
{
	bool good;

	p->bringing = true;
	(void)pthread_mutex_unlock(&s->lock);
	good = still_good(s, p);
	(void)pthread_mutex_lock(&s->lock);
	p->bringing = false;
	if (good)
		p->found = false;
	else
		staging_drop(s, p);
	(void)pthread_cond_broadcast(&s->turned);
}

/* Waits a little for another thread's news. The lock is held. */
static int
wait_turn(struct staging *s, struct err *e)
{
	clock_wait(&s->turned, &s->lock, WAIT_MS);
	return (stop_check(e));
}

/* One look at whose turn it is. False: somebody else's, wait. The lock is
 * held. */
static bool
decide(struct staging *s, struct staged *p, uint32_t offset, uint32_t n,
    enum staging_turn *turn)
{
	struct range *r;

	if (p->bringing)
		return (false);
	if (p->left) {
		p->left = false;
		p->bringing = true;
		*turn = STAGING_WHOLE;
		return (true);
	}
	if (p->whole && p->found)
		check_found(s, p);
	if (p->whole) {
		*turn = STAGING_HERE;
		return (true);
	}
	if ((r = find_range(p, offset, n)) != NULL) {
		*turn = STAGING_HERE;
		return (r->here);
	}
	if (staging_wants_whole(p) && p->bringing_ranges == 0) {
		staging_drop(s, p);
		if (staging_make_room(s, p->bytes, false)) {
			p->stored = p->bytes;
			p->bringing = true;
			*turn = STAGING_WHOLE;
			return (true);
		}
	}
	add_range(p, offset, n);
	p->bringing_ranges++;
	*turn = STAGING_RANGE;
	return (true);
}

int
staging_turn(struct staging *s, struct staged *p, uint32_t offset, uint32_t n,
    enum staging_turn *turn, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&s->lock);
	p->used = ++s->tick;
	while (!decide(s, p, offset, n, turn))
		if ((rc = wait_turn(s, e)) < 0)
			break;
	(void)pthread_mutex_unlock(&s->lock);
	return (rc);
}

int
staging_read(struct staging *s, struct staged *p, uint32_t offset, uint32_t n,
    struct buf *out, struct err *e)
{
	SCOPED(scope_free) char *path = NULL;
	SCOPED(scope_close) int fd = -1;
	ssize_t got;

	(void)pthread_mutex_lock(&s->lock);
	path = staging_path(s, p, p->whole);
	p->read += n;
	staging_not_ahead(s, p);
	(void)pthread_mutex_unlock(&s->lock);
	if ((fd = file_open(path, O_RDONLY, e)) < 0)
		return (-1);
	out->n = 0;
	buf_reserve(out, n);
	if ((got = file_read_at(fd, offset, out->p, n, e)) < 0)
		return (-1);
	if ((size_t)got != n)
		return (err_set(e, ERR_CORRUPT, "%s is too short", path));
	out->n = n;
	return (0);
}

int
staging_begin_whole(struct staging *s, struct staged *p, struct err *e)
{
	SCOPED(scope_free) char *path = staging_path(s, p, false);

	return (file_create(path, O_RDWR | O_CREAT | O_TRUNC, 0600, e));
}

void
staging_end_whole(struct staging *s, struct staged *p, bool good)
{
	SCOPED(scope_free) char *part = staging_path(s, p, false);
	SCOPED(scope_free) char *whole = staging_path(s, p, true);
	struct err e = ERR_INIT;

	if (good && file_rename(part, whole, &e) < 0)
		good = false;
	(void)pthread_mutex_lock(&s->lock);
	p->bringing = false;
	if (good) {
		p->whole = true;
		p->found = false;
	} else {
		staging_drop(s, p);
		p->ranges_only = true;
	}
	(void)pthread_cond_broadcast(&s->turned);
	(void)pthread_mutex_unlock(&s->lock);
}

void
staging_leave(struct staging *s, struct staged *p)
{
	(void)pthread_mutex_lock(&s->lock);
	p->bringing = false;
	p->left = true;
	(void)pthread_cond_broadcast(&s->turned);
	(void)pthread_mutex_unlock(&s->lock);
}

/* Writes a range to the pack's sparse file. */
static bool
keep_range(struct staging *s, struct staged *p, uint32_t offset, uint32_t n,
    const void *bytes)
{
	SCOPED(scope_free) char *path = staging_path(s, p, false);
	struct err e = ERR_INIT;
	SCOPED(scope_close)
	int fd = file_create(path, O_WRONLY | O_CREAT, 0600, &e);

	return (fd >= 0 && lseek(fd, (off_t)offset, SEEK_SET) >= 0 &&
	    file_write(fd, bytes, n, &e) == 0);
}

void
staging_end_range(struct staging *s, struct staged *p, uint32_t offset,
    uint32_t n, const void *bytes)
{
	struct range *r;
	bool kept = false;

	(void)pthread_mutex_lock(&s->lock);
	if (bytes != NULL)
		p->read += n;
	if (bytes != NULL && staging_make_room(s, n, false)) {
		p->stored += n;
		(void)pthread_mutex_unlock(&s->lock);
		kept = keep_range(s, p, offset, n, bytes);
		(void)pthread_mutex_lock(&s->lock);
		if (!kept) {
			p->stored -= n;
			s->stored -= n;
		}
	}
	r = find_range(p, offset, n);
	if (r != NULL && kept)
		r->here = true;
	else if (r != NULL)
		remove_range(p, r);
	p->bringing_ranges--;
	(void)pthread_cond_broadcast(&s->turned);
	(void)pthread_mutex_unlock(&s->lock);
}

void
staging_forget(struct staging *s, struct staged *p)
{
	(void)pthread_mutex_lock(&s->lock);
	if (!p->bringing && !p->left && p->bringing_ranges == 0)
		staging_drop(s, p);
	(void)pthread_mutex_unlock(&s->lock);
}
