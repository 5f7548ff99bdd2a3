/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule for all times to come (POSIX's TZ, with the hours that RFC 8536
 * allows): text flows in, the span of a moment flows out. A change is looked
 * for in the years around the moment, since a rule may reach a week over the
 * end of its year.
 */
#include <ctype.h>
#include <string.h>

#include "base/civil.h"
#include "base/zone_impl.h"

#define HOUR	    3600
#define WEEK_HOURS  167 /* the most that a change's time may be off */
#define YEARS_ROUND 2	/* before and after that of the moment */

/* --- reading ------------------------------------------------------------- */

/* What is left of the text. */
struct words {
	const char *p, *end;
};

static bool
takes(struct words *w, char c)
{
	if (w->p == w->end || *w->p != c)
		return (false);
	w->p++;
	return (true);
}

/* A number of one to three digits, at most most. */
static bool
take_number(struct words *w, unsigned most, unsigned *out)
{
	size_t n = 0;

	for (*out = 0; w->p < w->end && isdigit((unsigned char)*w->p); n++) {
		if (n == 3)
			return (false);
		*out = *out * 10 + (unsigned)(*w->p++ - '0');
	}
	return (n > 0 && *out <= most);
}

/* "CEST", or "<+03>". The name itself says nothing. */
static bool
take_name(struct words *w)
{
	size_t n = 0;
	bool quoted = takes(w, '<');

	for (; w->p < w->end; w->p++, n++)
		if (!isalpha((unsigned char)*w->p) &&
		    !(quoted &&
			(isdigit((unsigned char)*w->p) || *w->p == '+' ||
			    *w->p == '-')))
			break;
	return (n >= 3 && (!quoted || takes(w, '>')));
}

/* "-1:30", "+167", "2:00:00" as seconds. */
static bool
take_time(struct words *w, unsigned most_hours, int32_t *out)
{
	bool minus = takes(w, '-');
	unsigned hours, minutes = 0, seconds = 0;

	if (!minus)
		(void)takes(w, '+');
	if (!take_number(w, most_hours, &hours) ||
	    (takes(w, ':') && !take_number(w, 59, &minutes)) ||
	    (takes(w, ':') && !take_number(w, 59, &seconds)))
		return (false);
	*out = (int32_t)(hours * HOUR + minutes * 60 + seconds);
	if (minus)
		*out = -*out;
	return (true);
}

/* POSIX counts west of Greenwich. */
static bool
take_offset(struct words *w, int32_t *out)
{
	if (!take_time(w, 24, out))
		return (false);
	*out = -*out;
	return (true);
}

/* ",M3.5.0/1", ",J60" or ",59". */
static bool
take_change(struct words *w, struct zone_change *c)
{
	bool good;

	if (!takes(w, ','))
		return (false);
	if (takes(w, 'M')) {
		c->kind = ZONE_DAY_OF_WEEK;
		good = take_number(w, 12, &c->month) && c->month > 0 &&
		    takes(w, '.') && take_number(w, 5, &c->week) &&
		    c->week > 0 && takes(w, '.') && take_number(w, 6, &c->day);
	} else if (takes(w, 'J')) {
		c->kind = ZONE_DAY_BUT_LEAP;
		good = take_number(w, 365, &c->day) && c->day > 0;
	} else {
		c->kind = ZONE_DAY_OF_YEAR;
		good = take_number(w, 365, &c->day);
	}
	c->time_s = 2 * HOUR;
	return (
	    good && (!takes(w, '/') || take_time(w, WEEK_HOURS, &c->time_s)));
}

bool
zone_rule_parse(const char *text, size_t n, struct zone_rule *out)
{
	struct words w = { text, text + n };

	memset(out, 0, sizeof(*out));
	if (!take_name(&w) || !take_offset(&w, &out->offset_s))
		return (false);
	if (w.p == w.end)
		return (true);
	out->has_summer = true;
	out->summer_offset_s = out->offset_s + HOUR;
	if (!take_name(&w))
		return (false);
	if (w.p < w.end && *w.p != ',' &&
	    !take_offset(&w, &out->summer_offset_s))
		return (false);
	return (take_change(&w, &out->start) && take_change(&w, &out->end) &&
	    w.p == w.end);
}

/* --- asking -------------------------------------------------------------- */

static bool
is_leap(int64_t year)
{
	return ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
}

/* The day of a year's change, as days since 1970. */
static int64_t
day_of(const struct zone_change *c, int64_t year)
{
	int64_t first = civil_days(year, 1, 1), next, day;

	switch (c->kind) {
	case ZONE_DAY_OF_YEAR: return (first + c->day);
	case ZONE_DAY_BUT_LEAP:
		/* J60 is the 1st of March in every year. */
		return (first + c->day - 1 + (c->day > 59 && is_leap(year)));
	case ZONE_DAY_OF_WEEK: break;
	}
	first = civil_days(year, c->month, 1);
	next = civil_days(year, c->month + 1, 1);
	/* 1970-01-01 was a Thursday; so many days after the 1st. */
	day = c->day - (first + 4) % 7;
	day = first + (day % 7 + 7) % 7 + 7 * ((int64_t)c->week - 1);
	return (day < next ? day : day - 7);
}

/* What a change of the rule may be: after when, the earliest; else the latest.
 */
static void
narrow(struct zone_span *span, int64_t when, int64_t change, int32_t offset)
{
	if (change > when && change < span->end)
		span->end = change;
	/* Of two at once the later in the list holds: where one summer ends as
	 * the next begins, it is always summer. */
	if (change <= when && change >= span->begin) {
		span->begin = change;
		span->offset_s = offset;
	}
}

void
zone_rule_span(const struct zone_rule *r, int64_t when, struct zone_span *out)
{
	int64_t year = civil_of(civil_floor_div(when, CIVIL_DAY_S)).year;

	*out = (struct zone_span){ INT64_MIN, INT64_MAX, r->offset_s };
	if (!r->has_summer)
		return;
	for (int64_t y = year - YEARS_ROUND; y <= year + YEARS_ROUND; y++) {
		narrow(out, when,
		    day_of(&r->start, y) * CIVIL_DAY_S + r->start.time_s -
			r->offset_s,
		    r->summer_offset_s);
		narrow(out, when,
		    day_of(&r->end, y) * CIVIL_DAY_S + r->end.time_s -
			r->summer_offset_s,
		    r->offset_s);
	}
}
