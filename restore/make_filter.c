/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of an archive flow in, marks flow out: what restore does itself (the
 * database's own properties), what must not come alive in a copy, and what may
 * legitimately fail here. All but the first is said.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "restore/make.h"
#include "restore/neutralize.h"

/* Entries about the database as a whole: facts has them, target_swap does
 * them. ENCODING and its like are written by pg_restore in any case. */
static bool
is_about_database(const struct toc_entry *a)
{
	return (toc_entry_is(a, "DATABASE") ||
	    toc_entry_is(a, "DATABASE PROPERTIES") ||
	    toc_entry_is(a, "ENCODING") || toc_entry_is(a, "STDSTRINGS") ||
	    toc_entry_is(a, "SEARCHPATH") ||
	    ((toc_entry_is(a, "ACL") || toc_entry_is(a, "COMMENT") ||
		 toc_entry_is(a, "SECURITY LABEL")) &&
		strncmp(a->what, "- DATABASE ", 11) == 0));
}

/* A kind that only a superuser can make. */
static bool
is_superusers(const struct toc_entry *a)
{
	return (toc_entry_is(a, "EVENT TRIGGER") ||
	    toc_entry_is(a, "SUBSCRIPTION") ||
	    toc_entry_is(a, "SUBSCRIPTION TABLE") ||
	    toc_entry_is(a, "SECURITY LABEL"));
}

/* The line as pg_restore gave it, without its numbers. */
static char *
line_of(const struct toc_entry *a)
{
	return (
	    mem_printf("%d; %lu %lu %s %s", a->id, (unsigned long)a->class_oid,
		(unsigned long)a->oid, a->desc, a->what));
}

/* Did the template bring this extension? name may be followed by a space. */
static bool
is_there_already(const struct make *m, const char *name)
{
	SCOPED(scope_free) char *word = NULL;

	if (m->template_has == NULL)
		return (false);
	word = mem_printf(" %.*s ", (int)strcspn(name, " "), name);
	return (strstr(m->template_has, word) != NULL);
}

static bool
must_stay_dead(struct make *m, const struct toc_entry *a)
{
	SCOPED(scope_free) char *line = line_of(a);
	const char *reason = "";

	if (!m->neutral || neutralize_filter_entry(line, &reason) == 0)
		return (false);
	remarks_warn(
	    m->remarks, "left out: %s %s (%s)", a->desc, a->what, reason);
	return (true);
}

static bool
is_left_out(struct make *m, const struct toc_entry *a)
{
	if (is_about_database(a) || must_stay_dead(m, a))
		return (true);
	if (!m->h->t->superuser && is_superusers(a)) {
		remarks_look_at(m->remarks,
		    "left out: %s %s (only a superuser can make it)", a->desc,
		    a->what);
		return (true);
	}
	/* CREATE EXTENSION writes the comment itself, and one that was made by
	 * somebody else isn't ours to comment. */
	if (toc_entry_is(a, "COMMENT") &&
	    strncmp(a->what, "- EXTENSION ", 12) == 0)
		return (is_there_already(m, a->what + 12));
	return (false);
}

/* Roles of the source that nothing can be given to here. */
static void
say_owners(struct make *m)
{
	const char *owner;
	size_t i, k;

	for (i = 0; i < m->toc->n && m->source_owners; i++) {
		if (m->toc->v[i].left_out)
			continue;
		owner = toc_entry_owner(
		    &m->toc->v[i], m->nroles, m->role_names);
		for (k = 0; k < m->nroles; k++)
			if (strcmp(m->roles[k].name, owner) == 0 &&
			    !m->roles[k].ours)
				remarks_warn(m->remarks,
				    "what belongs to role %s at the source "
				    "belongs to %s here: %s",
				    owner, m->h->t->role,
				    m->roles[k].there
					? "we are no member of it"
					: "there is no such role");
	}
}

void
make_filter(struct make *m)
{
	struct toc_entry *a;
	size_t i;

	for (i = 0; i < m->toc->n; i++)
		m->toc->v[i].left_out = is_left_out(m, &m->toc->v[i]);
	toc_spread(m->toc);
	/* Those of a template are there: what needs them stays. */
	for (i = 0; i < m->toc->n; i++) {
		a = &m->toc->v[i];
		if (toc_entry_is(a, "EXTENSION") &&
		    strncmp(a->what, "- ", 2) == 0 &&
		    is_there_already(m, a->what + 2))
			a->left_out = true;
	}
	say_owners(m);
}
