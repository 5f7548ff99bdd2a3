/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of local state among themselves.
 *
 * The chain that counts leads back from the newest entry of the newest writer.
 * A writer that was displaced may have gone on for a while: its entries stand
 * beside that chain, authentic and of no consequence, and are told apart from
 * two entries of one writer with one number, which no honest work makes.
 */
#include <inttypes.h>
#include <string.h>

#include "retention/chain_impl.h"

#define CLOCK_SLACK_S 900

/* The first in by_seq that has this number or a later one. */
static size_t
first_of(const struct chain *c, uint64_t seq)
{
	size_t from = 0, to = c->nlinks;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (c->by_seq[middle]->seq < seq)
			from = middle + 1;
		else
			to = middle;
	}
	return (from);
}

struct link *
chain_link_of(const struct chain *c, uint64_t seq, const struct sha256 *self)
{
	for (size_t i = first_of(c, seq);
	     i < c->nlinks && c->by_seq[i]->seq == seq; i++)
		if (memcmp(&c->by_seq[i]->self, self, sizeof(*self)) == 0)
			return (c->by_seq[i]);
	return (NULL);
}

static bool
has_seq(const struct chain *c, uint64_t seq)
{
	size_t i = first_of(c, seq);

	return (i < c->nlinks && c->by_seq[i]->seq == seq);
}

/* --- findings --- */

static void
judge_gaps(struct chain *c)
{
	char range[CHAIN_RANGE_TEXT];
	uint64_t next = 1;

	for (size_t i = 0; i < c->nlinks; i++) {
		uint64_t seq = c->by_seq[i]->seq;

		if (seq > next)
			findings_error(c->f, "gap",
			    "if another endpoint has what is gone, sync takes it in; else find out who removed it",
			    "%s of the audit log %s gone",
			    chain_range_text(next, seq - 1, range),
			    seq - 1 == next ? "is" : "are");
		if (seq == UINT64_MAX)
			return;
		next = seq + 1;
	}
}

static void
judge_order(struct chain *c)
{
	char text[CHAIN_LINK_TEXT];

	for (size_t i = 0; i < c->nlinks; i++) {
		const struct link *l = c->by_seq[i], *before;

		if (l->seq == 1 || !has_seq(c, l->seq - 1))
			continue;
		before = chain_link_of(c, l->seq - 1, &l->previous);
		if (before == NULL || before->epoch > l->epoch)
			findings_error(c->f, "chain",
			    "what went before it was taken out or exchanged: compare with another endpoint's audit/",
			    "entry %s does not follow any entry %" PRIu64
			    " that is here",
			    chain_link_text(l, text), l->seq - 1);
	}
}

/* Back from the newest entry of the newest writer. */
static void
mark_main(struct chain *c)
{
	struct link *l = c->nlinks == 0 ? NULL : &c->links[c->nlinks - 1];
	uint32_t epoch = 0;

	while (l != NULL) {
		l->is_main = true;
		l = l->seq == 1 ? NULL
				: chain_link_of(c, l->seq - 1, &l->previous);
	}
	for (size_t i = 0; i < c->nlinks; i++)
		if (c->by_seq[i]->is_main) {
			/* Those of its number before it are of earlier ones. */
			epoch = c->by_seq[i]->epoch;
			for (size_t k = i; k > 0 &&
			     c->by_seq[k - 1]->seq == c->by_seq[i]->seq;
			     k--)
				c->by_seq[k - 1]
				    ->is_displaced = c->by_seq[k - 1]->epoch <
				    epoch;
		} else
			c->by_seq[i]->is_displaced = c->by_seq[i]->epoch <
			    epoch;
}

/* Neighbours of one kind make one finding. */
static void
judge_runs(struct chain *c, bool (*is_one)(const struct chain *c, size_t i),
    void (*tell)(struct chain *c, const struct link *l, const char *range))
{
	char range[CHAIN_RANGE_TEXT];
	size_t from, i = 0;

	while (i < c->nlinks) {
		uint64_t last;

		if (!is_one(c, i)) {
			i++;
			continue;
		}
		from = i;
		do
			last = c->by_seq[i++]->seq;
		while (i < c->nlinks && c->by_seq[i]->seq - last <= 1 &&
		    (is_one(c, i) || c->by_seq[i]->seq == last));
		tell(c, c->by_seq[from],
		    chain_range_text(c->by_seq[from]->seq, last, range));
	}
}

static bool
is_displaced(const struct chain *c, size_t i)
{
	return (c->by_seq[i]->is_displaced);
}

static void
tell_displaced(struct chain *c, const struct link *l, const char *range)
{
	findings_warning(c->f, "writer",
	    "look at what that machine did; if it still runs, end it",
	    "%s of writer %u: made by the machine that was replaced, beside the chain",
	    range, l->epoch);
}

/* With the one before it, which is of the same writer. */
static bool
is_forked(const struct chain *c, size_t i)
{
	return ((i > 0 && c->by_seq[i - 1]->seq == c->by_seq[i]->seq &&
		    c->by_seq[i - 1]->epoch == c->by_seq[i]->epoch) ||
	    (i + 1 < c->nlinks && c->by_seq[i + 1]->seq == c->by_seq[i]->seq &&
		c->by_seq[i + 1]->epoch == c->by_seq[i]->epoch));
}

static void
tell_forked(struct chain *c, const struct link *l, const char *range)
{
	findings_error(c->f, "fork",
	    "somebody wrote with this machine's key elsewhere, or its state was put back: compare both",
	    "%s of writer %u: there are two of a number", range, l->epoch);
}

static void
judge_clock(struct chain *c)
{
	char text[CHAIN_LINK_TEXT];
	const struct link *first = NULL;
	size_t n = 0;

	for (size_t i = 1; i < c->nlinks; i++)
		if (c->by_seq[i]->when <
		    c->by_seq[i - 1]->when - CLOCK_SLACK_S) {
			first = first == NULL ? c->by_seq[i] : first;
			n++;
		}
	if (n > 0)
		findings_note(c->f, "clock",
		    "compare with what the host's log says of its clock",
		    "the clock was set back %zu time%s, first before entry %s",
		    n, n == 1 ? "" : "s", chain_link_text(first, text));
}

void
chain_judge_links(struct chain *c)
{
	c->f->subject = CHAIN_HERE;
	mark_main(c);
	judge_gaps(c);
	judge_order(c);
	judge_runs(c, is_forked, tell_forked);
	judge_runs(c, is_displaced, tell_displaced);
	judge_clock(c);
}
