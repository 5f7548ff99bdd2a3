/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names flow in, are sorted by the packs that have them, and each pack is read
 * once; plain chunks flow into the file, and out of it in any order.
 */
#include "retention/shelf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stop.h"
#include "repository/lookup.h"
#include "repository/object.h"
#include "repository/state_chunks.h"

struct item {
	struct name name;
	uint64_t at; /* in the file */
	uint32_t n;
};

/* Where a chunk is to be had. */
struct place {
	struct state_copy copy;
	size_t item;
};

struct shelf {
	struct repo *r;
	int fd;
	uint64_t end;
	size_t n, room;
	struct item *v; /* sorted by name, once it is filled; owned */
	struct opener *opener;
};

struct shelf *
shelf_new(struct repo *r)
{
	struct shelf *s = mem_new(sizeof(*s));

	s->r = r;
	s->fd = -1;
	s->opener = opener_new(r->keys);
	return (s);
}

void
shelf_free(struct shelf *s)
{
	if (s == NULL)
		return;
	scope_close(&s->fd);
	opener_free(s->opener);
	free(s->v);
	free(s);
}

void
shelf_freep(struct shelf **s)
{
	shelf_free(*s);
	*s = NULL;
}

void
shelf_want(struct shelf *s, const struct name *names, size_t n)
{
	if (s->n + n > s->room) {
		s->room = s->room * 2 + n + 256;
		s->v = mem_grow(s->v, s->room, sizeof(*s->v));
	}
	for (size_t i = 0; i < n; i++)
		s->v[s->n++] = (struct item){ .name = names[i] };
}

static int
by_name(const void *a, const void *b)
{
	return (memcmp(a, b, sizeof(struct name)));
}

static void
sort_items(struct shelf *s)
{
	size_t kept = 0;

	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), by_name);
	for (size_t i = 0; i < s->n; i++)
		if (kept == 0 || by_name(&s->v[kept - 1], &s->v[i]) != 0)
			s->v[kept++] = s->v[i];
	s->n = kept;
}

/* --- where they are --------------------------------------------------------
 */

static int
find_place(struct shelf *s, size_t i, struct place *out, struct err *e)
{
	struct state_copy copies[LOOKUP_COPIES_MAX];
	size_t n;

	if (state_copies(s->r->state, &s->v[i].name, copies, &n, e) < 0)
		return (-1);
	for (size_t k = 0; k < n; k++)
		if (copies[k].record.kind == RECORD_RECIPE) {
			*out = (struct place){ copies[k], i };
			return (0);
		}
	return (err_set(e, ERR_MISSING,
	    "a chunk of recipes is in no pack that local state knows"));
}

static int
by_pack(const void *left, const void *right)
{
	const struct state_copy *a = left, *b = right;

	if (a->pack != b->pack)
		return (a->pack < b->pack ? -1 : 1);
	return (a->offset < b->offset ? -1 : a->offset > b->offset);
}

/* --- one pack --------------------------------------------------------------
 */

static int
take_chunk(struct shelf *s, const struct place *p, const struct buf *pack,
    struct err *e)
{
	SCOPED(buf_free) struct buf plain = BUF_INIT;
	const struct copy c = { .record = p->copy.record };
	struct item *item = &s->v[p->item];

	if (p->copy.offset > pack->n ||
	    p->copy.record.box_bytes > pack->n - p->copy.offset)
		return (err_set(e, ERR_CORRUPT,
		    "a pack is shorter than its directory says"));
	if (opener_open(
		s->opener, &c, pack->p + p->copy.offset, NULL, &plain, e) < 0 ||
	    file_write(s->fd, plain.p, plain.n, e) < 0)
		return (-1);
	item->at = s->end;
	item->n = (uint32_t)plain.n;
	s->end += plain.n;
	return (0);
}

/* All chunks of the pack that v begins with; *n gets how many. */
static int
take_pack(struct shelf *s, const struct place *v, size_t left, size_t *n,
    struct err *e)
{
	SCOPED(buf_free) struct buf pack = BUF_INIT;
	struct state_object o;

	if (stop_check(e) < 0 ||
	    state_get(s->r->state, v->copy.pack, &o, e) < 0 ||
	    object_find(s->r, &o, STATE_ENDPOINTS_MAX, &pack, NULL, e) < 0)
		return (-1);
	for (*n = 0; *n < left && v[*n].copy.pack == v->copy.pack; (*n)++)
		if (take_chunk(s, &v[*n], &pack, e) < 0)
			return (err_within(e, "%s", o.name));
	return (0);
}

int
shelf_fill(struct shelf *s, struct err *e)
{
	SCOPED(scope_free) struct place *places = NULL;
	size_t taken;

	sort_items(s);
	s->fd = file_create(
	    state_folder(s->r->state), O_TMPFILE | O_RDWR, 0600, e);
	if (s->fd < 0)
		return (-1);
	places = mem_array(s->n + 1, sizeof(*places));
	for (size_t i = 0; i < s->n; i++)
		if (find_place(s, i, &places[i], e) < 0)
			return (-1);
	if (s->n > 0)
		qsort(places, s->n, sizeof(*places), by_pack);
	for (size_t i = 0; i < s->n; i += taken)
		if (take_pack(s, &places[i], s->n - i, &taken, e) < 0)
			return (-1);
	return (0);
}

int
shelf_get(
    struct shelf *s, const struct name *name, struct buf *out, struct err *e)
{
	const struct item *item = s->n == 0
	    ? NULL
	    : bsearch(name, s->v, s->n, sizeof(*s->v), by_name);
	ssize_t got;

	if (item == NULL)
		return (
		    err_set(e, ERR_MISSING, "a chunk that nobody asked for"));
	buf_reserve(out, out->n + item->n);
	got = file_read_at(s->fd, item->at, out->p + out->n, item->n, e);
	if (got < 0)
		return (-1);
	if ((size_t)got != item->n)
		return (err_set(e, ERR_SYSTEM, "a scratch file was cut"));
	out->n += item->n;
	return (0);
}
