/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Manifests flow in, the names in their recipes flow into a filter; then the
 * bases of what is delta among them.
 */
#include "retention/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "repository/manifest.h"
#include "repository/recipe.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "retention/shelf.h"

void
live_free(struct live *l)
{
	name_filter_free(l->names);
	free(l->ids);
	*l = (struct live){ .n = 0 };
}

struct reading {
	struct repo *r;
	struct live *out;
	struct shelf *shelf;
	bool fills; /* the second time round: the shelf is full */
};

/* --- one backup ------------------------------------------------------------
 */

/* All recipes that are whole by now; the rest stays for the next chunk. */
static int
take_recipes(struct live *l, struct buf *stream, struct err *e)
{
	struct bytes b = bytes_of(stream->p, stream->n);
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	bool more = false;

	while (b.n > 0 && !more) {
		if (recipe_decode(&b, &r, &more, e) < 0)
			return (-1);
		for (size_t i = 0; i < r.n && !more; i++)
			name_filter_add(l->names, &r.parts[i].name);
	}
	if (b.n > 0)
		memmove(stream->p, b.p, b.n);
	stream->n = b.n;
	return (0);
}

static int
take_backup(struct reading *x, const struct manifest *m, struct err *e)
{
	SCOPED(buf_free) struct buf stream = BUF_INIT;

	for (size_t i = 0; i < m->recipes.n; i++)
		if (stop_check(e) < 0 ||
		    shelf_get(x->shelf, &m->recipes.v[i], &stream, e) < 0 ||
		    take_recipes(x->out, &stream, e) < 0)
			return (-1);
	if (stream.n > 0)
		return (err_set(e, ERR_CORRUPT,
		    "the recipes of backup %s end in the middle of one",
		    m->id));
	return (0);
}

static void
note_backup(struct live *l, const char *id)
{
	l->ids = mem_grow(l->ids, l->n + 1, sizeof(*l->ids));
	memcpy(l->ids[l->n++], id, BACKUP_ID_TEXT);
}

static bool
is_noted(const struct live *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->ids[i], id) == 0)
			return (true);
	return (false);
}

/* Only the backups of the first time round are those of the second. */
static int
each_backup(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	struct reading *x = arg;
	SCOPED(manifest_free) struct manifest m;
	const char *slash = strchr(o->name, '/');

	manifest_init(&m);
	if (o->is_going || slash == NULL)
		return (0);
	if (x->fills && !is_noted(x->out, slash + 1))
		return (0);
	if (manifest_decode_summary(x->r->keys, slash + 1, p, n, &m, e) < 0)
		return (err_within(e, "%s", o->name));
	if (x->fills)
		return (take_backup(x, &m, e));
	note_backup(x->out, m.id);
	shelf_want(x->shelf, m.recipes.v, m.recipes.n);
	return (0);
}

/* --- deltas ----------------------------------------------------------------
 */

/* One step: a base is never a delta itself. */
static int
add_bases(const struct state_copy *c, void *arg, struct err *e)
{
	struct live *l = arg;

	if (c->record.nbases == 0)
		return (0);
	if (name_filter_has(l->names, &c->record.name))
		for (uint8_t i = 0; i < c->record.nbases; i++)
			name_filter_add(l->names, &c->record.bases[i]);
	return (stop_check(e));
}

int
live_read(struct repo *r, struct live *out, struct err *e)
{
	SCOPED(shelf_freep) struct shelf *shelf = shelf_new(r);
	SCOPED(live_free) struct live l = { .n = 0 };
	struct reading x = { .r = r, .out = &l, .shelf = shelf };
	uint64_t copies;

	*out = (struct live){ .n = 0 };
	if (state_count_copies(r->state, &copies, e) < 0 ||
	    state_each_manifest(r->state, each_backup, &x, e) != 0 ||
	    shelf_fill(shelf, e) < 0)
		return (-1);
	l.names = name_filter_new(copies);
	x.fills = true;
	if (state_each_manifest(r->state, each_backup, &x, e) != 0 ||
	    state_each_copy(r->state, add_bases, &l, e) != 0)
		return (-1);
	*out = l;
	l = (struct live){ .n = 0 };
	return (0);
}
