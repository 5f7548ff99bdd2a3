/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at a database without changing it: the proofs among the rules, that
 * no rule would still change anything, that no column which rules clear is
 * filled, PostgreSQL's part, and what nobody knows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "restore/neutralize.h"
#include "restore/neutralize_job.h"
#include "restore/neutralize_plan.h"
#include "restore/neutralize_postgres.h"
#include "restore/neutralize_report.h"
#include "restore/neutralize_scan.h"

#define RULES_HOLD  "rules-hold"
#define CREDENTIALS "credentials"

/*
 * Counts in a savepoint. A query that cannot be run proves nothing: then the
 * check fails with its cause. Returns 1 when there are counts, else 0.
 * Fails: only when everything must end.
 */
static int
try_count(struct neutralize_job *job, const char *check, const char *sql,
    int64_t *counts, size_t n, struct err *e)
{
	struct err cause = ERR_INIT;

	if (stop_check(e) < 0 || neutralize_job_mark(job, e) < 0)
		return (-1);
	if (neutralize_job_count(job, sql, counts, n, &cause) == 0)
		return (neutralize_job_keep(job, e) < 0 ? -1 : 1);
	if (neutralize_job_is_over(job, &cause)) {
		*e = cause;
		return (-1);
	}
	neutralize_report_check(job->out, check, false, 0, cause.text);
	return (neutralize_job_forget(job, e) < 0 ? -1 : 0);
}

/* One proof of the rules: its checks together are one entry. */
static int
prove_proof(struct neutralize_job *job, const struct neutralize_place *place,
    const struct rules_rule *proof, struct err *e)
{
	SCOPED(neutralize_plan_free)
	struct neutralize_plan plan = { .n = 0 };

	if (neutralize_plan_add(&plan, place, proof, e) < 0)
		return (-1);
	for (size_t i = 0; i < plan.n; i++) {
		const struct neutralize_step *step = &plan.steps[i];
		int64_t n;
		int got = try_count(job, proof->name, step->left, &n, 1, e);

		if (got < 0)
			return (-1);
		if (got == 0)
			continue;
		if (step->kind == RULES_SOME)
			n = n > 0 ? 0 : 1;
		neutralize_report_check(job->out, proof->name, n == 0, n, NULL);
	}
	return (0);
}

/* What the steps of one rule would still change. */
static int
prove_rule(struct neutralize_job *job, const struct rules_rule *rule,
    const struct neutralize_step *steps, size_t n, struct err *e)
{
	int64_t left = 0, now;
	int got;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].left == NULL || steps[i].kind == RULES_REPORT)
			continue;
		got = try_count(job, RULES_HOLD, steps[i].left, &now, 1, e);
		if (got < 0)
			return (-1);
		left += got > 0 ? now : 0;
	}
	if (left > 0 && !rule->must)
		neutralize_report_warn(job->out,
		    "rule %s would still change %lld rows", rule->name,
		    (long long)left);
	if (rule->must)
		neutralize_report_check(job->out, RULES_HOLD, left == 0, left,
		    left > 0 ? rule->name : NULL);
	return (0);
}

/* Whether an earlier step clears the column in the same rows. */
static bool
is_counted(const struct neutralize_plan *plan, size_t at,
    const struct neutralize_column *column)
{
	const char *where = plan->steps[at].action->where;

	for (size_t i = 0; i < at; i++) {
		const struct neutralize_step *step = &plan->steps[i];

		if (step->action->where != NULL &&
		    (where == NULL || strcmp(step->action->where, where) != 0))
			continue;
		for (size_t k = 0; k < step->ncleared; k++)
			if (step->cleared[k] == column)
				return (true);
	}
	return (false);
}

/* Columns that a step clears hold nothing. */
static int
prove_cleared(struct neutralize_job *job, const struct neutralize_plan *plan,
    size_t at, struct err *e)
{
	const struct neutralize_step *step = &plan->steps[at];
	SCOPED(scope_free)
	int64_t *counts = mem_array(step->ncleared + 1, sizeof(counts[0]));
	int got;

	if (step->filled == NULL)
		return (0);
	got = try_count(
	    job, CREDENTIALS, step->filled, counts, step->ncleared, e);
	if (got <= 0)
		return (got);
	for (size_t i = 0; i < step->ncleared; i++) {
		SCOPED(scope_free)
		char *name = mem_printf(
		    "%s.%s", step->table->name, step->cleared[i]->name);

		if (!is_counted(plan, at, step->cleared[i]))
			neutralize_report_check(job->out, CREDENTIALS,
			    counts[i] == 0, counts[i],
			    counts[i] > 0 ? name : NULL);
	}
	return (0);
}

/* One Odoo, or the database without one. */
static int
prove_place(struct neutralize_job *job, const struct neutralize_place *place,
    struct err *e)
{
	SCOPED(neutralize_plan_free)
	struct neutralize_plan plan = { .n = 0 };

	for (size_t i = 0; i < job->rules->n; i++) {
		const struct rules_rule *rule = &job->rules->rules[i];
		size_t before = plan.n;

		if (rule->is_proof) {
			if (prove_proof(job, place, rule, e) < 0)
				return (-1);
			continue;
		}
		if (neutralize_plan_add(&plan, place, rule, e) < 0)
			return (-1);
		if (plan.n > before &&
		    prove_rule(
			job, rule, plan.steps + before, plan.n - before, e) < 0)
			return (-1);
	}
	for (size_t i = 0; i < plan.n; i++)
		if (prove_cleared(job, &plan, i, e) < 0)
			return (-1);
	return (neutralize_scan(job, place, &plan, e));
}

static int
prove_all(struct neutralize_job *job, struct err *e)
{
	if (neutralize_job_look(job, e) < 0 ||
	    neutralize_postgres_prove(job, e) < 0)
		return (-1);
	for (size_t i = 0; i < neutralize_job_places(job); i++) {
		struct neutralize_place place = neutralize_job_place(job, i);

		if (prove_place(job, &place, e) < 0)
			return (-1);
	}
	return (0);
}

/* Names the checks that failed; what exactly is in the report. */
static int
verdict(const struct neutralize_report *r, struct err *e)
{
	SCOPED(buf_free) struct buf names = BUF_INIT;

	if (neutralize_report_ok(r))
		return (0);
	for (size_t i = 0; i < r->nproof; i++)
		if (!r->proof[i].ok)
			buf_printf(&names, "%s%s", names.n > 0 ? ", " : "",
			    r->proof[i].name);
	return (err_set(e, ERR_REFUSED, "the database is not neutralized: %s",
	    buf_text(&names)));
}

int
neutralize_prove(PGconn *c, const struct neutralize_conf *conf,
    struct neutralize_report *out, struct err *e)
{
	SCOPED(neutralize_job_close) struct neutralize_job job = { .c = NULL };
	struct err ignored = ERR_INIT;
	int ok;

	neutralize_report_forget_proof(out);
	if (neutralize_job_open(&job, c, conf, out, e) < 0 ||
	    pg_exec(c, e, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") <
		0)
		return (-1);
	ok = prove_all(&job, e);
	if (pg_exec(c, ok < 0 ? &ignored : e, "ROLLBACK") < 0 || ok < 0)
		return (-1);
	return (verdict(out, e));
}
