/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order is the whole point. List the tables; begin; LOCK TABLE as the first
 * statement, since the transaction's snapshot is taken by the first statement
 * that needs one; export; list again and compare. Were the snapshot taken
 * before the locks, a TRUNCATE or a rewriting ALTER TABLE in between would
 * leave it without rows that were there, and no error would say so. Were the
 * lists not compared, a table that was made or swapped by renaming in between
 * would be read without ever having been locked.
 */
#include "backupd/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "backupd/run.h"
#include "base/clock.h"
#include "base/log.h"

#define TRIES_MAX     3
#define LOCKS_AT_ONCE 500
#define LEAST_WAIT_S  5 /* even when yield-to-ddl is shorter */
#define PAUSE_MS      100

enum outcome {
	TAKEN,
	CHANGED, /* tables came, went or changed: start over */
	BUSY	 /* somebody holds a table: wait, and start over */
};

void
snapshot_add_locks(const struct table_list *l, struct buf *sql)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].is_denied)
			continue;
		if (n % LOCKS_AT_ONCE != 0)
			buf_add_string(sql, ", ");
		else if (n == 0)
			buf_add_string(sql, "LOCK TABLE ");
		else
			buf_add_string(
			    sql, " IN ACCESS SHARE MODE; LOCK TABLE ");
		buf_add_string(sql, "ONLY ");
		table_add_name(&l->v[i], sql);
		n++;
	}
	if (n > 0)
		buf_add_string(sql, " IN ACCESS SHARE MODE");
}

/* What a failed LOCK TABLE means; -1 for a failure that is none of ours. */
static int
judge_lock(PGconn *c, const PGresult *r, struct err *e)
{
	/* lock not available, deadlock; undefined table, schema or object,
	 * wrong kind of it, rights taken away */
	static const char *const busy[] = { "55P03", "40P01" },
				 *const changed[] = { "42P01", "3F000", "42704",
					 "42809", "42501" };
	const char *state = pg_sqlstate(r);

	for (size_t i = 0; i < sizeof(busy) / sizeof(busy[0]); i++)
		if (strcmp(state, busy[i]) == 0)
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

/* Begins and locks. PQexec blocks, but never longer than lock_timeout. */
static int
lock_tables(PGconn *c, const struct table_list *l, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;

	if (pg_exec(c, e, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") <
	    0)
		return (-1);
	snapshot_add_locks(l, &sql);
	if (sql.n == 0)
		return (TAKEN);
	r = PQexec(c, buf_text(&sql));
	if (PQresultStatus(r) == PGRES_COMMAND_OK)
		return (TAKEN);
	return (judge_lock(c, r, e));
}

static int
try_once(struct run *run, struct snapshot *s, struct err *e)
{
	SCOPED(table_list_free) struct table_list before = { .n = 0 };
	char text[TABLE_TEXT];
	const struct table *differs;
	int outcome;

	if (table_list_read(s->leader, &before, e) < 0)
		return (-1);
	if ((outcome = lock_tables(s->leader, &before, e)) != TAKEN)
		return (outcome);
	guard_hold(run, &s->guard);
	s->id = pg_value(
	    s->leader, "SELECT pg_catalog.pg_export_snapshot()", 0, NULL, e);
	if (s->id == NULL)
		return (err_within(e, "export the snapshot"));
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
	return (pg_exec(s->leader, e, "ROLLBACK"));
}

/* Who holds a table for itself: "public.sale_order (session 123, odoo)". */
static char *
find_holder(PGconn *c)
{
	struct err ignored = ERR_INIT;

	return (pg_value(c,
	    "SELECT pg_catalog.format('%s.%s (session %s, role %s)',"
	    " n.nspname, c.relname, l.pid, a.usename)"
	    " FROM pg_catalog.pg_locks l"
	    " JOIN pg_catalog.pg_class c ON c.oid = l.relation"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
	    " WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'"
	    " AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
	    " AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d"
	    "  WHERE d.datname = pg_catalog.current_database())"
	    " ORDER BY l.granted DESC, l.pid LIMIT 1",
	    0, NULL, &ignored));
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
	if (pg_exec(c, e, "SET lock_timeout = '1s'") < 0 ||
	    try_until_taken(run, out, e) < 0)
		return (-1);
	out->is_open = true;
	if (pg_exec(c, e, "SET lock_timeout = 0") < 0)
		return (-1);
	return (table_list_weigh(c, &out->tables, e));
}

int
snapshot_end(struct snapshot *s, struct err *e)
{
	s->is_open = false;
	if (pg_exec(s->leader, e, "COMMIT") == 0)
		return (0);
	return (
	    err_within(e, "the connection that held the snapshot was lost"));
}

void
snapshot_free(struct snapshot *s)
{
	pg_closep(&s->leader);
	guard_free(&s->guard);
	free(TAKE(s->id));
	table_list_free(&s->tables);
}
