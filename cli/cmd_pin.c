/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate pin, unpin: holds a backup against retention, and lets go. What
 * is written is an entry of the audit log, which needs no lock: a backup may
 * run meanwhile.
 */
#include <string.h>

#include "cli/cli.h"
#include "repository/audit_log.h"
#include "repository/repo.h"
#include "repository/state_backups.h"

/* What was asked for. */
struct pinning {
	const char *event; /* "pin", "unpin" */
	bool pins;
	const char *comment; /* or NULL */
};

/* A reader of the writer's machine is enough, unless its state was lost and the
 * writer's number with it. */
static struct repo *
open_repository(struct cli *c, struct err *e)
{
	SCOPED(repo_freep)
	struct repo *r = repo_open(c->settings, REPO_READ, 0, e);

	if (r == NULL)
		return (NULL);
	r->progress = c->progress;
	if (r->epoch != 0)
		return (TAKE(r));
	repo_freep(&r);
	return (cli_open_writer(c, 0, e));
}

/* A prune may have been faster. */
static int
is_still_there(struct state_txn *t, const char *backup, struct err *e)
{
	struct state_marks marks;

	if (state_marks_read(t, backup, &marks, e) < 0)
		return (-1);
	return (marks.removed
		? err_set(e, ERR_MISSING,
		      "backup %s has been removed meanwhile", backup)
		: 0);
}

/* One entry, or two that stand and fall together. */
static int
record(struct repo *r, const struct pinning *p, const struct manifest *m,
    struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	SCOPED(audit_entry_free) struct audit_entry pin, comment;
	struct json *text = json_object();
	uint64_t bytes;

	json_set_string(text, "text", p->comment);
	audit_log_fill(&pin, p->event, m->id, m->branch, NULL);
	audit_log_fill(&comment, "comment", m->id, m->branch, text);
	if ((t = state_begin(r->state, e)) == NULL ||
	    is_still_there(t, m->id, e) < 0 ||
	    audit_log_append(r, t, &pin, &bytes, e) < 0 ||
	    (p->comment != NULL &&
		audit_log_append(r, t, &comment, &bytes, e) < 0))
		return (-1);
	return (state_commit(&t, e));
}

static void
tell_endpoints(struct cli *c, const struct repo *r,
    const struct endpoint_report reports[], struct json *endpoints)
{
	for (size_t i = 0; i < r->nendpoints; i++) {
		bool there = reports[i].reached &&
		    reports[i].error.kind == ERR_NONE;

		json_set_string(endpoints, r->endpoints[i].conf->name,
		    there ? "stored" : "pending");
		if (there)
			continue;
		say_warning(c, "%s; it is told by the next command that writes",
		    reports[i].error.text);
		cli_raise(c, EXIT_LOOK);
	}
}

/* Whoever took over must be met, and what endpoints know better learned, before
 * a number of the chain is taken. */
static int
carry_out(struct cli *c, struct repo *r, const struct pinning *p,
    const struct manifest *m, struct json *endpoints, struct err *e)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = {
		{ .packs = 0 }
	};
	SCOPED(replicate_freep)
	struct replicate *senders = replicate_start(
	    r, 0, REPLICATE_AUDIT_ONLY | REPLICATE_LEARN, e);

	if (senders == NULL || replicate_wait_known(senders, e) < 0 ||
	    replicate_check(senders, e) < 0 || record(r, p, m, e) < 0)
		return (-1);
	if (replicate_finish(senders, reports, e) < 0)
		return (err_within(
		    e, "the %s is noted here, but not sent yet", p->event));
	tell_endpoints(c, r, reports, endpoints);
	return (0);
}

static void
tell(const struct cli *c, const struct pinning *p,
    const struct catalog_entry *backup)
{
	if (backup->pinned == p->pins)
		say(c, "backup %s is %s already: nothing was written\n",
		    backup->m.id, p->pins ? "pinned" : "not pinned");
	else if (p->pins)
		say(c,
		    "backup %s of %s is pinned: it stays until unpin lets it go\n",
		    backup->m.id, backup->m.branch);
	else
		say(c, "backup %s of %s is pinned no more: retention decides\n",
		    backup->m.id, backup->m.branch);
}

static int
run_pinning(struct cli *c, const struct pinning *p, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *backup;
	struct json *j, *endpoints;
	bool changes;

	c->answer = json_object();
	if (cli_settings(c, e) < 0 || (r = open_repository(c, e)) == NULL ||
	    catalog_read(r, NULL, &all, e) < 0 ||
	    (backup = catalog_find(
		 &all, c->settings, c->args.operands[0], e)) == NULL)
		return (-1);
	changes = backup->pinned != p->pins;
	endpoints = json_object();
	j = json_object();
	json_set(c->answer, p->event, j);
	json_set(j, "endpoints", endpoints);
	if (changes && carry_out(c, r, p, &backup->m, endpoints, e) < 0)
		return (-1);
	json_set_string(j, "backup", backup->m.id);
	json_set_string(j, "branch", backup->m.branch);
	json_set_bool(j, "pinned", p->pins);
	json_set_bool(j, "changed", changes);
	tell(c, p, backup);
	return (0);
}

static int
run_pin(struct cli *c, struct err *e)
{
	const struct pinning p = { .event = "pin",
		.pins = true,
		.comment = args_value(&c->args, "--comment") };

	return (run_pinning(c, &p, e));
}

static int
run_unpin(struct cli *c, struct err *e)
{
	const struct pinning p = { .event = "unpin" };

	return (run_pinning(c, &p, e));
}

static const struct args_option pin_options[] = { { "--comment", "TEXT" },
	{ NULL, NULL } };
static const struct args_option unpin_options[] = { { NULL, NULL } };

const struct command cmd_pin = { "pin", "BACKUP [--comment TEXT]",
	"holds a backup against retention\n"
	"--comment TEXT  why; shown by list and show from now on",
	pin_options, 1, 1, run_pin };
const struct command cmd_unpin = { "unpin", "BACKUP",
	"lets a pinned backup go: retention decides from now on", unpin_options,
	1, 1, run_unpin };
