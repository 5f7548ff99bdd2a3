/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of counts and words flows in, three counts flow out.
 */
#include "repository/keep.h"

#include <stddef.h>
#include <string.h>

#define BLANK  " \t"
#define DIGITS "0123456789"

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
take_part(const char **at, struct keep *k, bool seen[3])
{
	static const char *const words[] = { "daily", "weekly", "monthly" };
	unsigned *counts[] = { &k->daily, &k->weekly, &k->monthly }, count;
	size_t i, n;

	if (!take_count(at, &count))
		return (false);
	n = strcspn(*at, BLANK ",");
	for (i = 0; i < 3; i++)
		if (strlen(words[i]) == n && strncmp(words[i], *at, n) == 0)
			break;
	if (i == 3 || seen[i])
		return (false);
	seen[i] = true;
	*counts[i] = count;
	*at += n;
	*at += strspn(*at, BLANK);
	return (true);
}

bool
keep_parse(const char *text, struct keep *out)
{
	struct keep k = { 0, 0, 0 };
	bool seen[3] = { false, false, false };
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
	if (k.daily + k.weekly + k.monthly == 0)
		return (false);
	*out = k;
	return (true);
}
