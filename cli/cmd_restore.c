/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate restore: a backup into a branch, or into plain files. Everything
 * that can refuse does so before anything is touched.
 */
#include "restore/restore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backupd/backup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "repository/audit_log.h"

/* What a restore is asked to do, out of the words. */
struct request {
	struct restore_conf conf;
	const char *to_dir;
	const char **tables;
};

static int
take_only(const struct cli *c, struct restore_conf *conf, struct err *e)
{
	const char *text = args_value(&c->args, "--only");

	while (text != NULL) {
		size_t n = strcspn(text, ",");

		if (n == 8 && strncmp(text, "database", n) == 0)
			conf->only_database = true;
		else if (n == 9 && strncmp(text, "filestore", n) == 0)
			conf->only_filestore = true;
		else if (n == 4 && strncmp(text, "logs", n) == 0)
			conf->only_logs = true;
		else
			return (err_set(e, ERR_USAGE,
			    "--only '%.*s': expected database, filestore or logs, joined by commas",
			    (int)n, text));
		text = text[n] == ',' ? text + n + 1 : NULL;
	}
	return (0);
}

/* Tables are the database's, and go into a branch. */
static int
take_tables(const struct cli *c, struct request *q, struct err *e)
{
	size_t n = args_count(&c->args, "--table"), i;
	bool only = q->conf.only_filestore || q->conf.only_logs;

	if (n > 0 && q->to_dir != NULL)
		return (err_set(
		    e, ERR_USAGE, "restore: --table goes with --to BRANCH"));
	if (n > 0 && only)
		return (err_set(e, ERR_USAGE,
		    "restore: --table is of the database: expected no --only, or --only database"));
	q->tables = mem_array(n + 1, sizeof(*q->tables));
	for (i = 0; i < n; i++) {
		q->tables[i] = args_nth(&c->args, "--table", i);
		if (*q->tables[i] == '\0')
			return (err_set(e, ERR_USAGE,
			    "--table '': expected the name of a table"));
	}
	q->conf.ntables = n;
	q->conf.tables = q->tables;
	return (0);
}

static int
take_request(const struct cli *c, struct request *q, struct err *e)
{
	const char *to = args_value(&c->args, "--to");

	q->to_dir = args_value(&c->args, "--to-dir");
	if ((to == NULL) == (q->to_dir == NULL))
		return (err_set(e, ERR_USAGE,
		    "restore: expected either --to BRANCH or --to-dir DIR"));
	if (to != NULL && c->args.noperands > 1)
		return (err_set(
		    e, ERR_USAGE, "restore: PATHs go with --to-dir only"));
	if (q->to_dir != NULL && *q->to_dir == '\0')
		return (
		    err_set(e, ERR_USAGE, "--to-dir '': expected a folder"));
	if (take_only(c, &q->conf, e) < 0 || take_tables(c, q, e) < 0)
		return (-1);
	q->conf.npaths = c->args.noperands - 1;
	q->conf.paths = c->args.operands + 1;
	q->conf.force = args_flag(&c->args, "--force");
	if (to == NULL)
		return (0);
	q->conf.to = settings_branch(c->settings, to, e);
	return (q->conf.to == NULL ? -1 : 0);
}

/* A production branch is replaced only by who types its name. */
static int
check_confirmed(const struct cli *c, const struct request *q, struct err *e)
{
	const char *confirm = args_value(&c->args, "--confirm");
	const struct branch_settings *to = q->conf.to;

	if (to == NULL || to->stage != STAGE_PRODUCTION ||
	    args_flag(&c->args, "--dry-run"))
		return (0);
	if (confirm != NULL && strcmp(confirm, to->name) == 0)
		return (0);
	(void)err_set(e, ERR_REFUSED,
	    "branch %s is a production branch, which a restore replaces: %s",
	    to->name,
	    confirm != NULL ? "--confirm names another" : "no --confirm");
	return (
	    err_hint(e, "add --confirm %s if that is what you want", to->name));
}

static int
plan(struct cli *c, struct repo *r, const struct catalog_entry *backup,
    const struct request *q, struct plan_totals *totals, struct err *e)
{
	progress_phase(c->progress, "plan", 0);
	return (restore_plan(r, backup, &q->conf, totals, e));
}

static void
say_plan(const struct cli *c, const struct plan_totals *t)
{
	char fetch[SAY_TEXT], reuse[SAY_TEXT], took[SAY_TEXT];

	say(c, "would fetch %s in %" PRIu64 " packs, reuse %s, in about %s\n",
	    say_bytes(t->bytes, fetch), t->objects, say_bytes(t->reused, reuse),
	    say_seconds((uint64_t)t->seconds, took));
	for (size_t i = 0; i < json_count(t->overwrites); i++)
		say(c, "would replace %s\n",
		    json_text(json_at(t->overwrites, i)));
	say_warnings_of(c, t->warnings);
}

/* A staging branch that exists goes only after a yes. */
static int
check_replaced(struct cli *c, const struct request *q,
    const struct plan_totals *t, struct err *e)
{
	if (json_count(t->overwrites) == 0 || q->conf.ntables > 0 ||
	    q->conf.to->stage == STAGE_PRODUCTION ||
	    args_flag(&c->args, "--yes"))
		return (0);
	for (size_t i = 0; i < json_count(t->overwrites); i++)
		say_warning(c, "this replaces %s",
		    json_text(json_at(t->overwrites, i)));
	if (cli_ask(c, "Go on?"))
		return (0);
	(void)err_set(e, ERR_REFUSED, "branch %s exists and would be replaced",
	    q->conf.to->name);
	return (err_hint(e, "add --yes to replace it without a question"));
}

/* What a production branch holds now is backed up before it is replaced. */
static int
backup_first(
    struct cli *c, struct repo *r, const struct request *q, struct err *e)
{
	struct backup_conf conf = { .branch = q->conf.to,
		.type = "pre-restore",
		.comment = "before a restore",
		.stdin_fd = -1 };
	SCOPED(backup_result_free)
	struct backup_result result = { .stored = 0 };
	int rc;

	manifest_init(&result.m);
	rc = backup_run(r, &conf, &result, e);
	if (rc == 0 && strcmp(result.m.state, "incomplete") != 0) {
		say(c, "backup %s of what is replaced: %s\n", result.m.id,
		    result.pending ? "pending" : result.m.state);
		return (0);
	}
	if (rc == 0)
		(void)err_set(e, ERR_SOURCE, "it is incomplete");
	if (q->conf.force && e->kind != ERR_STOPPED) {
		say_warning(
		    c, "the backup before the restore failed: %s", e->text);
		err_clear(e);
		return (0);
	}
	if (e->kind != ERR_STOPPED)
		e->kind = ERR_REFUSED;
	(void)err_hint(e,
	    "--force goes on without it; the replaced database is kept in any case");
	return (err_within(
	    e, "the backup of %s before its restore failed", q->conf.to->name));
}

/* A word that meant nothing is not a restore that was tried. */
static bool
was_begun(const struct restore_result *result, const struct err *why)
{
	if (why->kind == ERR_EXISTS)
		return (result->files > 0 || result->tables > 0);
	return (why->kind != ERR_USAGE && why->kind != ERR_CONFIG &&
	    why->kind != ERR_MISSING);
}

/* Into the audit log, when this machine writes it. */
static void
record(struct cli *c, struct repo *r, const struct restore_result *result,
    const struct request *q, bool ok)
{
	struct err e = ERR_INIT;
	struct json *detail;

	if (r->epoch == 0)
		return;
	detail = json_object();
	json_set_bool(detail, "ok", ok);
	json_set_bool(detail, "proven", ok && result->has_database);
	json_set_bool(detail, "neutralized", result->neutralized);
	json_set_string(detail, "to", q->to_dir == NULL ? "branch" : "folder");
	if (audit_log_add(r, "restore", result->backup,
		q->conf.to != NULL ? q->conf.to->name : NULL, detail, &e) < 0 ||
	    replicate_audit(r, result->away, &e) < 0)
		say_warning(c, "audit log: %s", e.text);
}

static void
tell(const struct cli *c, const struct restore_result *result)
{
	char fetched[SAY_TEXT], took[SAY_TEXT];

	say(c, "restored %s%s%s in %s, fetched %s\n", result->backup,
	    result->target[0] != '\0' ? " to " : "", result->target,
	    say_seconds((uint64_t)result->seconds, took),
	    say_bytes(result->bytes_fetched, fetched));
	if (result->has_database)
		say(c,
		    "  database %s%s%s: %" PRIu64 " tables, %" PRIu64
		    " rows%s\n",
		    result->database,
		    result->schema[0] != '\0' ? ", schema " : "",
		    result->schema, result->tables, result->rows,
		    result->neutralized ? ", neutralized and proven" : "");
	if (result->has_files)
		say(c,
		    "  files: %" PRIu64 ", fetched %" PRIu64 ", reused %" PRIu64
		    "\n",
		    result->files, result->files_fetched, result->files_reused);
	if (result->replaced[0] != '\0')
		say(c, "  the replaced database is kept as %s\n",
		    result->replaced);
	say_warnings_of(c, result->warnings);
}

/* What there is after a restore that failed, where the cause doesn't say. */
static int
fail(const struct request *q, struct err *e)
{
	if (e->hint[0] != '\0' || e->kind == ERR_STOPPED ||
	    e->kind == ERR_USAGE || e->kind == ERR_FULL)
		return (-1);
	if (q->conf.to == NULL)
		return (err_hint(e,
		    "mend the cause and run restore again: what is whole in %s stays",
		    q->to_dir));
	return (err_hint(e,
	    "mend the cause and run restore again: until one succeeds, branch %s keeps the database that it had",
	    q->conf.to->name));
}

static int
restore(struct cli *c, struct repo *r, const struct catalog_entry *backup,
    const struct request *q, struct err *e)
{
	SCOPED(restore_result_free) struct restore_result result;
	int rc;

	restore_result_init(&result);
	if (q->to_dir != NULL)
		rc = restore_to_dir(r, backup, &q->conf, q->to_dir, &result, e);
	else
		rc = restore_run(r, backup, &q->conf, &result, e);
	if (rc == 0 || was_begun(&result, e))
		record(c, r, &result, q, rc == 0);
	json_set(c->answer, "restore", restore_result_json(&result));
	if (rc < 0) {
		say_warnings_of(c, result.warnings);
		return (fail(q, e));
	}
	tell(c, &result);
	if (strcmp(backup->m.state, "incomplete") == 0) {
		say_warning(c,
		    "backup %s is incomplete: something is missing in it",
		    backup->m.id);
		cli_raise(c, EXIT_LOOK);
	}
	if (result.something_to_look_at)
		cli_raise(c, EXIT_LOOK);
	return (0);
}

/* Production is backed up first, for which the repository is opened again, for
 * writing. */
static int
reopen_for_backup(struct cli *c, struct repo **r, const struct request *q,
    const struct plan_totals *t, struct err *e)
{
	if (q->conf.to->stage != STAGE_PRODUCTION || q->conf.ntables > 0 ||
	    json_count(t->overwrites) == 0)
		return (0);
	repo_free(*r);
	*r = cli_open_writer(c, REPO_NEEDS_RESTORE_KEY, e);
	if (*r == NULL) {
		if (!q->conf.force || e->kind != ERR_REFUSED)
			return (-1);
		err_clear(e);
		say_warning(c,
		    "no backup is made first: this machine is not the writer");
		*r = repo_open(
		    c->settings, REPO_READ, REPO_NEEDS_RESTORE_KEY, e);
		return (*r == NULL ? -1 : 0);
	}
	return (backup_first(c, *r, q, e));
}

static int
into_branch(struct cli *c, struct repo **r, const struct catalog_entry *backup,
    const struct request *q, struct err *e)
{
	SCOPED(plan_totals_free) struct plan_totals totals;

	plan_totals_init(&totals);
	if (plan(c, *r, backup, q, &totals, e) < 0)
		return (-1);
	if (args_flag(&c->args, "--dry-run")) {
		json_set(c->answer, "plan", plan_totals_json(&totals));
		say_plan(c, &totals);
		return (0);
	}
	if (check_replaced(c, q, &totals, e) < 0 ||
	    reopen_for_backup(c, r, q, &totals, e) < 0)
		return (-1);
	return (restore(c, *r, backup, q, e));
}

static int
run_request(struct cli *c, struct request *q, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *backup;

	if (cli_settings(c, e) < 0 || take_request(c, q, e) < 0 ||
	    check_confirmed(c, q, e) < 0)
		return (-1);
	r = repo_open(c->settings, REPO_READ, REPO_NEEDS_RESTORE_KEY, e);
	if (r == NULL || catalog_read(r, NULL, &all, e) < 0)
		return (-1);
	r->progress = c->progress;
	backup = catalog_find(&all, c->settings, c->args.operands[0], e);
	if (backup == NULL || catalog_fill(r, &all, backup, e) < 0)
		return (-1);
	if (q->to_dir != NULL && !args_flag(&c->args, "--dry-run"))
		return (restore(c, r, backup, q, e));
	if (q->to_dir != NULL)
		return (err_set(
		    e, ERR_USAGE, "restore: --dry-run goes with --to BRANCH"));
	return (into_branch(c, &r, backup, q, e));
}

static int
run(struct cli *c, struct err *e)
{
	struct request q = { .to_dir = NULL };
	int rc;

	c->answer = json_object();
	rc = run_request(c, &q, e);
	free(q.tables);
	return (rc);
}

static const struct args_option options[] = { { "--to", "BRANCH" },
	{ "--to-dir", "DIR" }, { "--only", "database,filestore,logs" },
	{ "--table", "TABLE…" }, { "--dry-run", NULL }, { "--yes", NULL },
	{ "--confirm", "BRANCH" }, { "--force", NULL }, { NULL, NULL } };

const struct command cmd_restore = { "restore",
	"BACKUP --to BRANCH | --to-dir DIR [--only …] [--table T]… [PATH]…",
	"restores a backup into a branch, or into plain files\n"
	"A staging or development branch is neutralized, and that is proven,\n"
	"before it is reachable. A production branch needs --confirm with its\n"
	"name, is backed up first, and gets everything as it was.\n"
	"--table T   into the schema restored_<time> of the target's database\n"
	"--dry-run   shows what would be done",
	options, 1, ARGS_MAX, run };
