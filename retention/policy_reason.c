/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a backup stays, and why one goes, in words: one line of what the rule
 * found, in the local time of the branch. What does not fit is cut.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "retention/policy_impl.h"

#define MOMENT_TEXT 32
#define STAMP	    16 /* of an id: its date and time */

/* A text that grows to the size of a reason. */
static void add(char out[POLICY_REASON_TEXT], const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
add(char out[POLICY_REASON_TEXT], const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(out + n, POLICY_REASON_TEXT - n, fmt, ap);
	va_end(ap);
}

/* "2026-11-22 02:30" */
static const char *
moment(const struct policy *p, int64_t when, char out[MOMENT_TEXT])
{
	struct zone_time t;

	zone_local(p->zone, when, &t);
	(void)snprintf(out, MOMENT_TEXT, "%04d-%02u-%02u %02u:%02u", t.year,
	    t.month, t.day, t.hour, t.minute);
	return (out);
}

static void
say_doubt(const struct policy *p, const struct policy_item *i,
    char out[POLICY_REASON_TEXT])
{
	const struct policy_backup *b = i->b;
	char started[MOMENT_TEXT], other[MOMENT_TEXT];

	(void)moment(p, b->started, started);
	if (i->shown_by != NULL)
		add(out,
		    "its time is in doubt: %s is not later than %s, which was made before it",
		    started, i->shown_by->id);
	else if (b->started > policy_later(b->received, POLICY_LATE_S))
		add(out,
		    "its time is in doubt: %s is later than it was received, %s",
		    started, moment(p, b->received, other));
	else
		add(out,
		    "its time is in doubt: %s is not later than %s, of one before it that is gone",
		    started, moment(p, b->not_before, other));
}

static void
say_slot(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *v)
{
	bool is_oldest = v->slot == POLICY_MONTHLY || v->slot == POLICY_YEARLY;

	policy_period_text(v->slot, &i->local, v->period);
	add(v->reason, "%s %u of %u: %s backup of %s%s",
	    policy_slot_text(v->slot), v->rank,
	    policy_slot_count(&s->p->keep, v->slot),
	    is_oldest ? "oldest" : "newest",
	    v->slot == POLICY_WEEKLY ? "ISO week " : "", v->period);
	if (i == s->newest)
		add(v->reason, "; the newest always stays");
}

/* Why something that has a lifetime stays; or, when it is over, goes. */
static void
say_lifetime(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *v)
{
	const char *what = i->b->is_whole ? i->b->type : "incomplete";
	int64_t end = policy_end_of_life(s->p, i->b);
	char until[MOMENT_TEXT];

	(void)moment(s->p, end, until);
	if (v->is_chosen && !i->b->is_whole && v->until == POLICY_FOREVER)
		add(v->reason, "%s: no newer backup counts", what);
	else if (v->is_chosen)
		add(v->reason, "%s: kept until %s", what, until);
	else
		add(v->reason, "%s: was kept until %s%s", what, until,
		    i->b->is_whole ? "" : ", and a newer backup counts");
}

/* --- why there is no slot ------------------------------------------------ */

static const char *
unit_of(unsigned slot)
{
	static const char *const units[POLICY_SLOTS] = { "", "hour", "day",
		"week", "month", "year" };

	return (units[slot]);
}

/* "2026-11-21 is not among the newest 7 days, 4 weeks": the finest of the
 * periods that came too late says it for all. */
static void
say_past(const struct policy *p, const struct policy_item *i,
    char out[POLICY_REASON_TEXT])
{
	char period[POLICY_PERIOD_TEXT];
	bool has_said = false;

	for (unsigned slot = POLICY_HOURLY; slot < POLICY_SLOTS; slot++) {
		unsigned count = policy_slot_count(
		    &p->keep, (enum policy_slot)slot);

		if (i->lot[slot] != LOT_PAST)
			continue;
		policy_period_text((enum policy_slot)slot, &i->local, period);
		if (!has_said)
			add(out, " %s is not among the newest", period);
		add(out, "%s %u %s%s", has_said ? "," : "", count,
		    unit_of(slot), count == 1 ? "" : "s");
		has_said = true;
	}
}

static void
say_others(const struct policy_item *i, char out[POLICY_REASON_TEXT])
{
	char period[POLICY_PERIOD_TEXT];

	for (unsigned slot = POLICY_HOURLY; slot < POLICY_SLOTS; slot++) {
		const char *comma = out[strlen(out) - 1] == ':' ? "" : ",";

		policy_period_text((enum policy_slot)slot, &i->local, period);
		if (i->lot[slot] == LOT_TAKEN)
			add(out, "%s %s is kept by %.*s", comma, period, STAMP,
			    i->taker[slot]->id);
		else if (i->lot[slot] == LOT_HELD)
			add(out, "%s %s has a kept one", comma, period);
		else if (i->lot[slot] == LOT_YOUNG)
			add(out, "%s %s has none older than those kept", comma,
			    period);
	}
}

static void
say_no_slot(const struct policy_scene *s, const struct policy_item *i,
    char out[POLICY_REASON_TEXT])
{
	add(out, "no slot:");
	say_past(s->p, i, out);
	say_others(i, out);
}

/* --- all of it ----------------------------------------------------------- */

/* What holds one that the rule would remove, or lets it go. */
static void
say_unchosen(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *v)
{
	char until[MOMENT_TEXT];

	if (i == s->newest)
		add(v->reason, "the newest backup that counts always stays");
	else if (i == s->last)
		add(v->reason, "the newest whole backup stays: none counts");
	else if (i->b->is_pinned)
		add(v->reason, "pinned; the rule would remove it");
	else if (v->keeps)
		add(v->reason, "locked until %s; the rule would remove it",
		    moment(s->p, i->b->locked_until, until));
	else if (i->counts)
		say_no_slot(s, i, v->reason);
	else
		say_lifetime(s, i, v);
}

void
policy_say(const struct policy_scene *s, const struct policy_item *i,
    struct policy_verdict *out)
{
	char until[MOMENT_TEXT];

	out->reason[0] = '\0';
	out->period[0] = '\0';
	if (i->is_doubtful)
		say_doubt(s->p, i, out->reason);
	else if (i->b->is_pending)
		add(out->reason,
		    "pending: it counts when a quorum of the endpoints has it");
	else if (!out->is_chosen || i == s->last)
		say_unchosen(s, i, out);
	else if (out->slot != POLICY_NO_SLOT)
		say_slot(s, i, out);
	else if (i->counts)
		add(out->reason, "within keep-within, until %s",
		    moment(s->p,
			policy_later(i->b->started, s->p->keep_within_s),
			until));
	else
		say_lifetime(s, i, out);
}
