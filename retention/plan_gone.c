/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups that were removed flow out of the audit log, and say of those that
 * are left whose time can't be right. Else a flood of backups that are dated
 * back would lose its doubt one by one, as the rule lets go of the good ones
 * that show it, and take the slots of weeks and months long gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "repository/audit_log.h"
#include "retention/plan_impl.h"
#include "retention/policy_impl.h"

/* A backup takes a while until its manifest is received. What is dated back by
 * less fills the slots of that very day. */
#define USUAL_S 21600

struct gone {
	char id[BACKUP_ID_TEXT];
	char branch[64];
	uint64_t sequence;
	int64_t started;
	bool was_removed;
};
struct gone_list {
	const struct plan *plan;
	size_t n, room;
	struct gone *v; /* owned */
};

static void
gone_list_free(struct gone_list *l)
{
	free(l->v);
}

static bool
looks_late(const struct policy_backup *b)
{
	return (b->received > policy_later(b->started, USUAL_S));
}

static bool
has_late_one(const struct plan *p)
{
	for (size_t i = 0; i < p->nentries; i++)
		if (looks_late(&p->by_id[i]->known))
			return (true);
	return (false);
}

/* --- the log ------------------------------------------------------------- */

static void
note_backup(struct gone_list *l, const struct audit_entry *a)
{
	struct gone *g;
	char stamp[CLOCK_TEXT];
	int64_t sequence = json_get_integer(a->detail, "sequence", -1);

	if (a->backup[0] == '\0' || sequence < 0 ||
	    plan_find(l->plan, a->backup) != NULL)
		return;
	if (l->n == l->room) {
		l->room = l->room == 0 ? 64 : 2 * l->room;
		l->v = mem_grow(l->v, l->room, sizeof(*l->v));
	}
	g = &l->v[l->n];
	memset(g, 0, sizeof(*g));
	memcpy(g->id, a->backup, sizeof(g->id));
	memcpy(g->branch, a->branch, sizeof(g->branch));
	g->sequence = (uint64_t)sequence;
	/* An id begins with the time at which the backup did. */
	(void)snprintf(stamp, sizeof(stamp), "%.16s", a->backup);
	if (clock_parse(stamp, &g->started))
		l->n++;
}

/* A time that had not come when the backup was removed was no good one. */
static void
note_removal(struct gone_list *l, const char *id, int64_t when)
{
	/* What goes was made not long ago: the newest are looked at first. */
	for (size_t i = l->n; i-- > 0;)
		if (strcmp(l->v[i].id, id) == 0) {
			l->v[i].was_removed = l->v[i].started <=
			    policy_later(when, POLICY_LATE_S);
			return;
		}
}

static int
note_entry(const struct audit_entry *a, void *arg, struct err *e)
{
	struct gone_list *l = arg;
	const struct json *ids = json_get(a->detail, "backups");

	(void)e;
	if (strcmp(a->event, "backup") == 0)
		note_backup(l, a);
	if (strcmp(a->event, "removal") != 0)
		return (0);
	if (a->backup[0] != '\0')
		note_removal(l, a->backup, a->when);
	for (size_t i = 0; i < json_count(ids); i++)
		if (json_text(json_at(ids, i)) != NULL)
			note_removal(l, json_text(json_at(ids, i)), a->when);
	return (0);
}

/* --- what it means ------------------------------------------------------- */

static int
by_number(const void *left, const void *right)
{
	const struct gone *a = left, *b = right;

	return (a->sequence < b->sequence ? -1 : a->sequence > b->sequence);
}

/* Goes through the branch's backups, oldest first, and the gone beside them. */
static void
mark_branch(const struct plan_branch *branch, const struct gone_list *l)
{
	int64_t newest = 0;
	size_t at = 0;

	for (size_t i = branch->n; i-- > 0;) {
		struct policy_backup *b = &branch->v[i].known;

		for (; at < l->n && l->v[at].sequence < b->sequence; at++)
			if (l->v[at].was_removed && l->v[at].started > newest &&
			    strcmp(l->v[at].branch, branch->name) == 0)
				newest = l->v[at].started;
		if (looks_late(b))
			b->not_before = newest;
	}
}

int
plan_remember_gone(struct repo *r, const struct plan *p, struct err *e)
{
	SCOPED(gone_list_free) struct gone_list l = { .plan = p };

	if (!has_late_one(p))
		return (0);
	if (audit_log_each(r, note_entry, &l, e) < 0)
		return (-1);
	if (l.n > 0)
		qsort(l.v, l.n, sizeof(*l.v), by_number);
	for (size_t i = 0; i < p->n; i++)
		mark_branch(&p->v[i], &l);
	return (0);
}
