/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate sync: endpoints that are behind, empty or new get what they lack,
 * from the spool or from each other. The source is not read.
 */
#include <inttypes.h>

#include "cli/cli.h"
#include "repository/repo.h"

/* The operands as a set of endpoints; 0 means all. */
static int
which_of(
    const struct cli *c, const struct repo *r, unsigned *which, struct err *e)
{
	*which = 0;
	for (size_t i = 0; i < c->args.noperands; i++) {
		struct endpoint *ep = repo_endpoint(r, c->args.operands[i], e);

		if (ep == NULL)
			return (-1);
		*which |= 1U << (unsigned)(ep - r->endpoints);
	}
	return (0);
}

static struct json *
view(struct cli *c, const struct endpoint *ep,
    const struct endpoint_report *report)
{
	struct json *at = json_object();
	char sent[SAY_TEXT];

	json_set_integer(at, "packs", (int64_t)report->packs);
	json_set_integer(at, "bytes", (int64_t)report->bytes_sent);
	json_set_integer(at, "behind_packs", (int64_t)report->behind_packs);
	json_set_bool(at, "up_to_date", report->up_to_date);
	json_set_string(at, "error",
	    report->error.kind != ERR_NONE ? report->error.text : NULL);
	say(c, "endpoint %-12s %s, sent %" PRIu64 " packs, %s\n",
	    ep->conf->name, report->up_to_date ? "up to date" : "behind",
	    report->packs, say_bytes(report->bytes_sent, sent));
	if (report->error.kind != ERR_NONE)
		say_warning(c, "%s", report->error.text);
	return (at);
}

/* An endpoint that was named must be reached; of all, some may be away. */
static int
judge(struct cli *c, unsigned which, size_t i,
    const struct endpoint_report *report, struct err *e)
{
	if (report->up_to_date)
		return (0);
	if (report->error.kind == ERR_KEY ||
	    report->error.kind == ERR_TAKEN_OVER || (which & (1U << i)) != 0) {
		*e = report->error;
		if (e->kind == ERR_NONE)
			return (err_set(e, ERR_NETWORK,
			    "endpoint %s is still behind",
			    c->settings->endpoints[i].name));
		if (e->kind == ERR_MISSING)
			e->kind = ERR_NETWORK;
		return (-1);
	}
	cli_raise(c, EXIT_LOOK);
	return (0);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(replicate_freep) struct replicate *senders = NULL;
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = {
		{ .packs = 0 }
	};
	struct json *sync, *endpoints;
	unsigned which;
	int rc = 0;

	c->answer = json_object();
	if (cli_settings(c, e) < 0 || (r = cli_open_writer(c, 0, e)) == NULL ||
	    which_of(c, r, &which, e) < 0)
		return (-1);
	senders = replicate_start(
	    r, which, REPLICATE_PREPARE | REPLICATE_FROM_OTHERS, e);
	if (senders == NULL || replicate_finish(senders, reports, e) < 0)
		return (-1);
	sync = json_object();
	endpoints = json_object();
	for (size_t i = 0; i < r->nendpoints; i++) {
		if (which != 0 && (which & (1U << i)) == 0)
			continue;
		json_set(endpoints, r->endpoints[i].conf->name,
		    view(c, &r->endpoints[i], &reports[i]));
		if (rc == 0)
			rc = judge(c, which, i, &reports[i], e);
	}
	json_set(sync, "endpoints", endpoints);
	json_set(c->answer, "sync", sync);
	return (rc);
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_sync = { "sync", "[ENDPOINT]…",
	"brings endpoints that are behind, empty or new up to date", options, 0,
	SETTINGS_ENDPOINTS_MAX, run };
