/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The branch that is meant: by its name, or because there is but one production
 * branch. And the words for stages.
 */
#include "repository/settings.h"

#include <string.h>

#include "base/buf.h"

const struct branch_settings *
settings_branch(const struct settings *s, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf known = BUF_INIT;

	for (size_t i = 0; i < s->nbranches; i++) {
		if (strcmp(s->branches[i].name, name) == 0)
			return (&s->branches[i]);
		buf_printf(
		    &known, "%s%s", i == 0 ? "" : ", ", s->branches[i].name);
	}
	(void)err_set(e, ERR_MISSING, "no branch '%s' in %s", name, s->path);
	(void)err_hint(
	    e, "known branches: %s", known.n == 0 ? "none" : buf_text(&known));
	return (NULL);
}

const struct branch_settings *
settings_only_production(const struct settings *s, struct err *e)
{
	const struct branch_settings *found = NULL;

	for (size_t i = 0; i < s->nbranches; i++) {
		if (s->branches[i].stage != STAGE_PRODUCTION)
			continue;
		if (found != NULL) {
			(void)err_set(e, ERR_USAGE,
			    "several production branches (%s, %s): name the one you mean",
			    found->name, s->branches[i].name);
			return (NULL);
		}
		found = &s->branches[i];
	}
	if (found == NULL)
		(void)err_set(e, ERR_USAGE,
		    "no production branch in %s: name a branch", s->path);
	return (found);
}

static const char *const stages[] = { "production", "staging", "development" };

const char *
stage_text(enum stage stage)
{
	return (stages[stage]);
}

bool
stage_parse(const char *text, enum stage *stage)
{
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, stages[i]) == 0) {
			*stage = (enum stage)i;
			return (true);
		}
	return (false);
}
