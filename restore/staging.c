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

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/stop.h"

#define BUCKETS	    1024
#define SMALL_PACK  ((uint64_t)1 << 20)
#define STALE_S	    86400 /* parts that a dead run left */
#define WAIT_MS	    200
#define CHECK_BYTES ((size_t)256 << 10)

struct range {
	uint32_t offset, n;
	bool here; /* else somebody is bringing it */
};

struct staged {
	struct staged *next;
	struct sha256 pack;
	uint64_t bytes;
	uint64_t expected;
	unsigned users;
	uint64_t used; /* tick of its last use */
	uint64_t stored;
	bool whole, ranges_only, found;
	bool bringing; /* somebody brings the whole of it */
	unsigned bringing_ranges;
	size_t nranges, cap;
	struct range *ranges; /* by offset */
};

struct staging {
	char *folder;
	char run[17];
	pthread_mutex_t lock;
	pthread_cond_t turned;
	/* guarded by lock, as is everything in the packs */
	uint64_t limit, stored, tick;
	struct staged *packs[BUCKETS];
};

static char *
path_of(const struct staging *s, const struct staged *p, bool whole)
{
	char hex[65];

	hex_of(p->pack.b, sizeof(p->pack.b), hex);
	if (whole)
		return (mem_printf("%s/%s", s->folder, hex));
	return (mem_printf("%s/%s.%s", s->folder, hex, s->run));
}

static void
remove_quietly(const char *path)
{
	struct err ignored = ERR_INIT;

	(void)!file_remove(path, &ignored);
}

static struct staged **
bucket_of(struct staging *s, const struct sha256 *pack)
{
	return (&s->packs[(pack->b[0] | (unsigned)pack->b[1] << 8) % BUCKETS]);
}

/* The caller holds the lock, or is alone. */
static struct staged *
find_or_add(struct staging *s, const struct sha256 *pack, uint64_t bytes)
{
	struct staged **bucket = bucket_of(s, pack), *p;

	for (p = *bucket; p != NULL; p = p->next)
		if (memcmp(p->pack.b, pack->b, sizeof(pack->b)) == 0)
			return (p);
	p = mem_new(sizeof(*p));
	p->pack = *pack;
	p->bytes = bytes;
	p->next = *bucket;
	*bucket = p;
	return (p);
}

static void
drop_stored(struct staging *s, struct staged *p)
{
	SCOPED(scope_free) char *path = NULL;

	if (p->stored == 0)
		return;
	path = path_of(s, p, p->whole);
	remove_quietly(path);
	s->stored -= p->stored;
	p->stored = 0;
	p->whole = p->found = false;
	p->nranges = 0;
}

/* Makes room for more bytes, dropping what nobody uses. The lock is held. */
static bool
make_room(struct staging *s, uint64_t more)
{
	struct staged *p, *oldest;
	size_t i;

	if (more > s->limit)
		return (false);
	while (s->stored + more > s->limit) {
		oldest = NULL;
		for (i = 0; i < BUCKETS; i++)
			for (p = s->packs[i]; p != NULL; p = p->next)
				if (p->users == 0 && p->stored > 0 &&
				    (oldest == NULL || p->used < oldest->used))
					oldest = p;
		if (oldest == NULL)
			return (false);
		drop_stored(s, oldest);
	}
	s->stored += more;
	return (true);
}

/* One file that an earlier run left: a whole pack is taken over, an old part
 * removed. */
static int
take_over(const char *name, void *arg, struct err *e)
{
	struct staging *s = arg;
	SCOPED(scope_free) char *path = file_join(s->folder, name);
	struct sha256 pack;
	struct staged *p;
	struct stat st;
	struct err gone = ERR_INIT;

	(void)e;
	if (file_stat(path, &st, &gone) < 0 || !S_ISREG(st.st_mode))
		return (0);
	if (strlen(name) == 64 && hex_parse(name, pack.b, sizeof(pack.b)) &&
	    st.st_size > 0 && (uint64_t)st.st_size <= PACK_MAX) {
		p = find_or_add(s, &pack, (uint64_t)st.st_size);
		p->whole = p->found = true;
		p->stored = p->bytes;
		s->stored += p->bytes;
	} else if (strlen(name) == 64 + 1 + 16 && name[64] == '.' &&
	    st.st_mtime < clock_now() - STALE_S) {
		remove_quietly(path);
	}
	return (0);
}

struct staging *
staging_new(const char *folder, uint64_t limit, struct err *e)
{
	struct staging *s;

	if (file_make_folders(folder, 0700, e) < 0)
		return (NULL);
	s = mem_new(sizeof(*s));
	s->folder = mem_string(folder);
	s->limit = limit;
	random_hex(s->run, 8);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->turned, NULL);
	if (file_each(folder, take_over, s, e) != 0) {
		staging_free(s, true);
		return (NULL);
	}
	(void)make_room(s, 0);
	return (s);
}

void
staging_free(struct staging *s, bool keep)
{
	struct staged *p;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < BUCKETS; i++)
		while ((p = s->packs[i]) != NULL) {
			s->packs[i] = p->next;
			if (!keep || !p->whole)
				drop_stored(s, p);
			free(p->ranges);
			free(p);
		}
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->turned);
	free(s->folder);
	free(s);
}

struct staged *
staging_hold(struct staging *s, const struct sha256 *pack, uint64_t pack_bytes)
{
	struct staged *p;

	(void)pthread_mutex_lock(&s->lock);
	p = find_or_add(s, pack, pack_bytes);
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

void
staging_expect(struct staging *s, struct staged *p, uint64_t bytes)
{
	(void)pthread_mutex_lock(&s->lock);
	p->expected += bytes;
	(void)pthread_mutex_unlock(&s->lock);
}

static bool
wants_whole(const struct staged *p)
{
	return (!p->ranges_only &&
	    (p->bytes <= SMALL_PACK || p->expected * 2 >= p->bytes));
}

static uint64_t
to_fetch(const struct staged *p)
{
	if (p->whole)
		return (0);
	return (wants_whole(p) ? p->bytes : p->expected);
}

void
staging_each(struct staging *s,
    void (*each)(const struct sha256 *pack, uint64_t to_fetch, void *arg),
    void *arg)
{
	struct staged *p;
	size_t i;

	(void)pthread_mutex_lock(&s->lock);
	for (i = 0; i < BUCKETS; i++)
		for (p = s->packs[i]; p != NULL; p = p->next)
			if (p->expected > 0)
				each(&p->pack, to_fetch(p), arg);
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
	SCOPED(scope_free) char *path = path_of(s, p, true);
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
		drop_stored(s, p);
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
	if (wants_whole(p) && p->bringing_ranges == 0) {
		drop_stored(s, p);
		if (make_room(s, p->bytes)) {
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
	path = path_of(s, p, p->whole);
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
	SCOPED(scope_free) char *path = path_of(s, p, false);

	return (file_create(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, e));
}

void
staging_end_whole(struct staging *s, struct staged *p, bool good)
{
	SCOPED(scope_free) char *part = path_of(s, p, false);
	SCOPED(scope_free) char *whole = path_of(s, p, true);
	struct err e = ERR_INIT;

	if (good && file_rename(part, whole, &e) < 0)
		good = false;
	(void)pthread_mutex_lock(&s->lock);
	p->bringing = false;
	if (good) {
		p->whole = true;
		p->found = false;
	} else {
		drop_stored(s, p);
		p->ranges_only = true;
	}
	(void)pthread_cond_broadcast(&s->turned);
	(void)pthread_mutex_unlock(&s->lock);
}

/* Writes a range to the pack's sparse file. */
static bool
keep_range(struct staging *s, struct staged *p, uint32_t offset, uint32_t n,
    const void *bytes)
{
	SCOPED(scope_free) char *path = path_of(s, p, false);
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
	if (bytes != NULL && make_room(s, n)) {
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
	if (!p->bringing && p->bringing_ranges == 0)
		drop_stored(s, p);
	(void)pthread_mutex_unlock(&s->lock);
}
