/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rule and a catalog go in, SQL statements come out: those that apply it
 * and those that count what it would still change. Pure: nothing is run here,
 * so applying, proving and knowing which columns are dealt with all come from
 * the same plan.
 */
#ifndef RESTORE_NEUTRALIZE_PLAN_H
#define RESTORE_NEUTRALIZE_PLAN_H

#include "restore/neutralize_place.h"

/* One statement's worth of a rule. Each query gives one row of counts. */
struct neutralize_step {
	enum rules_kind kind;
	char *change; /* does it, and counts what it changed; or NULL */
	char *left;   /* counts what is not done yet; or NULL */
	char *filled; /* one count for each cleared column; or NULL */
	const struct neutralize_table *table; /* or NULL */
	/* The columns that are set or cleared, and of them the cleared ones. */
	const struct neutralize_column **touched, **cleared;
	size_t ntouched, ncleared;
	const struct rules_action *action;
};

struct neutralize_plan {
	struct neutralize_step *steps;
	size_t n;
};

/*
 * Appends the steps of one rule or proof; none when nothing of it applies.
 * Fails: ERR_CONFIG on a $NAME or {NAME} that means nothing.
 */
int neutralize_plan_add(struct neutralize_plan *plan,
    const struct neutralize_place *place, const struct rules_rule *rule,
    struct err *e) MUST_USE;
void neutralize_plan_free(struct neutralize_plan *plan);

#endif
