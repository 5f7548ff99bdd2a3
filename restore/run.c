/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of a restore into a branch, read aloud in restore_run: look, plan,
 * make the database in the dark, add the files, swap, make the folder equal,
 * let the replaced one go.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/stage.h"
#include "restore/check.h"
#include "restore/folder_sink.h"
#include "restore/live_files.h"
#include "restore/logs_sink.h"
#include "restore/rebuild.h"
#include "restore/replaced.h"
#include "restore/restore.h"
#include "restore/side_tables.h"

/* One restore into a branch, all parts of it. */
struct into {
	struct restoring j;
	struct target t;
	struct journal journal;
	struct rebuild rebuild;
	struct folder_sink *sink;
	size_t *places; /* of the tables asked for */
	bool from_template;
	struct restore_result *out;
};

static void
into_free(struct into *x)
{
	folder_sink_free(x->sink);
	rebuild_free(&x->rebuild);
	target_free(&x->t);
	free(x->places);
	restoring_free(&x->j);
}

/* --- looking --- */

/* Everything that can refuse, with contents open. */
static int
look(struct into *x, struct err *e)
{
	struct restoring *j = &x->j;
	const struct restore_conf *conf = j->conf;
	bool ignored;

	x->places = mem_array(conf->ntables + 1, sizeof(*x->places));
	if (conf->ntables > 0 && check_tables(j, x->places, e) < 0)
		return (-1);
	if (j->wants_database) {
		if (target_open(&x->t, conf->to, e) < 0 ||
		    target_take_owner(&x->t,
			json_get_string(
			    json_get(x->j.facts, "database"), "owner"),
			e) < 0)
			return (-1);
		/* Side tables leave the extensions that they don't need. */
		if (conf->ntables > 0
			? target_check_rights(&x->t, true, e) < 0
			: check_database(j, &x->t, &x->from_template, e) < 0)
			return (err_within(e, "branch %s", conf->to->name));
	}
	ignored = conf->force;
	if (j->wants_filestore &&
	    check_folder(conf->to->filestore, 0, ignored, e) < 0)
		return (err_within(e, "branch %s", conf->to->name));
	return (0);
}

static int
open_sink(struct into *x, bool dry, struct err *e)
{
	struct restoring *j = &x->j;
	const struct folder_sink_conf conf = { .r = j->r,
		.fetch = j->fetch,
		.contents = j->contents,
		.remarks = j->remarks,
		.folder = j->conf->to->filestore,
		.owner = j->conf->to->owner,
		.id = j->id,
		.notes = j->folder,
		.dry = dry };
	struct folder_sink_totals totals;

	if ((x->sink = folder_sink_open(&conf, e)) == NULL ||
	    folder_sink_plan(x->sink, e) < 0)
		return (-1);
	folder_sink_totals(x->sink, &totals);
	return (check_folder(conf.folder, totals.bytes - totals.reused_bytes,
	    j->conf->force, e));
}

/* What will be read is expected of fetch. */
static int
plan(struct into *x, bool dry, struct err *e)
{
	struct restoring *j = &x->j;
	const struct stored_table *tables = NULL;
	size_t i, n;

	if (j->conf->ntables == 0 && j->wants_database &&
	    rebuild_plan(j, e) < 0)
		return (-1);
	if (j->conf->ntables > 0 &&
	    contents_tables(j->contents, &tables, &n, e) < 0)
		return (-1);
	for (i = 0; i < j->conf->ntables; i++) {
		SCOPED(recipe_free) struct recipe r = RECIPE_INIT;

		if (contents_recipe(
			j->contents, tables[x->places[i]].stream, &r, e) < 0 ||
		    fetch_expect_recipe(j->fetch, &r, e) < 0)
			return (-1);
	}
	if (j->wants_filestore && open_sink(x, dry, e) < 0)
		return (-1);
	if (!dry)
		fetch_ahead(j->fetch);
	return (0);
}

int
restore_check(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, struct json *warnings, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks = { .list = NULL };
	SCOPED(into_free)
	struct into x = { .j = { .lock = -1, .branch_lock = -1 } };
	int rc;

	remarks_init(&remarks);
	rc = restoring_open(&x.j, r, backup, conf, &remarks, e);
	if (rc == 0)
		rc = look(&x, e);
	if (warnings != NULL)
		remarks_move(&remarks, warnings);
	return (rc);
}

/* --- the dry run --- */

static void
add_overwrites(const struct into *x, struct json *list)
{
	SCOPED(scope_free) char *text = NULL;
	const struct branch_settings *to = x->j.conf->to;

	if (x->j.conf->ntables > 0)
		return;
	if (x->j.wants_database && x->t.exists) {
		text = mem_printf(
		    "database %s (of role %s)", x->t.name, x->t.old_owner);
		json_append_string(list, text);
	}
	if (x->j.wants_filestore && file_exists(to->filestore)) {
		free(text);
		text = mem_printf("the files in %s", to->filestore);
		json_append_string(list, text);
	}
}

/* Rates of a small machine; a plan is no promise. */
static double
estimate(const struct into *x, uint64_t to_fetch)
{
	const double fetch_rate = 40e6, database_rate = 8e6, start = 2.0;
	double bytes = (double)json_get_integer(
	    json_get(x->j.facts, "database"), "bytes", 0);

	if (!x->j.wants_database || x->j.conf->ntables > 0)
		bytes = 0;
	return (start + (double)to_fetch / fetch_rate + bytes / database_rate);
}

int
restore_plan(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, struct plan_totals *out, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks = { .list = NULL };
	SCOPED(into_free)
	struct into x = { .j = { .lock = -1, .branch_lock = -1 } };
	struct fetch_totals totals;
	struct folder_sink_totals files = { .files = 0 };
	int rc;

	remarks_init(&remarks);
	rc = restoring_open(&x.j, r, backup, conf, &remarks, e);
	if (rc == 0)
		rc = look(&x, e);
	if (rc == 0)
		rc = plan(&x, true, e);
	if (rc == 0) {
		fetch_totals(x.j.fetch, &totals);
		if (x.sink != NULL)
			folder_sink_totals(x.sink, &files);
		out->bytes = totals.to_fetch;
		out->objects = totals.objects;
		out->reused = files.reused_bytes;
		out->seconds = estimate(&x, totals.to_fetch);
		add_overwrites(&x, out->overwrites);
	}
	remarks_move(&remarks, out->warnings);
	return (rc);
}

/* --- doing --- */

static int
begin_journal(struct into *x, struct err *e)
{
	struct journal *journal = &x->journal;
	const struct branch_settings *to = x->j.conf->to;

	(void)snprintf(journal->id, sizeof(journal->id), "%s", x->j.id);
	(void)snprintf(
	    journal->backup, sizeof(journal->backup), "%s", x->j.m->id);
	(void)snprintf(
	    journal->branch, sizeof(journal->branch), "%s", to->name);
	if (x->j.wants_filestore)
		(void)snprintf(journal->filestore, sizeof(journal->filestore),
		    "%s", to->filestore);
	journal->was_open = true;
	return (journal_save(x->j.folder, journal, e));
}

/* Everything up to the swap. */
static int
prepare_all(struct into *x, struct err *e)
{
	if (x->j.wants_database) {
		x->rebuild = (struct rebuild){ .j = &x->j,
			.t = &x->t,
			.out = x->out,
			.journal = &x->journal,
			.from_template = x->from_template };
		if (rebuild_make(&x->rebuild, e) < 0)
			return (-1);
	}
	if (x->sink != NULL && folder_sink_add(x->sink, e) < 0)
		return (-1);
	stage_reached("files added");
	return (0);
}

/* Takes everything back; what can't be is left to the next run. */
static void
undo(struct into *x)
{
	struct err e = ERR_INIT;
	bool clean = true;

	if (x->rebuild.j != NULL) {
		rebuild_abandon(&x->rebuild);
		clean = !x->rebuild.made;
	}
	if (x->sink != NULL &&
	    live_files_undo(x->j.conf->to, &x->journal, x->j.folder, &e) < 0) {
		remarks_warn(x->j.remarks,
		    "files could not be taken back, the next restore will: %s",
		    e.text);
		clean = false;
	}
	if (clean)
		(void)!journal_remove(x->j.folder, &e);
}

/* Did the swap happen, although its answer was lost? */
static bool
may_have_swapped(struct into *x)
{
	struct target again;
	struct err e = ERR_INIT;
	bool hidden = false;

	if (x->journal.phase != JOURNAL_SWAPPING)
		return (false);
	if (PQstatus(x->t.c) == CONNECTION_OK &&
	    target_has_database(&x->t, x->rebuild.hidden.name, &hidden, &e) ==
		0)
		return (!hidden);
	/* A new connection: the old one may be what was lost. */
	if (target_open(&again, x->j.conf->to, &e) < 0 ||
	    target_has_database(&again, x->rebuild.hidden.name, &hidden, &e) <
		0) {
		target_free(&again);
		return (true);
	}
	target_free(&x->t);
	x->t = again;
	return (!hidden);
}

static int
swap(struct into *x, struct err *e)
{
	SCOPED(scope_free) char *kept = NULL;
	char *name = x->journal.replaced;
	int64_t now = clock_now();

	if (x->rebuild.j == NULL) {
		x->journal.phase = JOURNAL_SWAPPED;
		x->journal.swapped = now;
		return (journal_save(x->j.folder, &x->journal, e));
	}
	if (x->t.exists && replaced_name(&x->t, now, name, e) < 0)
		return (-1);
	if (x->t.exists && replaced_is_kept(x->t.branch, now, true, now)) {
		x->journal.swapped = now;
		if ((kept = replaced_paths(x->j.r, x->t.branch, name, e)) ==
		    NULL)
			return (-1);
	}
	return (rebuild_swap(&x->rebuild, now, kept, e));
}

static int
keep_files(const char *paths, void *arg, struct err *e)
{
	return (folder_sink_keep(arg, paths, e));
}

/* After the swap nothing may fail the restore as a whole: what is left over is
 * said, and done by the next run where it can be. */
static void
tidy(struct into *x)
{
	struct err e = ERR_INIT;
	unsigned dropped;
	bool there = false;

	if (x->rebuild.j != NULL &&
	    replaced_sweep(
		x->j.r, &x->t, &dropped, NULL, NULL, x->j.remarks, &e) < 0) {
		remarks_look_at(x->j.remarks,
		    "replaced databases could not be looked after: %s", e.text);
		return;
	}
	stage_reached("replaced databases swept");
	if (x->journal.replaced[0] != '\0' &&
	    target_has_database(&x->t, x->journal.replaced, &there, &e) == 0 &&
	    there)
		(void)snprintf(x->out->replaced, sizeof(x->out->replaced), "%s",
		    x->journal.replaced);
	if (x->sink != NULL &&
	    (replaced_each(x->j.r, x->j.conf->to, keep_files, x->sink, &e) !=
		    0 ||
		folder_sink_finish(x->sink, x->journal.swapped, &e) < 0)) {
		remarks_look_at(x->j.remarks,
		    "folder %s is not equal to the backup yet: %s",
		    x->journal.filestore, e.text);
		return;
	}
	stage_reached("folder equal");
	(void)!journal_remove(x->j.folder, &e);
	stage_reached("restore record removed");
}

static void
tell(struct into *x)
{
	struct folder_sink_totals files;

	if (x->rebuild.j != NULL) {
		x->out->has_database = true;
		(void)snprintf(x->out->database, sizeof(x->out->database), "%s",
		    x->t.name);
	}
	if (x->sink == NULL)
		return;
	folder_sink_totals(x->sink, &files);
	x->out->has_files = true;
	x->out->files = files.files;
	x->out->files_fetched = files.fetched;
	x->out->files_reused = files.reused;
	x->out->bytes_reused = files.reused_bytes;
}

static int
lock_branch(struct restoring *j, struct err *e)
{
	j->branch_lock = restoring_lock_branch(j->r, j->conf->to->name, e);
	return (j->branch_lock < 0 ? -1 : 0);
}

static int
into_branch(struct into *x, struct err *e)
{
	struct restoring *j = &x->j;

	if (lock_branch(j, e) < 0 || look(x, e) < 0 || plan(x, false, e) < 0 ||
	    begin_journal(x, e) < 0)
		return (-1);
	if (prepare_all(x, e) < 0) {
		undo(x);
		return (-1);
	}
	if (swap(x, e) < 0 && !x->rebuild.swapped) {
		if (may_have_swapped(x))
			return (err_within(e,
			    "the swap's outcome is unknown; the next restore "
			    "finds out and finishes"));
		undo(x);
		return (-1);
	}
	err_clear(e);
	tidy(x);
	tell(x);
	return (0);
}

/* Tables into a schema of their own. */
static int
into_schema(struct into *x, struct err *e)
{
	struct err ignored = ERR_INIT;
	int rc;

	if (lock_branch(&x->j, e) < 0 || look(x, e) < 0 ||
	    plan(x, false, e) < 0 || begin_journal(x, e) < 0)
		return (-1);
	rc = side_tables_restore(
	    &x->j, &x->t, x->places, &x->journal, x->out, e);
	(void)!journal_remove(x->j.folder, &ignored);
	return (rc);
}

static int
run(struct into *x, struct err *e)
{
	struct restoring *j = &x->j;

	if (!restoring_is_whole(j))
		remarks_look_at(j->remarks,
		    "backup %s is incomplete: something is missing in it",
		    j->m->id);
	if (j->conf->ntables > 0)
		return (into_schema(x, e));
	if ((j->wants_database || j->wants_filestore) && into_branch(x, e) < 0)
		return (-1);
	return (j->wants_logs ? logs_sink_restore(j, x->out, e) : 0);
}

int
restore_run(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, struct restore_result *out, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks = { .list = NULL };
	SCOPED(into_free)
	struct into x = { .j = { .lock = -1, .branch_lock = -1 } };
	uint64_t began = clock_ticks_ms();
	int rc;

	x.out = out;
	remarks_init(&remarks);
	rc = restore_cleanup(r, e);
	if (rc == 0)
		rc = restoring_open(&x.j, r, backup, conf, &remarks, e);
	if (rc == 0)
		rc = run(&x, e);
	if (rc == 0)
		fetch_forget_staged(x.j.fetch);
	if (x.j.m != NULL)
		restoring_tell(&x.j, out, clock_ticks_ms() - began);
	return (rc);
}
