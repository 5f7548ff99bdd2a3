/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second session that keeps Odoo's garbage collection from taking files away
 * that the snapshot still names: it holds ir_attachment in ROW EXCLUSIVE mode,
 * which stands in the way of the collection's SHARE lock and of nothing that
 * Odoo reads or writes.
 */
#ifndef BACKUPD_GUARD_H
#define BACKUPD_GUARD_H

#include "base/pg.h"

struct run;

#define GUARD_ODOO_LEAST 16 /* earlier ones would wait for us without end */

struct guard {
	PGconn *c; /* NULL: there is nothing to guard, or we may not */
	char *lock_sql;
	bool is_held;
};

/* Connects where it makes sense. Failing is no failure: files that go are found
 * out later. */
void guard_open(struct run *run, struct guard *out);
/* Tries to get the lock, for some seconds at most. */
void guard_hold(struct run *run, struct guard *g);
/* Lets go of the lock, and can take it again. */
void guard_release(struct guard *g);
void guard_free(struct guard *g); /* also a SCOPED releaser */

#endif
