/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate prune: retention, carried out or shown. --at shows a future day.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "repository/repo.h"
#include "retention/plan.h"
#include "retention/prune.h"

/* --- a future day --- */

/* "2027-01-15" (its end, UTC) or RFC 3339. */
static int
take_time(const char *text, int64_t *at, struct err *e)
{
	char whole[CLOCK_TEXT];

	(void)snprintf(whole, sizeof(whole), "%sT23:59:59Z", text);
	if (clock_parse(text, at) || clock_parse(whole, at))
		return (0);
	return (err_set(e, ERR_USAGE,
	    "--at %s: expected a date as 2027-01-15, or a time as 2027-01-15T02:30:00Z",
	    text));
}

static void
tell_decision(struct cli *c, struct json *list, const char *id,
    const char *branch, bool keeps, const char *reason)
{
	struct json *j = json_object();

	json_set_string(j, "id", id);
	json_set_string(j, "reason", reason);
	json_set_string(j, "branch", branch);
	json_append(list, j);
	say(c, "%-6s %-26s %s: %s\n", keeps ? "keep" : "remove", id, branch,
	    reason);
}

struct lists {
	struct json *keep, *remove;
};

static int
tell_future(struct cli *c, const struct plan_branch *b, int64_t now, int64_t at,
    struct lists *into, struct err *e)
{
	SCOPED(policy_future_free) struct policy_future f = { .n = 0 };
	SCOPED(scope_free)
	struct policy_backup *known = mem_array(b->n + 1, sizeof(*known));

	for (size_t i = 0; i < b->n; i++)
		known[i] = b->v[i].known;
	if (!policy_at(&b->policy, known, b->n, now, at, &f))
		return (err_set(e, ERR_USAGE,
		    "--at: expected a time after now, and not more than 50 years ahead"));
	for (size_t i = 0; i < f.n; i++)
		tell_decision(c,
		    f.verdicts[i].keeps ? into->keep : into->remove, f.b[i].id,
		    b->name, f.verdicts[i].keeps, f.verdicts[i].reason);
	return (0);
}

/* The backups of today that are gone by then. */
static void
tell_gone(struct cli *c, const struct plan_branch *b, struct lists *into)
{
	for (size_t i = 0; i < b->n; i++) {
		const char *id = b->v[i].known.id;
		bool stays = false;

		for (size_t k = 0; k < json_count(into->keep) && !stays; k++)
			stays = strcmp(json_get_string(
					   json_at(into->keep, k), "id"),
				    id) == 0;
		for (size_t k = 0; k < json_count(into->remove) && !stays; k++)
			stays = strcmp(json_get_string(
					   json_at(into->remove, k), "id"),
				    id) == 0;
		if (!stays)
			tell_decision(c, into->remove, id, b->name, false,
			    "newer backups have taken its place by then");
	}
}

static int
show_future(struct cli *c, struct repo *r, int64_t at, struct json *prune,
    struct err *e)
{
	SCOPED(plan_free) struct plan plan = { .n = 0 };
	struct lists into = { json_array(), json_array() };
	int rc;

	json_set(prune, "keep", into.keep);
	json_set(prune, "remove", into.remove);
	json_set_time(prune, "at", at);
	rc = plan_read(r, clock_now(), &plan, e);
	for (size_t i = 0; i < plan.n && rc == 0; i++) {
		rc = tell_future(c, &plan.v[i], plan.now, at, &into, e);
		if (rc == 0)
			tell_gone(c, &plan.v[i], &into);
	}
	return (rc);
}

/* --- now --- */

static void
tell_decisions(
    struct cli *c, const struct prune_result *result, struct json *prune)
{
	struct json *keep = json_array(), *remove = json_array();

	for (size_t i = 0; i < result->n; i++) {
		const struct prune_decision *d = &result->v[i];

		tell_decision(c, d->keeps ? keep : remove, d->id, d->branch,
		    d->keeps, d->reason);
	}
	json_set(prune, "keep", keep);
	json_set(prune, "remove", remove);
}

/* One that was away, or did not let all go, is something to look at; what is
 * locked will go in its time. */
static struct json *
tell_endpoint(struct cli *c, const struct prune_endpoint *at)
{
	struct json *j = json_object();
	const char *name = at->ep->conf->name;

	json_set_bool(j, "reached", at->was_asked);
	json_set_integer(j, "backups_removed", (int64_t)at->backups);
	json_set_integer(j, "packs_removed", (int64_t)at->packs);
	json_set_integer(j, "left", (int64_t)at->left);
	json_set_integer(j, "locked", (int64_t)at->locked);
	json_set_string(
	    j, "error", at->error.kind != ERR_NONE ? at->error.text : NULL);
	say(c,
	    "endpoint %-12s %" PRIu64 " backups and %" PRIu64 " packs removed",
	    name, at->backups, at->packs);
	if (at->left > 0)
		say(c, ", %" PRIu64 " objects still to go", at->left);
	say(c, "\n");
	if (at->error.kind != ERR_NONE)
		say_warning(c, "%s%s%s", at->error.text,
		    at->error.hint[0] != '\0' ? "; " : "", at->error.hint);
	if (at->error.kind != ERR_NONE && at->error.kind != ERR_LOCKED)
		cli_raise(c, EXIT_LOOK);
	return (j);
}

static void
tell_freed(struct cli *c, const struct prune_result *result, const char *verb)
{
	char bytes[SAY_TEXT];

	say(c, "%s %" PRIu64 " packs, %s a copy", verb, result->packs_removed,
	    say_bytes(result->bytes_freed, bytes));
	if (result->packs_rewritten > 0)
		say(c, "; rewrote %" PRIu64, result->packs_rewritten);
	if (result->waiting > 0)
		say(c, "; %" PRIu64 " packs (%s) wait for the grace",
		    result->waiting, say_bytes(result->waiting_bytes, bytes));
	say(c, "\n");
}

static void
tell_result(struct cli *c, const struct prune_conf *conf,
    const struct prune_result *result, struct json *prune)
{
	struct json *endpoints = json_object(), *waiting = json_object();

	tell_decisions(c, result, prune);
	json_set_integer(
	    prune, "packs_removed", (int64_t)result->packs_removed);
	json_set_integer(
	    prune, "packs_rewritten", (int64_t)result->packs_rewritten);
	json_set_integer(prune, "bytes_freed", (int64_t)result->bytes_freed);
	json_set_integer(waiting, "packs", (int64_t)result->waiting);
	json_set_integer(waiting, "bytes", (int64_t)result->waiting_bytes);
	json_set(prune, "waiting", waiting);
	json_set(prune, "endpoints", endpoints);
	for (size_t i = 0; i < result->nendpoints && !conf->dry_run; i++)
		json_set(endpoints, result->at[i].ep->conf->name,
		    tell_endpoint(c, &result->at[i]));
	tell_freed(c, result, conf->dry_run ? "would free" : "freed");
}

static int
prune_now(struct cli *c, struct repo *r, struct json *prune, struct err *e)
{
	const struct prune_conf conf = { .dry_run = args_flag(
					     &c->args, "--dry-run"),
		.force = args_flag(&c->args, "--force"),
		.now = clock_now() };
	SCOPED(prune_result_free) struct prune_result result = { .n = 0 };
	int rc = prune_run(r, &conf, &result, e);

	if (rc < 0 && result.n == 0)
		return (-1);
	tell_result(c, &conf, &result, prune);
	return (rc);
}

/* A state that was rebuilt makes its machine the writer again first. */
static int
resume(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = cli_open_writer(c, 0, e);

	return (r == NULL ? -1 : 0);
}

/* For reading: the writer's lock is left to backups. */
static struct repo *
open_repository(struct cli *c, bool only_looks, struct err *e)
{
	SCOPED(repo_freep)
	struct repo *r = repo_open(c->settings, REPO_READ, 0, e);

	if (r != NULL && r->epoch == 0 && !only_looks) {
		repo_freep(&r);
		if (resume(c, e) < 0)
			return (NULL);
		r = repo_open(c->settings, REPO_READ, 0, e);
	}
	if (r != NULL)
		r->progress = c->progress;
	return (TAKE(r));
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	const char *at = args_value(&c->args, "--at");
	bool dry = args_flag(&c->args, "--dry-run");
	struct json *prune;
	int64_t when = 0;

	if (at != NULL && !dry)
		return (err_set(e, ERR_USAGE,
		    "--at shows a future day: it goes with --dry-run"));
	if ((at != NULL && take_time(at, &when, e) < 0) ||
	    cli_settings(c, e) < 0 || (r = open_repository(c, dry, e)) == NULL)
		return (-1);
	c->answer = json_object();
	prune = json_object();
	json_set_bool(prune, "dry_run", dry);
	json_set(c->answer, "prune", prune);
	return (at != NULL ? show_future(c, r, when, prune, e)
			   : prune_now(c, r, prune, e));
}

static const struct args_option options[] = { { "--dry-run", NULL },
	{ "--force", NULL }, { "--at", "TIME" }, { NULL, NULL } };

const struct command cmd_prune = { "prune", "[--dry-run] [--force] [--at TIME]",
	"applies retention: removes what the policy lets go, and what nobody needs",
	options, 0, 0, run };
