/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One text in, yes or no out. What is expected instead is said by the table of
 * keys in settings.c.
 */
#include "repository/settings_value.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/zone_name.h"
#include "repository/keep.h"
#include "repository/schedule.h"
#include "storage-drivers/rate.h"

#define BLANK	  " \t"
#define PORT_MOST 65535

bool
settings_value_is_keep(const char *text)
{
	struct keep ignored;

	return (keep_parse(text, &ignored));
}

static bool
is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return (true);
	return (false);
}

/* A time that is more than nothing. */
static bool
is_time(const char *text)
{
	uint64_t seconds;

	return (conf_parse_duration(text, &seconds) && seconds > 0);
}

bool
settings_value_is_replaced(const char *text)
{
	static const char *const words[] = { "none", "next", NULL };

	return (is_one_of(text, words) || is_time(text));
}

bool
settings_value_is_drill(const char *text)
{
	static const char *const words[] = { "no", "daily", "weekly", "monthly",
		NULL };

	return (is_one_of(text, words) || is_time(text));
}

bool
settings_value_is_web_url(const char *text)
{
	const char *host = strstr(text, "://");

	if (strncmp(text, "https://", 8) != 0 &&
	    strncmp(text, "http://", 7) != 0)
		return (false);
	host += 3;
	return (*host != '\0' && strchr("/:?#", *host) == NULL &&
	    strpbrk(text, BLANK "\"'<>") == NULL);
}

/* "1025", up to the highest there is. */
static bool
is_port(const char *text)
{
	size_t n = strspn(text, "0123456789"), i;
	unsigned port = 0;

	if (n == 0 || n > 5 || text[n] != '\0')
		return (false);
	for (i = 0; i < n; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	return (port <= PORT_MOST);
}

/* "127.0.0.1:1025", "mail.example:25", "[::1]:25" */
bool
settings_value_is_place(const char *text)
{
	size_t n;

	if (*text == '[') {
		n = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.%");
		if (n < 3 || text[n] != ']')
			return (false);
		n++;
	} else {
		n = strcspn(text, ":");
		if (n == 0 || strcspn(text, BLANK "/@[]") < n)
			return (false);
	}
	return (text[n] == ':' && is_port(text + n + 1));
}

/* "mailto:ops@acme.example" */
static bool
is_mail(const char *text)
{
	const char *at = strchr(text, '@');

	return (strncmp(text, "mailto:", 7) == 0 && at != NULL &&
	    at > text + 7 && at[1] != '\0' &&
	    strpbrk(text, BLANK "\"'<>") == NULL);
}

bool
settings_value_is_told(const char *text)
{
	size_t n;

	for (;;) {
		SCOPED(scope_free) char *one = NULL;

		text += strspn(text, BLANK);
		n = strcspn(text, ",");
		one = mem_printf("%.*s", (int)n, text);
		while (n > 0 && strchr(BLANK, one[n - 1]) != NULL)
			one[--n] = '\0';
		if (!is_mail(one) && !settings_value_is_web_url(one))
			return (false);
		text += strcspn(text, ",");
		if (*text++ == '\0')
			return (true);
	}
}

bool
settings_value_is_addressing(const char *text)
{
	return (strcmp(text, "path") == 0 || strcmp(text, "virtual") == 0);
}

bool
settings_value_is_lock(const char *text)
{
	static const char *const words[] = { "yes", "no", "compliance",
		"governance", NULL };

	return (is_one_of(text, words));
}

bool
settings_value_is_rate(const char *text)
{
	struct rate ignored;

	return (rate_parse(text, &ignored));
}

#define ZONE_EXPECTED  "a time zone such as Europe/Brussels, or UTC"
#define DRILL_EXPECTED "no, daily, weekly, monthly or a time like 14 days"
#define TOLD_EXPECTED                                                          \
	"mailto:ADDRESS and https://HOST/…, joined by commas where there "   \
	"are several"

/* What texts have to look like, where not every one will do. */
static const struct rule {
	const char *key;
	bool (*is_good)(const char *text);
	const char *expected;
} rules[] = {
	{ "addressing", settings_value_is_addressing, "path or virtual" },
	{ "object-lock", settings_value_is_lock,
	    "yes, no, compliance or governance" },
	{ "upload-limit", settings_value_is_rate, RATE_EXPECTED },
	{ "schedule", schedule_is_good, SCHEDULE_EXPECTED },
	{ "zone", zone_name_is_known, ZONE_EXPECTED },
	{ "keep", settings_value_is_keep, KEEP_EXPECTED },
	{ "keep-replaced", settings_value_is_replaced,
	    "none, next or a time like 7 days" },
	{ "base-url", settings_value_is_web_url,
	    "https://HOST or http://HOST" },
	{ "mail-catcher", settings_value_is_place,
	    "HOST:PORT, like 127.0.0.1:1025" },
	{ "drill", settings_value_is_drill, DRILL_EXPECTED },
	{ "listen", settings_value_is_place,
	    "ADDRESS:PORT, like 127.0.0.1:8440" },
	{ "on-failure", settings_value_is_told, TOLD_EXPECTED },
	{ "heartbeat", settings_value_is_web_url, "https://HOST/…" },
};

bool
settings_value_is_good(const char *key, const char *text, const char **expected)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].key, key) == 0) {
			*expected = rules[i].expected;
			return (rules[i].is_good(text));
		}
	return (true);
}
