/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of text flows in, a rate for each minute of the day flows out. It
 * always holds that no rate is above nothing and below RATE_LEAST.
 */
#include "storage-drivers/rate.h"

#include <string.h>

#include "base/conf.h"
#include "base/scope.h"

#define BLANK " \t"

/* "20M" or "none" */
static bool
parse_bytes(const char *text, uint64_t *bytes_s)
{
	if (strcmp(text, "none") == 0) {
		*bytes_s = 0;
		return (true);
	}
	return (conf_parse_size(text, bytes_s) && *bytes_s >= RATE_LEAST);
}

/* "06:00", of at least four characters; *end is behind it. */
static bool
parse_minute(const char *text, unsigned *minute, const char **end)
{
	unsigned hour = 0, rest = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits < 1 || digits > 2 || text[digits] != ':' ||
	    strspn(text + digits + 1, "0123456789") != 2)
		return (false);
	for (size_t i = 0; i < digits; i++)
		hour = hour * 10 + (unsigned)(text[i] - '0');
	for (size_t i = 1; i <= 2; i++)
		rest = rest * 10 + (unsigned)(text[digits + i] - '0');
	*minute = hour * 60 + rest;
	*end = text + digits + 3;
	return (rest < 60 && *minute <= RATE_DAY);
}

/* "06:00-20:00 5M" */
static bool
parse_hours(const char *text, struct rate_hours *out)
{
	if (!parse_minute(text, &out->from, &text) || *text++ != '-' ||
	    !parse_minute(text, &out->to, &text) || strspn(text, BLANK) == 0 ||
	    out->from == out->to)
		return (false);
	return (parse_bytes(text + strspn(text, BLANK), &out->bytes_s));
}

/* The next of a list that commas join, without blanks around it; NULL after
 * the last one. */
static char *
next_part(const char **text)
{
	const char *from = *text;
	size_t n;

	if (from == NULL)
		return (NULL);
	from += strspn(from, BLANK);
	n = strcspn(from, ",");
	*text = from[n] == ',' ? from + n + 1 : NULL;
	while (n > 0 && strchr(BLANK, from[n - 1]) != NULL)
		n--;
	return (mem_printf("%.*s", (int)n, from));
}

/* The rate itself stands in front, if it stands there at all. */
static bool
take_part(const char *part, bool is_first, struct rate *r)
{
	if (is_first && strchr(part, ':') == NULL)
		return (parse_bytes(part, &r->bytes_s));
	return (r->nhours < RATE_HOURS_MAX &&
	    parse_hours(part, &r->hours[r->nhours++]));
}

bool
rate_parse(const char *text, struct rate *out)
{
	struct rate r = { .bytes_s = 0 };
	bool is_first = true;

	while (text != NULL) {
		SCOPED(scope_free) char *part = next_part(&text);

		if (!take_part(part, is_first, &r))
			return (false);
		is_first = false;
	}
	*out = r;
	return (true);
}

static bool
holds(const struct rate_hours *h, unsigned minute)
{
	if (h->from < h->to)
		return (minute >= h->from && minute < h->to);
	return (minute >= h->from || minute < h->to);
}

uint64_t
rate_at(const struct rate *r, unsigned minute)
{
	for (size_t i = 0; i < r->nhours; i++)
		if (holds(&r->hours[i], minute))
			return (r->hours[i].bytes_s);
	return (r->bytes_s);
}

bool
rate_limits(const struct rate *r)
{
	if (r->bytes_s > 0)
		return (true);
	for (size_t i = 0; i < r->nhours; i++)
		if (r->hours[i].bytes_s > 0)
			return (true);
	return (false);
}
