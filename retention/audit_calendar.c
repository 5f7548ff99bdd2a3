/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups by local day flow in, a picture flows out. All figures are whole
 * pixels, so that it is sharp on a screen and on paper.
 */
#include "retention/audit_calendar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "retention/audit_words.h"
#include "retention/html.h"

#define WEEKS	     20
#define DAYS	     7
#define CELL	     22 /* a side of a cell */
#define PITCH	     25 /* from one to the next */
#define LEFT	     34 /* for the names of days */
#define TOP	     18 /* for the names of months */
#define MONTHS_MOST  60
#define MONTHS_A_ROW WEEKS
#define MONTH_ROW    46

/* How a day looks. */
struct look {
	const char *class, *letter, *meaning;
};

static const struct look looks[] = {
	{ "h", "h", "hourly" },
	{ "d", "d", "daily" },
	{ "w", "w", "weekly" },
	{ "m", "m", "monthly" },
	{ "y", "y", "yearly" },
	{ "o", "\u2022", "kept without a slot" },
	{ "x", "\u2013", "goes with the next prune" },
	{ "i", "!", "does not count" },
	{ "g", "\u00d7", "no backup, though one was due" },
	{ "n", "", "no backup kept" },
	{ "b", "", "before the first backup" },
};
enum { WITHOUT_SLOT = 5, GOES, BAD, GAP, NONE, BEFORE, LOOKS };

static const char *const day_names[DAYS] = { "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat", "Sun" };
static const char *const month_names[12] = { "Jan", "Feb", "Mar", "Apr", "May",
	"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* --- days --- */

/* 0 Monday to 6 Sunday; 1970-01-01 was a Thursday. */
static int64_t
weekday_of(int64_t day)
{
	return (day + 3 - civil_floor_div(day + 3, DAYS) * DAYS);
}

static int64_t
day_of(const struct zone *z, int64_t when)
{
	struct zone_time t;

	zone_local(z, when, &t);
	return (t.day_number);
}

/* What stands first where a day has several: what fills a slot, then what
 * counts, then the newest. */
static int
weight_of(const struct plan_entry *entry)
{
	return ((entry->verdict.slot != POLICY_NO_SLOT ? 2 : 0) +
	    (entry->verdict.counts ? 1 : 0));
}

struct span {
	int64_t from, to; /* local days, both included */
};

/* The backup that stands for a span, and how many there are. */
static const struct plan_entry *
best_of(const struct audit_branch *b, struct span span, size_t *n)
{
	const struct plan_entry *best = NULL;

	*n = 0;
	for (size_t i = 0; i < b->plan->n; i++) {
		const struct plan_entry *entry = &b->plan->v[i];
		int64_t day = day_of(b->plan->zone, entry->known.started);

		if (day < span.from || day > span.to)
			continue;
		++*n;
		if (best == NULL || weight_of(entry) > weight_of(best))
			best = entry;
	}
	return (best);
}

static bool
is_gap(const struct audit_branch *b, int64_t day)
{
	for (size_t i = 0; i < b->ngaps; i++)
		if (b->gaps[i] == day)
			return (true);
	return (false);
}

static const struct look *
look_of_backup(const struct plan_entry *entry)
{
	if (!entry->known.is_whole || entry->verdict.is_doubtful)
		return (&looks[BAD]);
	if (!entry->verdict.keeps)
		return (&looks[GOES]);
	switch (entry->verdict.slot) {
	case POLICY_HOURLY: return (&looks[0]);
	case POLICY_DAILY: return (&looks[1]);
	case POLICY_WEEKLY: return (&looks[2]);
	case POLICY_MONTHLY: return (&looks[3]);
	case POLICY_YEARLY: return (&looks[4]);
	case POLICY_NO_SLOT: break;
	}
	return (&looks[WITHOUT_SLOT]);
}

static const struct look *
look_of(
    const struct audit_branch *b, const struct plan_entry *entry, int64_t day)
{
	if (entry != NULL)
		return (look_of_backup(entry));
	if (is_gap(b, day))
		return (&looks[GAP]);
	if (b->first == 0 || day < day_of(b->plan->zone, b->first))
		return (&looks[BEFORE]);
	return (&looks[NONE]);
}

/* --- cells --- */

/* The rest of an <svg: its size, from which it may shrink. */
static void
put_size(struct buf *out, int height)
{
	const int width = LEFT + WEEKS * PITCH;

	buf_printf(out, "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
	    width, height, width, height);
}

static void
put_cell(struct buf *out, int x, int y, const struct look *look, bool is_today)
{
	buf_printf(out,
	    "<rect class=\"c-%s%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>",
	    look->class, is_today ? " today" : "", x, y, CELL, CELL);
	if (look->letter[0] != '\0')
		buf_printf(out,
		    "<text class=\"t-%s\" x=\"%d\" y=\"%d\">%s</text>",
		    look->class, x + CELL / 2, y + CELL - 7, look->letter);
}

static void
put_title(struct buf *out, const char *when, const struct plan_entry *entry,
    const struct look *look, size_t n)
{
	char more[AUDIT_WORD] = "", place[AUDIT_WORD];

	if (n > 1)
		(void)snprintf(more, sizeof(more), ", and %zu more", n - 1);
	if (entry == NULL)
		html_put(out, "<title>$: $</title>", when, look->meaning);
	else
		html_put(out, "<title>$: $, $, $$</title>", when,
		    audit_place(entry, place), entry->known.id,
		    catalog_state(entry->backup), more);
}

static void
put_day(struct buf *out, const struct audit_branch *b, int64_t day, int week,
    bool is_today)
{
	size_t n;
	const struct plan_entry *entry = best_of(
	    b, (struct span){ day, day }, &n);
	const struct look *look = look_of(b, entry, day);
	int row = (int)weekday_of(day);
	char text[AUDIT_WORD];

	buf_add_string(out, "<g>");
	put_title(out, audit_day(day, text), entry, look, n);
	put_cell(out, LEFT + week * PITCH, TOP + row * PITCH, look, is_today);
	buf_add_string(out, "</g>\n");
}

/* Above the first week of each month, where there is room. */
static void
put_month_names(struct buf *out, int64_t monday)
{
	int last = -3;

	for (int week = 0; week < WEEKS; week++) {
		struct civil c = civil_of(
		    monday + (int64_t)week * DAYS + DAYS - 1);

		if (c.day > DAYS || week - last < 2)
			continue;
		last = week;
		buf_printf(out, "<text class=\"month\" x=\"%d\" y=\"%d\">%s",
		    LEFT + week * PITCH, TOP - 6, month_names[c.month - 1]);
		if (c.month == 1)
			buf_printf(out, " %" PRId64, c.year);
		buf_add_string(out, "</text>");
	}
	buf_add_u8(out, '\n');
}

static void
put_day_names(struct buf *out)
{
	for (int row = 0; row < DAYS; row += 2)
		buf_printf(out,
		    "<text class=\"day\" x=\"0\" y=\"%d\">%s</text>",
		    TOP + row * PITCH + CELL - 7, day_names[row]);
	buf_add_u8(out, '\n');
}

/* --- older ones, by month --- */

static void
put_month(struct buf *out, const struct audit_branch *b, struct span span,
    const struct civil *c, int i)
{
	size_t n;
	const struct plan_entry *entry = best_of(b, span, &n);
	const struct look *look = look_of(b, entry, span.to);
	int x = LEFT + i % MONTHS_A_ROW * PITCH;
	int y = i / MONTHS_A_ROW * MONTH_ROW + TOP;
	char text[AUDIT_WORD];

	(void)snprintf(
	    text, sizeof(text), "%" PRId64 "-%02u", c->year, c->month);
	buf_add_string(out, "<g>");
	put_title(out, text, entry, look, n);
	put_cell(out, x, y, look, false);
	buf_printf(out, "<text class=\"month\" x=\"%d\" y=\"%d\">", x, y - 5);
	if (c->month == 1 || i == 0)
		buf_printf(out, "%" PRId64 "</text>", c->year);
	else
		buf_printf(out, "%.1s</text>", month_names[c->month - 1]);
	buf_add_string(out, "</g>\n");
}

/* The months from the oldest backup's to the one that the grid begins in. */
static void
put_months(struct buf *out, const struct audit_branch *b, int64_t oldest,
    int64_t before)
{
	struct civil c = civil_of(oldest), end = civil_of(before - 1);
	int64_t from = c.year * 12 + c.month - 1;
	int64_t last = end.year * 12 + end.month - 1;
	int shown;

	if (last - from >= MONTHS_MOST)
		from = last - MONTHS_MOST + 1;
	shown = (int)(last - from) + 1;
	buf_add_string(out,
	    "<svg class=\"calendar\" role=\"img\" aria-label=\"older backups by month\" ");
	put_size(out, ((shown - 1) / MONTHS_A_ROW + 1) * MONTH_ROW);
	for (int i = 0; i < shown; i++) {
		struct civil at = { .year = (from + i) / 12,
			.month = (unsigned)((from + i) % 12) + 1,
			.day = 1 };
		struct span span = { civil_days(at.year, at.month, 1),
			civil_days(at.year, at.month + 1, 1) - 1 };

		if (span.to >= before)
			span.to = before - 1;
		put_month(out, b, span, &at, i);
	}
	buf_add_string(out, "</svg>\n");
}

/* --- the whole --- */

static int64_t
oldest_day(const struct audit_branch *b, int64_t otherwise)
{
	int64_t oldest = otherwise;

	for (size_t i = 0; i < b->plan->n; i++) {
		int64_t day = day_of(
		    b->plan->zone, b->plan->v[i].known.started);

		if (day < oldest)
			oldest = day;
	}
	return (oldest);
}

void
audit_calendar(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	int64_t today = day_of(b->plan->zone, f->now);
	int64_t monday = today - weekday_of(today) -
	    (int64_t)(WEEKS - 1) * DAYS;
	int64_t oldest = oldest_day(b, today);

	html_put(out,
	    "<svg class=\"calendar\" role=\"img\" aria-label=\"backups of $, the last 20 weeks\" ",
	    b->plan->name);
	put_size(out, TOP + DAYS * PITCH);
	put_month_names(out, monday);
	put_day_names(out);
	for (int64_t day = monday; day <= today; day++)
		put_day(
		    out, b, day, (int)((day - monday) / DAYS), day == today);
	buf_add_string(out, "</svg>\n");
	if (oldest < monday)
		put_months(out, b, oldest, monday);
}

void
audit_calendar_legend(struct buf *out)
{
	buf_add_string(out, "<ul class=\"legend\">\n");
	for (size_t i = 0; i < LOOKS; i++) {
		if (i == 0 ||
		    i == 4) /* hourly, yearly: rare, and they say so */
			continue;
		buf_printf(out, "<li><svg viewBox=\"-1 -1 %d %d\">", CELL + 2,
		    CELL + 2);
		put_cell(out, 0, 0, &looks[i], false);
		html_put(out, "</svg>$</li>\n", looks[i].meaning);
	}
	buf_add_string(out, "</ul>\n");
}

const char *
audit_calendar_style(void)
{
	return (
	    ".calendar{display:block;max-width:100%;height:auto;margin:.3rem 0}\n"
	    ".calendar text,.legend text{font:600 11px/1 var(--sans);text-anchor:middle;fill:#fff}\n"
	    ".calendar text.month,.calendar text.day{font-weight:400;text-anchor:start;fill:#6b675f}\n"
	    ".c-h{fill:#7aa6bf}.c-d{fill:#2f5d7c}.c-w{fill:#4c7a58}.c-m{fill:#a2672c}.c-y{fill:#6d4a7e}\n"
	    ".c-o{fill:#fff;stroke:#6b675f}.c-x{fill:#d8d4cb}.c-i{fill:#fff;stroke:#a8322a}\n"
	    ".c-g{fill:#faeae8;stroke:#a8322a;stroke-dasharray:3 2}.c-n{fill:#eeebe4}.c-b{fill:none;stroke:#ddd8cc}\n"
	    ".calendar text.t-o,.legend text.t-o,.calendar text.t-x,.legend text.t-x{fill:#4a4741}\n"
	    ".calendar text.t-i,.legend text.t-i,.calendar text.t-g,.legend text.t-g{fill:#a8322a}\n"
	    ".today{stroke:#1f1d1a;stroke-width:2}\n"
	    ".legend{list-style:none;padding:0;margin:1rem 0;font-size:.8rem;color:#4a4741}\n"
	    ".legend li{display:flex;align-items:center;gap:.5rem;margin:.2rem 0}\n"
	    ".legend svg{width:16px;height:16px;flex:none}\n"
	    ".days{display:flex;flex-wrap:wrap;gap:0 1.5rem;break-inside:avoid}.days>div{min-width:0}.days>.legend{flex:none}\n");
}
