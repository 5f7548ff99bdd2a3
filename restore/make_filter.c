/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of an archive flow in, marks flow out: what restore does itself (the
 * database's own properties), what must not come alive in a copy, and what may
 * legitimately fail here. All but the first is said.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "restore/contents.h"
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

/* Were a table's rows stored? What isn't the backup's to store counts as
 * stored: a partitioned table, an extension's. */
static bool
has_rows(const struct make *m, const char *schema, const char *name)
{
	for (size_t i = 0; i < m->ntables; i++)
		if (m->tables[i].unreadable &&
		    strcmp(m->tables[i].schema, schema) == 0 &&
		    strcmp(m->tables[i].name, name) == 0)
			return (false);
	return (true);
}

/* Is a the foreign key k of the facts, and does the backup lack the rows that
 * it points at? */
static bool
is_key_without_rows(
    const struct make *m, const struct toc_entry *a, const struct json *k)
{
	const char *schema = json_get_string(k, "schema"),
		   *table = json_get_string(k, "table"),
		   *name = json_get_string(k, "name"),
		   *ref_schema = json_get_string(k, "ref_schema"),
		   *ref_table = json_get_string(k, "ref_table");
	SCOPED(scope_free) char *begin = NULL;

	if (schema == NULL || table == NULL || name == NULL ||
	    ref_schema == NULL || ref_table == NULL)
		return (false);
	begin = mem_printf("%s %s %s ", schema, table, name);
	return (strncmp(a->what, begin, strlen(begin)) == 0 &&
	    !has_rows(m, ref_schema, ref_table));
}

static bool
points_at_nothing(const struct make *m, const struct toc_entry *a)
{
	const struct json *keys = json_get(m->facts, "foreign_keys");
	size_t i, n = json_count(keys);

	if (!m->lacks_rows || !toc_entry_is(a, "FK CONSTRAINT"))
		return (false);
	for (i = 0; i < n; i++)
		if (is_key_without_rows(m, a, json_at(keys, i)))
			return (true);
	return (false);
}

static bool
is_left_out(struct make *m, const struct toc_entry *a)
{
	if (points_at_nothing(m, a)) {
		remarks_look_at(m->remarks,
		    "left out: %s %s (it points at rows that the backup lacks)",
		    a->desc, a->what);
		return (true);
	}
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

	for (i = 0; i < m->ntables; i++)
		m->lacks_rows = m->lacks_rows || m->tables[i].unreadable;
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
