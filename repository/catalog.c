/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Manifests and marks of local state flow in, the list of backups flows out,
 * newest first. Nothing is asked of an endpoint: what is said of copies is what
 * senders, listings and verification have found so far.
 */
#include "repository/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "repository/state_backups.h"

const char *
copy_state_text(enum copy_state s)
{
	switch (s) {
	case COPY_STORED: return ("stored");
	case COPY_PENDING: return ("pending");
	case COPY_DAMAGED: return ("damaged");
	case COPY_MISSING: return ("missing");
	case COPY_FAILED: break;
	}
	return ("failed");
}

void
catalog_entry_free(struct catalog_entry *c)
{
	manifest_free(&c->m);
}

const char *
catalog_state(const struct catalog_entry *c)
{
	return (c->pending ? "pending" : c->m.state);
}

void
catalog_free(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		catalog_entry_free(&c->v[i]);
	free(c->v);
	c->v = NULL;
	c->n = 0;
}

/* --- copies --- */

struct reading {
	struct repo *r;
	const char *branch; /* or NULL */
	struct catalog *out;
	uint32_t hurt; /* endpoints (by number) where something is damaged or
			  missing: only there a closure is looked through */
};

static int
find_hurt(struct repo *r, uint32_t *hurt, struct err *e)
{
	struct state_tally tally;

	*hurt = 0;
	if (state_tally(r->state, &tally, e) < 0)
		return (-1);
	for (size_t i = 0; i < STATE_ENDPOINTS_MAX; i++)
		if (tally.damaged[i] + tally.missing[i] > 0)
			*hurt |= (uint32_t)1 << i;
	return (0);
}

struct closure_damage {
	uint32_t damaged, missing;
};

static int
gather_damage(const struct state_object *o, void *arg, struct err *e)
{
	struct closure_damage *d = arg;

	(void)e;
	d->damaged |= o->damaged;
	d->missing |= o->missing;
	return (0);
}

static int
fill_copies(struct reading *reading, const struct state_object *o,
    struct catalog_entry *c, struct err *e)
{
	struct repo *r = reading->r;
	struct closure_damage d = { .damaged = o->damaged,
		.missing = o->missing };
	unsigned delivered = 0;

	if ((o->confirmed & reading->hurt) != 0 &&
	    state_closure_each(r->state, o->number, gather_damage, &d, e) != 0)
		return (-1);
	for (size_t i = 0; i < r->nendpoints; i++) {
		uint32_t bit = (uint32_t)1 << r->endpoints[i].number;

		if ((o->confirmed & bit) == 0 &&
		    ((o->damaged | o->missing) & bit) == 0)
			c->at[i] = COPY_PENDING;
		else if ((d.missing & bit) != 0)
			c->at[i] = COPY_MISSING;
		else if ((d.damaged & bit) != 0)
			c->at[i] = COPY_DAMAGED;
		else
			c->at[i] = COPY_STORED;
		c->stored += c->at[i] == COPY_STORED;
		delivered += c->at[i] != COPY_PENDING;
	}
	/* A backup that was acknowledged stays so when a copy is damaged. */
	c->pending = strcmp(c->m.state, "incomplete") != 0 &&
	    delivered < r->settings->write_quorum;
	return (0);
}

static int
fill_marks(struct repo *r, struct catalog_entry *c, struct err *e)
{
	struct state_marks marks;

	if (state_get_marks(r->state, c->m.id, &marks, e) < 0)
		return (-1);
	c->pinned = marks.pinned;
	memcpy(c->comment, marks.has_comment ? marks.comment : c->m.comment,
	    sizeof(c->comment));
	c->verified = marks.verified;
	memcpy(
	    c->verified_depth, marks.verified_depth, sizeof(c->verified_depth));
	c->drilled = marks.drilled;
	return (0);
}

/* --- reading --- */

static_assert(sizeof(((struct catalog_entry *)0)->comment) ==
	sizeof(((struct state_marks *)0)->comment),
    "comments are copied whole");
static_assert(sizeof(((struct catalog_entry *)0)->comment) ==
	sizeof(((struct manifest *)0)->comment),
    "comments are copied whole");
static_assert(sizeof(((struct catalog_entry *)0)->verified_depth) ==
	sizeof(((struct state_marks *)0)->verified_depth),
    "depths are copied whole");

/* Decodes one; *wanted tells whether it belongs into the list. */
static int
read_entry(struct reading *reading, const struct state_object *o,
    const struct bytes *object, struct catalog_entry *c, bool *wanted,
    struct err *e)
{
	const char *slash = strchr(o->name, '/');
	struct err why = ERR_INIT;

	*wanted = false;
	/* One that an endpoint's entry removes is there until a prune agrees.
	 */
	if (o->is_going)
		return (0);
	c->manifest_bytes = o->bytes;
	if (manifest_decode_summary(reading->r->keys,
		slash == NULL ? o->name : slash + 1, object->p, object->n,
		&c->m, &why) < 0) {
		log_warning(
		    "%s is left out of the list: %s", o->name, why.text);
		return (0);
	}
	if (reading->branch != NULL &&
	    strcmp(reading->branch, c->m.branch) != 0)
		return (0);
	if (fill_marks(reading->r, c, e) < 0)
		return (-1);
	*wanted = true;
	manifest_shorten(&c->m);
	return (fill_copies(reading, o, c, e));
}

static int
take_manifest(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	struct reading *reading = arg;
	struct catalog *out = reading->out;
	struct bytes object = bytes_of(p, n);
	struct catalog_entry c = { .pinned = false };
	bool wanted;

	manifest_init(&c.m);
	if (read_entry(reading, o, &object, &c, &wanted, e) < 0) {
		catalog_entry_free(&c);
		return (-1);
	}
	if (!wanted) {
		catalog_entry_free(&c);
		return (0);
	}
	if ((out->n & (out->n - 1)) == 0) /* full at each power of two */
		out->v = mem_grow(
		    out->v, out->n == 0 ? 1 : 2 * out->n, sizeof(*out->v));
	out->v[out->n++] = c;
	return (0);
}

/* By the chain, which a clock that was set wrong doesn't disturb; two writers'
 * backups of one number by their times. */
static int
newest_first(const void *left, const void *right)
{
	const struct manifest *a = &((const struct catalog_entry *)left)->m;
	const struct manifest *b = &((const struct catalog_entry *)right)->m;

	if (a->sequence != b->sequence)
		return (a->sequence < b->sequence ? 1 : -1);
	if (a->started != b->started)
		return (a->started < b->started ? 1 : -1);
	return (strcmp(b->id, a->id));
}

int
catalog_read(
    struct repo *r, const char *branch, struct catalog *out, struct err *e)
{
	struct reading reading = { .r = r, .branch = branch, .out = out };

	out->n = 0;
	out->v = NULL;
	if (find_hurt(r, &reading.hurt, e) < 0)
		return (-1);
	if (state_each_manifest(r->state, take_manifest, &reading, e) != 0) {
		catalog_free(out);
		return (-1);
	}
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), newest_first);
	return (0);
}

int
catalog_fill(struct repo *r, struct catalog *c,
    const struct catalog_entry *entry, struct err *e)
{
	struct manifest *m = &c->v[entry - c->v].m;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	char id[BACKUP_ID_TEXT], name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool found;

	memcpy(id, m->id, sizeof(id));
	manifest_name(id, name);
	if (state_find(r->state, name, &o, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_MISSING, "no backup %s", id));
	if (state_body(r->state, o.number, &object, e) < 0)
		return (-1);
	return (manifest_decode(r->keys, id, object.p, object.n, m, e));
}
