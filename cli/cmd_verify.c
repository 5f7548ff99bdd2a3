/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate verify: what is at the endpoints against what should be there, and
 * healing from another endpoint.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "repository/repo.h"
#include "repository/verify.h"
#include "retention/remove.h"

static const char *const depths[] = { "presence", "hash", "data" };

static int
take_depth(const struct cli *c, struct verify_conf *conf, struct err *e)
{
	const char *text = args_value(&c->args, "--depth");

	conf->depth = VERIFY_HASH;
	if (text == NULL)
		return (0);
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, depths[i]) == 0) {
			conf->depth = (enum verify_depth)i;
			return (0);
		}
	return (err_set(
	    e, ERR_USAGE, "--depth %s: expected presence, hash or data", text));
}

static int
take_endpoints(const struct cli *c, const struct repo *r,
    struct verify_conf *conf, struct err *e)
{
	for (size_t i = 0; i < args_count(&c->args, "--endpoint"); i++) {
		struct endpoint *ep = repo_endpoint(
		    r, args_nth(&c->args, "--endpoint", i), e);

		if (ep == NULL)
			return (-1);
		conf->which |= 1U << (unsigned)(ep - r->endpoints);
	}
	return (0);
}

/* The operands as full ids; ids points into all. */
static int
take_backups(const struct cli *c, const struct catalog *all,
    struct verify_conf *conf, const char **ids, struct err *e)
{
	for (size_t i = 0; i < c->args.noperands; i++) {
		const struct catalog_entry *entry = catalog_find(
		    all, c->settings, c->args.operands[i], e);

		if (entry == NULL)
			return (-1);
		ids[i] = entry->m.id;
	}
	conf->nbackups = c->args.noperands;
	conf->backups = ids;
	return (0);
}

static void
say_objects(const struct cli *c, const char *what, const struct json *names)
{
	for (size_t i = 0; i < json_count(names); i++)
		say(c, "  %s: %s\n", what, json_text(json_at(names, i)));
}

static struct json *
view(struct cli *c, const char *name, struct verify_endpoint *at)
{
	struct json *j = json_object();
	char bytes[SAY_TEXT];

	json_set_integer(j, "objects", (int64_t)at->objects);
	json_set_integer(j, "bytes", (int64_t)at->bytes);
	json_set(j, "missing", json_ref(at->missing));
	json_set(j, "damaged", json_ref(at->damaged));
	json_set(j, "foreign", json_ref(at->foreign));
	json_set(j, "repaired", json_ref(at->repaired));
	json_set_integer(j, "unknown", (int64_t)at->unknown);
	json_set_bool(j, "reached", at->reached);
	json_set_string(j, "error", at->reached ? NULL : at->error.text);
	if (at->reached)
		say(c,
		    "endpoint %-12s %" PRIu64
		    " object%s, %s; %zu missing, %zu damaged, %zu foreign, %zu repaired\n",
		    name, at->objects, at->objects == 1 ? "" : "s",
		    say_bytes(at->bytes, bytes), json_count(at->missing),
		    json_count(at->damaged), json_count(at->foreign),
		    json_count(at->repaired));
	else
		say_warning(c, "%s", at->error.text);
	say_objects(c, "missing", at->missing);
	say_objects(c, "damaged", at->damaged);
	say_objects(c, "foreign", at->foreign);
	say_objects(c, "repaired", at->repaired);
	if (at->unknown > 0)
		say(c,
		    "  %" PRIu64
		    " more of this repository that this machine does not know\n",
		    at->unknown);
	return (j);
}

/* Nothing at all was looked at. */
static bool
none_reached(const struct cli *c, const struct verify_result *result)
{
	for (size_t i = 0; i < c->settings->nendpoints; i++)
		if (result->at[i].reached)
			return (false);
	return (true);
}

static bool
any_foreign(const struct cli *c, const struct verify_result *result)
{
	for (size_t i = 0; i < c->settings->nendpoints; i++)
		if (json_count(result->at[i].foreign) > 0)
			return (true);
	return (false);
}

static int
fail_unreached(const struct verify_endpoint *at, struct err *e)
{
	*e = at->error;
	if (e->kind == ERR_MISSING)
		e->kind = ERR_NETWORK;
	return (err_within(e, "nothing was verified"));
}

/* Endpoints that could not be reached: a failure when named, or when none
 * could, else a look. */
static int
judge(struct cli *c, const struct verify_conf *conf,
    struct verify_result *result, struct err *e)
{
	bool none = none_reached(c, result);

	if (!result->ok && !none) {
		(void)err_set(e, ERR_CORRUPT,
		    "damaged, missing or foreign objects are left at the endpoints");
		return (err_hint(e, "%s",
		    !conf->repair
			? "verify --repair heals them from another endpoint"
			: any_foreign(c, result)
			? "what could not be removed is named above, with the reason"
			: "no intact copy was found; is another endpoint away?"));
	}
	for (size_t i = 0; i < c->settings->nendpoints; i++) {
		if (result->at[i].reached ||
		    (conf->which != 0 && (conf->which & (1U << i)) == 0))
			continue;
		if (conf->which != 0 || none)
			return (fail_unreached(&result->at[i], e));
		cli_raise(c, EXIT_LOOK);
	}
	return (0);
}

static int
answer(struct cli *c, const struct verify_conf *conf,
    struct verify_result *result, struct err *e)
{
	struct json *verify = json_object(), *endpoints = json_object();

	json_set_string(verify, "depth", depths[conf->depth]);
	for (size_t i = 0; i < c->settings->nendpoints; i++)
		if (conf->which == 0 || (conf->which & (1U << i)) != 0)
			json_set(endpoints, c->settings->endpoints[i].name,
			    view(c, c->settings->endpoints[i].name,
				&result->at[i]));
	json_set(verify, "endpoints", endpoints);
	json_set_bool(verify, "ok", result->ok);
	json_set(c->answer, "verify", verify);
	return (judge(c, conf, result, e));
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(remover_freep) struct remover *remover = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	SCOPED(verify_result_free)
	struct verify_result result = { .ok = false };
	SCOPED(scope_free)
	const char **ids = mem_array(c->args.noperands + 1, sizeof(*ids));
	unsigned flags;
	struct verify_conf conf = { .repair = args_flag(&c->args, "--repair") };

	c->answer = json_object();
	if (cli_settings(c, e) < 0 || take_depth(c, &conf, e) < 0)
		return (-1);
	flags = conf.depth == VERIFY_DATA ? REPO_NEEDS_RESTORE_KEY : 0;
	r = conf.repair ? cli_open_writer(c, flags, e)
			: repo_open(c->settings, REPO_READ, flags, e);
	if (r == NULL || take_endpoints(c, r, &conf, e) < 0 ||
	    catalog_read(r, NULL, &all, e) < 0 ||
	    take_backups(c, &all, &conf, ids, e) < 0)
		return (-1);
	r->progress = c->progress;
	remover = remover_new(r);
	conf.remove = remover_drop;
	conf.unhide = remover_unhide;
	conf.arg = remover;
	if (verify_run(r, &conf, &result, e) < 0)
		return (-1);
	return (answer(c, &conf, &result, e));
}

static const struct args_option options[] = { { "--depth",
						  "presence|hash|data" },
	{ "--endpoint", "ENDPOINT…" }, { "--repair", NULL }, { NULL, NULL } };

const struct command cmd_verify = { "verify",
	"[BACKUP]… [--depth presence|hash|data] [--endpoint ENDPOINT] [--repair]",
	"checks the copies at the endpoints, and heals them\n"
	"presence  each object is listed with the right size\n"
	"hash      every object's bytes against its name or signature (default)\n"
	"data      every chunk decrypted, expanded and checked (restore key)",
	options, 0, ARGS_MAX, run };
