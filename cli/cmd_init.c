/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate init: a repository at every endpoint, two key files, and a kit for
 * paper.
 */
#include "cli/cli.h"
#include "cli/kit.h"
#include "repository/repo.h"
#include "retention/lock_probe.h"

static const char *
outcome_text(enum init_outcome o)
{
	return (o == INIT_CREATED	  ? "created"
		: o == INIT_THERE_ALREADY ? "there already"
					  : "failed");
}

static void
say_endpoints(
    struct cli *c, const struct init_result *result, struct json *endpoints)
{
	for (size_t i = 0; i < c->settings->nendpoints; i++) {
		const char *name = c->settings->endpoints[i].name;
		const struct err *why = &result->error[i];
		struct json *at = json_object();

		json_set_string(at, "state", outcome_text(result->outcome[i]));
		json_set_string(
		    at, "error", why->kind != ERR_NONE ? why->text : NULL);
		json_set(endpoints, name, at);
		say(c, "  endpoint %-12s %s\n", name,
		    outcome_text(result->outcome[i]));
		if (result->outcome[i] != INIT_FAILED)
			continue;
		say_warning(c, "%s", why->text);
		cli_raise(c, EXIT_LOOK);
	}
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(keys_freep) struct keys *keys = NULL;
	struct init_result result = { .new_keys = false };
	struct json *init = json_object(), *endpoints = json_object();
	char id[33];

	c->answer = json_object();
	if (cli_settings(c, e) < 0 ||
	    repo_init(c->settings, lock_probe_endpoint, &result, e) < 0 ||
	    (keys = keys_load_agent(c->settings->agent_key, e)) == NULL) {
		json_free(init);
		json_free(endpoints);
		return (-1);
	}
	keys_repo_text(keys, id);
	json_set_string(init, "repository", id);
	json_set_bool(init, "new_keys", result.new_keys);
	say(c, "repository %s\n", id);
	say_endpoints(c, &result, endpoints);
	json_set(init, "endpoints", endpoints);
	json_set(c->answer, "init", init);
	if (!result.new_keys)
		return (0);
	say(c, "  agent key   %s (stays on this host)\n",
	    c->settings->agent_key);
	say(c, "  restore key %s (keep a copy elsewhere, and on paper)\n\n",
	    c->settings->restore_key);
	if (c->json)
		return (0);
	return (kit_print(c->settings->restore_key, e));
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_init = { "init", "",
	"creates the repository at every endpoint, and the keys\n"
	"Run again with the same keys it adds endpoints that have none yet.\n"
	"Over another repository it refuses and touches nothing.",
	options, 0, 0, run };
