/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A schedule is a set of minutes of a week. Its setting is at most three words:
 * days, times, a time zone; only the times must be there. The longest gap is
 * found by walking the week once.
 */
#include "repository/schedule.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/zone.h"
#include "base/zone_name.h"

#define DAY_MINUTES  1440
#define WEEK_MINUTES (7 * DAY_MINUTES)
#define TIMES_MAX    48
#define TEXT_MAX     256

struct week {
	bool day[7];
	unsigned ntimes;
	unsigned minute[TIMES_MAX];    /* of a day */
	char zone[SCHEDULE_ZONE_TEXT]; /* or "" */
};

static int
day_of(const char *text, size_t n)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu", "fri",
		"sat", "sun" };

	for (int i = 0; i < 7; i++)
		if (n == 3 && strncasecmp(text, days[i], 3) == 0)
			return (i);
	return (-1);
}

/* "mon", "mon-fri", and those joined by commas. False when it is none. */
static bool
take_days(struct week *w, const char *word)
{
	bool day[7] = { false };

	for (const char *p = word; *p != '\0';) {
		size_t n = strcspn(p, ",-");
		int from = day_of(p, n), to = from;

		p += n;
		if (*p == '-') {
			n = strcspn(++p, ",");
			to = day_of(p, n);
			p += n;
		}
		if (from < 0 || to < 0 || *p == '-')
			return (false);
		for (int i = from;; i = (i + 1) % 7) {
			day[i] = true;
			if (i == to)
				break;
		}
		if (*p == ',' && *++p == '\0')
			return (false);
	}
	memcpy(w->day, day, sizeof(day));
	return (true);
}

/* "02:30" at p: the minute of the day, or -1. */
static int
minute_at(const char *p)
{
	static const char digits[] = "0123456789";
	int hour, minute;

	if (strspn(p, digits) != 2 || p[2] != ':' || strspn(p + 3, digits) != 2)
		return (-1);
	hour = (p[0] - '0') * 10 + (p[1] - '0');
	minute = (p[3] - '0') * 10 + (p[4] - '0');
	return (hour > 23 || minute > 59 ? -1 : hour * 60 + minute);
}

/* "hourly", "02:30", and those joined by commas. False when it is none. */
static bool
take_times(struct week *w, const char *word)
{
	unsigned n = 0;

	if (strcmp(word, "hourly") == 0) {
		for (; n < 24; n++)
			w->minute[n] = n * 60;
		w->ntimes = n;
		return (true);
	}

	for (const char *p = word; *p != '\0';) {
		int minute = minute_at(p);

		if (n == TIMES_MAX || minute < 0 ||
		    (p[5] != ',' && p[5] != '\0'))
			return (false);
		w->minute[n++] = (unsigned)minute;
		p += 5;
		if (*p == ',' && *++p == '\0')
			return (false);
	}
	w->ntimes = n;
	return (n > 0);
}

static bool
runs_at(const struct week *w, unsigned minute)
{
	if (!w->day[minute / DAY_MINUTES])
		return (false);
	for (unsigned i = 0; i < w->ntimes; i++)
		if (w->minute[i] == minute % DAY_MINUTES)
			return (true);
	return (false);
}

/* Twice round the week, so that the gap over its end is seen whole. */
static uint64_t
longest_gap(const struct week *w)
{
	unsigned longest = 0, since = 0;
	bool ran = false;

	for (unsigned i = 0; i < 2 * WEEK_MINUTES; i++, since++) {
		if (!runs_at(w, i % WEEK_MINUTES))
			continue;
		if (ran && since > longest)
			longest = since;
		ran = true;
		since = 0;
	}
	return ((uint64_t)longest * 60);
}

static bool
parse(const char *text, struct week *w)
{
	char copy[TEXT_MAX], *rest = NULL, *word;

	if (strlen(text) >= sizeof(copy))
		return (false);
	memcpy(copy, text, strlen(text) + 1);
	for (int i = 0; i < 7; i++)
		w->day[i] = true;
	word = strtok_r(copy, " \t", &rest);
	if (word != NULL && take_days(w, word))
		word = strtok_r(NULL, " \t", &rest);
	if (word == NULL || !take_times(w, word))
		return (false);
	word = strtok_r(NULL, " \t", &rest);
	if (word == NULL)
		return (true);
	(void)snprintf(w->zone, sizeof(w->zone), "%s", word);
	return (
	    zone_name_is_known(word) && strtok_r(NULL, " \t", &rest) == NULL);
}

bool
schedule_is_good(const char *text)
{
	struct week w = { .ntimes = 0 };

	return (parse(text, &w));
}

static int
parse_or_fail(const char *text, struct week *w, struct err *e)
{
	if (parse(text, w))
		return (0);
	return (err_set(
	    e, ERR_CONFIG, "schedule = %s: expected " SCHEDULE_EXPECTED, text));
}

void
schedule_zone(const char *text, char out[SCHEDULE_ZONE_TEXT])
{
	struct week w = { .ntimes = 0 };

	out[0] = '\0';
	if (parse(text, &w))
		memcpy(out, w.zone, SCHEDULE_ZONE_TEXT);
}

int
schedule_next(const char *text, const struct zone *z, int64_t after,
    int64_t *next, struct err *e)
{
	struct week w = { .ntimes = 0 };
	struct zone_time now;

	if (parse_or_fail(text, &w, e) < 0)
		return (-1);
	zone_local(z, after, &now);
	*next = INT64_MAX;
	/* A day more than a week: today's run may be over. */
	for (unsigned day = 0; day <= 7 && *next == INT64_MAX; day++)
		for (unsigned i = 0; i < w.ntimes; i++) {
			int64_t when = zone_moment(z, now.day_number + day,
			    w.minute[i] / 60, w.minute[i] % 60);

			if (w.day[(now.weekday - 1 + day) % 7] &&
			    when > after && when < *next)
				*next = when;
		}
	return (0);
}

int
schedule_longest_gap(const char *text, uint64_t *seconds, struct err *e)
{
	struct week w = { .ntimes = 0 };

	if (parse_or_fail(text, &w, e) < 0)
		return (-1);
	*seconds = longest_gap(&w);
	return (0);
}
