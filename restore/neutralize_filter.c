/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which entries of a pg_dump archive never reach the restored database. An
 * entry's line reads "ID; TABLEOID OID KIND SCHEMA NAME OWNER"; only the kind
 * decides, and for comments, security labels and privileges, the kind of what
 * they are about, which starts their name ("COMMENT - SUBSCRIPTION sub role").
 */
#include <string.h>

#include "restore/neutralize.h"

static const struct {
	const char *kind;
	const char *reason;
} left_out[] = {
	{ "SUBSCRIPTION",
	    "a subscription would pull from, and hold back, production" },
	{ "USER MAPPING",
	    "a user mapping holds a password for another server" },
	{ "EVENT TRIGGER",
	    "an event trigger runs production's code during the restore" },
	{ "PUBLICATION", "a publication offers this copy's rows to others" },
};

static const char *const about_others[] = { "COMMENT", "SECURITY LABEL",
	"ACL" };

/* What follows word in text; NULL when text does not start with it. A kind of
 * more words, such as PUBLICATION TABLE, starts with that of one as well. */
static const char *
after_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0 || (text[n] != ' ' && text[n] != '\0'))
		return (NULL);
	return (text[n] == ' ' ? text + n + 1 : text + n);
}

/* Steps over "3357; 6106 68211 "; NULL when the line is no entry. */
static const char *
skip_numbers(const char *line)
{
	static const char digits[] = "0123456789";
	size_t n = strspn(line, digits);

	if (n == 0 || line[n] != ';')
		return (NULL);
	line += n + 1;
	for (int i = 0; i < 2; i++) {
		if (*line != ' ')
			return (NULL);
		n = strspn(++line, digits);
		if (n == 0)
			return (NULL);
		line += n;
	}
	return (*line == ' ' ? line + 1 : NULL);
}

int
neutralize_filter_entry(const char *line, const char **reason)
{
	const char *kind = skip_numbers(line);

	*reason = NULL;
	if (kind == NULL)
		return (0);
	for (size_t i = 0; i < sizeof(about_others) / sizeof(about_others[0]);
	     i++) {
		const char *schema = after_word(kind, about_others[i]);

		if (schema == NULL)
			continue;
		/* What we look for is in no schema. */
		if ((kind = after_word(schema, "-")) == NULL)
			return (0);
		break;
	}
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (after_word(kind, left_out[i].kind) != NULL) {
			*reason = left_out[i].reason;
			return (1);
		}
	return (0);
}
