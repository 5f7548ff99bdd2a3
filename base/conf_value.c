/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of a configuration as yes or no, sizes, counts and durations. The
 * parsers accept what a person would write and nothing that could be read in
 * two ways: a duration needs its unit, a size is a whole number.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/conf.h"

#define MINUTE 60U
#define HOUR   3600U
#define DAY    86400U
#define WEEK   604800U

/* So that a time added to a date is a date. */
#define LONGEST ((uint64_t)36525 * DAY)

struct unit {
	const char *word;
	uint64_t times;
};

/* A connection string or URL with a password in it is not repeated. */
static bool
may_be_secret(const char *value)
{
	const char *host = strstr(value, "://");

	return (strcasestr(value, "pass") != NULL ||
	    (host != NULL && strchr(host, '@') != NULL));
}

int
conf_bad(const struct conf *c, size_t section, const char *key,
    const char *expected, struct err *e)
{
	const char *value = conf_get(c, section, key);
	const char *name = conf_section_name(c, section);

	if (value == NULL)
		return (err_set(e, ERR_CONFIG,
		    "%s:%u: [%s%s%s] lacks '%s': expected %s", conf_path(c),
		    conf_section_line(c, section),
		    conf_section_kind(c, section), *name != '\0' ? " " : "",
		    name, key, expected));
	if (may_be_secret(value))
		value = "(not shown)";
	return (err_set(e, ERR_CONFIG, "%s:%u: %s = %s: expected %s",
	    conf_path(c), conf_line(c, section, key), key, value, expected));
}

/* The digits that text begins with, and where they end. False when there are
 * none or too many. */
static bool
take_number(const char *text, uint64_t *number, const char **rest)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)*text))
		return (false);
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return (false);
	*number = v;
	*rest = text;
	return (true);
}

/* number times the unit that word names, from a list that ends with NULL. */
static bool
apply_unit(
    const struct unit *units, const char *word, uint64_t number, uint64_t *out)
{
	uint64_t v;

	while (*word == ' ' || *word == '\t')
		word++;
	for (; units->word != NULL; units++) {
		if (strcasecmp(units->word, word) != 0)
			continue;
		if (__builtin_mul_overflow(number, units->times, &v))
			return (false);
		*out = v;
		return (true);
	}
	return (false);
}

bool
conf_parse_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = { { "", 1 },
		{ "K", UINT64_C(1) << 10 }, { "M", UINT64_C(1) << 20 },
		{ "G", UINT64_C(1) << 30 }, { "T", UINT64_C(1) << 40 },
		{ NULL, 0 } };
	const char *rest;
	uint64_t number;

	return (take_number(text, &number, &rest) &&
	    apply_unit(units, rest, number, bytes));
}

bool
conf_parse_duration(const char *text, uint64_t *seconds)
{
	static const struct unit units[] = { { "s", 1 }, { "sec", 1 },
		{ "second", 1 }, { "seconds", 1 }, { "m", MINUTE },
		{ "min", MINUTE }, { "minute", MINUTE }, { "minutes", MINUTE },
		{ "h", HOUR }, { "hour", HOUR }, { "hours", HOUR },
		{ "d", DAY }, { "day", DAY }, { "days", DAY }, { "w", WEEK },
		{ "week", WEEK }, { "weeks", WEEK }, { NULL, 0 } };
	const char *rest;
	uint64_t number;

	if (!take_number(text, &number, &rest))
		return (false);
	if (number == 0 && *rest == '\0') { /* nothing is nothing */
		*seconds = 0;
		return (true);
	}
	if (!apply_unit(units, rest, number, &number) || number > LONGEST)
		return (false);
	*seconds = number;
	return (true);
}

int
conf_get_bool(const struct conf *c, size_t section, const char *key, bool *out,
    struct err *e)
{
	static const char *const words[] = { "no", "yes", "false", "true",
		"off", "on", "0", "1" };
	const char *value = conf_get(c, section, key);
	size_t i;

	if (value == NULL)
		return (0);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(value, words[i]) == 0) {
			*out = i % 2 == 1;
			return (0);
		}
	return (conf_bad(c, section, key, "yes or no", e));
}

int
conf_get_size(const struct conf *c, size_t section, const char *key,
    uint64_t *bytes, struct err *e)
{
	const char *value = conf_get(c, section, key);

	if (value == NULL || conf_parse_size(value, bytes))
		return (0);
	return (conf_bad(c, section, key,
	    "a size in bytes, or with K, M, G or T, like 20G", e));
}

int
conf_get_count(const struct conf *c, size_t section, const char *key,
    unsigned least, unsigned most, unsigned *out, struct err *e)
{
	const char *value = conf_get(c, section, key), *rest;
	char expected[64];
	uint64_t number;

	if (value == NULL)
		return (0);
	if (take_number(value, &number, &rest) && *rest == '\0' &&
	    number >= least && number <= most) {
		*out = (unsigned)number;
		return (0);
	}
	(void)snprintf(expected, sizeof(expected),
	    "a whole number from %u to %u", least, most);
	return (conf_bad(c, section, key, expected, e));
}

int
conf_get_duration(const struct conf *c, size_t section, const char *key,
    uint64_t *seconds, struct err *e)
{
	const char *value = conf_get(c, section, key);

	if (value == NULL || conf_parse_duration(value, seconds))
		return (0);
	return (conf_bad(c, section, key,
	    "a time with its unit, like 60s, 5m, 48h, 7 days or 2 weeks, up "
	    "to 100 years",
	    e));
}
