/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate list: the backups, newest first, and why each is kept.
 */
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "repository/repo.h"
#include "retention/plan.h"

/* v is NULL where nothing can be said. */
static struct json *
view_keep(const struct policy_verdict *v)
{
	struct json *keep = json_object();

	if (v != NULL && v->until != POLICY_FOREVER)
		json_set_time(keep, "until", v->until);
	else
		json_set_null(keep, "until");
	json_set_string(keep, "reason", v != NULL ? v->reason : NULL);
	if (v != NULL)
		json_set_bool(keep, "keeps", v->keeps);
	else
		json_set_null(keep, "keeps");
	return (keep);
}

static struct json *
view(const struct catalog_entry *entry, const struct policy_verdict *v,
    const struct settings *s)
{
	struct json *j = json_object(), *endpoints = json_object();
	const struct manifest *m = &entry->m;

	json_set_string(j, "id", m->id);
	json_set_string(j, "branch", m->branch);
	json_set_string(j, "type", m->type);
	json_set_string(j, "state", catalog_state(entry));
	json_set_time(j, "started", m->started);
	json_set_integer(j, "seconds",
	    json_get_integer(m->counts, "seconds", m->finished - m->started));
	json_set_integer(j, "bytes_logical",
	    json_get_integer(m->counts, "bytes_logical", 0));
	json_set_integer(
	    j, "bytes_stored", json_get_integer(m->counts, "bytes_stored", 0));
	view_endpoint_states(entry, s, endpoints);
	json_set(j, "endpoints", endpoints);
	json_set(j, "keep", view_keep(v));
	json_set_bool(j, "pinned", entry->pinned);
	if (entry->verified != 0)
		json_set_time(j, "verified", entry->verified);
	else
		json_set_null(j, "verified");
	if (entry->drilled != 0)
		json_set_time(j, "drilled", entry->drilled);
	else
		json_set_null(j, "drilled");
	json_set_string(
	    j, "comment", entry->comment[0] != '\0' ? entry->comment : NULL);
	return (j);
}

static void
tell(const struct cli *c, const struct catalog_entry *entry,
    const struct policy_verdict *v)
{
	char when[CLOCK_TEXT], logical[SAY_TEXT], stored[SAY_TEXT];
	const struct json *n = entry->m.counts;

	clock_text(entry->m.started, when);
	say(c, "%-25s  %s  %-12s %-8s %-10s %10s %10s  %u of %zu copies%s%s\n",
	    entry->m.id, when, entry->m.branch, entry->m.type,
	    catalog_state(entry),
	    say_bytes(
		(uint64_t)json_get_integer(n, "bytes_logical", 0), logical),
	    say_bytes((uint64_t)json_get_integer(n, "bytes_stored", 0), stored),
	    entry->stored, c->settings->nendpoints,
	    entry->pinned ? "  pinned" : "",
	    entry->verified != 0 ? "  verified" : "");
	if (v != NULL)
		say(c, "    %s%s\n",
		    v->keeps ? "" : "goes with the next prune: ", v->reason);
}

/* Is it that nothing can be said of retention, be it for want of time zones, as
 * on a bare machine, or of an audit entry that can't be read? */
static bool
is_about_retention(const struct err *e)
{
	return (e->kind == ERR_CONFIG || e->kind == ERR_CORRUPT ||
	    e->kind == ERR_VERSION || e->kind == ERR_KEY);
}

/* What there is, is listed all the same. */
static int
read_backups(struct cli *c, struct repo *r, struct plan *plan,
    struct catalog *bare, struct err *e)
{
	if (plan_read(r, clock_now(), plan, e) == 0)
		return (0);
	if (!is_about_retention(e))
		return (-1);
	say_warning(c, "why backups are kept can't be said: %s%s%s", e->text,
	    e->hint[0] != '\0' ? ": " : "", e->hint);
	err_clear(e);
	return (catalog_read(r, NULL, bare, e));
}

/* Those of a branch (NULL: all); how many there were. */
static size_t
list(struct cli *c, const struct plan *plan, const struct catalog *all,
    const char *branch, struct json *backups)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct catalog_entry *entry = &all->v[i];
		const struct plan_entry *known = plan_find(plan, entry->m.id);
		const struct policy_verdict *v = known != NULL ? &known->verdict
							       : NULL;

		if (branch != NULL && strcmp(entry->m.branch, branch) != 0)
			continue;
		json_append(backups, view(entry, v, c->settings));
		tell(c, entry, v);
		n++;
	}
	return (n);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(plan_free) struct plan plan = { .n = 0 };
	SCOPED(catalog_free) struct catalog bare = { .n = 0 };
	SCOPED(json_freep) struct json *backups = json_array();
	const char *branch = NULL;
	size_t n;

	c->answer = json_object();
	if (cli_settings(c, e) < 0)
		return (-1);
	if (c->args.noperands == 1)
		branch = c->args.operands[0];
	if ((r = repo_open(c->settings, REPO_READ, 0, e)) == NULL ||
	    read_backups(c, r, &plan, &bare, e) < 0)
		return (-1);
	n = list(c, &plan, bare.n > 0 ? &bare : &plan.catalog, branch, backups);
	/* A branch that left the configuration may still have backups. */
	if (branch != NULL && n == 0 &&
	    settings_branch(c->settings, branch, e) == NULL)
		return (-1);
	json_set(c->answer, "backups", TAKE(backups));
	if (n == 0)
		say(c, "no backups yet\n");
	return (0);
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_list = { "list", "[BRANCH]",
	"lists the backups, newest first", options, 0, 1, run };
