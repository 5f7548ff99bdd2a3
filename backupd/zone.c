/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone is a name of the time zone database, "Europe/Brussels". What the host
 * says of its own may be something else (a rule, a path): that is passed over,
 * since retention could not count days in it.
 */
#include "backupd/zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/zone_name.h"
#include "repository/settings.h"

#define FILE_MAX 4096
#define FOLDER	 "/zoneinfo/"

static void
put(char out[ZONE_TEXT], const char *text)
{
	(void)snprintf(
	    out, ZONE_TEXT, "%.*s", (int)strcspn(text, " \t\r\n"), text);
}

/* The last word of "02:30 Europe/Brussels", if it is a zone. */
static bool
take_from_schedule(const char *schedule, char out[ZONE_TEXT])
{
	const char *last = strrchr(schedule, ' ');

	last = last != NULL ? last + 1 : schedule;
	if (strchr(last, '/') == NULL && strcmp(last, "UTC") != 0)
		return (false);
	put(out, last);
	return (true);
}

static bool
take_from_file(char out[ZONE_TEXT])
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;

	if (file_load("/etc/timezone", FILE_MAX, &text, &ignored) < 0)
		return (false);
	put(out, buf_text(&text));
	return (zone_name_is_known(out));
}

static bool
take_from_link(char out[ZONE_TEXT])
{
	char target[FILE_MAX];
	const char *at;
	ssize_t n = readlink("/etc/localtime", target, sizeof(target) - 1);

	if (n <= 0)
		return (false);
	target[n] = '\0';
	if ((at = strstr(target, FOLDER)) == NULL)
		return (false);
	put(out, at + strlen(FOLDER));
	return (zone_name_is_known(out));
}

void
zone_of_branch(const struct branch_settings *b, char out[ZONE_TEXT])
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it */
	const char *tz = getenv("TZ");

	if (b->zone != NULL) {
		put(out, b->zone);
		return;
	}
	if (b->schedule != NULL && take_from_schedule(b->schedule, out))
		return;
	if (tz != NULL && *tz == ':')
		tz++;
	if (tz != NULL && zone_name_is_known(tz))
		put(out, tz);
	else if (!take_from_file(out) && !take_from_link(out))
		put(out, "UTC");
}
