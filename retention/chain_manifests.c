/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifests of local state: each follows the one before it, stands on an
 * entry of the audit log, and each backup that the log tells of is here or was
 * removed, as the log says.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "repository/state_backups.h"
#include "retention/chain_impl.h"

/* --- finding --- */

/* The first in by_sequence that has this number or a later one. */
static size_t
first_of(const struct chain *c, uint64_t sequence)
{
	size_t from = 0, to = c->nknown;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (c->by_sequence[middle]->sequence < sequence)
			from = middle + 1;
		else
			to = middle;
	}
	return (from);
}

/* The first in told that has this number or a later one. */
static size_t
first_told(const struct chain *c, uint64_t sequence)
{
	size_t from = 0, to = c->ntold;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (c->told[middle].sequence < sequence)
			from = middle + 1;
		else
			to = middle;
	}
	return (from);
}

/* Does the log tell of a backup of this number that is not here? */
static bool
tells_of_another(const struct chain *c, uint64_t sequence)
{
	for (size_t i = first_told(c, sequence);
	     i < c->ntold && c->told[i].sequence == sequence; i++)
		if (chain_known_named(c, c->told[i].id) == NULL)
			return (true);
	return (false);
}

/* --- each manifest --- */

static void
judge_audit_head(struct chain *c, const struct known *k)
{
	if (k->audit_seq == 0 ||
	    chain_link_of(c, k->audit_seq, &k->audit_head) != NULL)
		return;
	if (k->audit_seq > c->out->seq)
		findings_error(c->f, "truncated",
		    "the newest entries were taken away everywhere: ask who could write to every endpoint and to this machine",
		    "backup %s was made after entry %" PRIu64
		    " of the audit log, which ends at %" PRIu64,
		    k->id, k->audit_seq, c->out->seq);
	else
		findings_error(c->f, "manifest",
		    "the chain that the backup was made on is not the one that is here: compare with another endpoint's audit/",
		    "backup %s stands on an entry %" PRIu64
		    " of the audit log that is not in the chain",
		    k->id, k->audit_seq);
}

/* The one before it may be another writer's of the same number, or gone: then
 * the log tells of it, and judge_told says how that is. */
static void
judge_previous(struct chain *c, const struct known *k)
{
	size_t i = first_of(c, k->sequence - 1);
	bool is_here = false;

	if (k->sequence <= 1 || tells_of_another(c, k->sequence - 1))
		return;
	for (; i < c->nknown && c->by_sequence[i]->sequence == k->sequence - 1;
	     i++) {
		is_here = true;
		if (memcmp(&c->by_sequence[i]->self, &k->previous,
			sizeof(k->previous)) == 0)
			return;
	}
	if (is_here)
		findings_error(c->f, "manifest",
		    "the backup before it was exchanged: compare with another endpoint's backups/",
		    "backup %s (number %" PRIu64
		    ") does not follow the one before it",
		    k->id, k->sequence);
	else
		findings_error(c->f, "gone",
		    "find out who removed it; sync takes it in if an endpoint has it still",
		    "backup number %" PRIu64
		    ", which %s follows, is gone, and no entry tells of it",
		    k->sequence - 1, k->id);
}

/* --- each backup that the log tells of --- */

/*
 * A backup that never got to an endpoint before its machine was lost: the entry
 * is sent before the manifest. Then nothing follows it, or another writer's
 * backup has its number.
 */
static bool
may_be_undelivered(const struct chain *c, const struct told *t)
{
	size_t i = first_of(c, t->sequence);

	return (c->links[t->link].is_displaced || i == c->nknown ||
	    c->by_sequence[i]->sequence == t->sequence);
}

static int
judge_told(struct chain *c, const struct told *t, struct err *e)
{
	struct state_marks marks;

	if (chain_known_named(c, t->id) != NULL)
		return (0);
	if (state_get_marks(c->repo->state, t->id, &marks, e) < 0)
		return (-1);
	if (marks.removed)
		return (0);
	if (may_be_undelivered(c, t))
		findings_warning(c->f, "gone",
		    "if an endpoint that is away now has it, sync takes it in when it is back",
		    "backup %s is in the audit log and nowhere here: it was never delivered, or somebody removed it",
		    t->id);
	else
		findings_error(c->f, "gone",
		    "find out who removed it; sync takes it in if an endpoint has it still",
		    "backup %s is gone, and no entry says that it was removed",
		    t->id);
	return (0);
}

int
chain_judge_manifests(struct chain *c, struct err *e)
{
	c->f->subject = CHAIN_HERE;
	for (size_t i = 0; i < c->nknown; i++) {
		judge_audit_head(c, c->by_sequence[i]);
		judge_previous(c, c->by_sequence[i]);
	}
	for (size_t i = 0; i < c->ntold; i++)
		if (judge_told(c, &c->told[i], e) < 0)
			return (-1);
	return (0);
}
