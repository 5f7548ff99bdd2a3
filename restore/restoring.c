/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backup and a wish flow in, a folder, a lock and open contents flow out.
 */
#include "restore/restoring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/random.h"
#include "base/stage.h"
#include "restore/tree_check.h"

#define JOURNAL_BYTES_MAX ((size_t)64 << 10)
#define CLAIMS_MAX	  20

static const char *const phases[] = { "making", "swapping", "swapped" };

char *
restoring_parent(const struct repo *r)
{
	return (file_join(r->settings->state, "restores"));
}

/* --- what is wanted --- */

static int
check_branch(const struct restoring *j, struct err *e)
{
	const struct restore_conf *c = j->conf;
	const struct branch_settings *to = c->to;

	if (to == NULL)
		return (0);
	if ((c->only_database || c->ntables > 0) && to->database == NULL)
		return (err_set(
		    e, ERR_USAGE, "branch %s has no database", to->name));
	if (c->only_filestore && to->filestore == NULL)
		return (err_set(
		    e, ERR_USAGE, "branch %s has no filestore", to->name));
	if (c->only_logs && to->logs == NULL)
		return (
		    err_set(e, ERR_USAGE, "branch %s has no logs", to->name));
	return (0);
}

static int
check_backup(const struct restoring *j, bool database, bool filestore,
    bool logs, struct err *e)
{
	const struct restore_conf *c = j->conf;

	if ((c->only_database || c->ntables > 0) && !database)
		return (err_set(
		    e, ERR_USAGE, "backup %s has no database", j->m->id));
	if (c->only_filestore && !filestore)
		return (err_set(
		    e, ERR_USAGE, "backup %s has no filestore", j->m->id));
	if (c->only_logs && !logs)
		return (
		    err_set(e, ERR_USAGE, "backup %s has no logs", j->m->id));
	return (0);
}

int
restoring_wants(struct restoring *j, struct err *e)
{
	const struct restore_conf *c = j->conf;
	const struct json *source = json_get(j->facts, "source");
	bool database = json_get_string(source, "database") != NULL;
	bool filestore = json_get_string(source, "filestore") != NULL;
	bool logs = json_get_string(source, "logs") != NULL;
	bool only = c->only_database || c->only_filestore || c->only_logs;

	if (!j->m->has_private) {
		(void)err_set(e, ERR_KEY,
		    "backup %s can't be opened without the restore key",
		    j->m->id);
		return (err_hint(e, "set restore-key in the configuration"));
	}
	if (check_backup(j, database, filestore, logs, e) < 0 ||
	    check_branch(j, e) < 0)
		return (-1);
	j->wants_database = c->ntables > 0 ||
	    (only ? c->only_database : database);
	j->wants_filestore = c->ntables == 0 &&
	    (only ? c->only_filestore : filestore);
	j->wants_logs = c->ntables == 0 && c->only_logs;
	if (c->to == NULL)
		return (0);
	if (j->wants_database && c->to->database == NULL) {
		j->wants_database = false;
		remarks_warn(j->remarks,
		    "branch %s has no database: the backup's is not restored",
		    c->to->name);
	}
	if (j->wants_filestore && c->to->filestore == NULL) {
		j->wants_filestore = false;
		remarks_warn(j->remarks,
		    "branch %s has no filestore: the backup's is not restored",
		    c->to->name);
	}
	if (!j->wants_database && !j->wants_filestore && !j->wants_logs) {
		(void)err_set(e, ERR_USAGE,
		    "backup %s has nothing for branch %s", j->m->id,
		    c->to->name);
		return (err_hint(e, "streams and logs come out with --to-dir"));
	}
	return (0);
}

/* --- opening --- */

/* False, and e empty, when another process's cleanup took the folder for a dead
 * restore's before its lock was ours. */
static bool
claim_folder(struct restoring *j, struct err *e)
{
	SCOPED(scope_free) char *parent = restoring_parent(j->r);
	SCOPED(scope_free) char *lock = NULL;

	random_hex(j->id, 8);
	free(j->folder);
	j->folder = file_join(parent, j->id);
	if (file_make_folders(j->folder, 0700, e) < 0)
		return (false);
	lock = file_join(j->folder, "lock");
	j->lock = file_lock(lock, e);
	if (j->lock >= 0 && file_exists(lock))
		return (true);
	scope_close(&j->lock);
	if (e->kind == ERR_MISSING || e->kind == ERR_LOCKED)
		err_clear(e);
	return (false);
}

static int
make_folder(struct restoring *j, struct err *e)
{
	for (unsigned i = 0; i < CLAIMS_MAX; i++) {
		if (claim_folder(j, e))
			return (0);
		if (e->kind != ERR_NONE)
			return (-1);
	}
	return (err_set(e, ERR_LOCKED,
	    "no folder of its own in %s/restores: others remove it",
	    j->r->settings->state));
}

int
restoring_open(struct restoring *j, struct repo *r,
    const struct catalog_entry *backup, const struct restore_conf *conf,
    struct remarks *remarks, struct err *e)
{
	*j = (struct restoring){ .r = r,
		.backup = backup,
		.m = &backup->m,
		.facts = json_names_of(backup->m.facts),
		.conf = conf,
		.remarks = remarks,
		.lock = -1,
		.branch_lock = -1 };
	if (restoring_wants(j, e) < 0 || make_folder(j, e) < 0 ||
	    state_job_begin(r->state, &j->job, e) < 0 ||
	    state_claim_backup(&j->job, j->m->id, e) < 0)
		return (-1);
	stage_reached("backup claimed");
	progress_phase(r->progress, "plan", 0);
	if ((j->fetch = fetch_new(r, j->folder, remarks, e)) == NULL ||
	    (j->contents = contents_open(j->fetch, j->m, j->folder, e)) == NULL)
		return (-1);
	if (tree_check(j->contents, j->folder, e) < 0)
		return (err_within(e, "backup %s", j->m->id));
	return (0);
}

int
restoring_lock_branch(const struct repo *r, const char *branch, struct err *e)
{
	SCOPED(scope_free) char *parent = restoring_parent(r);
	SCOPED(scope_free)
	char *path = mem_printf("%s/.%s.lock", parent, branch);
	int lock;

	if (file_make_folders(parent, 0700, e) < 0)
		return (-1);
	lock = file_lock(path, e);
	if (lock < 0 && e->kind == ERR_LOCKED)
		return (err_set(e, ERR_LOCKED,
		    "another restore into branch %s is under way", branch));
	return (lock);
}

bool
restoring_is_whole(const struct restoring *j)
{
	return (strcmp(catalog_state(j->backup), "incomplete") != 0);
}

void
restoring_free(struct restoring *j)
{
	struct err ignored = ERR_INIT;
	struct journal rec;
	bool keep = false;

	contents_free(j->contents);
	fetch_free(j->fetch);
	if (j->folder != NULL) {
		if (journal_load(j->folder, &rec, &keep, &ignored) < 0)
			keep = true;
		if (!keep)
			(void)!file_remove_tree(j->folder, &ignored);
	}
	state_job_end(&j->job);
	scope_close(&j->lock);
	scope_close(&j->branch_lock);
	json_free(j->facts);
	free(j->folder);
	*j = (struct restoring){ .lock = -1, .branch_lock = -1 };
}

void
restoring_tell(struct restoring *j, struct restore_result *out, uint64_t ms)
{
	const struct repo *r = j->r;
	struct fetch_totals totals;
	size_t i;

	out->seconds = (double)ms / 1000.0;
	(void)snprintf(out->backup, sizeof(out->backup), "%s", j->m->id);
	if (j->conf->to != NULL)
		(void)snprintf(
		    out->target, sizeof(out->target), "%s", j->conf->to->name);
	remarks_move(j->remarks, out->warnings);
	out->something_to_look_at = j->remarks->look_at;
	out->damage_met = j->remarks->damage;
	if (j->fetch == NULL)
		return;
	fetch_totals(j->fetch, &totals);
	out->nendpoints = r->nendpoints;
	out->away = totals.away;
	for (i = 0; i < r->nendpoints; i++) {
		(void)snprintf(out->endpoints[i].name,
		    sizeof(out->endpoints[i].name), "%s",
		    r->endpoints[i].conf->name);
		out->endpoints[i].bytes_fetched = totals.fetched[i];
		out->bytes_fetched += totals.fetched[i];
	}
}

/* --- the journal --- */

static char *
journal_path(const char *folder)
{
	return (file_join(folder, "journal.json"));
}

int
journal_save(const char *folder, const struct journal *rec, struct err *e)
{
	SCOPED(json_freep) struct json *j = json_object();
	SCOPED(scope_free) char *path = journal_path(folder);
	SCOPED(buf_free) struct buf text = BUF_INIT;

	json_set_string(j, "id", rec->id);
	json_set_string(j, "backup", rec->backup);
	json_set_string(j, "branch", rec->branch);
	json_set_string(j, "hidden", rec->hidden);
	json_set_name(j, "replaced", rec->replaced);
	json_set_bool(j, "was_open", rec->was_open);
	json_set_string(j, "filestore", rec->filestore);
	json_set_string(j, "scratch", rec->scratch);
	json_set_string(j, "phase", phases[rec->phase]);
	json_set_integer(j, "swapped", rec->swapped);
	json_write(j, true, &text);
	return (file_save(path, 0600, text.p, text.n, e));
}

static void
take_text(const struct json *j, const char *key, char *out, size_t n)
{
	const char *text = json_get_string(j, key);

	(void)snprintf(out, n, "%s", text != NULL ? text : "");
}

int
journal_load(
    const char *folder, struct journal *rec, bool *found, struct err *e)
{
	SCOPED(scope_free) char *path = journal_path(folder);
	SCOPED(buf_free) struct buf text = BUF_INIT;
	SCOPED(json_freep) struct json *parsed = NULL, *j = NULL;
	char phase[16];
	int i;

	*found = false;
	*rec = (struct journal){ .phase = JOURNAL_MAKING };
	if (!file_exists(path))
		return (0);
	if (file_load(path, JOURNAL_BYTES_MAX, &text, e) < 0 ||
	    (parsed = json_parse((const char *)text.p, text.n, e)) == NULL)
		return (err_within(e, "%s", path));
	j = json_names_of(parsed);
	*found = true;
	take_text(j, "id", rec->id, sizeof(rec->id));
	take_text(j, "backup", rec->backup, sizeof(rec->backup));
	take_text(j, "branch", rec->branch, sizeof(rec->branch));
	take_text(j, "hidden", rec->hidden, sizeof(rec->hidden));
	take_text(j, "replaced", rec->replaced, sizeof(rec->replaced));
	take_text(j, "filestore", rec->filestore, sizeof(rec->filestore));
	take_text(j, "scratch", rec->scratch, sizeof(rec->scratch));
	take_text(j, "phase", phase, sizeof(phase));
	rec->was_open = json_get_bool(j, "was_open", true);
	rec->swapped = json_get_integer(j, "swapped", 0);
	for (i = 0; i < 3; i++)
		if (strcmp(phase, phases[i]) == 0)
			rec->phase = (enum journal_phase)i;
	return (0);
}

char *
restoring_scratch(struct restoring *j, const char *folder, struct err *e)
{
	struct journal journal = { .phase = JOURNAL_MAKING };
	char whole[4096]; /* it outlives our working directory */

	if (realpath(folder, whole) == NULL) {
		(void)err_errno(e, "folder %s", folder);
		return (NULL);
	}
	(void)snprintf(journal.id, sizeof(journal.id), "%s", j->id);
	(void)snprintf(journal.backup, sizeof(journal.backup), "%s", j->m->id);
	(void)snprintf(journal.scratch, sizeof(journal.scratch),
	    "%s/.triplicate-%s", whole, j->id);
	if (journal_save(j->folder, &journal, e) < 0)
		return (NULL);
	return (mem_string(journal.scratch));
}

int
journal_remove(const char *folder, struct err *e)
{
	SCOPED(scope_free) char *path = journal_path(folder);

	return (file_remove(path, e));
}
