/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of restore.sql, which makes the database that psql is connected to:
 * definitions, rows, sequences, keys. psql's \copy takes a file's name from the
 * working folder and nothing else, so restore.sql changes into its folder
 * first, by the path that it was written to; "psql -v dir=…" says where the
 * folder went since.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/pg.h"
#include "restore/to_dir.h"

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

int
to_dir_restore_sql(struct to_dir *d, const struct stored_table *tables,
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
	return (to_dir_write_text(d, "restore.sql", &sql, e));
}
