/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of a database's restore, read from rebuild_make and rebuild_swap.
 * What always holds: until target_swap's COMMIT the branch's database is as it
 * was (shut at most, and opened again), and no session but ours was ever in the
 * new one.
 */
#include "restore/rebuild.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/stage.h"
#include "base/stop.h"
#include "restore/counts.h"
#include "restore/neutralize.h"
#include "restore/paths_file.h"
#include "restore/programs.h"
#include "restore/properties.h"
#include "restore/rows.h"

void
rebuild_free(struct rebuild *b)
{
	hidden_free(&b->hidden);
	toc_free(&b->toc);
	make_free(&b->make);
	free(b->archive);
	b->archive = NULL;
}

int
rebuild_plan(struct restoring *j, struct err *e)
{
	const struct stored_table *tables;
	uint32_t archive;
	size_t i, n;
	bool found;

	if (contents_tables(j->contents, &tables, &n, e) < 0 ||
	    contents_archive(j->contents, &archive, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_CORRUPT,
		    "backup %s has a database but no archive", j->m->id));
	for (i = 0; i <= n; i++) {
		SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
		uint32_t stream = i == 0 ? archive : tables[i - 1].stream;

		if (stream == TREE_NO_STREAM)
			continue;
		if (contents_recipe(j->contents, stream, &r, e) < 0 ||
		    fetch_expect_recipe(j->fetch, &r, e) < 0)
			return (-1);
	}
	return (0);
}

/* --- the archive --- */

static int
write_part(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	const int *fd = arg;

	return (file_write(*fd, p, n, e));
}

int
rebuild_archive(struct restoring *j, const char *path, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	SCOPED(scope_close) int fd = -1;
	uint32_t stream;
	bool found;

	fd = file_create(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, e);
	if (fd < 0 || contents_archive(j->contents, &stream, &found, e) < 0 ||
	    contents_recipe(j->contents, stream, &r, e) < 0 ||
	    fetch_stream(j->fetch, &r, write_part, &fd, e) < 0)
		return (err_within(e, "the database's archive in %s", path));
	return (0);
}

/* --- making --- */

/* Extensions that are in the new database before anything is made. */
static int
ask_template(struct rebuild *b, struct err *e)
{
	SCOPED(scope_free) char *names = NULL;

	if (!b->from_template)
		return (0);
	names = pg_value(b->hidden.conns[0],
	    "SELECT ' ' || pg_catalog.string_agg(extname, ' ') || ' ' "
	    "FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'",
	    0, NULL, e);
	if (names == NULL)
		return (e->kind == ERR_NONE ? 0 : -1);
	b->make.template_has = TAKE(names);
	return (0);
}

int
rebuild_prepare(struct rebuild *b, struct err *e)
{
	struct restoring *j = b->j;
	const struct branch_settings *to = j->conf->to;
	struct target_locale l;
	SCOPED(scope_free) char *pg_restore = NULL;
	bool newer;

	b->archive = file_join(j->folder, "archive");
	b->hidden.reader = programs_reader(j->facts);
	pg_restore = programs_find(
	    "pg_restore", b->t->major, b->hidden.reader, &newer, e);
	if (pg_restore == NULL || rebuild_archive(j, b->archive, e) < 0 ||
	    toc_read(pg_restore, b->archive, &b->toc, e) < 0)
		return (-1);
	target_locale_of(j->facts, &l);
	hidden_name(j->id, b->hidden.name);
	(void)snprintf(b->journal->hidden, sizeof(b->journal->hidden), "%s",
	    b->hidden.name);
	if (journal_save(j->folder, b->journal, e) < 0)
		return (-1);
	b->made = true;
	if (hidden_make(&b->hidden, b->t, &l, b->from_template,
		j->r->settings->jobs, j->remarks, e) < 0)
		return (-1);
	b->make = (struct make){ .h = &b->hidden,
		.toc = &b->toc,
		.archive = b->archive,
		.folder = j->folder,
		.facts = j->facts,
		.remarks = j->remarks,
		.source_owners = to->stage == STAGE_PRODUCTION &&
		    to->owner == NULL,
		.neutral = to->stage != STAGE_PRODUCTION };
	if (contents_tables(j->contents, &b->make.tables, &b->make.ntables, e) <
		0 ||
	    ask_template(b, e) < 0 || make_prepare(&b->make, e) < 0)
		return (-1);
	make_filter(&b->make);
	return (0);
}

/* Rows come in over all connections while the first session takes sequences
 * and large objects. */
static int
fill(struct rebuild *b, struct err *e)
{
	struct restoring *j = b->j;
	const struct stored_table *tables;
	struct rows *rows;
	uint64_t bytes = 0;
	size_t i, n;

	if (contents_tables(j->contents, &tables, &n, e) < 0)
		return (-1);
	for (i = 0; i < n; i++) {
		bytes += tables[i].bytes;
		if (tables[i].unreadable)
			remarks_look_at(j->remarks,
			    "table %s.%s is empty: its rows could not be read "
			    "when the backup was made",
			    tables[i].schema, tables[i].name);
	}
	progress_phase(j->r->progress, "tables", bytes);
	rows = rows_start(j->fetch, j->contents, tables, n, b->hidden.conns,
	    b->hidden.nconns, j->r->progress);
	if (make_data(&b->make, e) < 0) {
		rows_abandon(rows);
		return (-1);
	}
	return (rows_finish(rows, &b->out->tables, &b->out->rows, e));
}

/* A table's size by its oid, for dealing. */
static uint64_t
table_bytes(uint32_t oid, void *arg)
{
	struct restoring *j = arg;
	const struct stored_table *tables;
	struct err ignored = ERR_INIT;
	size_t i, n;

	if (oid == 0 || contents_tables(j->contents, &tables, &n, &ignored) < 0)
		return (0);
	for (i = 0; i < n; i++)
		if (tables[i].oid == (int64_t)oid)
			return (tables[i].bytes);
	return (0);
}

/* --- neutralization --- */

/* What the branch and the backup's facts say of it. */
static void
fill_neutralize_conf(const struct branch_settings *to, const struct json *facts,
    struct neutralize_conf *out)
{
	const struct json *odoo = json_get(facts, "odoo");

	*out = (struct neutralize_conf){
		.mail_catcher = to->mail_catcher,
		.base_url = to->base_url,
		.addons_path = to->addons_path,
		.source_uuid = json_get_string(odoo, "uuid"),
		.source_secret = json_get_string(odoo, "secret"),
		.source_base_url = json_get_string(odoo, "base_url"),
	};
}

static int
neutralize(struct rebuild *b, struct err *e)
{
	struct neutralize_report *report;
	struct neutralize_conf conf;
	size_t i;
	int rc;

	if (!b->make.neutral)
		return (0);
	progress_phase(b->j->r->progress, "neutralize", 0);
	report = mem_new(sizeof(*report));
	neutralize_report_init(report);
	b->out->neutralization = report;
	fill_neutralize_conf(b->j->conf->to, b->j->facts, &conf);
	rc = neutralize_run(b->hidden.conns[0], &conf, report, e);
	if (rc == 0) {
		stage_reached("neutralized");
		rc = neutralize_prove(b->hidden.conns[0], &conf, report, e);
	}
	for (i = 0; i < report->nwarnings; i++)
		remarks_warn(b->j->remarks, "%s", report->warnings[i]);
	for (i = 0; i < report->nunknown; i++)
		remarks_look_at(b->j->remarks,
		    "%s.%s%s%s looks like a credential that no rule knows, and "
		    "is filled %lld times",
		    report->unknown[i].table, report->unknown[i].column,
		    *report->unknown[i].module != '\0' ? ", of module " : "",
		    report->unknown[i].module,
		    (long long)report->unknown[i].count);
	if (rc < 0)
		return (err_within(e, "neutralize"));
	b->out->neutralized = true;
	return (0);
}

/* All that the backup holds. */
static int
make_all(struct rebuild *b, struct progress *progress, struct err *e)
{
	if (make_pre_data(&b->make, e) < 0)
		return (-1);
	stage_reached("schema made");
	if (fill(b, e) < 0)
		return (-1);
	stage_reached("rows done");
	if (make_post_data(&b->make, table_bytes, b->j, progress, e) < 0 ||
	    make_give_away(&b->make, e) < 0 || make_last(&b->make, e) < 0)
		return (-1);
	return (0);
}

/* What an older server does not take was warned of; now it is known. */
static void
hint_at_versions(const struct rebuild *b, struct err *e)
{
	int source = programs_source(b->j->facts);

	if (e->kind == ERR_DATABASE && source > b->t->major)
		(void)err_hint(e,
		    "the backup is of PostgreSQL %d, this server is %d: restore "
		    "it to one that is not older",
		    source, b->t->major);
}

int
rebuild_make(struct rebuild *b, struct err *e)
{
	struct restoring *j = b->j;
	struct progress *progress = j->r->progress;

	progress_phase(progress, "schema", 0);
	if (rebuild_prepare(b, e) < 0)
		return (-1);
	if (make_all(b, progress, e) < 0) {
		hint_at_versions(b, e);
		return (-1);
	}
	stage_reached("post-data done");
	progress_phase(progress, "check", 0);
	if (pg_exec(b->hidden.conns[0], e, "ANALYZE") < 0 ||
	    counts_check(b->hidden.conns[0], j->facts, restoring_is_whole(j),
		j->remarks, e) < 0)
		return (-1);
	stage_reached("checked");
	if (neutralize(b, e) < 0)
		return (-1);
	stage_reached("proven");
	return (0);
}

/* --- the swap --- */

/* The attachments that the replaced database's rows name, some at a time. */
static int
list_kept(PGconn *c, const char *kept, struct err *e)
{
	SCOPED(scope_free) char *odoo = NULL;
	SCOPED(scope_close) int fd = paths_file_open(kept, e);
	int i, n = 1;

	if (fd < 0)
		return (-1);
	odoo = pg_value(c,
	    "SELECT 'odoo' FROM pg_catalog.pg_attribute "
	    "WHERE attrelid = pg_catalog.to_regclass('public.ir_attachment') "
	    "AND attname = 'store_fname'",
	    0, NULL, e);
	if (odoo == NULL)
		return (e->kind == ERR_NONE ? 0 : -1);
	if (pg_exec(c, e,
		"BEGIN; DECLARE names NO SCROLL CURSOR FOR "
		"SELECT DISTINCT store_fname FROM public.ir_attachment "
		"WHERE store_fname IS NOT NULL") < 0)
		return (-1);
	while (n > 0) {
		SCOPED(pg_clearp)
		PGresult *r = pg_query(c, "FETCH 10000 FROM names", 0, NULL, e);

		if (r == NULL)
			return (-1);
		n = PQntuples(r);
		for (i = 0; i < n; i++)
			if (paths_file_add(fd, PQgetvalue(r, i, 0), e) < 0)
				return (-1);
	}
	return (file_sync(fd, e));
}

/* Nobody is in the branch's database any more; what it needs of the filestore
 * is listed by a session that is ended last. */
static int
close_old(struct rebuild *b, const char *kept, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	int pid = 0;

	if (!b->t->exists)
		return (0);
	if (kept != NULL && b->t->open) {
		c = pg_connect(b->t->branch->database, b->t->name, e);
		if (c == NULL)
			return (-1);
		pid = PQbackendPID(c);
	}
	b->shut = b->t->open;
	if (target_shut(b->t, b->t->name, e) < 0)
		return (-1);
	stage_reached("branch shut");
	if (target_clear(b->t, b->t->name, pid != 0 ? 1 : 0, &pid, e) < 0)
		return (-1);
	if (c != NULL && list_kept(c, kept, e) < 0)
		return (-1);
	pg_close(TAKE(c));
	return (target_clear(b->t, b->t->name, 0, NULL, e));
}

int
rebuild_swap(struct rebuild *b, int64_t now, const char *kept, struct err *e)
{
	struct journal *journal = b->journal;
	int limit = -1;

	progress_phase(b->j->r->progress, "swap", 0);
	if (properties_set(&b->hidden, b->j->facts, b->make.source_owners,
		&limit, b->j->remarks, e) < 0)
		return (-1);
	hidden_close(&b->hidden);
	journal->was_open = b->t->open;
	journal->phase = JOURNAL_SWAPPING;
	journal->swapped = now;
	if (journal_save(b->j->folder, journal, e) < 0 ||
	    close_old(b, kept, e) < 0 ||
	    target_clear(b->t, b->hidden.name, 0, NULL, e) < 0 ||
	    stop_check(e) < 0 ||
	    target_swap(b->t, b->hidden.name, journal->replaced, limit, e) < 0)
		return (-1);
	b->swapped = true;
	stage_reached("swapped");
	journal->phase = JOURNAL_SWAPPED;
	return (journal_save(b->j->folder, journal, e));
}

void
rebuild_abandon(struct rebuild *b)
{
	struct err e = ERR_INIT;

	hidden_close(&b->hidden);
	if (b->made &&
	    (target_connect_again(b->t, &e) < 0 ||
		target_drop(b->t, b->hidden.name, &e) < 0))
		remarks_warn(b->j->remarks,
		    "database %s could not be dropped; the next restore will: "
		    "%s",
		    b->hidden.name, e.text);
	else
		b->made = false;
	if (b->shut &&
	    (target_connect_again(b->t, &e) < 0 ||
		target_reopen(b->t, b->t->name, &e) < 0))
		remarks_look_at(b->j->remarks,
		    "database %s could not be opened again: %s", b->t->name,
		    e.text);
	b->shut = false;
}
