/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closures of all manifests flow in, bytes flow out. Bitmaps over the numbers
 * of objects say who needs one: a backup or several, a branch or several. What
 * always holds: whatever is not removed is needed, also by a manifest that this
 * machine can't read.
 */
#include "retention/storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"

/* A bit for each number up to the highest; those beyond are counted as set:
 * what became known after we began is nothing that we judge. */
struct bits {
	uint8_t *p;
	uint64_t n;
};

static struct bits
bits_new(uint64_t highest)
{
	return ((struct bits){
	    .p = mem_new((size_t)(highest / 8 + 1)), .n = highest + 1 });
}

static bool
bits_has(const struct bits *b, uint64_t i)
{
	return (i >= b->n || (b->p[i / 8] >> (i % 8) & 1) != 0);
}

/* Was it set before? */
static bool
bits_set(struct bits *b, uint64_t i)
{
	bool was = bits_has(b, i);

	if (i < b->n)
		b->p[i / 8] |= (uint8_t)(1U << (i % 8));
	return (was);
}

static void
bits_clear(struct bits *b)
{
	memset(b->p, 0, (size_t)((b->n - 1) / 8 + 1));
}

/* Needed by one, and by more than one. */
struct needs {
	struct bits one, more;
};

static void
needs_add(struct needs *n, uint64_t i)
{
	if (bits_set(&n->one, i))
		(void)bits_set(&n->more, i);
}

struct count {
	struct repo *r;
	struct storage *out;
	struct needs backups, branches;
	struct bits mine; /* of the branch that is looked at */
	struct storage_branch *branch;
	struct storage_backup *backup;
};

static void
count_free(struct count *c)
{
	free(c->backups.one.p);
	free(c->backups.more.p);
	free(c->branches.one.p);
	free(c->branches.more.p);
	free(c->mine.p);
}

static int
count_init(struct count *c, struct err *e)
{
	uint64_t highest;

	if (state_highest(c->r->state, &highest, e) < 0)
		return (-1);
	c->backups.one = bits_new(highest);
	c->backups.more = bits_new(highest);
	c->branches.one = bits_new(highest);
	c->branches.more = bits_new(highest);
	c->mine = bits_new(highest);
	return (0);
}

const char *
storage_part_text(enum storage_part part)
{
	static const char *const texts[STORAGE_PARTS] = { "database",
		"filestore", "logs", "streams" };

	return (texts[part]);
}

/* --- who needs what --- */

static int
note_need(const struct state_object *o, void *arg, struct err *e)
{
	struct count *c = arg;

	(void)e;
	needs_add(&c->backups, o->number);
	return (0);
}

static int
note_manifest(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	struct count *c = arg;

	(void)p;
	(void)n;
	if (stop_check(e) < 0)
		return (-1);
	if (o->is_going)
		return (0);
	return (state_closure_each(c->r->state, o->number, note_need, c, e) == 0
		? 0
		: -1);
}

/* --- backups and branches --- */

static int
each_needed(struct count *c, const struct storage_backup *b,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    struct err *e)
{
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool found;

	manifest_name(b->entry->m.id, name);
	if (stop_check(e) < 0 ||
	    state_find(c->r->state, name, &o, &found, e) < 0)
		return (-1);
	/* It went meanwhile. */
	if (!found)
		return (0);
	return (state_closure_each(c->r->state, o.number, each, c, e) == 0
		? 0
		: -1);
}

static int
add_need(const struct state_object *o, void *arg, struct err *e)
{
	struct count *c = arg;

	(void)e;
	c->backup->bytes_needed += o->bytes;
	if (!bits_has(&c->backups.more, o->number))
		c->backup->bytes_alone += o->bytes;
	if (bits_set(&c->mine, o->number))
		return (0);
	c->branch->bytes_needed += o->bytes;
	needs_add(&c->branches, o->number);
	return (0);
}

/* Once all branches have told what they need. */
static int
add_alone(const struct state_object *o, void *arg, struct err *e)
{
	struct count *c = arg;

	(void)e;
	if (!bits_set(&c->mine, o->number) &&
	    !bits_has(&c->branches.more, o->number))
		c->branch->bytes_alone += o->bytes;
	return (0);
}

static int
each_of_branch(struct count *c, struct storage_branch *branch,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    struct err *e)
{
	bits_clear(&c->mine);
	c->branch = branch;
	for (size_t i = 0; i < c->out->catalog.n; i++) {
		c->backup = &c->out->backups[i];
		if (strcmp(c->backup->entry->m.branch, branch->name) == 0 &&
		    each_needed(c, c->backup, each, e) < 0)
			return (-1);
	}
	return (0);
}

static void
add_counts(struct storage_branch *b, const struct json *counts)
{
	const struct json *sizes = json_get(counts, "sizes");

	b->backups++;
	b->bytes_logical += (uint64_t)json_get_integer(
	    counts, "bytes_logical", 0);
	b->bytes_stored += (uint64_t)json_get_integer(
	    counts, "bytes_stored", 0);
	for (unsigned i = 0; i < STORAGE_PARTS; i++) {
		const struct json *j = json_get(sizes, storage_part_text(i));
		struct storage_share *s = &b->parts[i];

		if (j == NULL)
			continue;
		s->backups++;
		s->bytes_logical += (uint64_t)json_get_integer(
		    j, "bytes_logical", 0);
		s->bytes_new += (uint64_t)json_get_integer(j, "bytes_new", 0);
		s->bytes_stored += (uint64_t)json_get_integer(
		    j, "bytes_stored", 0);
	}
}

static struct storage_branch *
branch_of(struct storage *s, const char *name)
{
	struct storage_branch *b;

	for (size_t i = 0; i < s->nbranches; i++)
		if (strcmp(s->branches[i].name, name) == 0)
			return (&s->branches[i]);
	s->branches = mem_grow(s->branches, s->nbranches + 1, sizeof(*b));
	b = &s->branches[s->nbranches++];
	*b = (struct storage_branch){ .backups = 0 };
	memcpy(b->name, name, strnlen(name, sizeof(b->name) - 1));
	return (b);
}

static int
by_name(const void *left, const void *right)
{
	const struct storage_branch *a = left, *b = right;

	return (strcmp(a->name, b->name));
}

static void
list_branches(struct storage *s)
{
	s->backups = mem_array(s->catalog.n + 1, sizeof(*s->backups));
	for (size_t i = 0; i < s->catalog.n; i++) {
		const struct manifest *m = &s->catalog.v[i].m;

		s->backups[i].entry = &s->catalog.v[i];
		add_counts(branch_of(s, m->branch), m->counts);
	}
	for (size_t i = 0; i < s->nbranches; i++) {
		s->bytes_logical += s->branches[i].bytes_logical;
		s->bytes_stored += s->branches[i].bytes_stored;
	}
	if (s->nbranches > 0)
		qsort(s->branches, s->nbranches, sizeof(*s->branches), by_name);
}

static int
count_branches(struct count *c, struct err *e)
{
	struct storage *s = c->out;

	list_branches(s);
	for (size_t i = 0; i < s->nbranches; i++)
		if (each_of_branch(c, &s->branches[i], add_need, e) < 0)
			return (-1);
	for (size_t i = 0; i < s->nbranches; i++)
		if (each_of_branch(c, &s->branches[i], add_alone, e) < 0)
			return (-1);
	return (0);
}

/* --- objects --- */

static void
add_to_endpoints(struct count *c, const struct state_object *o)
{
	for (size_t i = 0; i < c->r->nendpoints; i++) {
		struct storage_endpoint *at = &c->out->endpoints[i];
		uint32_t bit = (uint32_t)1 << c->r->endpoints[i].number;

		if ((o->confirmed & bit) != 0) {
			at->objects[o->class]++;
			at->bytes[o->class] += o->bytes;
		} else if ((o->pending & bit) != 0) {
			at->pending_objects++;
			at->pending_bytes += o->bytes;
		}
	}
}

static int
add_unneeded(struct count *c, const struct state_object *o, struct err *e)
{
	uint64_t index;

	/* Of one that is nowhere, nothing can be freed. */
	if (o->class != STATE_PACK || (o->confirmed == 0 && !o->spooled))
		return (0);
	if (state_described_by(c->r->state, o->number, &index, e) < 0)
		return (-1);
	if (index == 0) {
		c->out->unfinished_packs++;
		c->out->unfinished_bytes += o->bytes;
	} else {
		c->out->reclaimable_packs++;
		c->out->reclaimable_bytes += o->bytes;
	}
	return (0);
}

static int
add_object(const struct state_object *o, void *arg, struct err *e)
{
	struct count *c = arg;
	struct storage *s = c->out;

	if (stop_check(e) < 0)
		return (-1);
	if (o->class < STATE_CLASSES)
		add_to_endpoints(c, o);
	if (o->spooled && (o->class == STATE_PACK || o->class == STATE_INDEX)) {
		s->spool_objects++;
		s->spool_packs += o->class == STATE_PACK;
		s->spool_bytes += o->bytes;
	}
	if (!bits_has(&c->backups.one, o->number))
		return (add_unneeded(c, o, e));
	if (o->number < c->backups.one.n)
		s->bytes_needed += o->bytes;
	return (0);
}

int
storage_read(struct repo *r, struct storage *out, struct err *e)
{
	SCOPED(count_free) struct count c = { .r = r, .out = out };

	*out = (struct storage){ .nbranches = 0 };
	if (catalog_read(r, NULL, &out->catalog, e) < 0 ||
	    count_init(&c, e) < 0 ||
	    state_each_manifest(r->state, note_manifest, &c, e) != 0 ||
	    count_branches(&c, e) < 0 ||
	    state_each(r->state, -1, add_object, &c, e) != 0)
		return (-1);
	return (0);
}

void
storage_free(struct storage *s)
{
	catalog_free(&s->catalog);
	free(s->backups);
	free(s->branches);
	s->backups = NULL;
	s->branches = NULL;
	s->nbranches = 0;
}
