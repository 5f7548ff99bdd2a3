/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts of the backup on one side, questions to the target on the other; what
 * does not fit is an error that says what to do, before anything was begun.
 */
#include "restore/check.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "restore/programs.h"

#define ROOM_SPARE ((uint64_t)64 << 20) /* that a server wants besides */

/* --- extensions --- */

static const char *
name_at(const struct json *list, size_t i, const char *key)
{
	return (json_get_string(json_at(list, i), key));
}

static int
missing_extension(
    const struct target *t, const char *name, bool exists, struct err *e)
{
	if (exists) {
		(void)err_set(e, ERR_DENIED,
		    "extension %s can only be made by a superuser, and role %s "
		    "is none",
		    name, t->role);
		return (err_hint(e,
		    "give branch %s a superuser's connection string",
		    t->branch->name));
	}
	(void)err_set(e, ERR_DATABASE,
	    "the target server does not have extension %s", name);
	return (err_hint(e,
	    "install the package that has it (postgresql-contrib, or one of "
	    "its own)"));
}

static int
check_extension(struct target *t, const char *name, struct err *e)
{
	const char *params[] = { name };
	SCOPED(pg_clearp)
	PGresult *r = NULL;

	if (strcmp(name, "plpgsql") == 0)
		return (0);
	/* trusted came with PostgreSQL 13. */
	r = pg_query(t->c,
	    t->major >= 13
		? "SELECT NOT v.superuser OR v.trusted "
		  "FROM pg_catalog.pg_available_extensions x "
		  "JOIN pg_catalog.pg_available_extension_versions v "
		  "ON v.name = x.name AND v.version = x.default_version "
		  "WHERE x.name = $1"
		: "SELECT NOT v.superuser "
		  "FROM pg_catalog.pg_available_extensions x "
		  "JOIN pg_catalog.pg_available_extension_versions v "
		  "ON v.name = x.name AND v.version = x.default_version "
		  "WHERE x.name = $1",
	    1, params, e);
	if (r == NULL)
		return (-1);
	if (PQntuples(r) == 0)
		return (missing_extension(t, name, false, e));
	if (!t->superuser && PQgetvalue(r, 0, 0)[0] != 't')
		return (missing_extension(t, name, true, e));
	return (0);
}

/* --- altered functions --- */

/* Are all functions in the template as the source had them? */
static int
template_fits(
    struct target *t, const struct json *altered, bool *fits, struct err *e)
{
	SCOPED(pg_closep)
	PGconn *c = pg_connect(t->branch->database, TARGET_TEMPLATE, e);
	size_t i, n = json_count(altered);

	*fits = false;
	if (c == NULL)
		return (-1);
	for (i = 0; i < n; i++) {
		const char *params[] = { name_at(altered, i, "identity"),
			name_at(altered, i, "volatility") };
		SCOPED(scope_free)
		char *found = pg_value(c,
		    "SELECT 'fits' FROM pg_catalog.pg_proc "
		    "WHERE oid = pg_catalog.to_regprocedure($1) "
		    "AND provolatile::pg_catalog.text = $2",
		    2, params, e);

		if (found == NULL)
			return (e->kind == ERR_NONE ? 0 : -1);
	}
	*fits = true;
	return (0);
}

static const char *
volatility_word(const struct json *altered, size_t i)
{
	const char *text = name_at(altered, i, "volatility");

	return (text == NULL || *text == 'i' ? "IMMUTABLE"
		: *text == 's'		     ? "STABLE"
					     : "VOLATILE");
}

/* The statements that make the template's functions as the source's. */
static void
add_statements(const struct json *altered, struct buf *out)
{
	size_t i, n = json_count(altered);
	const char *extension, *before = "";

	for (i = 0; i < n; i++) {
		extension = name_at(altered, i, "extension");
		if (extension != NULL && strcmp(extension, before) != 0)
			buf_printf(out, "CREATE EXTENSION %s; ", extension);
		buf_printf(out, "ALTER FUNCTION %s %s; ",
		    name_at(altered, i, "identity"),
		    volatility_word(altered, i));
		before = extension != NULL ? extension : before;
	}
	buf_add_string(
	    out, "ALTER DATABASE " TARGET_TEMPLATE " IS_TEMPLATE true");
}

/* What a superuser has to type, once: two commands. */
static int
ask_superuser(const struct target *t, const struct json *facts,
    const struct target_locale *l, struct err *e)
{
	const struct json *altered = json_get(facts, "altered");
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	add_statements(altered, &sql);
	(void)err_set(e, ERR_DENIED,
	    "the source made %s %s, and role %s may not. A superuser has to, "
	    "once: createdb -T template0 -E %s --lc-collate=%s --lc-ctype=%s " TARGET_TEMPLATE
	    " && psql -d " TARGET_TEMPLATE " -c '%s'",
	    name_at(altered, 0, "identity"), volatility_word(altered, 0),
	    t->role, l->encoding, l->collate, l->ctype, buf_text(&sql));
	return (err_hint(e,
	    "or give branch %s a superuser's connection string, with owner = "
	    "%s",
	    t->branch->name, t->owner));
}

static int
check_altered(struct restoring *j, struct target *t,
    const struct target_locale *l, bool *from_template, struct err *e)
{
	const struct json *altered = json_get(j->facts, "altered");
	bool has = false, fits = false;

	*from_template = false;
	if (json_count(altered) == 0 || t->superuser)
		return (0);
	if (target_has_template(t, l, &has, e) < 0)
		return (-1);
	if (has && template_fits(t, altered, &fits, e) < 0)
		return (-1);
	*from_template = fits;
	return (fits ? 0 : ask_superuser(t, j->facts, l, e));
}

/* --- room --- */

/* Is the server on this machine? Then its disk can be asked. */
static bool
is_local(PGconn *c)
{
	const char *host = PQhost(c);

	return (host == NULL || *host == '\0' || *host == '/' ||
	    strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	    strcmp(host, "::1") == 0);
}

static int
check_server_room(struct restoring *j, struct target *t, struct err *e)
{
	SCOPED(scope_free) char *folder = NULL;
	struct err ignored = ERR_INIT;
	int64_t bytes = json_get_integer(
	    json_get(j->facts, "database"), "bytes", 0);
	uint64_t available;

	if (!is_local(t->c) || j->conf->force || bytes <= 0)
		return (0);
	/* Only a superuser, or a member of pg_read_all_settings, is told. */
	folder = pg_value(t->c,
	    "SELECT setting FROM pg_catalog.pg_settings "
	    "WHERE name = 'data_directory'",
	    0, NULL, &ignored);
	if (folder == NULL || file_free_space(folder, &available, &ignored) < 0)
		return (0);
	if (available >= (uint64_t)bytes + ROOM_SPARE)
		return (0);
	(void)err_set(e, ERR_FULL,
	    "the database takes %lld MB, and %s has %llu MB left",
	    (long long)(bytes >> 20), folder,
	    (unsigned long long)(available >> 20));
	return (err_hint(e, "--force tries nevertheless"));
}

int
check_folder(const char *folder, uint64_t bytes, bool force, struct err *e)
{
	SCOPED(scope_free) char *copy = mem_string(folder);
	struct err ignored = ERR_INIT;
	const char *at = folder;
	uint64_t available;
	struct stat st;

	/* The nearest folder that is there. */
	while (access(at, F_OK) != 0 && strcmp(at, "/") != 0 &&
	    strcmp(at, ".") != 0)
		at = dirname(copy);
	if (stat(at, &st) == 0 && !S_ISDIR(st.st_mode)) {
		(void)err_set(e, ERR_EXISTS,
		    "%s: a file is where a folder should be", at);
		return (err_hint(e, "choose another folder, or move it away"));
	}
	if (access(at, W_OK | X_OK) != 0)
		return (err_errno(e, "folder %s", at));
	if (force || file_free_space(at, &available, &ignored) < 0 ||
	    available >= bytes)
		return (0);
	(void)err_set(e, ERR_FULL,
	    "the files take %llu MB, and %s has %llu MB left",
	    (unsigned long long)(bytes >> 20), at,
	    (unsigned long long)(available >> 20));
	return (err_hint(e, "--force tries nevertheless"));
}

/* --- programs and versions --- */

static int
check_programs(struct restoring *j, struct target *t, struct err *e)
{
	int source = programs_source(j->facts);
	int reader = programs_reader(j->facts);
	SCOPED(scope_free) char *psql = NULL;
	SCOPED(scope_free) char *pg_restore = NULL;
	bool newer;

	psql = programs_find("psql", t->major, reader, &newer, e);
	if (psql == NULL)
		return (-1);
	pg_restore = programs_find("pg_restore", t->major, reader, &newer, e);
	if (pg_restore == NULL)
		return (-1);
	if (newer && reader <= t->major)
		remarks_warn(j->remarks,
		    "%s is newer than the server (PostgreSQL %d): install "
		    "postgresql-client-%d",
		    pg_restore, t->major, t->major);
	if (source > t->major)
		remarks_warn(j->remarks,
		    "the backup is of PostgreSQL %d, the target is %d: an "
		    "older server may not take all of it",
		    source, t->major);
	return (0);
}

int
check_database(
    struct restoring *j, struct target *t, bool *from_template, struct err *e)
{
	const struct json *extensions = json_get(j->facts, "extensions");
	size_t i, n = json_count(extensions);
	struct target_locale l;

	target_locale_of(j->facts, &l);
	if (target_check_rights(t, j->conf->force, e) < 0 ||
	    check_programs(j, t, e) < 0 ||
	    check_altered(j, t, &l, from_template, e) < 0)
		return (-1);
	for (i = 0; i < n; i++)
		if (name_at(extensions, i, "name") != NULL &&
		    check_extension(t, name_at(extensions, i, "name"), e) < 0)
			return (-1);
	return (check_server_room(j, t, e));
}

/* --- tables --- */

/* "name" is any schema's, if only one has it; "schema.name" is exact. */
static bool
table_is(const struct stored_table *t, const char *asked)
{
	size_t n = strlen(t->schema);

	if (strcmp(t->name, asked) == 0)
		return (true);
	return (strncmp(t->schema, asked, n) == 0 && asked[n] == '.' &&
	    strcmp(t->name, asked + n + 1) == 0);
}

static int
find_table(const struct stored_table *tables, size_t n, const char *asked,
    size_t *place, struct err *e)
{
	size_t i, found = 0;

	for (i = 0; i < n; i++)
		if (table_is(&tables[i], asked)) {
			found++;
			/* Of several, public's is meant. */
			if (found == 1 ||
			    strcmp(tables[i].schema, "public") == 0)
				*place = i;
		}
	if (found == 0) {
		(void)err_set(
		    e, ERR_MISSING, "the backup has no table %s", asked);
		return (err_hint(e,
		    "'triplicate show BACKUP --tables' lists "
		    "them"));
	}
	if (found > 1 && strcmp(tables[*place].schema, "public") != 0)
		return (err_set(e, ERR_USAGE,
		    "table %s is in several schemas: say SCHEMA.%s", asked,
		    asked));
	return (0);
}

int
check_tables(struct restoring *j, size_t *places, struct err *e)
{
	const struct stored_table *tables;
	size_t i, n;

	if (contents_tables(j->contents, &tables, &n, e) < 0)
		return (-1);
	for (i = 0; i < j->conf->ntables; i++)
		if (find_table(tables, n, j->conf->tables[i], &places[i], e) <
		    0)
			return (-1);
	return (0);
}
