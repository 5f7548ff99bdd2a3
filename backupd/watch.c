/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The waiters to look for are those that the guard blocks, or any of our other
 * sessions: the leader locks every table, pg_dump sequences as well. Since when
 * a session waits is measured here, by when it was first seen: servers before
 * 14 don't tell.
 *
 * A session that waits for the leader may stand before pg_dump's own lock of
 * the same table. Then neither goes on until one of us gives in, and so do we
 * at once: nothing much has been read, since pg_dump locks before all else.
 */
#include "backupd/watch.h"

#include <stdlib.h>
#include <string.h>

#include "backupd/run.h"
#include "base/clock.h"
#include "base/log.h"

#define WAITERS_MAX 64
#define LOOK_MS	    250	 /* less than PostgreSQL's deadlock_timeout */
#define TELL_MS	    3000 /* shorter waits are everyday life */

enum column { COLUMN_PID, COLUMN_BY_SNAPSHOT, COLUMN_BEFORE_US, COLUMN_WHO };

/* Sessions that wait for a lock which we hold, and for what. $1 is our leader,
 * $2 our guard or 0. */
static const char waiters_sql[] =
    "WITH waiting AS (SELECT DISTINCT ON (l.pid) l.pid, l.relation,"
    "   pg_catalog.pg_blocking_pids(l.pid) AS blockers"
    "  FROM pg_catalog.pg_locks l"
    "  WHERE NOT l.granted AND l.pid <> pg_catalog.pg_backend_pid()),"
    " ours AS (SELECT pid FROM pg_catalog.pg_stat_activity"
    "  WHERE datname = pg_catalog.current_database()"
    "  AND usename = current_user AND pid <> $2::int"
    "  AND (application_name = 'triplicate' OR pid = $1::int))"
    " SELECT w.pid,"
    " EXISTS (SELECT FROM ours o WHERE o.pid = ANY (w.blockers)),"
    " EXISTS (SELECT FROM waiting o WHERE w.pid = ANY (o.blockers)"
    "  AND o.pid IN (SELECT pid FROM ours)),"
    " pg_catalog.format('session %s (role %s%s) for %s', w.pid,"
    "  coalesce(a.usename, '?'),"
    "  CASE WHEN a.application_name <> ''"
    "   THEN ', ' || a.application_name ELSE '' END,"
    "  coalesce(n.nspname || '.' || c.relname, 'a lock'))"
    " FROM waiting w"
    " LEFT JOIN pg_catalog.pg_class c ON c.oid = w.relation"
    " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid"
    " WHERE w.pid NOT IN (SELECT pid FROM ours)"
    " AND ($2::int = ANY (w.blockers)"
    "  OR EXISTS (SELECT FROM ours o WHERE o.pid = ANY (w.blockers)))";

struct waiter {
	int pid;
	uint64_t since_ms;
	bool is_told, is_seen;
};

/* One row of the answer. */
struct sight {
	int pid;
	bool by_snapshot; /* not, or not only, the guard is in its way */
	bool before_us;	  /* and it is in ours */
	const char *who;
};

struct watch {
	struct run *run;
	PGconn *c; /* NULL after it was lost */
	bool is_blind;
	struct guard *guard;
	int leader, guardian; /* their backends; guardian may be 0 */
	size_t n;
	struct waiter waiters[WAITERS_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	bool is_over;
	bool has_ended; /* the snapshot */
};

/* The waiter of that pid, known or new; NULL when there are too many. */
static struct waiter *
find_waiter(struct watch *w, int pid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->waiters[i].pid == pid)
			return (&w->waiters[i]);
	if (w->n == WAITERS_MAX)
		return (NULL);
	w->waiters[w->n] = (struct waiter){ .pid = pid,
		.since_ms = clock_ticks_ms() };
	return (&w->waiters[w->n++]);
}

static void
forget_unseen(struct watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->waiters[i].is_seen)
			w->waiters[n++] = w->waiters[i];
	w->n = n;
	for (size_t i = 0; i < n; i++)
		w->waiters[i].is_seen = false;
}

static void
give_way(struct watch *w, const struct sight *s, uint64_t waited_s)
{
	struct err e = ERR_INIT;

	if (!s->by_snapshot) {
		log_warning("%s: gave ir_attachment free: %s waited %llu s",
		    w->run->branch->name, s->who, (unsigned long long)waited_s);
		guard_release(w->guard);
		return;
	}
	(void)err_set(&e, ERR_DATABASE,
	    "gave way after %llu s (yield-to-ddl): %s",
	    (unsigned long long)waited_s, s->who);
	log_info("%s: giving way to %s", w->run->branch->name, s->who);
	(void)err_hint(&e,
	    "back up when no module is being upgraded, or raise yield-to-ddl");
	run_fail(w->run, &e);
}

static void
judge(struct watch *w, const struct sight *s)
{
	struct waiter *one = find_waiter(w, s->pid);
	struct err e = ERR_INIT;
	uint64_t waited_ms;

	if (s->by_snapshot && s->before_us) {
		(void)err_set(&e, ERR_AGAIN,
		    "pg_dump stands behind a session that waits for us: %s",
		    s->who);
		run_fail(w->run, &e);
	}
	if (one == NULL)
		return;
	one->is_seen = true;
	waited_ms = clock_ticks_ms() - one->since_ms;
	if (waited_ms >= TELL_MS && !one->is_told) {
		log_info("%s: %s waits for the backup", w->run->branch->name,
		    s->who);
		one->is_told = true;
	}
	if (waited_ms >= w->run->repo->settings->yield_to_ddl_s * 1000)
		give_way(w, s, waited_ms / 1000);
}

/* A leader that is gone would be found out at the end, hours later perhaps. */
static int
look_at_leader(struct watch *w, const char *leader, struct err *e)
{
	const char *params[1] = { leader };
	SCOPED(scope_free) char *there = NULL;
	struct err lost = ERR_INIT;
	bool has_ended;

	(void)pthread_mutex_lock(&w->lock);
	has_ended = w->has_ended;
	(void)pthread_mutex_unlock(&w->lock);
	if (has_ended)
		return (0);
	there = pg_value(w->c,
	    "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = $1::int", 1,
	    params, e);
	if (there != NULL || e->kind != ERR_NONE)
		return (there != NULL ? 0 : -1);
	(void)err_set(&lost, ERR_DATABASE,
	    "the server ended session %s, which held the snapshot", leader);
	run_fail(w->run, &lost);
	return (0);
}

static int
look(struct watch *w, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = NULL;
	char leader[16], guardian[16];
	const char *params[2] = { leader, guardian };
	struct sight s;

	(void)snprintf(leader, sizeof(leader), "%d", w->leader);
	(void)snprintf(guardian, sizeof(guardian), "%d", w->guardian);
	if (w->c == NULL &&
	    (w->c = pg_connect(w->run->branch->database, NULL, e)) == NULL)
		return (-1);
	if (look_at_leader(w, leader, e) < 0 ||
	    (r = pg_query(w->c, waiters_sql, 2, params, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		s.pid = (int)strtol(PQgetvalue(r, i, COLUMN_PID), NULL, 10);
		s.by_snapshot = PQgetvalue(r, i, COLUMN_BY_SNAPSHOT)[0] == 't';
		s.before_us = PQgetvalue(r, i, COLUMN_BEFORE_US)[0] == 't';
		s.who = PQgetvalue(r, i, COLUMN_WHO);
		judge(w, &s);
	}
	forget_unseen(w);
	return (0);
}

/* Sleeps until the next look. True when there is none. */
static bool
rest(struct watch *w)
{
	bool is_over;

	(void)pthread_mutex_lock(&w->lock);
	if (!w->is_over)
		clock_wait(&w->changed, &w->lock, LOOK_MS);
	is_over = w->is_over;
	(void)pthread_mutex_unlock(&w->lock);
	return (is_over);
}

static void *
thread_main(void *arg)
{
	struct watch *w = arg;

	while (!rest(w)) {
		struct err e = ERR_INIT;

		if (look(w, &e) == 0) {
			w->is_blind = false;
			continue;
		}
		pg_closep(&w->c);
		/* The leader's own fate tells what it means. */
		if (!w->is_blind)
			log_warning("%s: can't see who waits for us: %s",
			    w->run->branch->name, e.text);
		w->is_blind = true;
	}
	return (NULL);
}

struct watch *
watch_start(struct run *run, struct snapshot *s, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	struct watch *w;

	if ((c = pg_connect(run->branch->database, NULL, e)) == NULL)
		return (NULL);
	w = mem_new(sizeof(*w));
	w->run = run;
	w->guard = &s->guard;
	w->leader = PQbackendPID(s->leader);
	w->guardian = s->guard.is_held ? PQbackendPID(s->guard.c) : 0;
	w->c = TAKE(c);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	if (pthread_create(&w->thread, NULL, thread_main, w) == 0)
		return (w);
	(void)err_set(e, ERR_SYSTEM, "no thread could be started");
	pg_close(w->c);
	free(w);
	return (NULL);
}

void
watch_snapshot_ended(struct watch *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->has_ended = true;
	(void)pthread_mutex_unlock(&w->lock);
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->is_over = true;
	(void)pthread_cond_signal(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	pg_close(w->c);
	free(w);
}

void
watch_freep(struct watch **w)
{
	watch_free(*w);
	*w = NULL;
}
