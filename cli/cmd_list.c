/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate list: the backups, newest first.
 */
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "repository/repo.h"

static struct json *
view(const struct catalog_entry *entry, const struct settings *s)
{
	struct json *j = json_object(), *endpoints = json_object(),
		    *keep = json_object();
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
	json_set_null(keep, "until");
	json_set_null(keep, "reason");
	json_set(j, "keep", keep);
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
tell(const struct cli *c, const struct catalog_entry *entry)
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
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const char *branch = NULL;
	struct json *backups;

	c->answer = json_object();
	if (cli_settings(c, e) < 0)
		return (-1);
	if (c->args.noperands == 1)
		branch = c->args.operands[0];
	if ((r = repo_open(c->settings, REPO_READ, 0, e)) == NULL ||
	    catalog_read(r, branch, &all, e) < 0)
		return (-1);
	/* A branch that left the configuration may still have backups. */
	if (branch != NULL && all.n == 0 &&
	    settings_branch(c->settings, branch, e) == NULL)
		return (-1);
	backups = json_array();
	for (size_t i = 0; i < all.n; i++) {
		json_append(backups, view(&all.v[i], c->settings));
		tell(c, &all.v[i]);
	}
	json_set(c->answer, "backups", backups);
	if (all.n == 0)
		say(c, "no backups yet\n");
	return (0);
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_list = { "list", "[BRANCH]",
	"lists the backups, newest first", options, 0, 1, run };
