/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the server flow out through the maintenance database; what is
 * there, and whose the new database will be, flows back. Nothing is changed
 * here: that is target_change.c.
 */
#include "restore/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define SQLSTATE_NOT_IN_ENCODING "22021"

void
target_free(struct target *t)
{
	pg_close(t->c);
	free(t->maintenance);
	free(t->name);
	free(t->role);
	free(t->old_owner);
	free(t->old_acl);
	free(t->old_comment);
	free(t->owner);
	*t = (struct target){ .c = NULL };
}

/* --- looking --- */

/* A text value, or NULL for SQL's null. */
static char *
text_at(const PGresult *r, int row, int column)
{
	if (PQgetisnull(r, row, column))
		return (NULL);
	return (mem_string(PQgetvalue(r, row, column)));
}

static bool
bool_at(const PGresult *r, int row, int column)
{
	return (PQgetvalue(r, row, column)[0] == 't');
}

/* The maintenance database: the setting, else postgres, else template1; never
 * the branch's own. */
static int
connect_maintenance(struct target *t, struct err *e)
{
	const char *names[] = { t->branch->maintenance_database, "postgres",
		"template1" };
	size_t i;

	for (i = t->branch->maintenance_database != NULL ? 0 : 1; i < 3; i++) {
		if (strcmp(names[i], t->name) == 0)
			continue;
		err_clear(e);
		t->c = pg_connect(t->branch->database, names[i], e);
		if (t->c != NULL) {
			t->maintenance = mem_string(names[i]);
			t->major = pg_server_major(t->c);
			return (0);
		}
		if (t->branch->maintenance_database != NULL) {
			(void)err_hint(e,
			    "check maintenance-database of branch %s: a database that role may connect to",
			    t->branch->name);
			break;
		}
		if (e->kind != ERR_MISSING && e->kind != ERR_DENIED)
			break;
	}
	return (-1);
}

int
target_connect_again(struct target *t, struct err *e)
{
	PGconn *again;

	/* That it was lost shows only when it is used. */
	err_clear(e);
	if (pg_exec(t->c, e, "SELECT 1") == 0)
		return (0);
	err_clear(e);
	if ((again = pg_connect(t->branch->database, t->maintenance, e)) ==
	    NULL)
		return (-1);
	pg_close(t->c);
	t->c = again;
	return (0);
}

static int
look_at_role(struct target *t, struct err *e)
{
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT rolname, rolsuper, rolcreatedb FROM pg_catalog.pg_roles "
	    "WHERE rolname = current_user",
	    0, NULL, e);

	if (r == NULL)
		return (-1);
	if (PQntuples(r) != 1)
		return (err_set(e, ERR_DATABASE, "who are we there?"));
	t->role = text_at(r, 0, 0);
	t->superuser = bool_at(r, 0, 1);
	t->createdb = bool_at(r, 0, 2) || t->superuser;
	return (0);
}

static int
look_at_database(struct target *t, struct err *e)
{
	const char *params[] = { t->name };
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT pg_catalog.pg_get_userbyid(datdba), "
	    "pg_catalog.pg_has_role(datdba, 'MEMBER'), datallowconn, "
	    "datconnlimit, datacl::pg_catalog.text, "
	    "pg_catalog.shobj_description(oid, 'pg_database') "
	    "FROM pg_catalog.pg_database WHERE datname = $1",
	    1, params, e);

	if (r == NULL)
		return (-1);
	t->old_limit = -1;
	if (PQntuples(r) == 0)
		return (0);
	t->exists = true;
	t->old_owner = text_at(r, 0, 0);
	t->ours = bool_at(r, 0, 1);
	t->open = bool_at(r, 0, 2);
	t->old_limit = (int)strtol(PQgetvalue(r, 0, 3), NULL, 10);
	t->old_acl = text_at(r, 0, 4);
	t->old_comment = text_at(r, 0, 5);
	return (0);
}

static int
find_owner(struct target *t, struct err *e)
{
	const char *params[] = { t->branch->owner };
	SCOPED(pg_clearp) PGresult *r = NULL;

	if (t->branch->owner == NULL) {
		t->owner = mem_string(t->exists ? t->old_owner : t->role);
		return (0);
	}
	r = pg_query(t->c,
	    "SELECT pg_catalog.pg_has_role(oid, 'MEMBER') "
	    "FROM pg_catalog.pg_roles WHERE rolname = $1",
	    1, params, e);
	if (r == NULL)
		return (-1);
	if (PQntuples(r) == 0) {
		(void)err_set(e, ERR_CONFIG,
		    "branch %s: owner = %s: there is no such role",
		    t->branch->name, t->branch->owner);
		return (err_hint(e,
		    "as a superuser: CREATE ROLE \"%s\", or change owner in the configuration",
		    t->branch->owner));
	}
	if (!bool_at(r, 0, 0)) {
		(void)err_set(e, ERR_DENIED,
		    "branch %s: role %s is no member of %s, so it can't make "
		    "databases of that owner",
		    t->branch->name, t->role, t->branch->owner);
		return (err_hint(e, "as a superuser: GRANT \"%s\" TO \"%s\"",
		    t->branch->owner, t->role));
	}
	t->owner = mem_string(t->branch->owner);
	return (0);
}

/* A server or database that isn't there is a failure, not a wrong name. */
static int
fail_open(const struct target *t, struct err *e)
{
	if (e->kind == ERR_MISSING)
		e->kind = ERR_DATABASE;
	return (err_within(e, "target %s", t->branch->name));
}

int
target_open(
    struct target *t, const struct branch_settings *branch, struct err *e)
{
	*t = (struct target){ .branch = branch };
	if ((t->name = pg_database_of(branch->database, e)) == NULL ||
	    connect_maintenance(t, e) < 0 || look_at_role(t, e) < 0 ||
	    look_at_database(t, e) < 0 || find_owner(t, e) < 0)
		return (fail_open(t, e));
	return (0);
}

int
target_take_owner(struct target *t, const char *source_owner, struct err *e)
{
	const char *params[] = { source_owner };
	SCOPED(pg_clearp) PGresult *r = NULL;

	if (t->branch->stage != STAGE_PRODUCTION || t->branch->owner != NULL ||
	    source_owner == NULL)
		return (0);
	r = pg_query(t->c,
	    "SELECT pg_catalog.pg_has_role(oid, 'MEMBER') "
	    "FROM pg_catalog.pg_roles WHERE rolname = $1",
	    1, params, e);
	/* A name of another encoding than the maintenance database's: CREATE
	 * DATABASE can't be told of it there. */
	if (r == NULL && pg_failed_with(e, SQLSTATE_NOT_IN_ENCODING)) {
		err_clear(e);
		return (0);
	}
	if (r == NULL)
		return (-1);
	if (PQntuples(r) == 0 || !bool_at(r, 0, 0))
		return (0);
	free(t->owner);
	t->owner = mem_string(source_owner);
	return (0);
}

static int
fail_anothers(const struct target *t, struct err *e)
{
	(void)err_set(e, ERR_REFUSED,
	    "database %s belongs to role %s, and %s is no member of it",
	    t->name, t->old_owner, t->role);
	return (err_hint(e,
	    "is it this branch's? Then, as a superuser: GRANT \"%s\" TO \"%s\"; else change database in the configuration",
	    t->old_owner, t->role));
}

int
target_check_rights(const struct target *t, bool force, struct err *e)
{
	if (!t->createdb) {
		(void)err_set(
		    e, ERR_DENIED, "role %s may not make databases", t->role);
		return (err_hint(
		    e, "as a superuser: ALTER ROLE \"%s\" CREATEDB", t->role));
	}
	if (!t->exists)
		return (0);
	if (!t->ours)
		return (fail_anothers(t, e));
	if (t->branch->owner != NULL && !force &&
	    strcmp(t->old_owner, t->branch->owner) != 0) {
		(void)err_set(e, ERR_REFUSED,
		    "database %s belongs to role %s, not to %s as branch %s "
		    "says",
		    t->name, t->old_owner, t->branch->owner, t->branch->name);
		return (err_hint(e, "--force replaces it nevertheless"));
	}
	return (0);
}

int
target_has_database(
    struct target *t, const char *name, bool *has, struct err *e)
{
	const char *params[] = { name };
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1,
	    params, e);

	if (r == NULL)
		return (-1);
	*has = PQntuples(r) > 0;
	return (0);
}

/* --- locales --- */

void
target_locale_of(const struct json *facts, struct target_locale *out)
{
	const struct json *d = json_get(facts, "database");
	const char *provider = json_get_string(d, "provider");

	*out = (struct target_locale){
		.encoding = json_get_string(d, "encoding"),
		.collate = json_get_string(d, "collate"),
		.ctype = json_get_string(d, "ctype"),
		.icu_locale = json_get_string(d, "icu_locale"),
		.provider = 'c',
	};
	if (provider != NULL && *provider != '\0')
		out->provider = *provider;
	if (out->encoding == NULL)
		out->encoding = "UTF8";
	if (out->collate == NULL)
		out->collate = "C";
	if (out->ctype == NULL)
		out->ctype = out->collate;
}

int
target_has_template(
    struct target *t, const struct target_locale *l, bool *has, struct err *e)
{
	const char *params[] = { TARGET_TEMPLATE, l->encoding, l->collate,
		l->ctype };
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1 "
	    "AND datistemplate AND datallowconn "
	    "AND pg_catalog.pg_encoding_to_char(encoding) = $2 "
	    "AND datcollate = $3 AND datctype = $4",
	    4, params, e);

	if (r == NULL)
		return (-1);
	/* A libc template alone: there is no portable way to compare others. */
	*has = PQntuples(r) > 0 && l->provider == 'c';
	return (0);
}
