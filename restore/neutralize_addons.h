/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What installed modules bring themselves: ADDONS/MODULE/data/neutralize.sql,
 * as Odoo's own neutralize runs it. Ours come after and have the last word.
 */
#ifndef RESTORE_NEUTRALIZE_ADDONS_H
#define RESTORE_NEUTRALIZE_ADDONS_H

#include "restore/neutralize_job.h"

#define NEUTRALIZE_SQL_MAX ((size_t)1 << 20)

/*
 * Inside the transaction of neutralize_run: runs each in a savepoint, as rule
 * "odoo:MODULE". One that fails, or cannot be read, is recorded with a warning.
 * Fails: ERR_REFUSED when a script left the transaction; ERR_DATABASE,
 * ERR_STOPPED.
 */
int neutralize_addons_run(struct neutralize_job *job,
    const struct neutralize_odoo *odoo, struct err *e) MUST_USE;

#endif
