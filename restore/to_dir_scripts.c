/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dump's archive comes in, SQL goes out: its entries, dealt to a few
 * scripts by when they can run and who may run them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "restore/programs.h"
#include "restore/rebuild.h"
#include "restore/to_dir.h"

#define SCRIPT_MAX ((size_t)256 << 20)

/* What the SQL is made from. */
struct scripts {
	char *pg_restore; /* program */
	char *archive;	  /* file */
	struct toc toc;
};

static void
free_scripts(struct scripts *s)
{
	toc_free(&s->toc);
	free(s->pg_restore);
	free(s->archive);
}

/*
 * The SQL of some entries, without owners: it belongs to who runs it. (Entries
 * are chosen by list alone: together with a section, pg_restore loses those
 * that have none of their own.) The tokens of \\restrict, random in each run,
 * become one of our own, so that a second run's files are equal.
 */
static int
add_script(const struct scripts *s, const struct buf *list, struct buf *out,
    struct err *e)
{
	const char *argv[] = { s->pg_restore, "--file=-", "--no-owner",
		"--no-tablespaces", "--use-list=/dev/stdin", s->archive, NULL };
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const char *line;
	size_t n;

	if (list->n == 0)
		return (0);
	if (proc_run(argv, NULL, list, SCRIPT_MAX, &sql, 0, e) < 0)
		return (-1);
	for (line = buf_text(&sql); *line != '\0'; line += n) {
		n = strcspn(line, "\n");
		n += line[n] == '\n' ? 1 : 0;
		if (strncmp(line, "\\restrict ", 10) == 0)
			buf_add_string(out, "\\restrict triplicate\n");
		else if (strncmp(line, "\\unrestrict ", 12) == 0)
			buf_add_string(out, "\\unrestrict triplicate\n");
		else
			buf_add(out, line, n);
	}
	return (0);
}

enum script { EXTENSIONS, PRE_DATA, DATA, POST_DATA, PRIVILEGES, SCRIPTS };
static const char *const script_names[SCRIPTS] = { "extensions.sql",
	"pre-data.sql", "data.sql", "post-data.sql", "privileges.sql" };

/* Which script an entry goes to; SCRIPTS: none. */
static enum script
script_of(const struct toc_entry *a)
{
	if (toc_entry_is(a, "EXTENSION"))
		return (EXTENSIONS);
	if (toc_entry_is(a, "ACL") || toc_entry_is(a, "DEFAULT ACL"))
		return (strncmp(a->what, "- DATABASE ", 11) == 0 ? SCRIPTS
								 : PRIVILEGES);
	/* CREATE EXTENSION writes the comment, and the extension may be
	 * somebody else's. */
	if (toc_entry_is(a, "COMMENT") &&
	    (strncmp(a->what, "- EXTENSION ", 12) == 0 ||
		strncmp(a->what, "- DATABASE ", 11) == 0))
		return (SCRIPTS);
	switch (a->section) {
	case TOC_PRE: return (PRE_DATA);
	case TOC_DATA: return (DATA);
	case TOC_POST: return (POST_DATA);
	case TOC_NONE: break;
	}
	return (SCRIPTS);
}

/* A schema that an extension is in is made with it. */
static bool
is_needed_by_extension(const struct toc *toc, const struct toc_entry *schema)
{
	size_t i, k;

	for (i = 0; i < toc->n; i++)
		for (k = 0; toc_entry_is(&toc->v[i], "EXTENSION") &&
		     k < toc->v[i].nneeds;
		     k++)
			if (toc->v[i].needs[k] == schema->id)
				return (true);
	return (false);
}

static void
select_entries(const struct toc *toc, enum script script, struct buf *list)
{
	const struct toc_entry *a;
	enum script its;
	size_t i;

	for (i = 0; i < toc->n; i++) {
		a = &toc->v[i];
		its = script_of(a);
		if (toc_entry_is(a, "SCHEMA") && is_needed_by_extension(toc, a))
			its = EXTENSIONS;
		if (its == script)
			toc_entry_select(a, list);
	}
}

/* Functions of extensions that the source had altered. */
static void
add_alterations(const struct json *facts, struct buf *out)
{
	const struct json *altered = json_get(facts, "altered"), *a;
	const char *identity, *volatility;
	size_t i;

	for (i = 0; i < json_count(altered); i++) {
		a = json_at(altered, i);
		identity = json_get_string(a, "identity");
		volatility = json_get_string(a, "volatility");
		if (identity != NULL && volatility != NULL)
			buf_printf(out,
			    "-- As at the source; needs a superuser.\n"
			    "ALTER FUNCTION %s %s;\n",
			    identity,
			    *volatility == 'i'	     ? "IMMUTABLE"
				: *volatility == 's' ? "STABLE"
						     : "VOLATILE");
	}
}

static int
write_script(struct to_dir *d, const struct scripts *s, enum script script,
    struct err *e)
{
	SCOPED(buf_free) struct buf list = BUF_INIT, sql = BUF_INIT;

	if (!to_dir_wants_below(d, script_names[script]))
		return (0);
	select_entries(&s->toc, script, &list);
	if (add_script(s, &list, &sql, e) < 0)
		return (-1);
	if (script == EXTENSIONS)
		add_alterations(d->j->facts, &sql);
	return (to_dir_write_text(d, script_names[script], &sql, e));
}

bool
to_dir_wants_scripts(struct to_dir *d)
{
	bool any = false;
	size_t i;

	/* Each is asked for, so that each path that selects is marked. */
	for (i = 0; i < SCRIPTS; i++)
		any = to_dir_wants_below(d, script_names[i]) || any;
	return (any);
}

int
to_dir_scripts(struct to_dir *d, struct err *e)
{
	struct restoring *j = d->j;
	SCOPED(free_scripts)
	struct scripts s = { .archive = file_join(j->folder, "archive") };
	bool newer;
	size_t i;

	if (!to_dir_wants_scripts(d))
		return (0);
	s.pg_restore = programs_find("pg_restore", programs_source(j->facts),
	    programs_reader(j->facts), &newer, e);
	if (s.pg_restore == NULL || rebuild_archive(j, s.archive, e) < 0 ||
	    toc_read(s.pg_restore, s.archive, &s.toc, e) < 0)
		return (-1);
	for (i = 0; i < SCRIPTS; i++)
		if (write_script(d, &s, (enum script)i, e) < 0)
			return (-1);
	return (file_remove(s.archive, e));
}
