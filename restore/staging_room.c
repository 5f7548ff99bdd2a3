/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs and parts of packs in a folder: what an earlier run left, what is
 * expected, what may be brought ahead of time, and what goes when room is
 * needed. What always holds: what stored says is in the folder, stored never
 * passes limit, and what was brought ahead and not read yet never passes half
 * of it.
 */
#include "restore/staging.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "restore/staging_impl.h"

#define SMALL_PACK ((uint64_t)1 << 20)
#define STALE_S	   86400 /* parts that a dead run left */
#define AHEAD_MOST ((uint64_t)256 << 20)

char *
staging_path(const struct staging *s, const struct staged *p, bool whole)
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
	return (&s->packs[(pack->b[0] | (unsigned)pack->b[1] << 8) %
	    STAGING_BUCKETS]);
}

struct staged *
staging_find(struct staging *s, const struct sha256 *pack, uint64_t bytes)
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

void
staging_not_ahead(struct staging *s, struct staged *p)
{
	if (!p->ahead)
		return;
	p->ahead = false;
	s->ahead -= p->bytes;
}

void
staging_drop(struct staging *s, struct staged *p)
{
	SCOPED(scope_free) char *path = NULL;

	staging_not_ahead(s, p);
	if (p->stored == 0)
		return;
	path = staging_path(s, p, p->whole);
	remove_quietly(path);
	s->stored -= p->stored;
	p->stored = 0;
	p->whole = p->found = false;
	p->nranges = 0;
}

/* --- room --- */

/* How little p is needed: nobody reads it again, somebody does, nobody has
 * begun to. */
static unsigned
worth(const struct staged *p)
{
	if (p->read >= p->expected)
		return (0);
	return (p->read > 0 ? 1 : 2);
}

/* Should p go before q? */
static bool
goes_before(const struct staged *p, const struct staged *q)
{
	if (worth(p) != worth(q))
		return (worth(p) < worth(q));
	return (p->used < q->used);
}

static struct staged *
least_needed(struct staging *s)
{
	struct staged *p, *least = NULL;
	size_t i;

	for (i = 0; i < STAGING_BUCKETS; i++)
		for (p = s->packs[i]; p != NULL; p = p->next)
			if (p->users == 0 && p->stored > 0 &&
			    (least == NULL || goes_before(p, least)))
				least = p;
	return (least);
}

bool
staging_make_room(struct staging *s, uint64_t more, bool all_read)
{
	struct staged *least;

	if (more > s->limit)
		return (false);
	while (s->stored + more > s->limit) {
		least = least_needed(s);
		if (least == NULL || (all_read && worth(least) > 0))
			return (false);
		staging_drop(s, least);
	}
	s->stored += more;
	return (true);
}

/* --- begin and end --- */

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
		p = staging_find(s, &pack, (uint64_t)st.st_size);
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
	(void)staging_make_room(s, 0, false);
	return (s);
}

void
staging_free(struct staging *s, bool keep)
{
	struct staged *p;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < STAGING_BUCKETS; i++)
		while ((p = s->packs[i]) != NULL) {
			s->packs[i] = p->next;
			if (!keep || !p->whole)
				staging_drop(s, p);
			free(p->ranges);
			free(p);
		}
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->turned);
	free(s->folder);
	free(s);
}

/* --- what is expected --- */

void
staging_expect(
    struct staging *s, struct staged *p, uint64_t bytes, unsigned sure)
{
	(void)pthread_mutex_lock(&s->lock);
	if (p->expected == 0) {
		if (s->last_expected != NULL)
			s->last_expected->next_expected = p;
		else
			s->first_expected = p;
		s->last_expected = p;
	}
	p->expected += bytes;
	p->sure |= sure;
	(void)pthread_mutex_unlock(&s->lock);
}

bool
staging_wants_whole(const struct staged *p)
{
	return (!p->ranges_only &&
	    (p->bytes <= SMALL_PACK || p->expected * 2 >= p->bytes));
}

static uint64_t
to_fetch(const struct staged *p)
{
	if (p->whole)
		return (0);
	return (staging_wants_whole(p) ? p->bytes : p->expected);
}

void
staging_each(struct staging *s,
    void (*each)(const struct sha256 *pack, uint64_t to_fetch, void *arg),
    void *arg)
{
	struct staged *p;
	size_t i;

	(void)pthread_mutex_lock(&s->lock);
	for (i = 0; i < STAGING_BUCKETS; i++)
		for (p = s->packs[i]; p != NULL; p = p->next)
			if (p->expected > 0)
				each(&p->pack, to_fetch(p), arg);
	(void)pthread_mutex_unlock(&s->lock);
}

/* --- ahead of time --- */

/* How much may wait to be read. */
static uint64_t
window(const struct staging *s)
{
	return (s->limit / 2 < AHEAD_MOST ? s->limit / 2 : AHEAD_MOST);
}

void
staging_allow_ahead(struct staging *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->end = s->last_expected;
	s->cursor = NULL; /* more may be expected of what was passed */
	(void)pthread_mutex_unlock(&s->lock);
}

/* The next one that has to be brought whole, without passing it. The lock is
 * held. */
static struct staged *
next_ahead(struct staging *s)
{
	struct staged *p;

	while (s->cursor != s->end) {
		p = s->cursor == NULL ? s->first_expected
				      : s->cursor->next_expected;
		if (staging_wants_whole(p) && p->stored == 0 && !p->bringing &&
		    p->bringing_ranges == 0 && p->read == 0 &&
		    p->bytes <= window(s))
			return (p);
		s->cursor = p;
	}
	return (NULL);
}

struct staged *
staging_begin_ahead(struct staging *s, struct staging_pack *pack)
{
	struct staged *p;

	(void)pthread_mutex_lock(&s->lock);
	p = next_ahead(s);
	if (p != NULL && s->ahead + p->bytes <= window(s) &&
	    staging_make_room(s, p->bytes, true)) {
		s->cursor = p;
		s->ahead += p->bytes;
		p->stored = p->bytes;
		p->bringing = p->ahead = true;
		p->users++;
		p->used = ++s->tick;
		*pack = (struct staging_pack){
			.pack = p->pack, .bytes = p->bytes, .sure = p->sure
		};
	} else {
		p = NULL;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return (p);
}
