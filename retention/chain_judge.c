/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was seen at one endpoint flows in, findings flow out. What it had and
 * has no longer is told by where it stands: at the end of the log an older
 * state, or a cut; between others a gap.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "repository/state_backups.h"
#include "retention/chain_impl.h"

#define TOLD_MOST 20 /* findings of one kind at one endpoint */
#define IDS_MOST  3  /* backups named in one */

#define HINT_SEND "find out who changed what is there; sync sends it again"
#define HINT_HEAL "find out who changed it; verify --repair heals it"

struct judging {
	struct chain *c;
	struct look *l;
	struct chain_endpoint *out;
	uint32_t bit;
	size_t told;
};

/* Says so many of a kind, and then how many more there are. */
static bool
may_tell(struct judging *j)
{
	return (j->told++ < TOLD_MOST);
}

static void
end_telling(struct judging *j, const char *name, const char *hint)
{
	if (j->told > TOLD_MOST)
		findings_error(j->c->f, name, hint, "and %zu more like this",
		    j->told - TOLD_MOST);
	j->told = 0;
}

static uint8_t
seen(const struct judging *j, const struct link *link)
{
	return (j->l->links[link - j->c->links]);
}

static bool
is_gone(const struct judging *j, const struct link *link)
{
	uint8_t is = seen(j, link);

	return ((link->expected & j->bit) != 0 &&
	    (is == CHAIN_UNSEEN || is == CHAIN_HIDDEN));
}

/* --- whose it is --- */

static void
judge_owner(struct judging *j)
{
	const struct err *why = &j->l->config;
	struct findings *f = j->c->f;

	if (why->kind == ERR_NONE)
		return;
	if (why->kind == ERR_TAKEN_OVER) {
		j->c->out->is_behind = true;
		findings_failure(f, FINDING_WARNING, "writer", why,
		    "this machine may not write any more");
	} else if (why->kind == ERR_VERSION)
		findings_failure(f, FINDING_WARNING, "version", why,
		    "run the audit with the newest program that writes there");
	else
		findings_failure(f, FINDING_ERROR,
		    why->kind == ERR_KEY ? "foreign" : "config", why,
		    HINT_HEAL);
}

/* --- entries --- */

static void
count_entries(struct judging *j)
{
	for (size_t i = 0; i < j->c->nlinks; i++) {
		const struct link *link = j->c->by_seq[i];

		if (seen(j, link) != CHAIN_WHOLE)
			continue;
		j->out->entries++;
		j->out->newest = link->seq;
	}
}

static void
judge_edited(struct judging *j)
{
	char text[CHAIN_LINK_TEXT];

	for (size_t i = 0; i < j->c->nlinks; i++) {
		const struct link *link = j->c->by_seq[i];

		if (seen(j, link) == CHAIN_EDITED && may_tell(j))
			findings_error(j->c->f, "edited", HINT_HEAL,
			    "entry %s was changed there: its bytes are not those that were written",
			    chain_link_text(link, text));
	}
	end_telling(j, "edited", HINT_HEAL);
}

/* One behind the last entry that should be there and is. */
static size_t
end_of_log(const struct judging *j)
{
	size_t i = j->c->nlinks;

	while (i > 0) {
		const struct link *link = j->c->by_seq[i - 1];

		if ((link->expected & j->bit) != 0 && !is_gone(j, link))
			return (i);
		i--;
	}
	return (0);
}

static void
judge_gaps(struct judging *j, size_t end)
{
	char range[CHAIN_RANGE_TEXT];
	size_t i = 0;

	while (i < end) {
		const struct link *from = j->c->by_seq[i], *last = from;
		size_t hidden = 0, n = 0;

		for (; i < end && is_gone(j, j->c->by_seq[i]); i++, n++) {
			last = j->c->by_seq[i];
			hidden += seen(j, last) == CHAIN_HIDDEN;
		}
		if (n == 0) {
			i++;
			continue;
		}
		if (may_tell(j))
			findings_error(j->c->f, "gap", HINT_SEND,
			    "%s of its audit log %s gone%s",
			    chain_range_text(from->seq, last->seq, range),
			    n == 1 ? "is" : "are",
			    hidden > 0 ? ", deleted where versions are kept"
				       : "");
	}
	end_telling(j, "gap", HINT_SEND);
}

/* --- backups --- */

struct lost {
	size_t n;
	uint64_t least;	 /* number of the first that is gone */
	uint64_t newest; /* of those that are there, 0 none */
	uint64_t after;	 /* the last entry that those there stand on, and one
			    more: their own */
	char ids[160];
};

static void
note_lost(struct lost *lost, const struct known *k)
{
	size_t n = strlen(lost->ids);

	if (lost->n++ == 0)
		lost->least = k->sequence;
	if (lost->n <= IDS_MOST)
		(void)snprintf(lost->ids + n, sizeof(lost->ids) - n, "%s%s",
		    n == 0 ? "" : ", ", k->id);
	else if (lost->n == IDS_MOST + 1)
		(void)snprintf(
		    lost->ids + n, sizeof(lost->ids) - n, " and more");
}

/* Removed since, by a prune that runs beside us? */
static int
was_removed(struct judging *j, const struct known *k, bool *yes, struct err *e)
{
	struct state_marks marks;

	if (state_get_marks(j->c->repo->state, k->id, &marks, e) < 0)
		return (-1);
	*yes = marks.removed;
	return (0);
}

static int
find_lost(struct judging *j, struct lost *lost, struct err *e)
{
	for (size_t i = 0; i < j->c->nknown; i++) {
		const struct known *k = j->c->by_sequence[i];
		uint8_t is = j->l->known[k - j->c->known];
		bool removed;

		if (is == CHAIN_SEEN) {
			j->out->backups += !k->is_removed;
			lost->newest = k->sequence;
			if (k->audit_seq >= lost->after)
				lost->after = k->audit_seq + 1;
			continue;
		}
		if ((k->expected & j->bit) == 0)
			continue;
		if (was_removed(j, k, &removed, e) < 0)
			return (-1);
		if (!removed)
			note_lost(lost, k);
	}
	return (0);
}

/* Backups are gone; of the log the end is not. */
static void
tell_lost(struct judging *j, const struct lost *lost)
{
	if (lost->n == 0)
		return;
	if (lost->least > lost->newest) {
		j->out->is_rolled_back = true;
		findings_error(j->c->f, "rolled-back", HINT_SEND,
		    "it shows an older state: %s %zu backup%s, confirmed there, %s gone (%s)",
		    lost->newest == 0 ? "all its" : "its newest", lost->n,
		    lost->n == 1 ? "" : "s", lost->n == 1 ? "is" : "are",
		    lost->ids);
	} else
		findings_error(j->c->f, "gone", HINT_SEND,
		    "%zu backup%s, confirmed there, %s gone, and no entry says removed (%s)",
		    lost->n, lost->n == 1 ? "" : "s",
		    lost->n == 1 ? "is" : "are", lost->ids);
}

/* --- the end of the log --- */

static void
tell_empty(struct judging *j, size_t n, const struct lost *lost)
{
	j->out->is_rolled_back = true;
	findings_error(j->c->f, "rolled-back",
	    "is this the right folder or bucket, and is it mounted? sync fills it again",
	    "all %zu entries of its audit log and %zu backups, confirmed there, are gone",
	    n, lost->n);
}

/* The tail from end on is gone. A backup that is there and was made after it
 * proves that the entries alone were taken away. */
static void
tell_end(struct judging *j, size_t end, const struct lost *lost)
{
	const struct link *top = j->c->by_seq[end - 1];
	const struct link *first = NULL, *last = NULL;
	char text[CHAIN_LINK_TEXT], range[CHAIN_RANGE_TEXT];

	for (size_t i = end; i < j->c->nlinks; i++)
		if (is_gone(j, j->c->by_seq[i])) {
			last = j->c->by_seq[i];
			first = first == NULL ? last : first;
		}
	if (first == NULL) {
		tell_lost(j, lost);
		return;
	}
	chain_range_text(first->seq, last->seq, range);
	chain_link_text(top, text);
	if (lost->after > top->seq) {
		findings_error(j->c->f, "truncated", HINT_SEND,
		    "its audit log is cut off after entry %s: %s, confirmed there, %s gone",
		    text, range, first == last ? "is" : "are");
		tell_lost(j, lost);
		return;
	}
	j->out->is_rolled_back = true;
	findings_error(j->c->f, "rolled-back", HINT_SEND,
	    "it shows an older state: its audit log ends at entry %s; gone, and confirmed there before: %s%s%s",
	    text, range, lost->n > 0 ? ", and the backups since then: " : "",
	    lost->ids);
}

static int
judge_losses(struct judging *j, struct err *e)
{
	struct lost lost = { .n = 0 };
	size_t end = end_of_log(j), expected = 0;

	if (find_lost(j, &lost, e) < 0)
		return (-1);
	for (size_t i = 0; i < j->c->nlinks; i++)
		expected += is_gone(j, j->c->by_seq[i]);
	if (end > 0) {
		judge_gaps(j, end);
		tell_end(j, end, &lost);
	} else if (expected > 0)
		tell_empty(j, expected, &lost);
	else
		tell_lost(j, &lost);
	return (0);
}

/* --- strangers --- */

/* Is there a sound entry of local state with its number? */
static bool
is_fork(const struct judging *j, const struct stranger *s)
{
	for (size_t i = 0; i < j->c->nlinks; i++)
		if (j->c->links[i].seq == s->seq &&
		    j->c->links[i].epoch == s->epoch)
			return (true);
	return (false);
}

static void
judge_ours(struct judging *j, const struct stranger *s, size_t *unknown)
{
	struct chain_result *result = j->c->out;

	if (s->seq != 0 && s->epoch >= j->c->repo->epoch)
		result->is_behind = true;
	j->out->unknown++;
	if (s->seq == 0 || !is_fork(j, s)) {
		++*unknown;
		return;
	}
	if (may_tell(j))
		findings_error(j->c->f, "fork",
		    "somebody wrote with this machine's key elsewhere, or its state was put back: compare both",
		    "%s is authentic, and another entry %" PRIu64
		    " of writer %u is in local state",
		    s->name, s->seq, s->epoch);
}

static void
tell_unknown(struct judging *j, size_t unknown)
{
	if (unknown > 0)
		findings_warning(j->c->f, "unknown",
		    "local state is older than this endpoint; sync takes them in",
		    "it holds %zu authentic object%s that this machine does not know",
		    unknown, unknown == 1 ? "" : "s");
	if (j->l->left_out > 0)
		findings_warning(j->c->f, "unknown",
		    "verify judges them all, verify --repair removes what is foreign",
		    "it lists %zu more names that local state does not know",
		    j->l->left_out);
}

static void
judge_strangers(struct judging *j)
{
	size_t unknown = 0;

	for (size_t i = 0; i < j->l->nstrangers; i++) {
		const struct stranger *s = &j->l->strangers[i];

		if (s->is == CHAIN_OURS)
			judge_ours(j, s, &unknown);
	}
	end_telling(j, "fork", "compare both");
	for (size_t i = 0; i < j->l->nstrangers; i++) {
		const struct stranger *s = &j->l->strangers[i];

		/* What lies hidden and is not ours, somebody cleaned away. */
		if (s->is == CHAIN_FOREIGN && !s->is_hidden && may_tell(j))
			findings_error(j->c->f, "foreign",
			    "find out who put it there; verify --repair removes it",
			    "%s is not of this repository, or was changed",
			    s->name);
	}
	end_telling(j, "foreign", "verify --repair removes them");
	tell_unknown(j, unknown);
}

/* --- the whole --- */

static void
tell_away(struct judging *j)
{
	struct err why = j->l->away;

	findings_failure(j->c->f, FINDING_WARNING, "away", &why,
	    "mend it and run the audit again: it was not looked at");
	j->out->error = why;
}

int
chain_judge_look(
    struct chain *c, struct look *l, struct chain_endpoint *out, struct err *e)
{
	struct judging j = {
		.c = c, .l = l, .out = out, .bit = (uint32_t)1 << l->ep->number
	};
	SCOPED(scope_free)
	char *subject = mem_printf("endpoint %s", l->ep->conf->name);
	int rc = 0;

	*out = (struct chain_endpoint){ .reached = l->away.kind == ERR_NONE };
	c->f->subject = subject;
	if (!out->reached) {
		tell_away(&j);
	} else {
		judge_owner(&j);
		count_entries(&j);
		judge_edited(&j);
		rc = judge_losses(&j, e);
		judge_strangers(&j);
	}
	c->f->subject = NULL;
	return (rc);
}
