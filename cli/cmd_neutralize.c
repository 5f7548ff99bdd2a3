/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate neutralize: a staging database made harmless where it is, or only
 * the proof that it is.
 */
#include "restore/neutralize.h"

#include <inttypes.h>

#include "cli/cli.h"
#include "restore/restore.h"

static void
tell(struct cli *c, const struct neutralize_report *report)
{
	for (size_t i = 0; i < report->nrules; i++)
		if (report->rules[i].state == NEUTRALIZE_APPLIED)
			say(c, "  rule  %-40s %" PRId64 " rows\n",
			    report->rules[i].name, report->rules[i].rows);
	for (size_t i = 0; i < report->nproof; i++)
		say(c, "  proof %-40s %s\n", report->proof[i].name,
		    report->proof[i].ok ? "holds" : "FAILS");
	for (size_t i = 0; i < report->nwarnings; i++)
		say_warning(c, "%s", report->warnings[i]);
	for (size_t i = 0; i < report->nunknown; i++)
		say_warning(c,
		    "%s.%s%s%s%s is filled in %" PRId64
		    " row%s, looks like a credential, and no rule knows it",
		    report->unknown[i].table, report->unknown[i].column,
		    *report->unknown[i].module != '\0' ? " (module " : "",
		    report->unknown[i].module,
		    *report->unknown[i].module != '\0' ? ")" : "",
		    report->unknown[i].count,
		    report->unknown[i].count == 1 ? "" : "s");
	if (report->nunknown > 0)
		cli_raise(c, EXIT_LOOK);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(neutralize_report_free)
	struct neutralize_report report = NEUTRALIZE_REPORT_INIT;
	const struct branch_settings *branch;
	struct json *j;
	int rc;

	c->answer = json_object();
	if (cli_settings(c, e) < 0 ||
	    (branch = settings_branch(c->settings, c->args.operands[0], e)) ==
		NULL)
		return (-1);
	rc = restore_neutralize_branch(
	    branch, args_flag(&c->args, "--check"), &report, e);
	if (report.nproof > 0 || report.nrules > 0) {
		j = neutralize_report_json(&report);
		json_set_bool(j, "ok", rc == 0);
		json_set(c->answer, "neutralize", j);
	}
	tell(c, &report);
	if (rc < 0)
		return (-1);
	say(c, "branch %s is neutralized\n", branch->name);
	return (0);
}

static const struct args_option options[] = { { "--check", NULL },
	{ NULL, NULL } };

const struct command cmd_neutralize = { "neutralize", "BRANCH [--check]",
	"neutralizes a staging database where it is\n"
	"--check  only proves that it is neutralized",
	options, 1, 1, run };
