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

static bool
wants_archive(struct to_dir *d)
{
	bool pre = wants(d, "pre-data.sql"), data = wants(d, "data.sql"),
	     post = wants(d, "post-data.sql");

	return (pre || data || post);
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

/* --- files that we write ourselves --- */

static int
same_bytes(int fd, const void *p, size_t n, bool *same, struct err *e)
{
	SCOPED(scope_free) uint8_t *there = mem_new(n + 1);
	ssize_t got = file_read(fd, there, n + 1, e);

	*same = got >= 0 && (size_t)got == n && memcmp(there, p, n) == 0;
	return (got < 0 ? -1 : 0);
}

/* A text becomes a file; one that is there must be equal. */
static int
write_text(
    struct to_dir *d, const char *name, const struct buf *text, struct err *e)
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
	if ((fd = inside_create(d->root, path, 0644, e)) < 0 ||
	    file_write(fd, text->p, text->n, e) < 0 || file_sync(fd, e) < 0)
		return (-1);
	d->out->files++;
	d->out->files_fetched++;
	return (0);
}

/* What pg_restore makes of some entries; NULL: of a whole section. The tokens
 * of \restrict, random in each run, become one of our own, so that a second
 * run's files are equal. */
static int
add_script(const char *pg_restore, const char *archive, const char *section,
    const struct buf *list, struct buf *out, struct err *e)
{
	const char *argv[] = { pg_restore, "--file=-", section,
		list != NULL ? "--use-list=/dev/stdin" : archive,
		list != NULL ? archive : NULL, NULL };
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const char *at, *line;
	size_t n;

	if (proc_run(argv, NULL, list, SCRIPT_MAX, &sql, 0, e) < 0)
		return (-1);
	for (at = buf_text(&sql); *at != '\0'; at = line + n) {
		line = at;
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

/* Entries of pre-data up to the last extension, or those after it. */
static void
select_pre_data(const struct toc *toc, bool first, struct buf *list)
{
	size_t i, extensions = 0;

	for (i = 0; i < toc->n; i++)
		if (toc->v[i].section == TOC_PRE &&
		    toc_entry_is(&toc->v[i], "EXTENSION"))
			extensions = i + 1;
	for (i = 0; i < toc->n; i++)
		if (toc->v[i].section == TOC_PRE && (i < extensions) == first)
			toc_entry_select(&toc->v[i], list);
}

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
write_pre_data(struct to_dir *d, const char *pg_restore, const char *archive,
    struct err *e)
{
	SCOPED(toc_free) struct toc toc = TOC_INIT;
	SCOPED(buf_free) struct buf first = BUF_INIT, rest = BUF_INIT;
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	if (toc_read(pg_restore, archive, &toc, e) < 0)
		return (-1);
	select_pre_data(&toc, true, &first);
	select_pre_data(&toc, false, &rest);
	if (first.n > 0 &&
	    add_script(
		pg_restore, archive, "--section=pre-data", &first, &sql, e) < 0)
		return (-1);
	add_alterations(d->j->facts, &sql);
	if (add_script(
		pg_restore, archive, "--section=pre-data", &rest, &sql, e) < 0)
		return (-1);
	return (write_text(d, "pre-data.sql", &sql, e));
}

static int
write_section(struct to_dir *d, const char *pg_restore, const char *archive,
    const char *section, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	if (!wants(d, name))
		return (0);
	if (add_script(pg_restore, archive, section, NULL, &sql, e) < 0)
		return (-1);
	return (write_text(d, name, &sql, e));
}

static int
write_scripts(struct to_dir *d, struct err *e)
{
	struct restoring *j = d->j;
	SCOPED(scope_free) char *archive = file_join(j->folder, "archive");
	SCOPED(scope_free) char *pg_restore = NULL;
	int major = (int)(json_get_integer(
			      json_get(j->facts, "server"), "version_num", 0) /
	    10000);
	bool newer;

	if (!wants_archive(d))
		return (0);
	pg_restore = pg_program("pg_restore", major, &newer, e);
	if (pg_restore == NULL || rebuild_archive(j, archive, e) < 0)
		return (-1);
	if (wants(d, "pre-data.sql") &&
	    write_pre_data(d, pg_restore, archive, e) < 0)
		return (-1);
	if (write_section(
		d, pg_restore, archive, "--section=data", "data.sql", e) < 0 ||
	    write_section(d, pg_restore, archive, "--section=post-data",
		"post-data.sql", e) < 0)
		return (-1);
	return (file_remove(archive, e));
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

static void
add_copy(struct buf *sql, const struct stored_table *t, const char *file)
{
	size_t i;

	if (t->unreadable || t->stream == TREE_NO_STREAM)
		return;
	buf_add_string(sql, "\\copy ");
	pg_add_qualified(sql, t->schema, t->name);
	for (i = 0; i < t->ncolumns; i++) {
		buf_add_string(sql, i == 0 ? " (" : ", ");
		pg_add_name(sql, t->columns[i]);
	}
	buf_printf(sql, "%sFROM '%s'\n", t->ncolumns > 0 ? ") " : " ", file);
}

static int
write_restore_sql(struct to_dir *d, const struct stored_table *tables,
    char **files, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(scope_free) char *real = NULL;
	SCOPED(scope_free) char *database = NULL;
	const char *encoding = json_get_string(
	    json_get(d->j->facts, "database"), "encoding");
	size_t i;

	real = realpath(d->dir, NULL);
	if (real == NULL)
		return (err_errno(e, "folder %s", d->dir));
	database = file_join(real, "database");
	buf_printf(&sql,
	    "-- Backup %s, made into the empty database that psql is connected "
	    "to:\n"
	    "--   psql -d DATABASE -f restore.sql\n"
	    "-- and, when this folder has moved since it was written:\n"
	    "--   psql -d DATABASE -v dir=FOLDER -f FOLDER/restore.sql\n"
	    "\\set ON_ERROR_STOP on\n"
	    "\\if :{?dir}\n\\else\n\\set dir ",
	    d->j->m->id);
	add_psql_quoted(&sql, database);
	buf_add_string(&sql, "\n\\endif\n\\cd :dir\n\\ir pre-data.sql\n");
	buf_add_string(&sql, "SET client_encoding = ");
	pg_add_literal(&sql, encoding != NULL ? encoding : "UTF8");
	buf_add_string(&sql, ";\nSET row_security = off;\n");
	for (i = 0; i < n; i++)
		add_copy(&sql, &tables[i], files[i]);
	buf_add_string(&sql, "\\ir data.sql\n\\ir post-data.sql\nANALYZE;\n");
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
