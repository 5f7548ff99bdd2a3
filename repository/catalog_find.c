/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user types for a backup flows in, the one backup that it means comes
 * out, or an error that names the candidates.
 */
#include <stdlib.h>
#include <string.h>

#include "repository/catalog.h"

#define CANDIDATES_MAX 8 /* named in a message */
#define LATEST	       "latest"
#define DATE_FORM      "0000-00-00T00:00:00Z"

/* What is asked for: a branch or none, and the rest of the text. */
struct wish {
	char branch[64];   /* or "" */
	const char *text;  /* after "BRANCH/" */
	const char *typed; /* all of it, for messages */
};

static int
split(const char *text, struct wish *w, struct err *e)
{
	const char *slash = strrchr(text, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - text);

	memset(w, 0, sizeof(*w));
	w->typed = text;
	w->text = slash == NULL ? text : slash + 1;
	if (n >= sizeof(w->branch))
		return (err_set(e, ERR_MISSING, "no backup '%s'", text));
	memcpy(w->branch, text, n);
	return (0);
}

static bool
is_of_branch(const struct catalog_entry *c, const struct wish *w)
{
	return (w->branch[0] == '\0' || strcmp(c->m.branch, w->branch) == 0);
}

static int
fail_empty(struct err *e)
{
	err_set(e, ERR_USAGE,
	    "'' is no BACKUP: expected an id, the beginning of one, a date, or latest");
	return (-1);
}

static void
fail_missing(const struct wish *w, struct err *e)
{
	err_set(e, ERR_MISSING, "no backup '%s'", w->typed);
	err_hint(e, "'triplicate list' shows what there is");
}

/* --- latest, latest~N --- */

static bool
parse_latest(const char *text, size_t *back)
{
	const char *at = text + strlen(LATEST);

	if (strncmp(text, LATEST, strlen(LATEST)) != 0)
		return (false);
	*back = 0;
	if (*at == '\0')
		return (true);
	if (at[0] != '~' || at[1] < '0' || at[1] > '9' ||
	    strspn(at + 1, "0123456789") != strlen(at + 1))
		return (false);
	*back = strtoul(at + 1, NULL, 10); /* too many are too many */
	return (true);
}

/* "latest" with something behind it that means nothing. */
static int
check_latest(const struct wish *w, struct err *e)
{
	size_t back;

	if (strncmp(w->text, LATEST "~", strlen(LATEST "~")) != 0 ||
	    parse_latest(w->text, &back))
		return (0);
	return (err_set(e, ERR_USAGE,
	    "'%.100s': expected latest~N, N being how many backups before the latest one",
	    w->typed));
}

/* Without a configured production branch (a recovered machine), the only branch
 * that has backups. */
static int
only_branch_of(const struct catalog *c, struct wish *w, struct err *e)
{
	const char *first = c->n == 0 ? NULL : c->v[0].m.branch;

	if (first == NULL) {
		fail_missing(w, e);
		return (-1);
	}
	for (size_t i = 1; i < c->n; i++)
		if (strcmp(c->v[i].m.branch, first) != 0)
			return (err_set(e, ERR_USAGE,
			    "'%s' is ambiguous: there are backups of %s and "
			    "%s; say BRANCH/%s",
			    w->typed, first, c->v[i].m.branch, w->text));
	memcpy(w->branch, first, sizeof(w->branch));
	return (0);
}

static int
choose_branch(const struct catalog *c, const struct settings *s, struct wish *w,
    struct err *e)
{
	const struct branch_settings *only;
	size_t production = 0;

	if (w->branch[0] != '\0')
		return (0);
	for (size_t i = 0; i < s->nbranches; i++)
		production += s->branches[i].stage == STAGE_PRODUCTION;
	if (production == 0)
		return (only_branch_of(c, w, e));
	if ((only = settings_only_production(s, e)) == NULL) {
		err_set(e, ERR_USAGE,
		    "'%s' is ambiguous: there are %zu production branches; "
		    "say BRANCH/%s",
		    w->typed, production, w->text);
		return (-1);
	}
	if (strlen(only->name) < sizeof(w->branch))
		memcpy(w->branch, only->name, strlen(only->name) + 1);
	return (0);
}

static const struct catalog_entry *
find_latest(
    const struct catalog *c, const struct wish *w, size_t back, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *state = catalog_state(&c->v[i]);

		if (!is_of_branch(&c->v[i], w) ||
		    (strcmp(state, "complete") != 0 &&
			strcmp(state, "degraded") != 0))
			continue;
		if (back-- == 0)
			return (&c->v[i]);
	}
	err_set(e, ERR_MISSING,
	    "no backup '%s': branch %s has not that many complete ones",
	    w->typed, w->branch);
	err_hint(e, "'triplicate list' shows what there is");
	return (NULL);
}

/* --- ids and dates --- */

/*
 * The prefix of an id that text stands for: "2026-11-22T02:30" is
 * "20261122T0230"; an id's own prefix stays. False when it can be neither.
 */
static bool
id_prefix(const char *text, char out[BACKUP_ID_TEXT])
{
	size_t n = strlen(text), used = 0;
	bool is_date = n > 4 && text[4] == '-';

	if (n == 0 || n > BACKUP_ID_LENGTH ||
	    (is_date && n > strlen(DATE_FORM)))
		return (false);
	for (size_t i = 0; i < n; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (is_date && DATE_FORM[i] != '0') {
			if (text[i] != DATE_FORM[i])
				return (false);
			if (text[i] == '-' || text[i] == ':')
				continue;
		} else if (is_date && !is_digit)
			return (false);
		out[used++] = text[i];
	}
	out[used] = '\0';
	return (true);
}

static const struct catalog_entry *
fail_ambiguous(const struct catalog *c, const struct wish *w,
    const char *prefix, struct err *e)
{
	SCOPED(buf_free) struct buf names = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct manifest *m = &c->v[i].m;

		if (!is_of_branch(&c->v[i], w) ||
		    strncmp(m->id, prefix, strlen(prefix)) != 0)
			continue;
		if (n++ < CANDIDATES_MAX)
			buf_printf(&names, "%s%s (%s)", n == 1 ? "" : ", ",
			    m->id, m->branch);
	}
	err_set(e, ERR_USAGE, "'%s' is ambiguous: %s%s", w->typed,
	    buf_text(&names), n > CANDIDATES_MAX ? ", …" : "");
	err_hint(e, "give more of the id, or all of it");
	return (NULL);
}

static const struct catalog_entry *
find_by_prefix(const struct catalog *c, const struct wish *w, struct err *e)
{
	const struct catalog_entry *found = NULL;
	char prefix[BACKUP_ID_TEXT];

	if (!id_prefix(w->text, prefix)) {
		fail_missing(w, e);
		return (NULL);
	}
	for (size_t i = 0; i < c->n; i++) {
		if (!is_of_branch(&c->v[i], w) ||
		    strncmp(c->v[i].m.id, prefix, strlen(prefix)) != 0)
			continue;
		if (found != NULL)
			return (fail_ambiguous(c, w, prefix, e));
		found = &c->v[i];
	}
	if (found == NULL)
		fail_missing(w, e);
	return (found);
}

const struct catalog_entry *
catalog_find(const struct catalog *c, const struct settings *s,
    const char *text, struct err *e)
{
	struct wish w;
	size_t back;

	if ((*text == '\0' ? fail_empty(e) : split(text, &w, e)) < 0 ||
	    check_latest(&w, e) < 0)
		return (NULL);
	if (!parse_latest(w.text, &back))
		return (find_by_prefix(c, &w, e));
	if (choose_branch(c, s, &w, e) < 0)
		return (NULL);
	return (find_latest(c, &w, back, e));
}
