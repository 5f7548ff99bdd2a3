/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order: snapshot, watcher, pg_dump, facts, rows, list of attachments,
 * and then the end of the snapshot, whose success proves that the tables were
 * held all the time. Production's ALTER TABLEs wait for us no longer than
 * that: reading the attachments, which may take hours, holds no table up.
 */
#include "backupd/database.h"

#include <stdlib.h>

#include "backupd/definitions.h"
#include "backupd/facts.h"
#include "backupd/run.h"
#include "backupd/tables.h"
#include "backupd/watch.h"
#include "base/log.h"
#include "base/stage.h"

#define TRIES_MAX 3

/* What the facts say of pg_dump, and of what is in its archive. */
static void
add_archive_facts(const struct database *db, struct json *facts)
{
	struct json *archive = json_object();

	json_set_integer(archive, "stream", (int64_t)db->archive_stream);
	json_set_string(archive, "pg_dump", db->archive.command.version);
	json_set_integer(archive, "entries", (int64_t)db->archive.list.entries);
	json_set(facts, "archive", archive);
}

/* What can be asked only in the snapshot, on the leading connection. */
static int
ask_in_snapshot(struct database *db, struct json *facts, struct err *e)
{
	PGconn *c = db->snapshot.leader;
	struct json *odoo;

	facts_server_version(c, db->server_version, sizeof(db->server_version));
	db->name = mem_string(PQdb(c));
	if (facts_read(c, facts, e) < 0 || odoo_find(c, &db->odoo, e) < 0 ||
	    (odoo = odoo_facts(c, &db->odoo, e)) == NULL)
		return (-1);
	json_set(facts, "odoo", odoo);
	db->bytes = (uint64_t)json_get_integer(
	    json_get(facts, "database"), "bytes", 0);
	return (0);
}

static void
count(struct database *db)
{
	for (size_t i = 0; i < db->snapshot.tables.n; i++) {
		db->tables += db->snapshot.tables.v[i].is_copied;
		db->rows += db->snapshot.tables.v[i].rows;
	}
}

static int
read_all(
    struct run *run, struct database *db, struct json *facts, struct err *e)
{
	progress_phase(run->progress, "snapshot", 0);
	if (snapshot_take(run, &db->snapshot, e) < 0 ||
	    (db->watch = watch_start(run, &db->snapshot, e)) == NULL)
		return (-1);
	stage_reached("snapshot taken");
	if (archive_start(run, &db->snapshot, &db->archive, e) < 0)
		return (-1);
	stage_reached("pg_dump started");
	if (ask_in_snapshot(db, facts, e) < 0 ||
	    tables_copy(run, &db->snapshot, &db->archive, e) < 0)
		return (-1);
	stage_reached("rows read");
	if (run->branch->filestore != NULL &&
	    proof_open(db->snapshot.leader, &db->odoo, &db->proof, e) < 0)
		return (-1);
	if (snapshot_end(&db->snapshot, e) < 0)
		return (-1);
	watch_snapshot_ended(db->watch);
	stage_reached("snapshot ended");
	return (0);
}

/*
 * A failure may be what follows from another one: the watcher gave way; the
 * session that holds the snapshot was ended, and its snapshot is unknown now;
 * or pg_dump asked for what somebody had dropped.
 */
static void
find_cause(struct run *run, struct database *db, struct err *e)
{
	struct err first = ERR_INIT, changed = ERR_INIT;

	if (e->kind == ERR_STOPPED)
		return;
	if (snapshot_is_lost(&db->snapshot, e))
		return;
	if (run_outcome(run, &first) < 0)
		*e = first;
	if (e->kind != ERR_DATABASE || db->archive.definitions == NULL ||
	    definitions_compare(run, db->archive.definitions, &changed) == 0 ||
	    changed.kind != ERR_AGAIN)
		return;
	(void)err_within(&changed, "%s", e->text);
	*e = changed;
}

/* One try, from a snapshot of its own to its end. */
static int
try_once(
    struct run *run, struct database *db, struct json *facts, struct err *e)
{
	if (read_all(run, db, facts, e) == 0)
		return (0);
	find_cause(run, db, e);
	return (-1);
}

/* Lets go of all locks, so that whoever waits for them goes first. */
static void
start_over(struct run *run, struct database *db, size_t mark, struct err *e)
{
	log_info("%s: starting over with a new snapshot: %s", run->branch->name,
	    e->text);
	err_clear(e);
	database_free(db);
	*db = (struct database){ .watch = NULL };
	run_reset(run, mark);
}

int
database_copy(
    struct run *run, struct database *db, struct json *facts, struct err *e)
{
	size_t mark = run_mark(run);

	for (unsigned tries = 1; try_once(run, db, facts, e) < 0; tries++) {
		if (e->kind != ERR_AGAIN)
			return (-1);
		e->kind = ERR_DATABASE;
		if (tries == TRIES_MAX)
			return (err_within(e, "%d tries", TRIES_MAX));
		start_over(run, db, mark, e);
	}
	count(db);
	if (archive_add(run, &db->archive, &db->archive_stream, e) < 0 ||
	    ingest_cut_recipes(run->in, e) < 0 ||
	    tables_add(run, &db->snapshot, e) < 0 ||
	    ingest_cut_recipes(run->in, e) < 0)
		return (-1);
	add_archive_facts(db, facts);
	return (0);
}

void
database_release(struct database *db)
{
	watch_freep(&db->watch);
	guard_free(&db->snapshot.guard);
}

void
database_free(struct database *db)
{
	watch_freep(&db->watch);
	archive_free(&db->archive);
	proof_free(&db->proof);
	snapshot_free(&db->snapshot);
	odoo_free(&db->odoo);
	free(TAKE(db->name));
}

struct json *
database_counts(const struct database *db)
{
	struct json *j = json_object();

	json_set_string(j, "name", db->name);
	json_set_string(j, "server_version", db->server_version);
	json_set_string(j, "odoo_version",
	    db->odoo.version[0] != '\0' ? db->odoo.version : NULL);
	json_set_integer(j, "bytes", (int64_t)db->bytes);
	json_set_integer(j, "tables", (int64_t)db->tables);
	json_set_integer(j, "rows", (int64_t)db->rows);
	return (j);
}
