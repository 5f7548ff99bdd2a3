/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate backup: one backup of one branch, now.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "backupd/backup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "repository/audit_log.h"

#define TYPE_MAX 23

static void
add_endpoint(struct json *into, const char *name,
    const struct endpoint_report *report, bool stored)
{
	struct json *at = json_object();

	json_set_string(at, "state", stored ? "stored" : "pending");
	json_set_integer(at, "bytes_sent", (int64_t)report->bytes_sent);
	json_set_string(at, "error",
	    report->error.kind != ERR_NONE ? report->error.text : NULL);
	json_set(into, name, at);
}

/* What is to be said of the source, and of the endpoints. */
static struct json *
all_warnings(const struct repo *r, const struct backup_result *result)
{
	const struct json *source = json_get(result->m.counts, "warnings");
	struct json *all = json_array();

	for (size_t i = 0; i < json_count(source); i++)
		json_append_string(all, json_text(json_at(source, i)));
	for (size_t i = 0; i < r->nendpoints; i++) {
		const struct endpoint_report *report = &result->reports[i];

		if (report->error.kind != ERR_NONE)
			json_append_string(all, report->error.text);
	}
	return (all);
}

/* The answer is what the catalog says now, with what was sent in this run. */
static int
answer(struct cli *c, struct repo *r, const struct backup_result *result,
    struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *entry;
	struct json *j, *endpoints = json_object();

	if (catalog_read(r, result->m.branch, &all, e) < 0 ||
	    (entry = catalog_find(&all, c->settings, result->m.id, e)) ==
		NULL) {
		json_free(endpoints);
		return (-1);
	}
	j = view_backup(entry, c->settings);
	for (size_t i = 0; i < r->nendpoints; i++)
		add_endpoint(endpoints, r->endpoints[i].conf->name,
		    &result->reports[i], entry->at[i] == COPY_STORED);
	json_set(j, "endpoints", endpoints);
	json_set(j, "warnings", all_warnings(r, result));
	json_set(c->answer, "backup", j);
	return (0);
}

static void
tell(const struct cli *c, const struct backup_result *result)
{
	const struct json *n = result->m.counts;
	char read[SAY_TEXT], stored[SAY_TEXT], took[SAY_TEXT];

	say(c, "backup %s of %s: %s\n", result->m.id, result->m.branch,
	    result->pending ? "pending" : result->m.state);
	say(c,
	    "  read %s in %s, stored %s (%" PRId64 " of %" PRId64
	    " chunks new)\n",
	    say_bytes((uint64_t)json_get_integer(n, "bytes_read", 0), read),
	    say_seconds(
		(uint64_t)(result->m.finished - result->m.started), took),
	    say_bytes((uint64_t)json_get_integer(n, "bytes_stored", 0), stored),
	    json_get_integer(n, "chunks_new", 0),
	    json_get_integer(n, "chunks", 0));
	for (size_t i = 0; i < c->settings->nendpoints; i++) {
		const struct endpoint_report *report = &result->reports[i];

		say(c, "  endpoint %-12s %s\n", c->settings->endpoints[i].name,
		    report->up_to_date ? "up to date" : "behind");
		if (report->error.kind != ERR_NONE)
			say_warning(c, "%s", report->error.text);
	}
	say_warnings_of(c, json_get(n, "warnings"));
}

/* What the state means to whoever waits for the exit status. */
static int
judge(struct cli *c, const struct backup_result *result, struct err *e)
{
	const char *reason = json_get_string(result->m.counts, "reason");

	if (strcmp(result->m.state, "incomplete") == 0) {
		(void)err_set(e, ERR_SOURCE, "backup %s is incomplete: %s",
		    result->m.id, reason != NULL ? reason : "see warnings");
		return (err_hint(e,
		    "it does not count for retention; mend the cause and run backup again"));
	}
	if (result->pending) {
		(void)err_set(e, ERR_QUORUM,
		    "backup %s is pending: at %u of %u endpoints, all of it is in the spool",
		    result->m.id, result->stored, c->settings->write_quorum);
		return (err_hint(e,
		    "mend the endpoints and run sync; the source is not read again"));
	}
	if (result->endpoint_behind || strcmp(result->m.state, "degraded") == 0)
		cli_raise(c, EXIT_LOOK);
	return (0);
}

static int
check_type(const char *type, struct err *e)
{
	size_t n = strlen(type);

	if (n > 0 && n <= TYPE_MAX &&
	    strspn(type, "abcdefghijklmnopqrstuvwxyz-") == n)
		return (0);
	return (err_set(e, ERR_USAGE,
	    "--type %s: expected manual, daily, update or another word of a-z",
	    type));
}

static int
fill_conf(const struct cli *c, struct backup_conf *conf, struct err *e)
{
	const char *type = args_value(&c->args, "--type");
	const struct branch_settings *b;

	conf->branch = c->args.noperands == 1
	    ? settings_branch(c->settings, c->args.operands[0], e)
	    : settings_only_production(c->settings, e);
	if ((b = conf->branch) == NULL)
		return (-1);
	conf->type = type != NULL ? type : "manual";
	conf->comment = args_value(&c->args, "--comment");
	conf->reread = args_flag(&c->args, "--reread");
	conf->stdin_name = args_value(&c->args, "--stdin");
	conf->stdin_fd = STDIN_FILENO;
	if (b->database == NULL && b->filestore == NULL && b->logs == NULL &&
	    conf->stdin_name == NULL)
		return (err_set(e, ERR_USAGE,
		    "branch %s has neither database, filestore nor logs: give it one, or use --stdin NAME",
		    b->name));
	return (check_type(conf->type, e) < 0 ? -1 : backup_check(conf, e));
}

/* A try that gave no manifest is told by status, so the audit log has it. */
static void
record_failure(
    struct repo *r, const struct backup_conf *conf, const struct err *why)
{
	struct err e = ERR_INIT;
	struct json *detail;

	/* Nor is a slip of the pen a backup that was tried. */
	if (why->kind == ERR_STOPPED || why->kind == ERR_TAKEN_OVER ||
	    why->kind == ERR_USAGE || why->kind == ERR_CONFIG)
		return;
	detail = json_object();
	json_set_bool(detail, "ok", false);
	json_set_string(detail, "error", why->text);
	if (audit_log_add(r, "backup", NULL, conf->branch->name, detail, &e) <
	    0)
		log_warning("audit log: %s", e.text);
}

static int
fail(const struct branch_settings *branch, struct err *e)
{
	if (e->hint[0] == '\0' && e->kind == ERR_DATABASE)
		(void)err_hint(e,
		    "mend the cause (the server's log may say more) and run backup again; nothing of this one counts");
	else if (e->hint[0] == '\0' && e->kind != ERR_STOPPED &&
	    e->kind != ERR_FULL)
		(void)err_hint(e,
		    "mend the cause and run backup again; nothing of this one counts");
	return (err_within(e, "backup of %s failed", branch->name));
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(backup_result_free)
	struct backup_result result = { .stored = 0 };
	struct backup_conf conf = { .stdin_fd = -1 };

	manifest_init(&result.m);
	c->answer = json_object();
	if (cli_settings(c, e) < 0 || fill_conf(c, &conf, e) < 0 ||
	    (r = cli_open_writer(c, REPO_TRIES_RESTORE_KEY, e)) == NULL)
		return (-1);
	if (backup_run(r, &conf, &result, e) < 0) {
		record_failure(r, &conf, e);
		/* A source that is not there is a failure, not a wrong name. */
		if (e->kind == ERR_MISSING)
			e->kind = ERR_DATABASE;
		return (fail(conf.branch, e));
	}
	if (answer(c, r, &result, e) < 0)
		return (-1);
	tell(c, &result);
	return (judge(c, &result, e));
}

static const struct args_option options[] = { { "--type", "TYPE" },
	{ "--comment", "TEXT" }, { "--reread", NULL }, { "--stdin", "NAME" },
	{ NULL, NULL } };

const struct command cmd_backup = { "backup",
	"[BRANCH] [--type TYPE] [--comment TEXT] [--reread] [--stdin NAME]",
	"backs a branch up now; without BRANCH, the only production branch\n"
	"--type TYPE     manual (default), daily, update, …\n"
	"--reread        reads files that are known by size and time as well\n"
	"--stdin NAME    stores standard input as a stream of that name",
	options, 0, 1, run };
