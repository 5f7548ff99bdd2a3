/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database's part of a folder: a file of rows for each table, between the
 * scripts that make what holds them (to_dir_scripts.c) and restore.sql, which
 * takes all of it in its order (to_dir_sql.c).
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stop.h"
#include "restore/inside.h"
#include "restore/to_dir.h"

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

bool
to_dir_wants_below(struct to_dir *d, const char *name)
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

int
to_dir_write_text(
    struct to_dir *d, const char *name, struct buf *text, struct err *e)
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
		if (to_dir_wants_below(d, files[i])) {
			d->bytes += tables[i].bytes;
			if (expect_stream(d, tables[i].stream, e) < 0)
				return (-1);
		}
	(void)to_dir_wants_below(d, "restore.sql");
	return (to_dir_wants_scripts(d) && found ? expect_stream(d, archive, e)
						 : 0);
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
	    to_dir_scripts(d, e) < 0)
		return (-1);
	files = name_files(tables, n);
	for (i = 0; i < n; i++)
		if (write_table(d, &tables[i], files[i], e) < 0)
			return (-1);
	d->out->has_database = d->out->tables > 0;
	(void)snprintf(d->out->database, sizeof(d->out->database), "%s",
	    name != NULL ? name : "");
	if (!to_dir_wants_below(d, "restore.sql"))
		return (0);
	return (to_dir_restore_sql(d, tables, files, n, e));
}
