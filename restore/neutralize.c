/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Applying the rules: PostgreSQL's own part, modules' own scripts, our rules,
 * and last of all the flag that says so; all of it or nothing.
 */
#include "restore/neutralize.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/stage.h"
#include "base/stop.h"
#include "restore/neutralize_addons.h"
#include "restore/neutralize_job.h"
#include "restore/neutralize_plan.h"
#include "restore/neutralize_postgres.h"
#include "restore/neutralize_report.h"

/* What a report found: something for people to look at. */
static void
warn_of(struct neutralize_job *job, const struct neutralize_step *step,
    int64_t found)
{
	if (found > 0)
		neutralize_report_warn(job->out, "%s (%lld)",
		    step->action->text, (long long)found);
}

/* Runs the steps of one rule; adds up the rows that they changed. */
static int
run_steps(struct neutralize_job *job, const struct rules_rule *rule,
    const struct neutralize_plan *plan, int64_t *rows, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct neutralize_step *step = &plan->steps[i];
		int64_t n;

		if (neutralize_job_count(job,
			step->kind == RULES_REPORT ? step->left : step->change,
			&n, 1, e) < 0)
			return (err_within(
			    e, "%s:%u", rule->file, step->action->line));
		if (step->kind == RULES_REPORT)
			warn_of(job, step, n);
		else
			*rows += n;
	}
	return (0);
}

/* A rule that failed is undone; one that must not fail ends everything. */
static int
rule_failed(struct neutralize_job *job, const struct rules_rule *rule,
    const struct err *cause, struct err *e)
{
	struct neutralize_rule *entry = neutralize_report_rule(
	    job->out, rule->name);

	neutralize_report_outcome(entry, NEUTRALIZE_FAILED, 0, cause->text);
	if (neutralize_job_is_over(job, cause)) {
		*e = *cause;
		return (-1);
	}
	if (rule->must)
		return (err_set(e, ERR_REFUSED,
		    "neutralization failed at rule %s, nothing was changed: %s",
		    rule->name, cause->text));
	neutralize_report_warn(
	    job->out, "rule %s failed: %s", rule->name, cause->text);
	return (neutralize_job_forget(job, e));
}

static int
run_rule(struct neutralize_job *job, const struct neutralize_place *place,
    const struct rules_rule *rule, struct err *e)
{
	SCOPED(neutralize_plan_free)
	struct neutralize_plan plan = { .n = 0 };
	struct neutralize_rule *entry = neutralize_report_rule(
	    job->out, rule->name);
	struct err cause = ERR_INIT;
	int64_t rows = 0;

	if (stop_check(e) < 0 || neutralize_plan_add(&plan, place, rule, e) < 0)
		return (-1);
	if (plan.n == 0)
		return (0);
	stage_reached("neutralization rule");
	if (neutralize_job_mark(job, e) < 0)
		return (-1);
	if (run_steps(job, rule, &plan, &rows, &cause) < 0)
		return (rule_failed(job, rule, &cause, e));
	neutralize_report_outcome(entry, NEUTRALIZE_APPLIED, rows, NULL);
	return (neutralize_job_keep(job, e));
}

static int
run_rules(struct neutralize_job *job, bool last, struct err *e)
{
	for (size_t i = 0; i < neutralize_job_places(job); i++) {
		struct neutralize_place place = neutralize_job_place(job, i);

		for (size_t k = 0; k < job->rules->n; k++) {
			const struct rules_rule *rule = &job->rules->rules[k];

			if (!rule->is_proof && rule->last == last &&
			    run_rule(job, &place, rule, e) < 0)
				return (-1);
		}
	}
	return (0);
}

/* Scripts may change tables, so the catalog is read again after them. */
static int
run_addons(struct neutralize_job *job, struct err *e)
{
	if (job->conf->addons_path == NULL || job->catalog->nodoos == 0)
		return (0);
	for (size_t i = 0; i < job->catalog->nodoos; i++)
		if (neutralize_addons_run(job, &job->catalog->odoos[i], e) < 0)
			return (-1);
	return (neutralize_job_look(job, e));
}

static int
run_all(struct neutralize_job *job, struct err *e)
{
	if (neutralize_job_look(job, e) < 0 ||
	    neutralize_postgres_run(job, e) < 0 || run_addons(job, e) < 0 ||
	    run_rules(job, false, e) < 0 || run_rules(job, true, e) < 0)
		return (-1);
	/* What was put off until the end speaks up now. */
	return (pg_exec(job->c, e, "SET CONSTRAINTS ALL IMMEDIATE"));
}

int
neutralize_run(PGconn *c, const struct neutralize_conf *conf,
    struct neutralize_report *out, struct err *e)
{
	SCOPED(neutralize_job_close) struct neutralize_job job = { .c = NULL };
	struct err ignored = ERR_INIT;

	if (neutralize_job_open(&job, c, conf, out, e) < 0 ||
	    pg_exec(c, e, "BEGIN") < 0)
		return (-1);
	if (run_all(&job, e) < 0) {
		if (pg_exec(c, &ignored, "ROLLBACK") < 0)
			log_debug("neutralization: %s", ignored.text);
		return (-1);
	}
	stage_reached("rules applied");
	if (pg_exec(c, e, "COMMIT") < 0)
		return (-1);
	stage_reached("rules committed");
	return (0);
}
