/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Figures flow in, words flow out.
 */
#include "retention/audit_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DAY_S ((int64_t)86400)

const char *
audit_moment(const struct zone *z, int64_t when, char out[AUDIT_WORD])
{
	char utc[CLOCK_TEXT];
	struct zone_time t;

	if (when == 0) {
		(void)snprintf(out, AUDIT_WORD, "never");
	} else if (z == NULL) {
		clock_text(when, utc);
		(void)snprintf(
		    out, AUDIT_WORD, "%.10s %.5s UTC", utc, utc + 11);
	} else {
		zone_local(z, when, &t);
		(void)snprintf(out, AUDIT_WORD, "%04d-%02u-%02u %02u:%02u",
		    t.year, t.month, t.day, t.hour, t.minute);
	}
	return (out);
}

const char *
audit_day(int64_t day_number, char out[AUDIT_WORD])
{
	char utc[CLOCK_TEXT];

	clock_text(day_number * DAY_S, utc);
	(void)snprintf(out, AUDIT_WORD, "%.10s", utc);
	return (out);
}

const char *
audit_bytes(uint64_t bytes, char out[AUDIT_WORD])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB" };
	double v = (double)bytes;
	size_t unit = 0;

	while (v >= 1024 && unit < 5) {
		v /= 1024;
		unit++;
	}
	(void)snprintf(
	    out, AUDIT_WORD, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
	return (out);
}

const char *
audit_copies(const struct audit_facts *f, const struct plan_entry *entry,
    char out[AUDIT_WORD])
{
	(void)snprintf(
	    out, AUDIT_WORD, "%u of %zu", entry->backup->stored, f->nendpoints);
	return (out);
}

const char *
audit_lacking(const struct audit_facts *f, const struct plan_entry *entry,
    char out[AUDIT_LINE])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < f->nendpoints && n < AUDIT_LINE; i++) {
		enum copy_state is = entry->backup->at[i];

		if (is != COPY_STORED)
			n += (size_t)snprintf(out + n, AUDIT_LINE - n,
			    "%s%s %s", n == 0 ? "" : ", ",
			    f->endpoints[i].ep->conf->name,
			    copy_state_text(is));
	}
	return (out);
}

const char *
audit_place(const struct plan_entry *entry, char out[AUDIT_WORD])
{
	if (entry->verdict.slot == POLICY_NO_SLOT)
		(void)snprintf(out, AUDIT_WORD, "%s", entry->known.type);
	else
		(void)snprintf(out, AUDIT_WORD, "%s %u",
		    policy_slot_text(entry->verdict.slot), entry->verdict.rank);
	return (out);
}

const char *
audit_until(
    const struct zone *z, const struct plan_entry *entry, char out[AUDIT_WORD])
{
	if (!entry->verdict.keeps)
		(void)snprintf(out, AUDIT_WORD, "the next prune");
	else if (entry->verdict.until != POLICY_FOREVER)
		audit_moment(z, entry->verdict.until, out);
	else if (entry->known.is_pinned)
		(void)snprintf(out, AUDIT_WORD, "it is unpinned");
	else
		(void)snprintf(out, AUDIT_WORD, "newer ones come");
	return (out);
}

const char *
audit_ranks(const struct audit_missing *m, char out[AUDIT_WORD])
{
	const char *slot = policy_slot_text(m->kind);

	if (m->from == m->to)
		(void)snprintf(out, AUDIT_WORD, "%s %u", slot, m->from);
	else
		(void)snprintf(
		    out, AUDIT_WORD, "%s %u to %u", slot, m->from, m->to);
	return (out);
}

const char *
audit_emptiness(
    const struct zone *z, const struct audit_missing *m, char out[AUDIT_LINE])
{
	char since[AUDIT_WORD];

	if (m->is_young)
		(void)snprintf(out, AUDIT_LINE,
		    "not due yet: the branch does not go back that far");
	else
		(void)snprintf(out, AUDIT_LINE,
		    "missing since %s: backups without a gap would keep one of %s here",
		    audit_moment(z, m->since, since), m->period);
	return (out);
}

const char *
audit_when_next(const struct audit_facts *f, const struct zone *z,
    const struct audit_next *next, char out[AUDIT_WORD])
{
	if (next->at <= f->now)
		(void)snprintf(out, AUDIT_WORD, "with the next prune");
	else
		audit_moment(z, next->at, out);
	return (out);
}

const char *
audit_verified(
    const struct zone *z, int64_t when, const char *depth, char out[AUDIT_WORD])
{
	char text[AUDIT_WORD];

	if (when == 0)
		(void)snprintf(out, AUDIT_WORD, "never");
	else
		(void)snprintf(out, AUDIT_WORD, "%.11s, %.24s", depth,
		    audit_moment(z, when, text));
	return (out);
}
