/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A name flows in, open sessions flow out. What always holds after
 * hidden_make: the only client sessions in the database are ours, no other can
 * begin, and nothing had been put into it while it was open.
 */
#include "restore/hidden.h"

#include <stdlib.h>
#include <string.h>

#include "base/stage.h"

void
hidden_name(const char *id, char out[TARGET_NAME_MAX + 1])
{
	(void)snprintf(out, TARGET_NAME_MAX + 1, "triplicate_%s", id);
}

void
hidden_close(struct hidden *h)
{
	size_t i;

	for (i = 0; i < h->nsessions; i++)
		session_free(h->sessions[i]);
	for (i = 0; i < h->nconns; i++)
		pg_close(h->conns[i]);
	h->nsessions = h->nconns = 0;
}

void
hidden_free(struct hidden *h)
{
	hidden_close(h);
	free(h->sessions);
	free(h->conns);
	session_place_free(&h->place);
	*h = (struct hidden)HIDDEN_INIT;
}

/* One connection of ours. As a plain member of the owner's role we act in it,
 * so that we may do what it may. */
static int
open_conn(struct hidden *h, struct err *e)
{
	SCOPED(pg_closep)
	PGconn *c = pg_connect(h->t->branch->database, h->name, e);
	SCOPED(buf_free) struct buf role = BUF_INIT;

	/* As in session.c: the swap's commit makes all of it durable. */
	if (c == NULL || pg_exec(c, e, "SET synchronous_commit = off") < 0)
		return (-1);
	if (!h->t->superuser && strcmp(h->t->role, h->t->owner) != 0) {
		buf_add_string(&role, "SET ROLE ");
		pg_add_name(&role, h->t->owner);
		if (pg_exec(c, e, "%s", buf_text(&role)) < 0)
			return (-1);
	}
	h->conns[h->nconns++] = TAKE(c);
	return (0);
}

static int
open_session(struct hidden *h, struct err *e)
{
	struct session *s = session_open(&h->place, e);

	if (s == NULL)
		return (-1);
	h->sessions[h->nsessions++] = s;
	return (0);
}

/* One of each kind must be; more are as many as the server allows. */
static int
open_all(struct hidden *h, size_t jobs, struct remarks *remarks, struct err *e)
{
	struct err full = ERR_INIT;
	size_t i;

	h->sessions = mem_array(jobs, sizeof(struct session *));
	h->conns = mem_array(jobs, sizeof(PGconn *));
	if (open_conn(h, e) < 0 ||
	    session_place_find(&h->place, h->conns[0], h->name, h->reader, e) <
		0 ||
	    open_session(h, e) < 0)
		return (-1);
	for (i = 1; i < jobs; i++)
		if (open_conn(h, &full) < 0 || open_session(h, &full) < 0) {
			if (full.kind == ERR_STOPPED) {
				*e = full;
				return (-1);
			}
			remarks_warn(remarks,
			    "only %zu of %zu sessions could be opened at the "
			    "target: %s",
			    h->nconns + h->nsessions, 2 * jobs, full.text);
			break;
		}
	return (0);
}

static int
clear_others(struct hidden *h, struct err *e)
{
	SCOPED(scope_free)
	int *pids = mem_array(h->nconns + h->nsessions, sizeof(int));
	size_t i, n = 0;

	for (i = 0; i < h->nconns; i++)
		pids[n++] = PQbackendPID(h->conns[i]);
	for (i = 0; i < h->nsessions; i++)
		pids[n++] = session_pid(h->sessions[i]);
	return (target_clear(h->t, h->name, n, pids, e));
}

/* Nobody used the moment in which it was open. */
static int
check_empty(struct hidden *h, struct err *e)
{
	SCOPED(scope_free)
	char *found = pg_value(h->conns[0],
	    "SELECT (SELECT count(*) FROM pg_catalog.pg_class "
	    "WHERE oid >= 16384) + (SELECT count(*) FROM pg_catalog.pg_proc "
	    "WHERE oid >= 16384) + (SELECT count(*) FROM "
	    "pg_catalog.pg_event_trigger) + (SELECT count(*) FROM "
	    "pg_catalog.pg_namespace WHERE oid >= 16384)",
	    0, NULL, e);

	if (found == NULL)
		return (e->kind == ERR_NONE
			? err_set(e, ERR_DATABASE, "no count")
			: -1);
	if (strcmp(found, "0") != 0)
		return (err_set(e, ERR_REFUSED,
		    "somebody made objects in database %s while it was empty",
		    h->name));
	return (0);
}

int
hidden_make(struct hidden *h, struct target *t, const struct target_locale *l,
    bool from_template, size_t jobs, struct remarks *remarks, struct err *e)
{
	h->t = t;
	if (target_create(t, h->name, l, from_template, remarks, e) < 0)
		return (-1);
	stage_reached("hidden database made");
	if (open_all(h, jobs > 0 ? jobs : 1, remarks, e) < 0 ||
	    target_shut(t, h->name, e) < 0)
		return (-1);
	stage_reached("hidden database shut");
	if (clear_others(h, e) < 0)
		return (-1);
	return (from_template ? 0 : check_empty(h, e));
}
