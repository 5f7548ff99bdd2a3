/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database's part of a folder. restore.sql, given to psql -f, makes the
 * database that it is connected to: definitions, rows, sequences, keys. psql's
 * \copy takes a file's name from the working folder and nothing else, so
 * restore.sql changes into its folder first, by the path that it was written
 * to; "psql -v dir=…" says where the folder went since.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pg.h"
#include "base/proc.h"
#include "base/stop.h"
#include "restore/inside.h"
#include "restore/programs.h"
#include "restore/rebuild.h"
#include "restore/to_dir.h"

#define SCRIPT_MAX ((size_t)256 << 20)
#define PART	   ((size_t)64 << 10)

char *
to_dir_table_file(const char *schema, const char *name, unsigned number)
{
	char *file = number == 0
	    ? mem_printf("%s.%s.copy", schema, name)
	    : mem_printf("%s.%s-%u.copy", schema, name, number);
	char *at;

	/* A name may hold a slash, a quote, a newline; a file that psql is to
	 * find by \copy had better not. */
	for (at = file; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at) || strchr("/\\'\"` ", *at))
			*at = '_';
	if (*file == '.')
		*file = '_';
	return (file);
}

static bool
is_taken(char *const *files, size_t n, const char *file)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(files[i], file) == 0)
			return (true);
	return (false);
}

/* The tables' file names, each once. */
static char **
name_files(const struct stored_table *tables, size_t n)
{
	char **files = mem_array(n + 1, sizeof(*files));
	unsigned number;
	char *file;
	size_t i;

	for (i = 0; i < n; i++) {
		number = 0;
		file = to_dir_table_file(
		    tables[i].schema, tables[i].name, number);
		while (is_taken(files, i, file)) {
			free(file);
			file = to_dir_table_file(
			    tables[i].schema, tables[i].name, ++number);
		}
		files[i] = file;
	}
	return (files);
}

static void
free_files(char ***files)
{
	char **at;

	for (at = *files; at != NULL && *at != NULL; at++)
		free(*at);
	free(*files);
}

static char *
below_database(const char *name)
{
	return (mem_printf("database/%s", name));
}

static bool
wants(struct to_dir *d, const char *name)
{
	SCOPED(scope_free) char *path = below_database(name);

	return (to_dir_wants(d, path));
}

static int
expect_stream(struct to_dir *d, uint32_t stream, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;

	if (stream == TREE_NO_STREAM)
		return (0);
	if (contents_recipe(d->j->contents, stream, &r, e) < 0)
		return (-1);
	return (fetch_expect_recipe(d->j->fetch, &r, e));
}

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

/* --- files that we write ourselves --- */

static int
same_bytes(int fd, const void *p, size_t n, bool *same, struct err *e)
{
	SCOPED(scope_free) uint8_t *there = mem_new(n + 1);
	ssize_t got = file_read(fd, there, n + 1, e);

	*same = got >= 0 && (size_t)got == n &&
	    (n == 0 || memcmp(there, p, n) == 0);
	return (got < 0 ? -1 : 0);
}

static int
write_bytes(int fd, void *arg, struct err *e)
{
	const struct buf *text = arg;

	return (file_write(fd, text->p, text->n, e));
}

/* A text becomes a file; one that is there must be equal. */
static int
write_text(struct to_dir *d, const char *name, struct buf *text, struct err *e)
{
	SCOPED(scope_free) char *path = below_database(name);
	SCOPED(scope_close) int fd = -1;
	struct stat st;
	bool found, same;

	if (inside_stat(d->root, path, &st, &found, e) < 0)
		return (-1);
	if (found) {
		if ((fd = inside_read(d->root, path, e)) < 0 ||
		    same_bytes(fd, text->p, text->n, &same, e) < 0)
			return (-1);
		if (!same)
			return (err_set(e, ERR_EXISTS,
			    "%s/%s is there already, and different", d->dir,
			    path));
		d->out->files++;
		d->out->files_reused++;
		return (0);
	}
	if (to_dir_file(d, path, write_bytes, text, NULL, e) < 0)
		return (-1);
	d->out->files++;
	d->out->files_fetched++;
	return (0);
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

/* --- the scripts --- */

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

	if (!wants(d, script_names[script]))
		return (0);
	select_entries(&s->toc, script, &list);
	if (add_script(s, &list, &sql, e) < 0)
		return (-1);
	if (script == EXTENSIONS)
		add_alterations(d->j->facts, &sql);
	return (write_text(d, script_names[script], &sql, e));
}

static bool
wants_archive(struct to_dir *d)
{
	bool any = false;
	size_t i;

	/* Each is asked for, so that each path that selects is marked. */
	for (i = 0; i < SCRIPTS; i++)
		any = wants(d, script_names[i]) || any;
	return (any);
}

static int
write_scripts(struct to_dir *d, struct err *e)
{
	struct restoring *j = d->j;
	SCOPED(free_scripts)
	struct scripts s = { .archive = file_join(j->folder, "archive") };
	bool newer;
	size_t i;

	if (!wants_archive(d))
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

int
to_dir_expect_database(struct to_dir *d, struct err *e)
{
	const struct stored_table *tables;
	SCOPED(free_files) char **files = NULL;
	uint32_t archive;
	bool found;
	size_t i, n;

	if (contents_tables(d->j->contents, &tables, &n, e) < 0 ||
	    contents_archive(d->j->contents, &archive, &found, e) < 0)
		return (-1);
	files = name_files(tables, n);
	for (i = 0; i < n; i++)
		if (wants(d, files[i])) {
			d->bytes += tables[i].bytes;
			if (expect_stream(d, tables[i].stream, e) < 0)
				return (-1);
		}
	(void)wants(d, "restore.sql");
	return (wants_archive(d) && found ? expect_stream(d, archive, e) : 0);
}

/* --- restore.sql --- */

/* A path in psql's single quotes. */
static void
add_psql_quoted(struct buf *b, const char *text)
{
	buf_add_string(b, "'");
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			buf_add_u8(b, *text == '\'' ? '\'' : '\\');
		buf_add_u8(b, (uint8_t)*text);
	}
	buf_add_string(b, "'");
}

/* "a", "b", or with prefix c: c1, c2 */
static void
add_columns(struct buf *sql, const struct stored_table *t, const char *prefix)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		buf_add_string(sql, i == 0 ? "" : ", ");
		if (prefix != NULL)
			buf_printf(sql, "%s%zu", prefix, i + 1);
		else
			pg_add_name(sql, t->columns[i]);
	}
}

/* \copy ends with its line, and a name may hold a line end. */
static bool
fits_one_line(const struct stored_table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (strchr(t->columns[i], '\n') != NULL)
			return (false);
	return (
	    strchr(t->schema, '\n') == NULL && strchr(t->name, '\n') == NULL);
}

/* By way of a table of simple names; rows without columns need none. */
static void
add_copy_aside(struct buf *sql, const struct stored_table *t, const char *file)
{
	if (t->ncolumns == 0) {
		buf_add_string(sql, "INSERT INTO ");
		pg_add_qualified(sql, t->schema, t->name);
		buf_printf(sql,
		    " SELECT FROM pg_catalog.generate_series(1, %lld);\n",
		    (long long)t->rows);
		return;
	}
	buf_add_string(sql, "CREATE TEMPORARY TABLE triplicate_rows (");
	add_columns(sql, t, "c");
	buf_add_string(sql, ") AS SELECT ");
	add_columns(sql, t, NULL);
	buf_add_string(sql, " FROM ");
	pg_add_qualified(sql, t->schema, t->name);
	buf_printf(sql,
	    " WITH NO DATA;\n\\copy pg_temp.triplicate_rows FROM '%s'\n"
	    "INSERT INTO ",
	    file);
	pg_add_qualified(sql, t->schema, t->name);
	buf_add_string(sql, " (");
	add_columns(sql, t, NULL);
	buf_add_string(sql, ") OVERRIDING SYSTEM VALUE SELECT ");
	add_columns(sql, t, "c");
	buf_add_string(sql,
	    " FROM pg_temp.triplicate_rows;\n"
	    "DROP TABLE pg_temp.triplicate_rows;\n");
}

static void
add_copy(struct buf *sql, const struct stored_table *t, const char *file)
{
	if (t->unreadable || t->stream == TREE_NO_STREAM)
		return;
	if (!fits_one_line(t)) {
		add_copy_aside(sql, t, file);
		return;
	}
	buf_add_string(sql, "\\copy ");
	pg_add_qualified(sql, t->schema, t->name);
	buf_add_string(sql, t->ncolumns > 0 ? " (" : "");
	add_columns(sql, t, NULL);
	buf_printf(sql, "%sFROM '%s'\n", t->ncolumns > 0 ? ") " : " ", file);
}

/* The folder that restore.sql is in, for \\copy. */
static int
add_folder(struct to_dir *d, struct buf *sql, struct err *e)
{
	SCOPED(scope_free) char *real = realpath(d->dir, NULL);
	SCOPED(scope_free) char *database = NULL;

	if (real == NULL)
		return (err_errno(e, "folder %s", d->dir));
	database = file_join(real, "database");
	buf_add_string(sql, "\\if :{?dir}\n\\else\n\\set dir ");
	add_psql_quoted(sql, database);
	buf_add_string(sql, "\n\\endif\n\\cd :dir\n");
	return (0);
}

/* Extensions first; then all becomes the property of the source's owner, where
 * that role is here and ours to act as. */
static void
add_owner(const struct json *facts, struct buf *sql)
{
	const char *owner = json_get_string(
	    json_get(facts, "database"), "owner");

	buf_add_string(sql,
	    "\\ir extensions.sql\n"
	    "\\if :{?owner}\n\\else\n\\set owner ");
	add_psql_quoted(sql, owner != NULL ? owner : "");
	buf_add_string(sql,
	    "\n\\endif\n"
	    "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_roles\n"
	    "  WHERE rolname = :'owner' AND rolname <> current_user\n"
	    "  AND pg_catalog.pg_has_role(oid, 'MEMBER')) AS has_owner "
	    "\\gset\n"
	    "\\if :has_owner\n"
	    "ALTER DATABASE :\"DBNAME\" OWNER TO :\"owner\";\n"
	    "SET ROLE :\"owner\";\n"
	    "\\endif\n"
	    "\\ir pre-data.sql\n");
}

/* Privileges name roles: all of them must be here. */
static void
add_privileges(const struct json *facts, struct buf *sql)
{
	const struct json *roles = json_get(facts, "roles");
	size_t i, n = json_count(roles);

	buf_printf(sql,
	    "SELECT pg_catalog.count(*) = %zu AS has_roles\n"
	    "  FROM pg_catalog.pg_roles WHERE rolname IN (''",
	    n);
	for (i = 0; i < n; i++) {
		buf_add_string(sql, ", ");
		pg_add_literal(sql, json_text(json_at(roles, i)));
	}
	buf_add_string(sql,
	    ") \\gset\n"
	    "\\if :has_roles\n\\ir privileges.sql\n\\else\n"
	    "\\echo 'privileges.sql is left out: not all of its roles are "
	    "here'\n\\endif\n");
}

static int
write_restore_sql(struct to_dir *d, const struct stored_table *tables,
    char **files, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const char *encoding = json_get_string(
	    json_get(d->j->facts, "database"), "encoding");
	size_t i;

	buf_printf(&sql,
	    "-- Backup %s, made into the empty database that psql is connected "
	    "to:\n"
	    "--   psql -d DATABASE -f restore.sql\n"
	    "-- -v dir=FOLDER when this folder has moved since it was written;\n"
	    "-- -v owner=ROLE when all is to belong to another role than the\n"
	    "-- source's owner (who gets it where there is such a role).\n"
	    "\\set ON_ERROR_STOP on\n\\set QUIET on\n\\o /dev/null\n",
	    d->j->m->id);
	if (add_folder(d, &sql, e) < 0)
		return (-1);
	add_owner(d->j->facts, &sql);
	buf_add_string(&sql, "SET client_encoding = ");
	pg_add_literal(&sql, encoding != NULL ? encoding : "UTF8");
	buf_add_string(&sql, ";\nSET row_security = off;\n");
	for (i = 0; i < n; i++)
		add_copy(&sql, &tables[i], files[i]);
	buf_add_string(&sql, "\\ir data.sql\n\\ir post-data.sql\n");
	add_privileges(d->j->facts, &sql);
	buf_add_string(&sql, "RESET ROLE;\nANALYZE;\n");
	return (write_text(d, "restore.sql", &sql, e));
}

/* --- all of it --- */

static int
write_table(struct to_dir *d, const struct stored_table *t, const char *file,
    struct err *e)
{
	SCOPED(scope_free) char *path = below_database(file);
	const struct inside_look look = { .mode = 0644,
		.mtime = d->j->m->started };

	if (stop_check(e) < 0)
		return (-1);
	if (!to_dir_wants(d, path) || t->stream == TREE_NO_STREAM)
		return (0);
	if (t->unreadable) {
		remarks_look_at(d->j->remarks,
		    "table %s.%s is left out: its rows could not be read when "
		    "the backup was made",
		    t->schema, t->name);
		return (0);
	}
	d->out->tables++;
	d->out->rows += (uint64_t)t->rows;
	return (to_dir_stream(d, path, t->stream, &look, e));
}

int
to_dir_database(struct to_dir *d, struct err *e)
{
	const struct stored_table *tables;
	SCOPED(free_files) char **files = NULL;
	const char *name = json_get_string(
	    json_get(d->j->facts, "database"), "name");
	size_t i, n;

	if (contents_tables(d->j->contents, &tables, &n, e) < 0 ||
	    write_scripts(d, e) < 0)
		return (-1);
	files = name_files(tables, n);
	for (i = 0; i < n; i++)
		if (write_table(d, &tables[i], files[i], e) < 0)
			return (-1);
	d->out->has_database = d->out->tables > 0;
	(void)snprintf(d->out->database, sizeof(d->out->database), "%s",
	    name != NULL ? name : "");
	if (!wants(d, "restore.sql"))
		return (0);
	return (write_restore_sql(d, tables, files, n, e));
}
