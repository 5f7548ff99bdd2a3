/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders of restores that died flow in; each is undone when its swap had not
 * happened, finished when it had. Whether it had, the server itself tells: the
 * hidden database is there, or it has taken the branch's name. What can't be
 * done now (a server that is away) stays for the next time, and is said.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "restore/folder_sink.h"
#include "restore/live_files.h"
#include "restore/replaced.h"
#include "restore/restore.h"
#include "restore/restoring.h"

#define END_TRIES   100 /* of ending what a dead restore still has at work */
#define END_WAIT_MS 100

/*
 * A killed client's statement goes on at the server: a CREATE DATABASE that was
 * under way would finish after we found nothing to drop. So whatever still
 * works for the hidden database is ended first.
 */
static int
end_sessions(struct target *t, const char *hidden, struct err *e)
{
	SCOPED(scope_free) char *like = mem_printf("%%\"%s\"%%", hidden);
	const char *params[] = { like };

	for (unsigned tries = 0; tries < END_TRIES; tries++) {
		SCOPED(pg_clearp)
		PGresult *r = pg_query(t->c,
		    "SELECT pg_catalog.pg_terminate_backend(pid) "
		    "FROM pg_catalog.pg_stat_activity "
		    "WHERE pid <> pg_catalog.pg_backend_pid() "
		    "AND usename = current_user AND state <> 'idle' "
		    "AND query LIKE $1",
		    1, params, e);

		if (r == NULL)
			return (-1);
		if (PQntuples(r) == 0)
			return (0);
		if (clock_sleep_ms(END_WAIT_MS, e) < 0)
			return (-1);
	}
	return (err_set(e, ERR_AGAIN,
	    "a dead restore's session does not end at the server"));
}

/* Opens the branch's database again, first of all; then drops what was being
 * made. */
static int
undo_database(struct target *t, const struct journal *journal, struct err *e)
{
	if (end_sessions(t, journal->hidden, e) < 0)
		return (-1);
	if (journal->phase == JOURNAL_SWAPPING && journal->was_open &&
	    t->exists && target_reopen(t, t->name, e) < 0)
		return (-1);
	return (target_drop(t, journal->hidden, e));
}

/* Replaced databases that may go, and lists of such as are not there. */
static int
sweep_replaced(struct repo *r, struct target *t, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks = { .list = NULL };
	unsigned dropped;

	remarks_init(&remarks);
	if (replaced_sweep(r, t, &dropped, NULL, NULL, &remarks, e) < 0)
		return (-1);
	return (0);
}

/* --- files after the swap --- */

static int
keep_files(const char *paths, void *arg, struct err *e)
{
	return (folder_sink_keep(arg, paths, e));
}

/* The folder becomes equal to the backup, which is read for that again. */
static int
finish_folder(struct repo *r, const struct branch_settings *branch,
    const struct journal *journal, const struct catalog_entry *backup,
    const char *folder, struct err *e)
{
	const struct restore_conf wish = { .to = branch,
		.only_filestore = true };
	SCOPED(remarks_free) struct remarks remarks = { .list = NULL };
	SCOPED(restoring_free)
	struct restoring j = { .lock = -1, .branch_lock = -1 };
	SCOPED(folder_sink_freep) struct folder_sink *sink = NULL;

	remarks_init(&remarks);
	if (restoring_open(&j, r, backup, &wish, &remarks, e) < 0)
		return (-1);
	const struct folder_sink_conf conf = { .r = r,
		.fetch = j.fetch,
		.contents = j.contents,
		.remarks = &remarks,
		.folder = journal->filestore,
		.owner = branch->owner,
		.id = journal->id,
		.notes = folder };
	if ((sink = folder_sink_open(&conf, e)) == NULL ||
	    folder_sink_plan(sink, e) < 0 ||
	    replaced_each(r, branch, keep_files, sink, e) != 0)
		return (-1);
	return (folder_sink_finish(sink, journal->swapped, e));
}

/* Without the restore key, or the backup, at least what was staged takes its
 * place. */
static int
finish_files(struct repo *r, const struct branch_settings *branch,
    const struct journal *journal, const char *folder, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct err why = ERR_INIT;
	size_t i;

	if (folder_sink_redo(journal->filestore, journal->id, folder, e) < 0)
		return (-1);
	if (catalog_read(r, NULL, &all, &why) == 0)
		for (i = 0; i < all.n; i++)
			if (strcmp(all.v[i].m.id, journal->backup) == 0 &&
			    catalog_fill(r, &all, &all.v[i], &why) == 0 &&
			    finish_folder(r, branch, journal, &all.v[i], folder,
				&why) == 0)
				return (0);
	log_warning("folder %s may hold files that the backup lacks; restore "
		    "again to remove them: %s",
	    journal->filestore,
	    why.kind != ERR_NONE ? why.text : "the backup is gone");
	return (0);
}

/* *swapped tells which way it went. */
static int
settle_database(struct repo *r, const struct branch_settings *branch,
    const struct journal *journal, bool *swapped, struct err *e)
{
	SCOPED(target_free) struct target t = { .c = NULL };
	bool hidden;

	*swapped = journal->phase == JOURNAL_SWAPPED;
	if (journal->hidden[0] == '\0')
		return (0);
	if (branch->database == NULL)
		return (err_set(e, ERR_CONFIG,
		    "branch %s has no database any more", branch->name));
	if (target_open(&t, branch, e) < 0 ||
	    target_has_database(&t, journal->hidden, &hidden, e) < 0)
		return (-1);
	*swapped = journal->phase != JOURNAL_MAKING && !hidden;
	if (!*swapped && undo_database(&t, journal, e) < 0)
		return (-1);
	return (sweep_replaced(r, &t, e));
}

/* Of a restore into plain files only what had not its name yet goes. */
static int
settle_scratch(const struct journal *journal, struct err *e)
{
	struct stat st;
	struct err gone = ERR_INIT;

	if (file_stat(journal->scratch, &st, &gone) == 0 &&
	    file_remove_tree(journal->scratch, e) < 0)
		return (-1);
	log_warning("what an interrupted restore had not finished, %s, is gone",
	    journal->scratch);
	return (0);
}

static int
settle(struct repo *r, const char *folder, struct err *e)
{
	const struct branch_settings *branch;
	SCOPED(scope_close) int lock = -1;
	struct journal journal;
	bool found, swapped;

	if (journal_load(folder, &journal, &found, e) < 0)
		return (-1);
	if (found && journal.branch[0] == '\0' &&
	    settle_scratch(&journal, e) < 0)
		return (-1);
	if (!found || journal.branch[0] == '\0')
		return (file_remove_tree(folder, e));
	if ((branch = settings_branch(r->settings, journal.branch, e)) ==
		NULL ||
	    (lock = restoring_lock_branch(r, branch->name, e)) < 0 ||
	    settle_database(r, branch, &journal, &swapped, e) < 0)
		return (-1);
	if (journal.filestore[0] != '\0' &&
	    (swapped ? finish_files(r, branch, &journal, folder, e)
		     : live_files_undo(branch, &journal, folder, e)) < 0)
		return (-1);
	log_warning("an interrupted restore into branch %s was %s",
	    journal.branch, swapped ? "finished" : "undone");
	return (file_remove_tree(folder, e));
}

/* One folder of <state>/restores: its lock tells whether its restore lives. */
static int
look_at(const char *name, void *arg, struct err *e)
{
	struct repo *r = arg;
	SCOPED(scope_free) char *parent = restoring_parent(r);
	SCOPED(scope_free) char *folder = file_join(parent, name);
	SCOPED(scope_free) char *path = file_join(folder, "lock");
	SCOPED(scope_close) int lock = -1;
	struct err why = ERR_INIT;
	struct stat st;

	if (file_stat(folder, &st, &why) < 0 || !S_ISDIR(st.st_mode))
		return (0);
	if ((lock = file_lock(path, &why)) < 0)
		return (0);
	if (settle(r, folder, &why) == 0)
		return (0);
	if (why.kind == ERR_STOPPED) {
		*e = why;
		return (-1);
	}
	log_warning("an interrupted restore is left for later: %s", why.text);
	return (0);
}

struct interrupted {
	const struct repo *r;
	struct json *branches;
};

/* A journal is there only while the lock is held, or after a death: so a
 * restore that begins just now does not find its lock taken by us. */
static int
note_interrupted(const char *name, void *arg, struct err *e)
{
	const struct interrupted *x = arg;
	SCOPED(scope_free) char *parent = restoring_parent(x->r);
	SCOPED(scope_free) char *folder = file_join(parent, name);
	SCOPED(scope_free) char *path = file_join(folder, "lock");
	SCOPED(scope_close) int lock = -1;
	struct journal journal;
	struct err lives = ERR_INIT;
	struct stat st;
	bool found;

	(void)e;
	if (file_stat(folder, &st, &lives) < 0 || !S_ISDIR(st.st_mode) ||
	    journal_load(folder, &journal, &found, &lives) < 0 || !found ||
	    (lock = file_lock(path, &lives)) < 0)
		return (0);
	json_append_string(x->branches,
	    journal.branch[0] != '\0' ? journal.branch : journal.scratch);
	return (0);
}

int
restore_interrupted(const struct repo *r, struct json *branches, struct err *e)
{
	SCOPED(scope_free) char *parent = restoring_parent(r);
	struct interrupted x = { r, branches };

	if (!file_exists(parent))
		return (0);
	return (file_each(parent, note_interrupted, &x, e) < 0 ? -1 : 0);
}

int
restore_cleanup(struct repo *r, struct err *e)
{
	SCOPED(scope_free) char *parent = restoring_parent(r);

	if (!file_exists(parent))
		return (0);
	return (file_each(parent, look_at, r, e) < 0 ? -1 : 0);
}
