/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names flow from a cursor into a set, a page at a time: a branch may have
 * millions.
 */
#include "restore/live_files.h"

#include <string.h>

#include "repository/settings.h"
#include "restore/folder_sink.h"
#include "restore/keyset.h"
#include "restore/restoring.h"

#define FETCH_SQL "FETCH 5000 FROM triplicate_live"
/* A writer that goes on longer than this is worth another try later. */
#define HOLD_SQL                                                               \
	"BEGIN; SET LOCAL lock_timeout = '10s';"                               \
	" LOCK TABLE public.ir_attachment IN SHARE MODE;"                      \
	" DECLARE triplicate_live NO SCROLL CURSOR FOR"                        \
	" SELECT DISTINCT store_fname::text FROM public.ir_attachment"         \
	" WHERE store_fname IS NOT NULL"

static int
read_names(PGconn *c, struct keyset *names, struct err *e)
{
	const char *name;
	bool is_new;
	int n;

	do {
		SCOPED(pg_clearp)
		PGresult *page = pg_query(c, FETCH_SQL, 0, NULL, e);

		if (page == NULL)
			return (-1);
		n = PQntuples(page);
		for (int i = 0; i < n; i++) {
			name = PQgetvalue(page, i, 0);
			if (keyset_add(names, keyset_key(name, strlen(name)),
				&is_new, e) < 0)
				return (-1);
		}
	} while (n > 0);
	return (0);
}

int
live_files_hold(const struct branch_settings *branch, struct keyset *names,
    PGconn **hold, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	SCOPED(scope_free) char *table = NULL;

	*hold = NULL;
	if (branch->database == NULL)
		return (0);
	if ((c = pg_connect(branch->database, NULL, e)) == NULL) {
		if (e->kind != ERR_MISSING)
			return (-1);
		err_clear(e);
		return (0);
	}
	table = pg_value(c,
	    "SELECT pg_catalog.to_regclass('public.ir_attachment')", 0, NULL,
	    e);
	if (table == NULL)
		return (e->kind == ERR_NONE ? 0 : -1);
	if (pg_exec(c, e, HOLD_SQL) < 0 || read_names(c, names, e) < 0)
		return (
		    err_within(e, "branch %s: its attachments", branch->name));
	*hold = TAKE(c);
	return (0);
}

int
live_files_undo(const struct branch_settings *branch,
    const struct journal *journal, const char *folder, struct err *e)
{
	SCOPED(keyset_freep) struct keyset *names = keyset_new(folder, e);
	SCOPED(pg_closep) PGconn *hold = NULL;

	if (names == NULL || live_files_hold(branch, names, &hold, e) < 0)
		return (-1);
	return (folder_sink_undo(
	    journal->filestore, journal->id, folder, names, e));
}
