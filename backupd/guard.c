/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Never in the way for long: the lock is asked for with a short timeout, since
 * everybody who comes after a waiting request waits behind it; and the watcher
 * gives it up when somebody waits for it. The transaction has no snapshot, so
 * it holds back no vacuum.
 */
#include "backupd/guard.h"

#include <stdlib.h>

#include "backupd/odoo.h"
#include "backupd/run.h"
#include "base/log.h"

#define TRIES_MAX 3 /* a collection under way ends, mostly within seconds */

static void
tell(const struct run *run, const char *what, const struct err *why)
{
	log_info(
	    "%s: %s: attachments that are deleted meanwhile may be missed: %s",
	    run->branch->name, what, why->text);
}

void
guard_open(struct run *run, struct guard *out)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	SCOPED(odoo_free) struct odoo odoo = { .is_there = false };
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	struct err why = ERR_INIT;

	*out = (struct guard){ .c = NULL };
	c = pg_connect(run->branch->database, NULL, &why);
	if (c == NULL || pg_exec(c, &why, "SET lock_timeout = '2s'") < 0 ||
	    odoo_find(c, &odoo, &why) < 0) {
		tell(run, "no second session", &why);
		return;
	}
	if (!odoo.has_attachments || odoo.major < GUARD_ODOO_LEAST)
		return;
	buf_add_string(&sql, "LOCK TABLE ONLY ");
	pg_add_qualified(&sql, odoo.schema, "ir_attachment");
	buf_add_string(&sql, " IN ROW EXCLUSIVE MODE");
	out->lock_sql = mem_string(buf_text(&sql));
	out->c = TAKE(c);
}

void
guard_hold(struct run *run, struct guard *g)
{
	struct err why = ERR_INIT, ignored = ERR_INIT;

	for (unsigned i = 0; i < TRIES_MAX && g->c != NULL; i++) {
		if (run_check(run, &ignored) < 0)
			return;
		if (pg_exec(g->c, &why, "BEGIN") == 0 &&
		    pg_exec(g->c, &why, "%s", g->lock_sql) == 0) {
			g->is_held = true;
			return;
		}
		/* After a lost connection there is nothing to roll back. */
		if (pg_exec(g->c, &ignored, "ROLLBACK") < 0)
			pg_closep(&g->c);
	}
	if (why.kind != ERR_NONE)
		tell(run, "ir_attachment is not held", &why);
}

void
guard_release(struct guard *g)
{
	struct err ignored = ERR_INIT;

	if (g->c != NULL && g->is_held &&
	    pg_exec(g->c, &ignored, "ROLLBACK") < 0)
		pg_closep(&g->c);
	g->is_held = false;
}

void
guard_free(struct guard *g)
{
	pg_closep(&g->c);
	free(TAKE(g->lock_sql));
	g->is_held = false;
}
