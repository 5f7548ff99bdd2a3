/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of counts and words flows in, five counts flow out, and back.
 */
#include "repository/keep.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BLANK  " \t"
#define DIGITS "0123456789"
#define WORDS  5

static const struct word {
	const char *text;
	size_t offset; /* in a struct keep */
} words[WORDS] = {
	{ "hourly", offsetof(struct keep, hourly) },
	{ "daily", offsetof(struct keep, daily) },
	{ "weekly", offsetof(struct keep, weekly) },
	{ "monthly", offsetof(struct keep, monthly) },
	{ "yearly", offsetof(struct keep, yearly) },
};

/* The count that *at begins with; goes behind it and the blanks after. */
static bool
take_count(const char **at, unsigned *count)
{
	size_t n = strspn(*at, DIGITS), i;

	*count = 0;
	if (n == 0 || n > 9)
		return (false);
	for (i = 0; i < n; i++)
		*count = *count * 10 + (unsigned)((*at)[i] - '0');
	*at += n;
	*at += strspn(*at, BLANK);
	return (*count <= KEEP_MOST);
}

/* "7 daily" and the blanks after; seen are the words that stood already. */
static bool
take_part(const char **at, struct keep *k, bool seen[WORDS])
{
	unsigned count;
	size_t i, n;

	if (!take_count(at, &count))
		return (false);
	n = strcspn(*at, BLANK ",");
	for (i = 0; i < WORDS; i++)
		if (strlen(words[i].text) == n &&
		    strncmp(words[i].text, *at, n) == 0)
			break;
	if (i == WORDS || seen[i])
		return (false);
	seen[i] = true;
	memcpy((char *)k + words[i].offset, &count, sizeof(count));
	*at += n;
	*at += strspn(*at, BLANK);
	return (true);
}

bool
keep_parse(const char *text, struct keep *out)
{
	struct keep k = { 0 };
	bool seen[WORDS] = { false };
	const char *at = text + strspn(text, BLANK);

	for (;;) {
		if (!take_part(&at, &k, seen))
			return (false);
		if (*at == '\0')
			break;
		if (*at++ != ',')
			return (false);
		at += strspn(at, BLANK);
	}
	if (k.hourly + k.daily + k.weekly + k.monthly + k.yearly == 0)
		return (false);
	*out = k;
	return (true);
}

void
keep_text(const struct keep *k, char out[KEEP_TEXT])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < WORDS && n < KEEP_TEXT; i++) {
		unsigned count;

		memcpy(
		    &count, (const char *)k + words[i].offset, sizeof(count));
		if (count > 0)
			n += (size_t)snprintf(out + n, KEEP_TEXT - n, "%s%u %s",
			    n > 0 ? ", " : "", count, words[i].text);
	}
}
