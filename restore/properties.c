/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts and the old database's catalog rows flow in, statements flow out, each
 * on its own: a setting that this server does not know must not keep a branch
 * from being restored. They are said inside the hidden database: names and
 * comments are of its encoding, which the maintenance database's need not be.
 */
#include "restore/properties.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "restore/grants.h"

/* Runs statements, a line each; one that fails is remarked. A requested stop is
 * not. */
static int
run_lines(struct hidden *h, struct buf *sql, const char *what,
    struct remarks *remarks, struct err *e)
{
	struct err why = ERR_INIT;

	if (sql->n == 0)
		return (0);
	if (pg_exec(h->conns[0], &why, "%s", buf_text(sql)) == 0)
		return (0);
	if (why.kind == ERR_STOPPED || PQstatus(h->conns[0]) != CONNECTION_OK) {
		*e = why;
		return (-1);
	}
	remarks_warn(
	    remarks, "%s of the database is left out: %s", what, why.text);
	return (0);
}

static int
set_one(struct hidden *h, const char *role, const char *setting,
    struct remarks *remarks, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(scope_free)
	char *what = mem_printf(
	    "setting %.*s", (int)strcspn(setting, "="), setting);

	grants_add_setting(h->name, role, setting, &sql);
	return (run_lines(h, &sql, what, remarks, e));
}

static bool
role_is_there(const char *role, void *arg)
{
	struct hidden *h = arg;
	const char *params[] = { role };
	struct err e = ERR_INIT;
	SCOPED(scope_free)
	char *found = pg_value(h->conns[0],
	    "SELECT 'there' FROM pg_catalog.pg_roles WHERE rolname = $1", 1,
	    params, &e);

	return (found != NULL);
}

/* The source's settings: those of the database itself, and with roles those of
 * roles in it. */
static int
set_source_settings(struct hidden *h, const struct json *facts, bool roles,
    struct remarks *remarks, struct err *e)
{
	const struct json *list = json_get(
	    json_get(facts, "database"), "settings");
	size_t i, j, n = json_count(list);

	for (i = 0; i < n; i++) {
		const struct json *config = json_get(
		    json_at(list, i), "config");
		const char *role = json_get_string(json_at(list, i), "role");

		if (role != NULL && (!roles || !role_is_there(role, h)))
			continue;
		for (j = 0; j < json_count(config); j++)
			if (json_text(json_at(config, j)) != NULL &&
			    set_one(h, role, json_text(json_at(config, j)),
				remarks, e) < 0)
				return (-1);
	}
	return (0);
}

/* The settings that the branch's database has now. */
static int
set_old_settings(struct hidden *h, struct remarks *remarks, struct err *e)
{
	const char *params[] = { h->t->name };
	SCOPED(pg_clearp)
	PGresult *r = pg_query(h->t->c,
	    "SELECT CASE WHEN s.setrole <> 0 THEN "
	    "pg_catalog.pg_get_userbyid(s.setrole) END, "
	    "pg_catalog.unnest(s.setconfig) "
	    "FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database "
	    "d ON d.oid = s.setdatabase WHERE d.datname = $1",
	    1, params, e);
	int i;

	if (r == NULL)
		return (-1);
	for (i = 0; i < PQntuples(r); i++)
		if (set_one(h,
			PQgetisnull(r, i, 0) ? NULL : PQgetvalue(r, i, 0),
			PQgetvalue(r, i, 1), remarks, e) < 0)
			return (-1);
	return (0);
}

/* A role that is not here was named with the privileges on objects. */
static void
stay_silent(const char *role, void *arg)
{
	(void)role;
	(void)arg;
}

static int
set_privileges(struct hidden *h, const char *acl, const char *old_owner,
    struct remarks *remarks, struct err *e)
{
	const struct grants_conf conf = {
		.knows = role_is_there, .left_out = stay_silent, .arg = h
	};
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	grants_of_database(acl, h->name, old_owner, h->t->owner, &conf, &sql);
	return (run_lines(h, &sql, "privileges", remarks, e));
}

static int
set_comment(struct hidden *h, const char *comment, struct remarks *remarks,
    struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	if (comment == NULL)
		return (0);
	buf_add_string(&sql, "COMMENT ON DATABASE ");
	pg_add_name(&sql, h->name);
	buf_add_string(&sql, " IS ");
	pg_add_literal(&sql, comment);
	return (run_lines(h, &sql, "comment", remarks, e));
}

int
properties_set(struct hidden *h, const struct json *facts, bool source,
    int *limit, struct remarks *remarks, struct err *e)
{
	const struct json *d = json_get(facts, "database");
	const struct target *t = h->t;

	*limit = source ? (int)json_get_integer(d, "connection_limit", -1)
			: t->old_limit;
	if (pg_exec(h->conns[0], e, "RESET ROLE") < 0 ||
	    set_source_settings(h, facts, source, remarks, e) < 0)
		return (-1);
	if (source) {
		if (set_privileges(h, json_get_string(d, "acl"),
			json_get_string(d, "owner"), remarks, e) < 0)
			return (-1);
		return (
		    set_comment(h, json_get_string(d, "comment"), remarks, e));
	}
	if (!t->exists)
		return (0);
	if (set_old_settings(h, remarks, e) < 0 ||
	    set_privileges(h, t->old_acl, t->old_owner, remarks, e) < 0)
		return (-1);
	return (set_comment(h, t->old_comment, remarks, e));
}
