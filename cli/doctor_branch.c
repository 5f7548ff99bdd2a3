/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A branch: can its database be read whole, and be made anew; are the programs
 * there; can its files be read? What is missing in a staging branch the next
 * restore makes; what is missing in production is an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/filestore.h"
#include "backupd/logs.h"
#include "backupd/table_list.h"
#include "base/file.h"
#include "cli/doctor.h"
#include "restore/target.h"

#define WALK_MAX 2000 /* entries of a filestore that are looked at */

#define HINT_SERVER                                                            \
	"is the server up, and database right? Try the same words with psql"

/* What keeps a backup from being made, or only a restore. */
static enum finding_state
grave(const struct branch_settings *b)
{
	return (b->stage == STAGE_PRODUCTION ? FINDING_ERROR : FINDING_WARNING);
}

/* --- rights -------------------------------------------------------------- */

static void
judge_tables(struct doctor *d, const struct branch_settings *b,
    const struct table_list *tables, const char *role)
{
	const struct table *denied = NULL, *hidden = NULL;
	size_t ndenied = 0, nhidden = 0;
	char name[TABLE_TEXT];
	SCOPED(scope_free)
	char *grant = mem_printf(
	    "as their owner: GRANT SELECT ON ALL TABLES IN SCHEMA … TO \"%s\", and USAGE on the schema; best is a role that owns the database",
	    role);
	SCOPED(scope_free)
	char *bypass = mem_printf(
	    "as a superuser: ALTER ROLE \"%s\" BYPASSRLS", role);

	for (size_t i = 0; i < tables->n; i++) {
		const struct table *t = &tables->v[i];

		if (t->is_denied && ndenied++ == 0)
			denied = t;
		if (t->has_hidden_rows && !t->is_denied && nhidden++ == 0)
			hidden = t;
	}
	if (denied != NULL)
		findings_add(&d->f, grave(b), "rights", grant,
		    "%zu of %zu tables can't be read, such as %s", ndenied,
		    tables->n, table_text(denied, name));
	if (hidden != NULL)
		findings_add(&d->f, grave(b), "row security", bypass,
		    "%zu tables hide rows from this role, such as %s", nhidden,
		    table_text(hidden, name));
	if (denied == NULL && hidden == NULL)
		findings_ok(&d->f, "rights", "all of %zu tables can be read",
		    tables->n);
}

static int
look_at_tables(struct doctor *d, const struct branch_settings *b,
    const char *role, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	SCOPED(table_list_free) struct table_list tables = { .n = 0 };
	struct err why = ERR_INIT;

	if ((c = pg_connect(b->database, NULL, &why)) == NULL ||
	    table_list_read(c, &tables, &why) < 0)
		return (doctor_failure(
		    d, grave(b), "rights", &why, HINT_SERVER, e));
	judge_tables(d, b, &tables, role);
	return (0);
}

/* --- programs ------------------------------------------------------------ */

/* 0 also when it is not there, which is said. */
static int
look_for_program(struct doctor *d, const char *name, int major, struct err *e)
{
	SCOPED(scope_free) char *path = NULL;
	SCOPED(scope_free)
	char *hint = mem_printf(
	    "install the package postgresql-client-%d", major);
	struct err why = ERR_INIT;
	bool is_newer;

	if ((path = pg_program(name, major, &is_newer, &why)) == NULL)
		return (doctor_failure(d, FINDING_ERROR, name, &why, hint, e));
	if (is_newer)
		findings_warning(&d->f, name, hint,
		    "%s is newer than the server (PostgreSQL %d): its dumps may not go back into it as they are",
		    path, major);
	else
		findings_ok(&d->f, name, "%s", path);
	return (0);
}

static int
look_for_programs(struct doctor *d, int major, struct err *e)
{
	static const char *const names[] = { "pg_dump", "pg_restore", "psql" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (look_for_program(d, names[i], major, e) < 0)
			return (-1);
	return (0);
}

/* --- the database -------------------------------------------------------- */

static void
judge_database(struct doctor *d, const struct target *t)
{
	if (t->exists)
		findings_ok(&d->f, "database", "%s, PostgreSQL %d, as role %s",
		    t->name, t->major, t->role);
	else if (t->branch->stage == STAGE_PRODUCTION)
		findings_error(&d->f, "database",
		    "correct dbname in database; or restore into it",
		    "there is no database %s (PostgreSQL %d)", t->name,
		    t->major);
	else
		findings_ok(&d->f, "database",
		    "%s is not there yet: a restore makes it (PostgreSQL %d, as role %s)",
		    t->name, t->major, t->role);
}

/* In production it is a warning: backups don't need it. */
static int
look_at_restoring(struct doctor *d, const struct target *t, struct err *e)
{
	struct err why = ERR_INIT;

	if (target_check_rights(t, false, &why) == 0) {
		findings_ok(&d->f, "restore",
		    "role %s may make databases, of owner %s", t->role,
		    t->owner);
		return (0);
	}
	return (doctor_failure(d,
	    t->branch->stage == STAGE_PRODUCTION ? FINDING_WARNING
						 : FINDING_ERROR,
	    "restore", &why, "compare with docs/runbook.md", e));
}

static int
look_at_database(
    struct doctor *d, const struct branch_settings *b, struct err *e)
{
	SCOPED(target_free) struct target t = { .branch = b };
	struct err why = ERR_INIT;

	if (target_open(&t, b, &why) < 0)
		return (doctor_failure(
		    d, FINDING_ERROR, "database", &why, HINT_SERVER, e));
	judge_database(d, &t);
	if (t.exists && look_at_tables(d, b, t.role, e) < 0)
		return (-1);
	if (look_for_programs(d, t.major, e) < 0)
		return (-1);
	return (look_at_restoring(d, &t, e));
}

/* --- files --------------------------------------------------------------- */

static int
fail_folder(struct doctor *d, const struct branch_settings *b,
    const struct err *why, struct err *e)
{
	SCOPED(scope_free) char *above = mem_string(b->filestore);
	char *slash = strrchr(above, '/');

	if (b->stage == STAGE_PRODUCTION || file_exists(b->filestore))
		return (doctor_failure(d, FINDING_ERROR, "filestore", why,
		    "correct filestore, or let the user that runs triplicate read it",
		    e));
	if (slash != NULL && slash != above)
		*slash = '\0';
	if (access(above, W_OK | X_OK) == 0 || !file_exists(above))
		findings_ok(&d->f, "filestore",
		    "%s is not there yet: a restore makes it", b->filestore);
	else
		findings_error(&d->f, "filestore",
		    "let the user that runs triplicate write there",
		    "%s is not there, and can't be made: no right to write above it",
		    b->filestore);
	return (0);
}

/* The first entries: a folder of another user is found, without a walk through
 * a million files. */
static int
look_through(struct doctor *d, const struct branch_settings *b,
    struct filestore *files, struct err *e)
{
	struct filestore_entry *entry = mem_new(sizeof(*entry));
	SCOPED(scope_free) void *owned = entry;
	struct err why = ERR_INIT;
	int rc = 0;

	(void)owned;
	for (size_t n = 0; n < WALK_MAX; n++) {
		if ((rc = filestore_next(files, entry, &why)) <= 0)
			break;
		if (entry->kind != FILESTORE_UNREADABLE)
			continue;
		err_set(&why, ERR_SOURCE, "%s/%s can't be read", b->filestore,
		    entry->path);
		rc = -1;
		break;
	}
	if (rc < 0)
		return (doctor_failure(d, grave(b), "filestore", &why,
		    "let the user that runs triplicate read all of it, as Odoo's own user can",
		    e));
	if (access(b->filestore, W_OK | X_OK) < 0)
		findings_warning(&d->f, "filestore",
		    "let the user that runs triplicate write there",
		    "%s can be read, but not written, so it can't be restored",
		    b->filestore);
	else
		findings_ok(&d->f, "filestore", "%s can be read and written",
		    b->filestore);
	return (0);
}

static int
look_at_filestore(
    struct doctor *d, const struct branch_settings *b, struct err *e)
{
	SCOPED(filestore_freep) struct filestore *files = NULL;
	struct err why = ERR_INIT;

	files = filestore_open(b->filestore, &why);
	return (files == NULL ? fail_folder(d, b, &why, e)
			      : look_through(d, b, files, e));
}

static int
look_at_logs(struct doctor *d, const struct branch_settings *b, struct err *e)
{
	SCOPED(logs_free) struct logs logs = { .n = 0 };
	struct err why = ERR_INIT;
	unsigned unmatched = 0;

	if (logs_find(b->logs, &logs, &unmatched, &why) < 0)
		return (doctor_failure(d, grave(b), "logs", &why,
		    "let the user that runs triplicate read them", e));
	for (size_t i = 0; i < logs.n; i++) {
		if (access(logs.paths[i], R_OK) == 0)
			continue;
		findings_warning(&d->f, "logs",
		    "let the user that runs triplicate read them (group adm, …)",
		    "%s can't be read", logs.paths[i]);
		return (0);
	}
	if (unmatched > 0)
		findings_warning(&d->f, "logs", "correct logs, or take it out",
		    "%u patterns of '%s' match no file", unmatched, b->logs);
	else
		findings_ok(&d->f, "logs", "%zu files", logs.n);
	return (0);
}

int
doctor_branch(
    struct doctor *d, const struct branch_settings *branch, struct err *e)
{
	SCOPED(scope_free)
	char *subject = mem_printf("branch %s", branch->name);
	int rc = 0;

	d->f.subject = subject;
	if (branch->database != NULL)
		rc = look_at_database(d, branch, e);
	if (rc == 0 && branch->filestore != NULL)
		rc = look_at_filestore(d, branch, e);
	if (rc == 0 && branch->logs != NULL)
		rc = look_at_logs(d, branch, e);
	d->f.subject = NULL;
	return (rc);
}
