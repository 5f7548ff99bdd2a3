/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate status: are we safe? The verdict in one line, then what it rests
 * on.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backupd/zone.h"
#include "base/clock.h"
#include "base/zone.h"
#include "cli/cli.h"
#include "repository/audit_log.h"
#include "repository/recover.h"
#include "repository/repo.h"
#include "repository/schedule.h"
#include "repository/state.h"
#include "restore/restore.h"

#define DEFAULT_LIMIT_S ((uint64_t)48 * 3600)
#define CLOCK_SLACK_S	900 /* as retention allows */

enum verdict { SAFE, AT_RISK, UNSAFE };

struct look {
	struct cli *c;
	struct repo *r;
	enum verdict verdict;
	struct json *reasons;
	struct buf detail; /* lines for people */
};

static void worse(struct look *l, enum verdict than, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
worse(struct look *l, enum verdict than, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_append_string(l->reasons, text);
	if (than > l->verdict)
		l->verdict = than;
}

/* --- branches --- */

static bool
is_good(const struct catalog_entry *entry)
{
	const char *state = catalog_state(entry);

	return (
	    strcmp(state, "complete") == 0 || strcmp(state, "degraded") == 0);
}

/* The newest that counts, of a branch's backups (newest first). */
static const struct catalog_entry *
newest_good(const struct catalog *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (is_good(&all->v[i]))
			return (&all->v[i]);
	return (NULL);
}

static uint64_t
age_limit(const struct branch_settings *b)
{
	struct err ignored = ERR_INIT;
	uint64_t gap;

	if (b->schedule != NULL &&
	    schedule_longest_gap(b->schedule, &gap, &ignored) == 0)
		return (2 * gap);
	return (DEFAULT_LIMIT_S);
}

struct last_failure {
	const char *branch;
	int64_t when;
};

static int
find_failure(const struct audit_entry *a, void *arg, struct err *e)
{
	struct last_failure *f = arg;

	(void)e;
	if (strcmp(a->event, "backup") == 0 &&
	    strcmp(a->branch, f->branch) == 0 &&
	    !json_get_bool(a->detail, "ok", true))
		f->when = a->when;
	return (0);
}

/* Whether the last try gave what it should, and any restore was proven. */
static int
judge_tries(struct look *l, const struct branch_settings *b,
    const struct catalog *all, struct err *e)
{
	struct last_failure failure = { b->name, 0 };
	bool proven = false;

	for (size_t i = 0; i < all->n; i++)
		proven |= all->v[i].drilled != 0;
	if (!proven)
		worse(l, AT_RISK, "no restore of %s was ever proven", b->name);
	if (audit_log_each(l->r, find_failure, &failure, e) < 0)
		return (-1);
	if (failure.when != 0 &&
	    (all->n == 0 || failure.when > all->v[0].m.finished))
		worse(l, AT_RISK, "the last backup of %s failed", b->name);
	else if (all->n > 0 && !is_good(&all->v[0]))
		worse(l, AT_RISK, "the last backup of %s is %s", b->name,
		    catalog_state(&all->v[0]));
	return (0);
}

/* Of times that can be right: a backup of next year proves that a clock was
 * wrong, and not that there will be one. */
static void
judge_age(
    struct look *l, const struct branch_settings *b, const struct catalog *all)
{
	int64_t now = clock_now(), newest = INT64_MIN;
	char age[SAY_TEXT];

	for (size_t i = 0; i < all->n; i++) {
		const struct manifest *m = &all->v[i].m;

		if (m->started > now + CLOCK_SLACK_S)
			worse(l, AT_RISK,
			    "backup %s of %s begins in the future: the clock was wrong, or is",
			    m->id, b->name);
		else if (is_good(&all->v[i]) && m->started > newest)
			newest = m->started;
	}
	if (newest == INT64_MIN)
		worse(l, UNSAFE, "no backup of %s says when it was made",
		    b->name);
	else if (now - newest > (int64_t)age_limit(b))
		worse(l, UNSAFE, "the newest backup of %s was made %s", b->name,
		    say_age(newest, age));
}

static int
judge_production(struct look *l, const struct branch_settings *b,
    const struct catalog *all, struct err *e)
{
	const struct catalog_entry *newest = newest_good(all);

	if (newest == NULL) {
		worse(l, UNSAFE, "%s has no complete backup", b->name);
		return (judge_tries(l, b, all, e));
	}
	judge_age(l, b, all);
	if (newest->stored < l->c->settings->write_quorum)
		worse(l, UNSAFE,
		    "the newest backup of %s is whole at %u endpoints of %u",
		    b->name, newest->stored, l->c->settings->write_quorum);
	if (strcmp(newest->m.state, "degraded") == 0)
		worse(l, AT_RISK, "the newest backup of %s is degraded: %s",
		    b->name,
		    json_get_string(newest->m.counts, "reason") != NULL
			? json_get_string(newest->m.counts, "reason")
			: "the source lacks files");
	return (judge_tries(l, b, all, e));
}

/* The next run by its schedule; null where there is none, or no zone. */
static void
set_next(const struct branch_settings *b, struct json *j)
{
	SCOPED(zone_freep) struct zone *z = NULL;
	char name[ZONE_TEXT] = "";
	struct err ignored = ERR_INIT;
	int64_t next;

	json_set_null(j, "next");
	if (b->schedule == NULL)
		return;
	schedule_zone(b->schedule, name);
	if (name[0] == '\0')
		zone_of_branch(b, name);
	if ((z = zone_open(name, &ignored)) != NULL &&
	    schedule_next(b->schedule, z, clock_now(), &next, &ignored) == 0)
		json_set_time(j, "next", next);
}

static int
look_at_branch(struct look *l, const struct branch_settings *b,
    struct json *branches, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *newest;
	struct json *j;
	int64_t drilled = 0;
	char age[SAY_TEXT];

	if (catalog_read(l->r, b->name, &all, e) < 0)
		return (-1);
	newest = newest_good(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].drilled > drilled)
			drilled = all.v[i].drilled;
	j = json_object();
	json_set_string(j, "last_backup", newest != NULL ? newest->m.id : NULL);
	if (newest != NULL)
		json_set_integer(j, "age_s", clock_now() - newest->m.started);
	else
		json_set_null(j, "age_s");
	set_next(b, j);
	if (drilled != 0)
		json_set_time(j, "last_drill", drilled);
	else
		json_set_null(j, "last_drill");
	json_set(branches, b->name, j);
	buf_printf(&l->detail, "  branch %-14s %zu backups, newest %s\n",
	    b->name, all.n,
	    newest != NULL ? say_age(newest->m.started, age) : "never");
	if (b->stage != STAGE_PRODUCTION)
		return (0);
	return (judge_production(l, b, &all, e));
}

/* --- endpoints --- */

static void
judge_endpoint(struct look *l, const struct endpoint *ep,
    const struct state_tally *t, const struct err *why)
{
	const char *name = ep->conf->name;
	uint64_t bad = t->damaged[ep->number] + t->missing[ep->number];

	if (why->kind != ERR_NONE)
		worse(l, AT_RISK, "%s", why->text);
	if (t->pending_objects[ep->number] > 0)
		worse(l, AT_RISK,
		    "endpoint %s is behind by %" PRIu64 " object%s", name,
		    t->pending_objects[ep->number],
		    t->pending_objects[ep->number] == 1 ? "" : "s");
	if (bad > 0)
		worse(l, AT_RISK,
		    "endpoint %s has %" PRIu64
		    " damaged or missing object%s: verify --repair heals that",
		    name, bad, bad == 1 ? "" : "s");
}

/* For how long there has been something that it lacks. */
static int64_t
behind_s(const struct endpoint *ep, const struct state_tally *t)
{
	int64_t since = t->pending_since[ep->number], now = clock_now();

	return (since == 0 || since > now ? 0 : now - since);
}

static void
say_behind(
    struct look *l, const struct endpoint *ep, const struct state_tally *t)
{
	char bytes[SAY_TEXT], time[SAY_TEXT];

	if (t->pending_objects[ep->number] == 0) {
		buf_add_string(&l->detail, "up to date\n");
		return;
	}
	buf_printf(&l->detail,
	    "behind by %" PRIu64 " packs, %s, since %s ago\n",
	    t->pending_packs[ep->number],
	    say_bytes(t->pending_bytes[ep->number], bytes),
	    say_seconds((uint64_t)behind_s(ep, t), time));
}

/* An endpoint that knows more than this machine: its state is an older one. */
static void
look_for_unknown(struct look *l, struct endpoint *ep, struct err *why)
{
	uint64_t n;

	if (recover_count_unknown(l->r, ep, &n, why) == 0 && n > 0)
		worse(l, AT_RISK,
		    "endpoint %s holds %" PRIu64
		    " backups that this machine does not know: sync takes them in",
		    ep->conf->name, n);
}

static int
look_at_endpoint(struct look *l, struct endpoint *ep,
    const struct state_tally *t, struct json *endpoints, struct err *e)
{
	struct json *j = json_object();
	struct state_endpoint known;
	struct err why = ERR_INIT;
	char used[SAY_TEXT];

	if (state_get_endpoint(l->r->state, ep->number, &known, e) < 0) {
		json_free(j);
		return (-1);
	}
	if (repo_check_endpoint(l->r, ep, &why) == 0)
		look_for_unknown(l, ep, &why);
	json_set_bool(j, "reachable", why.kind == ERR_NONE);
	json_set_integer(
	    j, "behind_packs", (int64_t)t->pending_packs[ep->number]);
	json_set_integer(
	    j, "behind_bytes", (int64_t)t->pending_bytes[ep->number]);
	json_set_integer(
	    j, "behind_objects", (int64_t)t->pending_objects[ep->number]);
	json_set_integer(j, "behind_s", behind_s(ep, t));
	json_set_integer(j, "objects", (int64_t)t->objects[ep->number]);
	json_set_integer(j, "used", (int64_t)t->bytes[ep->number]);
	json_set_string(j, "last_error",
	    why.kind != ERR_NONE	      ? why.text
		: known.last_error[0] != '\0' ? known.last_error
					      : NULL);
	json_set(endpoints, ep->conf->name, j);
	buf_printf(&l->detail, "  endpoint %-12s %s, %s, ", ep->conf->name,
	    why.kind == ERR_NONE ? "reachable" : "not reachable",
	    say_bytes(t->bytes[ep->number], used));
	say_behind(l, ep, t);
	judge_endpoint(l, ep, t, &why);
	return (0);
}

static bool
has_production(const struct settings *s)
{
	for (size_t i = 0; i < s->nbranches; i++)
		if (s->branches[i].stage == STAGE_PRODUCTION)
			return (true);
	return (false);
}

/* --- restores --- */

static int
look_at_restores(struct look *l, struct err *e)
{
	SCOPED(json_freep) struct json *branches = json_array();

	if (restore_interrupted(l->r, branches, e) < 0)
		return (-1);
	for (size_t i = 0; i < json_count(branches); i++)
		worse(l, AT_RISK,
		    "a restore into %s was interrupted: the next backup, sync "
		    "or restore finishes or undoes it",
		    json_text(json_at(branches, i)));
	return (0);
}

static int
look_around(struct look *l, struct json *status, struct err *e)
{
	struct json *branches = json_object(), *endpoints = json_object(),
		    *spool = json_object();
	struct state_tally tally;
	char bytes[SAY_TEXT];

	json_set(status, "branches", branches);
	json_set(status, "endpoints", endpoints);
	json_set(status, "spool", spool);
	if (state_tally(l->r->state, &tally, e) < 0)
		return (-1);
	if (!has_production(l->c->settings))
		worse(l, AT_RISK, "no production branch is configured");
	for (size_t i = 0; i < l->c->settings->nbranches; i++)
		if (look_at_branch(
			l, &l->c->settings->branches[i], branches, e) < 0)
			return (-1);
	for (size_t i = 0; i < l->r->nendpoints; i++)
		if (look_at_endpoint(
			l, &l->r->endpoints[i], &tally, endpoints, e) < 0)
			return (-1);
	if (look_at_restores(l, e) < 0)
		return (-1);
	json_set_integer(spool, "packs", (int64_t)tally.spool_packs);
	json_set_integer(spool, "bytes", (int64_t)tally.spool_bytes);
	json_set_integer(spool, "limit", (int64_t)l->c->settings->spool_limit);
	buf_printf(&l->detail, "  spool    %" PRIu64 " packs, %s\n",
	    tally.spool_packs, say_bytes(tally.spool_bytes, bytes));
	return (0);
}

static int
run(struct cli *c, struct err *e)
{
	static const char *const words[] = { "safe", "at-risk", "unsafe" };
	static const int statuses[] = { EXIT_DONE, EXIT_LOOK, EXIT_FAILED };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct json *status = json_object();
	struct look l = { .c = c, .reasons = json_array() };

	c->answer = json_object();
	json_set(c->answer, "status", status);
	json_set_null(status, "verdict");
	json_set(status, "reasons", l.reasons);
	if (cli_settings(c, e) < 0 ||
	    (r = repo_open(c->settings, REPO_READ, 0, e)) == NULL)
		return (-1);
	l.r = r;
	if (look_around(&l, status, e) < 0) {
		buf_free(&l.detail);
		return (-1);
	}
	json_set_string(status, "verdict", words[l.verdict]);
	say(c, "%s\n", words[l.verdict]);
	for (size_t i = 0; i < json_count(l.reasons); i++)
		say(c, "  - %s\n", json_text(json_at(l.reasons, i)));
	say(c, "%s", buf_text(&l.detail));
	buf_free(&l.detail);
	if (args_flag(&c->args, "--check"))
		cli_raise(c, statuses[l.verdict]);
	return (0);
}

static const struct args_option options[] = { { "--check", NULL },
	{ NULL, NULL } };

const struct command cmd_status = { "status", "[--check]",
	"are we safe? the verdict, and what it rests on\n"
	"--check  exit status 0 safe, 3 at risk, 1 unsafe",
	options, 0, 0, run };
