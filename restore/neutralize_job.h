/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What applying and proving share: the rules, the catalog, the values that
 * rules name, and how a statement is tried without ending the transaction.
 */
#ifndef RESTORE_NEUTRALIZE_JOB_H
#define RESTORE_NEUTRALIZE_JOB_H

#include "restore/neutralize.h"
#include "restore/neutralize_place.h"
#include "restore/rules.h"

#define NEUTRALIZE_VALUES 16

struct neutralize_job {
	PGconn *c;
	const struct neutralize_conf *conf;
	struct neutralize_report *out;
	struct rules *rules;
	struct neutralize_catalog *catalog; /* NULL until it is read */
	struct neutralize_value values[NEUTRALIZE_VALUES];
	char *owned[NEUTRALIZE_VALUES]; /* what values point to */
};

/*
 * Reads the rules and works out the values.
 * Fails: ERR_CONFIG for a bad mail_catcher.
 * After failure: the job must be closed all the same.
 */
int neutralize_job_open(struct neutralize_job *job, PGconn *c,
    const struct neutralize_conf *conf, struct neutralize_report *out,
    struct err *e) MUST_USE;
void neutralize_job_close(struct neutralize_job *job); /* SCOPED too */

/* Reads the catalog, again when it was read. */
int neutralize_job_look(struct neutralize_job *job, struct err *e) MUST_USE;
/* How many places rules are applied at: the Odoos, or one without any. */
size_t neutralize_job_places(const struct neutralize_job *job);
struct neutralize_place neutralize_job_place(
    const struct neutralize_job *job, size_t i);

/* Inside a transaction: what fails after mark is undone by forget, what went
 * well is kept by keep. */
int neutralize_job_mark(struct neutralize_job *job, struct err *e) MUST_USE;
int neutralize_job_keep(struct neutralize_job *job, struct err *e) MUST_USE;
int neutralize_job_forget(struct neutralize_job *job, struct err *e) MUST_USE;
/* True when e, of a failed statement, ends the whole job: a lost connection, a
 * requested stop. */
bool neutralize_job_is_over(
    const struct neutralize_job *job, const struct err *e);

/* Runs a query that gives one row of n counts. */
int neutralize_job_count(struct neutralize_job *job, const char *sql,
    int64_t *counts, size_t n, struct err *e) MUST_USE;

/* Splits "host:port", "[::1]:port"; false when it is neither. Pure. */
bool neutralize_split_catcher(
    const char *catcher, char host[256], char port[8]);
/* The host of a URL in lower case, allocated; NULL when it has none, or one
 * that every machine calls itself by. Pure. */
char *neutralize_url_host(const char *url);

#endif
