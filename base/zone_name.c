/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone is a file below the database's folder, whose first bytes say what it
 * is. The name comes from an operator, and must not lead out of that folder.
 */
#include "base/zone_name.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define DATABASE   "/usr/share/zoneinfo"
#define MAGIC	   "TZif"
#define NAME_BYTES 63
#define FILE_MAX   ((size_t)1 << 20)

/* Words of letters, digits, '_', '+' and '-', joined by '/'. */
static bool
is_spelled_well(const char *name)
{
	size_t n = strlen(name);
	const char *p;

	if (n == 0 || n > NAME_BYTES || name[n - 1] == '/' ||
	    !isalpha((unsigned char)name[0]) || strstr(name, "//") != NULL)
		return (false);
	for (p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("_+-/", *p) == NULL)
			return (false);
	return (true);
}

static bool
has_database(void)
{
	return (access(DATABASE, R_OK | X_OK) == 0);
}

int
zone_name_load(const char *name, struct buf *out, struct err *e)
{
	SCOPED(scope_free) char *path = NULL;

	if (!is_spelled_well(name))
		return (err_set(e, ERR_MISSING,
		    "'%s' is not the name of a time zone; expected one such as Europe/Brussels, or UTC",
		    name));
	if (!has_database()) {
		(void)err_set(e, ERR_MISSING,
		    "time zone %s: this machine has no time zones (" DATABASE
		    ")",
		    name);
		return (err_hint(e, "install them (Debian: tzdata)"));
	}
	path = file_join(DATABASE, name);
	/* Many names are links to others. */
	if (file_load_followed(path, FILE_MAX, out, e) < 0)
		return (err_within(e, "time zone %s", name));
	return (0);
}

bool
zone_name_is_known(const char *name)
{
	SCOPED(buf_free) struct buf zone = BUF_INIT;
	struct err ignored = ERR_INIT;

	if (!is_spelled_well(name))
		return (false);
	if (strcmp(name, "UTC") == 0 || !has_database())
		return (true);
	return (zone_name_load(name, &zone, &ignored) == 0 &&
	    zone.n > strlen(MAGIC) &&
	    memcmp(zone.p, MAGIC, strlen(MAGIC)) == 0);
}
