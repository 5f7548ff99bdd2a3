/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What PostgreSQL itself could reach the world by, whichever program made the
 * database: subscriptions, user mappings, event triggers, foreign servers. A
 * restore leaves most of it out of the archive (neutralize_filter_entry); this
 * is for a database that is there already, and for the proof.
 */
#ifndef RESTORE_NEUTRALIZE_POSTGRES_H
#define RESTORE_NEUTRALIZE_POSTGRES_H

#include "restore/neutralize_job.h"

/* Inside the transaction of neutralize_run. Fails: ERR_REFUSED naming the part
 * that could not be done. */
int neutralize_postgres_run(struct neutralize_job *job, struct err *e) MUST_USE;
/* Adds its checks. What our role may not look at counts as held, and says so.
 */
int neutralize_postgres_prove(
    struct neutralize_job *job, struct err *e) MUST_USE;

#endif
