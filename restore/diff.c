/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three walks: the first tree is noted; the second is compared with the notes,
 * which gives what was added and changed; what nobody met is looked up in the
 * first once more, for its name. The last walk is left out where all were met.
 * Paths are never kept: a tree's chunks are in the staging area after the first
 * walk, as far as that has room.
 */
#include "restore/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "base/text.h"
#include "restore/keyset.h"
#include "restore/notes.h"

struct diff {
	struct repo *r;
	const struct diff_conf *conf;
	struct diff_totals *totals;
	struct contents *from, *to;
	struct notes *notes; /* of from */
	uint64_t met;	     /* of them, by to */
};

static void
diff_free(struct diff *d)
{
	contents_free(d->from);
	contents_free(d->to);
	notes_free(d->notes);
}

/* --- what an entry holds, as one number --- */

static_assert(
    sizeof(struct recipe_part) == NAME_BYTES + 4, "parts are hashed whole");

/* The dump's header has the time of the dump, and is its first chunk. */
static uint64_t
content_of_dump(const struct recipe *r)
{
	if (r->n < 2)
		return (keyset_key(r->checksum.b, sizeof(r->checksum.b)));
	return (keyset_key(r->parts + 1, (r->n - 1) * sizeof(*r->parts)));
}

static int
content_of_stream(const struct contents *c, const struct tree_entry *t,
    uint64_t *out, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;

	if (contents_recipe(c, t->stream, &r, e) < 0)
		return (-1);
	*out = t->kind == TREE_ARCHIVE
	    ? content_of_dump(&r)
	    : keyset_key(r.checksum.b, sizeof(r.checksum.b));
	return (0);
}

/* A table whose rows could not be read has none, and equals another such. */
static int
content_of(const struct contents *c, const struct tree_entry *t, uint64_t *out,
    struct err *e)
{
	if (t->stream != TREE_NO_STREAM)
		return (content_of_stream(c, t, out, e));
	*out = keyset_key(t->extra, t->kind == TREE_LINK ? t->extra_bytes : 0);
	return (0);
}

/* --- the walks --- */

static int
refuse_twice(const struct tree_entry *t, struct err *e)
{
	SCOPED(scope_free) char *path = text_escaped(t->path);

	return (err_set(e, ERR_CORRUPT,
	    "the backup contradicts itself: %.200s is in it twice", path));
}

static int
note(const struct tree_entry *t, void *arg, struct err *e)
{
	struct diff *d = arg;
	SCOPED(named_free) struct named named = { .facts = NULL };
	uint8_t key[NAMED_KEY];
	struct note *new;
	uint64_t content;

	if (stop_check(e) < 0 || named_read(t, &named, e) < 0)
		return (-1);
	if (named.kind == NAMED_FOLDER)
		return (0);
	if (content_of(d->from, t, &content, e) < 0)
		return (-1);
	named_key(t, &named, key);
	if ((new = notes_add(d->notes, key, e)) == NULL)
		return (e->kind != ERR_NONE ? -1 : refuse_twice(t, e));
	new->content = content;
	new->bytes = t->size;
	new->rows = named.rows;
	return (0);
}

static int
tell(struct diff *d, const struct diff_item *item, struct err *e)
{
	d->totals->n[item->named->kind][item->change]++;
	return (d->conf->tell(item, d->conf->arg, e));
}

static bool
is_same(const struct note *n, const struct named *named, uint64_t content)
{
	return (n->content == content && n->rows == named->rows);
}

/* What both have: is it the same? */
static int
compare_met(struct diff *d, struct note *n, const struct tree_entry *t,
    const struct named *named, struct err *e)
{
	struct diff_item item = { .change = DIFF_CHANGED,
		.named = named,
		.entry = t,
		.bytes_before = n->bytes,
		.bytes_after = t->size,
		.rows_before = n->rows,
		.rows_after = named->rows };
	uint64_t content;

	if (n->is_met != 0)
		return (refuse_twice(t, e));
	n->is_met = 1;
	d->met++;
	if (content_of(d->to, t, &content, e) < 0)
		return (-1);
	if (named->kind == NAMED_DEFINITIONS) {
		d->totals->has_definitions = true;
		d->totals->definitions_changed = n->content != content;
		return (0);
	}
	return (is_same(n, named, content) ? 0 : tell(d, &item, e));
}

static int
compare(const struct tree_entry *t, void *arg, struct err *e)
{
	struct diff *d = arg;
	SCOPED(named_free) struct named named = { .facts = NULL };
	struct diff_item item = { .change = DIFF_ADDED,
		.named = &named,
		.entry = t,
		.bytes_after = t->size };
	uint8_t key[NAMED_KEY];
	struct note *n;

	if (stop_check(e) < 0 || named_read(t, &named, e) < 0)
		return (-1);
	if (named.kind == NAMED_FOLDER)
		return (0);
	named_key(t, &named, key);
	if ((n = notes_find(d->notes, key)) != NULL)
		return (compare_met(d, n, t, &named, e));
	if (named.kind == NAMED_DEFINITIONS)
		return (0);
	item.rows_after = named.rows;
	return (tell(d, &item, e));
}

static int
look_for_removed(const struct tree_entry *t, void *arg, struct err *e)
{
	struct diff *d = arg;
	SCOPED(named_free) struct named named = { .facts = NULL };
	struct diff_item item = { .change = DIFF_REMOVED,
		.named = &named,
		.entry = t,
		.bytes_before = t->size };
	uint8_t key[NAMED_KEY];
	const struct note *n;

	if (stop_check(e) < 0 || named_read(t, &named, e) < 0)
		return (-1);
	if (named.kind == NAMED_FOLDER || named.kind == NAMED_DEFINITIONS)
		return (0);
	named_key(t, &named, key);
	n = notes_find(d->notes, key);
	assert(n != NULL);
	if (n->is_met != 0)
		return (0);
	item.rows_before = named.rows;
	return (tell(d, &item, e));
}

/* Both backups' trees and recipes, before the first byte of them. */
static int
expect(struct fetch *f, const struct manifest *m, struct err *e)
{
	if (fetch_expect(f, m->recipes.v, m->recipes.n, e) < 0 ||
	    fetch_expect(f, m->tree.v, m->tree.n, e) < 0)
		return (err_within(e, "backup %s", m->id));
	return (0);
}

static int
open_both(struct diff *d, struct fetch *f, struct err *e)
{
	const char *folder = d->r->settings->state;

	if (expect(f, d->conf->from, e) < 0 || expect(f, d->conf->to, e) < 0)
		return (-1);
	d->from = contents_open(f, d->conf->from, folder, e);
	if (d->from != NULL)
		d->to = contents_open(f, d->conf->to, folder, e);
	if (d->to != NULL)
		d->notes = notes_new(folder, e);
	return (d->notes != NULL ? 0 : -1);
}

int
diff_run(struct repo *r, const struct diff_conf *conf, struct diff_totals *out,
    struct err *e)
{
	SCOPED(fetch_freep) struct fetch *f = NULL;
	SCOPED(diff_free)
	struct diff d = { .r = r, .conf = conf, .totals = out };

	*out = (struct diff_totals){ .has_definitions = false };
	progress_phase(r->progress, "trees", 0);
	if ((f = fetch_new(r, r->settings->state, conf->remarks, e)) == NULL ||
	    open_both(&d, f, e) < 0)
		return (-1);
	if (contents_each(d.from, note, &d, e) < 0)
		return (err_within(e, "backup %s", conf->from->id));
	if (contents_each(d.to, compare, &d, e) < 0)
		return (err_within(e, "backup %s", conf->to->id));
	if (d.met == notes_count(d.notes))
		return (0);
	return (contents_each(d.from, look_for_removed, &d, e));
}
