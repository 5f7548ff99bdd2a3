/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a rule is applied, and with what: names in a rule's text become tables
 * and columns of one Odoo, $NAMES become values, and guards are answered.
 */
#ifndef RESTORE_NEUTRALIZE_PLACE_H
#define RESTORE_NEUTRALIZE_PLACE_H

#include "restore/neutralize_catalog.h"
#include "restore/rules.h"

/* What $NAME in a rule stands for; text NULL gives NULL::text. */
struct neutralize_value {
	const char *name;
	const char *text;
};

/* Where a rule is applied: one Odoo, or none of them. */
struct neutralize_place {
	const struct neutralize_catalog *catalog;
	const struct neutralize_odoo *odoo;    /* NULL: only SCHEMA.TABLE */
	const struct neutralize_value *values; /* a NULL name ends them */
};

/* "TABLE" of the Odoo at hand, or "SCHEMA.TABLE"; NULL when it is not there. */
const struct neutralize_table *neutralize_place_table(
    const struct neutralize_place *place, const char *path);

/* Everything needed is there, nothing lacked is, a module of them is. */
bool neutralize_place_holds(
    const struct neutralize_place *place, const struct rules_guard *g);

/*
 * Appends text with its $NAME, {COLUMN} (of t) and {.TABLE} put in; what stands
 * between single quotes stays as it is. Returns 1, or 0 when something that it
 * names is not in the database, or -1.
 * Fails: ERR_CONFIG on a $NAME that is unknown, a {COLUMN} when t is NULL.
 */
int neutralize_place_expand(const struct neutralize_place *place,
    const struct neutralize_table *t, const char *text, struct buf *out,
    struct err *e) MUST_USE;

#endif
