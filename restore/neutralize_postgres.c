/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each part is a query whose rows are the commands that take one thing away:
 * no row is the proof. Foreign servers stay, since tables hang on them; their
 * options are turned to where nobody answers.
 */
#include "restore/neutralize_postgres.h"

#include <stdlib.h>
#include <string.h>

#include "restore/neutralize_report.h"

#define NOT_ALLOWED "SQLSTATE 42501" /* insufficient privilege */

static const struct part {
	const char *name;
	int since; /* major version of the server */
	const char *query;
} parts[] = {
	/* Without its slot a subscription goes quietly: dropping it with the
	 * slot would connect to production and drop that one. */
	{ "postgres-subscriptions", 10,
	    "SELECT pg_catalog.format('ALTER SUBSCRIPTION %1$I DISABLE;"
	    " ALTER SUBSCRIPTION %1$I SET (slot_name = NONE);"
	    " DROP SUBSCRIPTION %1$I', s.subname)"
	    " FROM pg_catalog.pg_subscription s"
	    " JOIN pg_catalog.pg_database d ON d.oid = s.subdbid"
	    " WHERE d.datname = pg_catalog.current_database()" },
	{ "postgres-user-mappings", 0,
	    "SELECT pg_catalog.format('DROP USER MAPPING FOR %s SERVER %I',"
	    " CASE WHEN umuser = 0 THEN 'PUBLIC'"
	    " ELSE pg_catalog.quote_ident(usename) END, srvname)"
	    " FROM pg_catalog.pg_user_mappings" },
	{ "postgres-event-triggers", 0,
	    "SELECT pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE',"
	    " t.evtname) FROM pg_catalog.pg_event_trigger t"
	    " WHERE t.evtenabled <> 'D' AND NOT EXISTS (SELECT"
	    " FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid ="
	    " t.oid AND d.classid ="
	    " 'pg_catalog.pg_event_trigger'::pg_catalog.regclass)" },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static int
refuse(const char *name, struct err *e)
{
	struct err cause = *e;

	return (err_set(e, ERR_REFUSED,
	    "neutralization failed at %s, nothing was changed: %s", name,
	    cause.text));
}

/* Runs what the part's query says. Returns how many commands, or -1. */
static int
run_part(struct neutralize_job *job, const struct part *part, struct err *e)
{
	SCOPED(pg_clearp)
	PGresult *r = pg_query(job->c, part->query, 0, NULL, e);

	if (r == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++)
		if (pg_exec(job->c, e, "%s", PQgetvalue(r, i, 0)) < 0)
			return (-1);
	return (PQntuples(r));
}

/* Options of a server that say where it is. */
static bool
leads_somewhere(const char *option)
{
	static const char *const fragments[] = { "host", "_server$",
		"servername", "address", "_url$", "_uri$", "dsn", "endpoint",
		"_service$" };

	for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++)
		if (neutralize_name_holds(option, fragments[i]))
			return (true);
	return (false);
}

/* One option of one server. Returns 1 when it was changed, 0, or -1. */
static int
turn_option(
    struct neutralize_job *job, const PGresult *r, int row, struct err *e)
{
	const char *option = PQgetvalue(r, row, 1);
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	buf_add_string(&sql, "ALTER SERVER ");
	pg_add_name(&sql, PQgetvalue(r, row, 0));
	if (neutralize_name_matches(option, NULL))
		buf_add_string(&sql, " OPTIONS (DROP ");
	else if (leads_somewhere(option) && PQgetvalue(r, row, 2)[0] != 't')
		buf_add_string(&sql, " OPTIONS (SET ");
	else
		return (0);
	pg_add_name(&sql, option);
	buf_add_string(
	    &sql, neutralize_name_matches(option, NULL) ? ")" : " 'invalid')");
	return (pg_exec(job->c, e, "%s", buf_text(&sql)) < 0 ? -1 : 1);
}

static int
turn_servers(struct neutralize_job *job, struct err *e)
{
	SCOPED(pg_clearp)
	PGresult *r = pg_query(job->c,
	    "SELECT s.srvname, o.option_name, o.option_value = 'invalid'"
	    " FROM pg_catalog.pg_foreign_server s,"
	    " LATERAL pg_catalog.pg_options_to_table(s.srvoptions) o"
	    " ORDER BY 1, 2",
	    0, NULL, e);
	int changed = 0, now;

	if (r == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		if ((now = turn_option(job, r, i, e)) < 0)
			return (-1);
		changed += now;
	}
	return (changed);
}

/* Tables that read what another program prints. */
static int
warn_of_programs(struct neutralize_job *job, struct err *e)
{
	int64_t n;

	if (neutralize_job_count(job,
		"SELECT count(*) FROM pg_catalog.pg_foreign_table t, LATERAL"
		" pg_catalog.pg_options_to_table(t.ftoptions) o"
		" WHERE o.option_name = 'program'",
		&n, 1, e) < 0)
		return (-1);
	if (n > 0)
		neutralize_report_warn(job->out,
		    "%lld foreign tables run a program on the server",
		    (long long)n);
	return (0);
}

/* Not being able to is worth a warning: without a mapping most of them lead
 * nowhere already. */
static int
run_servers(struct neutralize_job *job, struct err *e)
{
	struct neutralize_rule *rule = neutralize_report_rule(
	    job->out, "postgres-foreign-servers");
	struct err cause = ERR_INIT;
	int changed;

	if (neutralize_job_mark(job, e) < 0)
		return (-1);
	changed = turn_servers(job, &cause);
	if (changed >= 0) {
		if (changed > 0)
			neutralize_report_outcome(
			    rule, NEUTRALIZE_APPLIED, changed, NULL);
		if (neutralize_job_keep(job, e) < 0)
			return (-1);
		return (warn_of_programs(job, e));
	}
	if (neutralize_job_is_over(job, &cause)) {
		*e = cause;
		return (-1);
	}
	neutralize_report_outcome(rule, NEUTRALIZE_FAILED, 0, cause.text);
	neutralize_report_warn(
	    job->out, "foreign servers keep their options: %s", cause.text);
	return (neutralize_job_forget(job, e));
}

int
neutralize_postgres_run(struct neutralize_job *job, struct err *e)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct neutralize_rule *rule = neutralize_report_rule(
		    job->out, parts[i].name);
		int done;

		if (pg_server_major(job->c) < parts[i].since)
			continue;
		if ((done = run_part(job, &parts[i], e)) > 0)
			neutralize_report_outcome(
			    rule, NEUTRALIZE_APPLIED, done, NULL);
		if (done < 0) {
			neutralize_report_outcome(
			    rule, NEUTRALIZE_FAILED, 0, e->text);
			return (neutralize_job_is_over(job, e)
				? -1
				: refuse(parts[i].name, e));
		}
	}
	return (run_servers(job, e));
}

int
neutralize_postgres_prove(struct neutralize_job *job, struct err *e)
{
	for (size_t i = 0; i < PARTS; i++) {
		SCOPED(pg_clearp) PGresult *r = NULL;
		int found;

		if (pg_server_major(job->c) < parts[i].since)
			continue;
		if (neutralize_job_mark(job, e) < 0)
			return (-1);
		r = pg_query(job->c, parts[i].query, 0, NULL, e);
		if (r != NULL) {
			found = PQntuples(r);
			neutralize_report_check(
			    job->out, parts[i].name, found == 0, found, NULL);
			if (neutralize_job_keep(job, e) < 0)
				return (-1);
			continue;
		}
		if (strstr(e->text, NOT_ALLOWED) == NULL)
			return (-1);
		err_clear(e);
		neutralize_report_check(
		    job->out, parts[i].name, true, 0, "this role may not look");
		if (neutralize_job_forget(job, e) < 0)
			return (-1);
	}
	return (0);
}
