/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order is the whole point. List the tables; begin; LOCK TABLE as the first
 * statement, since the transaction's snapshot is taken by the first statement
 * that needs one; export; list again and compare. Were the snapshot taken
 * before the locks, a TRUNCATE or a rewriting ALTER TABLE in between would
 * leave it without rows that were there, and no error would say so. Were the
 * lists not compared, a table that was made or swapped by renaming in between
 * would be read without ever having been locked.
 *
 * A table that somebody holds is waited for without holding any other.
 */
#include "backupd/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "backupd/run.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stage.h"
#include "base/stop.h"

#define TRIES_MAX     3
#define LOCKS_AT_ONCE 100
#define LEAST_WAIT_S  5 /* even when yield-to-ddl is shorter */
#define PAUSE_MS      200

enum outcome {
	TAKEN,
	CHANGED, /* tables came, went or changed: start over */
	BUSY	 /* somebody holds a table: wait, and start over */
};

void
snapshot_add_lock(const struct table_list *l, size_t *i, struct buf *sql)
{
	for (size_t n = 0; *i < l->n && n < LOCKS_AT_ONCE; (*i)++) {
		if (l->v[*i].is_denied)
			continue;
		buf_add_string(sql, n++ == 0 ? "LOCK TABLE ONLY " : ", ONLY ");
		table_add_name(&l->v[*i], sql);
	}
	if (sql->n > 0)
		buf_add_string(sql, " IN ACCESS SHARE MODE NOWAIT");
}

/* What a failed LOCK TABLE means; -1 for a failure that is none of ours. */
static int
judge_lock(PGconn *c, const PGresult *r, struct err *e)
{
	/* undefined table, schema or object, wrong kind of it, rights taken
	 * away */
	static const char *const changed[] = { "42P01", "3F000", "42704",
		"42809", "42501" };
	const char *state = pg_sqlstate(r);

	if (strcmp(state, "55P03") == 0) /* lock not available */
		return (BUSY);
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
		if (strcmp(state, changed[i]) == 0)
			return (CHANGED);
	(void)pg_fail(c, r, e, "lock the tables");
	if (strcmp(state, "53200") == 0)
		(void)err_hint(
		    e, "raise max_locks_per_transaction in postgresql.conf");
	return (-1);
}

/*
 * Begins and locks. Never waits: who waits for one table while it holds others
 * stands in the way of a DDL that wants those, and the server might end the
 * deadlock by failing production's DDL.
 */
static int
lock_tables(PGconn *c, const struct table_list *l, struct err *e)
{
	size_t i = 0;

	if (pg_exec(c, e, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") <
	    0)
		return (-1);
	for (;;) {
		SCOPED(buf_free) struct buf sql = BUF_INIT;
		SCOPED(pg_clearp) PGresult *r = NULL;

		snapshot_add_lock(l, &i, &sql);
		if (sql.n == 0)
			return (TAKEN);
		if ((r = pg_try(c, buf_text(&sql), e)) == NULL)
			return (-1);
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			return (stop_check(e) < 0 ? -1 : judge_lock(c, r, e));
	}
}

/*
 * Who holds a table for itself, or waits to: "public.sale_order (session 123,
 * role odoo)". NULL when nobody does, or it can't be found out.
 */
static char *
find_holder(PGconn *c)
{
	struct err ignored = ERR_INIT;

	return (pg_value(c,
	    "SELECT pg_catalog.format('%s.%s (session %s, role %s%s)',"
	    " n.nspname, c.relname, l.pid, a.usename,"
	    " CASE WHEN NOT l.granted THEN ', which waits for it' END)"
	    " FROM pg_catalog.pg_locks l"
	    " JOIN pg_catalog.pg_class c ON c.oid = l.relation"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
	    " WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'"
	    " AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
	    " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
	    " AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
	    " AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d"
	    "  WHERE d.datname = pg_catalog.current_database())"
	    " ORDER BY l.granted DESC, l.pid LIMIT 1",
	    0, NULL, &ignored));
}

static int
try_once(struct run *run, struct snapshot *s, struct err *e)
{
	SCOPED(table_list_free) struct table_list before = { .n = 0 };
	char text[TABLE_TEXT];
	SCOPED(scope_free) char *holder = find_holder(s->leader);
	const struct table *differs;
	int outcome;

	/* Trying in vain would put each LOCK into the server's log. */
	if (holder != NULL)
		return (BUSY);
	if (table_list_read(s->leader, &before, e) < 0)
		return (-1);
	stage_reached("tables listed");
	if ((outcome = lock_tables(s->leader, &before, e)) != TAKEN)
		return (outcome);
	stage_reached("tables locked");
	guard_hold(run, &s->guard);
	s->id = pg_value(
	    s->leader, "SELECT pg_catalog.pg_export_snapshot()", 0, NULL, e);
	if (s->id == NULL)
		return (err_within(e, "export the snapshot"));
	stage_reached("snapshot exported");
	if (table_list_read(s->leader, &s->tables, e) < 0)
		return (-1);
	differs = table_list_difference(&before, &s->tables);
	if (differs == NULL)
		return (TAKEN);
	log_info("table %s changed while the snapshot was taken",
	    table_text(differs, text));
	return (CHANGED);
}

/* Undoes what a try left. */
static int
start_over(struct snapshot *s, struct err *e)
{
	table_list_free(&s->tables);
	free(TAKE(s->id));
	guard_release(&s->guard);
	if (PQtransactionStatus(s->leader) == PQTRANS_IDLE)
		return (0); /* it had not begun */
	return (pg_exec(s->leader, e, "ROLLBACK"));
}

static void
tell_busy(struct run *run, PGconn *c)
{
	SCOPED(scope_free) char *holder = find_holder(c);

	log_info("%s: waiting for %s", run->branch->name,
	    holder != NULL ? holder : "a locked table");
}

static int
fail_busy(PGconn *c, uint64_t waited_s, struct err *e)
{
	SCOPED(scope_free) char *holder = find_holder(c);

	(void)err_set(e, ERR_DATABASE,
	    "no snapshot within %llu s: another session holds %s",
	    (unsigned long long)waited_s,
	    holder != NULL ? holder : "one of the tables");
	return (err_hint(
	    e, "run the backup again when it is done, or raise yield-to-ddl"));
}

static int
try_until_taken(struct run *run, struct snapshot *s, struct err *e)
{
	uint64_t begin = clock_ticks_ms(), waited_s, most_s;
	unsigned tries = 0, waits = 0;
	int outcome;

	most_s = run->repo->settings->yield_to_ddl_s;
	if (most_s < LEAST_WAIT_S)
		most_s = LEAST_WAIT_S;
	for (;;) {
		if ((outcome = try_once(run, s, e)) < 0)
			return (-1);
		if (outcome == TAKEN)
			return (0);
		if (start_over(s, e) < 0 || run_check(run, e) < 0 ||
		    clock_sleep_ms(PAUSE_MS, e) < 0)
			return (-1);
		if (outcome == BUSY && waits++ == 0)
			tell_busy(run, s->leader);
		waited_s = (clock_ticks_ms() - begin) / 1000;
		if (outcome == BUSY && waited_s >= most_s)
			return (fail_busy(s->leader, waited_s, e));
		if (outcome == CHANGED && ++tries == TRIES_MAX)
			return (err_set(e, ERR_DATABASE,
			    "tables were made, dropped or changed during each of %d tries to take a snapshot",
			    TRIES_MAX));
	}
}

int
snapshot_take(struct run *run, struct snapshot *out, struct err *e)
{
	PGconn *c;

	*out = (struct snapshot){ .leader = NULL };
	if ((c = pg_connect(run->branch->database, NULL, e)) == NULL)
		return (-1);
	out->leader = c;
	guard_open(run, &out->guard);
	if (PQserverVersion(c) < SNAPSHOT_SERVER_LEAST)
		return (err_set(e, ERR_DATABASE,
		    "PostgreSQL %s is too old: 10 or newer is needed",
		    PQparameterStatus(c, "server_version")));
	if (try_until_taken(run, out, e) < 0)
		return (-1);
	out->is_open = true;
	return (table_list_weigh(c, &out->tables, e));
}

static const char lost[] = "the connection that held the snapshot was lost";

int
snapshot_end(struct snapshot *s, struct err *e)
{
	if (pg_exec(s->leader, e, "COMMIT") < 0)
		return (err_within(e, "%s", lost));
	s->is_open = false;
	return (0);
}

bool
snapshot_is_lost(struct snapshot *s, struct err *e)
{
	struct err why = ERR_INIT;

	if (!s->is_open)
		return (false);
	/* Not noticed yet? In an aborted transaction this fails as well. */
	if (PQtransactionStatus(s->leader) != PQTRANS_UNKNOWN &&
	    PQtransactionStatus(s->leader) != PQTRANS_ACTIVE &&
	    pg_exec(s->leader, &why, "SELECT 1") < 0 &&
	    PQstatus(s->leader) != CONNECTION_OK)
		*e = why;
	if (PQstatus(s->leader) == CONNECTION_OK)
		return (false);
	if (strstr(e->text, lost) == NULL)
		(void)err_within(e, "%s", lost);
	return (true);
}

void
snapshot_free(struct snapshot *s)
{
	pg_closep(&s->leader);
	guard_free(&s->guard);
	free(TAKE(s->id));
	table_list_free(&s->tables);
}
