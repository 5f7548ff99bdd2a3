/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalog and the settings flow in; each branch's policy, and what it says
 * of each backup, flow out. Nothing is asked of an endpoint.
 */
#include "retention/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repository/state_backups.h"
#include "repository/state_locks.h"
#include "retention/plan_impl.h"

#define NO_ZONE "UTC"

void
plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		zone_free(p->v[i].zone);
		free(p->v[i].v);
	}
	free(p->v);
	free(p->by_id);
	catalog_free(&p->catalog);
	*p = (struct plan){ .n = 0 };
}

/* --- branches ------------------------------------------------------------ */

static struct plan_branch *
branch_of(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return (&p->v[i]);
	return (NULL);
}

static void
need_branch(struct plan *p, const char *name)
{
	struct plan_branch *b;

	if (branch_of(p, name) != NULL)
		return;
	p->v = mem_grow(p->v, p->n + 1, sizeof(*p->v));
	b = &p->v[p->n++];
	memset(b, 0, sizeof(*b));
	(void)snprintf(b->name, sizeof(b->name), "%s", name);
}

static int
by_name(const void *left, const void *right)
{
	return (strcmp(((const struct plan_branch *)left)->name,
	    ((const struct plan_branch *)right)->name));
}

/* Those that are configured, and those that have backups; with room for them.
 */
static void
gather_branches(struct plan *p, const struct settings *s)
{
	struct plan_branch *b;

	for (size_t i = 0; i < s->nbranches; i++)
		need_branch(p, s->branches[i].name);
	for (size_t i = 0; i < p->catalog.n; i++)
		need_branch(p, p->catalog.v[i].m.branch);
	if (p->n > 0)
		qsort(p->v, p->n, sizeof(*p->v), by_name);
	for (size_t i = 0; i < s->nbranches; i++)
		if ((b = branch_of(p, s->branches[i].name)) != NULL)
			b->settings = &s->branches[i];
	for (size_t i = 0; i < p->catalog.n; i++)
		if ((b = branch_of(p, p->catalog.v[i].m.branch)) != NULL)
			b->n++;
	for (size_t i = 0; i < p->n; i++) {
		p->v[i].v = mem_array(p->v[i].n, sizeof(*p->v[i].v));
		p->nentries += p->v[i].n;
		p->v[i].n = 0;
	}
}

/* --- backups ------------------------------------------------------------- */

static int
find_lock(struct repo *r, const struct state_object *o,
    struct policy_backup *known, struct err *e)
{
	int64_t until;

	for (size_t i = 0; i < r->nendpoints; i++) {
		if (state_get_lock(r->state, o->number, r->endpoints[i].number,
			&until, e) < 0)
			return (-1);
		if (until > known->locked_until)
			known->locked_until = until;
	}
	return (0);
}

static int
fill_known(struct repo *r, const struct catalog_entry *c,
    struct policy_backup *known, struct err *e)
{
	const struct manifest *m = &c->m;
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool found;

	static_assert(
	    sizeof(known->type) == sizeof(m->type), "types are copied whole");
	memcpy(known->id, m->id, sizeof(known->id));
	memcpy(known->type, m->type, sizeof(known->type));
	known->is_whole = strcmp(m->state, "incomplete") != 0;
	known->is_pending = c->pending;
	known->started = m->started;
	known->sequence = m->sequence;
	known->is_pinned = c->pinned;
	manifest_name(m->id, name);
	if (state_find(r->state, name, &o, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_CORRUPT,
		    "local state lists backup %s and does not have it", m->id));
	if (state_received(r->state, &o, &known->received, e) < 0)
		return (-1);
	return (find_lock(r, &o, known, e));
}

static int
gather_backups(struct repo *r, struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->catalog.n; i++) {
		const struct catalog_entry *c = &p->catalog.v[i];
		struct plan_branch *b = branch_of(p, c->m.branch);
		struct plan_entry *entry = &b->v[b->n++];

		entry->backup = c;
		if (fill_known(r, c, &entry->known, e) < 0)
			return (-1);
	}
	return (0);
}

/* --- by id --------------------------------------------------------------- */

static int
by_id(const void *left, const void *right)
{
	return (strcmp((*(const struct plan_entry *const *)left)->known.id,
	    (*(const struct plan_entry *const *)right)->known.id));
}

static void
index_entries(struct plan *p)
{
	size_t n = 0;

	p->by_id = mem_array(p->nentries, sizeof(*p->by_id));
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->v[i].n; k++)
			p->by_id[n++] = &p->v[i].v[k];
	if (n > 0)
		qsort(p->by_id, n, sizeof(*p->by_id), by_id);
}

const struct plan_entry *
plan_find(const struct plan *p, const char *id)
{
	size_t low = 0, high = p->nentries, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(p->by_id[middle]->known.id, id);
		if (order == 0)
			return (p->by_id[middle]);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (NULL);
}

/* --- policies ------------------------------------------------------------ */

static const char *
zone_of(const struct plan_branch *b)
{
	if (b->settings != NULL && b->settings->zone != NULL)
		return (b->settings->zone);
	if (b->n > 0 && b->v[0].backup->m.zone[0] != '\0')
		return (b->v[0].backup->m.zone);
	return (NO_ZONE);
}

static int
open_zone(struct plan_branch *b, struct err *e)
{
	if ((b->zone = zone_open(zone_of(b), e)) != NULL)
		return (0);
	e->kind = ERR_CONFIG;
	if (e->hint[0] == '\0')
		(void)err_hint(e,
		    "set zone in [branch %s] to one that this machine knows",
		    b->name);
	return (err_within(e, "branch %s", b->name));
}

/* What holds where a branch says nothing, or is no longer configured. */
static struct policy
default_policy(void)
{
	struct policy p = { .keep_manual_s = SETTINGS_KEEP_MANUAL_S,
		.keep_update_s = SETTINGS_KEEP_UPDATE_S,
		.keep_pre_restore_s = SETTINGS_KEEP_PRE_RESTORE_S,
		.keep_pre_upgrade_s = SETTINGS_KEEP_PRE_UPGRADE_S };
	bool is_good = keep_parse(KEEP_DEFAULT, &p.keep);

	assert(is_good);
	return (p);
}

int
plan_policy(const struct branch_settings *s, struct policy *out, struct err *e)
{
	*out = default_policy();
	if (s == NULL)
		return (0);
	if (s->keep != NULL && !keep_parse(s->keep, &out->keep))
		return (err_set(e, ERR_CONFIG,
		    "branch %s: keep = %s: expected " KEEP_EXPECTED, s->name,
		    s->keep));
	out->keep_within_s = s->keep_within_s;
	out->keep_manual_s = s->keep_manual_s;
	out->keep_update_s = s->keep_update_s;
	out->keep_pre_restore_s = s->keep_pre_restore_s;
	out->keep_pre_upgrade_s = s->keep_pre_upgrade_s;
	return (0);
}

static int
fill_policy(struct plan_branch *b, struct err *e)
{
	if (plan_policy(b->settings, &b->policy, e) < 0 || open_zone(b, e) < 0)
		return (-1);
	b->policy.zone = b->zone;
	return (0);
}

static void
judge(struct plan_branch *b, int64_t now)
{
	SCOPED(scope_free)
	struct policy_backup *known = mem_array(b->n, sizeof(*known));
	SCOPED(scope_free)
	struct policy_verdict *verdicts = mem_array(b->n, sizeof(*verdicts));

	for (size_t i = 0; i < b->n; i++)
		known[i] = b->v[i].known;
	policy_judge(&b->policy, known, b->n, now, verdicts);
	for (size_t i = 0; i < b->n; i++)
		b->v[i].verdict = verdicts[i];
}

static int
read_plan(struct repo *r, struct plan *p, struct err *e)
{
	if (catalog_read(r, NULL, &p->catalog, e) < 0)
		return (-1);
	gather_branches(p, r->settings);
	if (gather_backups(r, p, e) < 0)
		return (-1);
	index_entries(p);
	if (plan_remember_gone(r, p, e) < 0)
		return (-1);
	for (size_t i = 0; i < p->n; i++) {
		if (fill_policy(&p->v[i], e) < 0)
			return (-1);
		judge(&p->v[i], p->now);
	}
	return (0);
}

int
plan_read(struct repo *r, int64_t now, struct plan *out, struct err *e)
{
	*out = (struct plan){ .now = now };
	if (read_plan(r, out, e) == 0)
		return (0);
	plan_free(out);
	return (-1);
}
