/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A psql child that is connected to the hidden database and is given the SQL
 * that pg_restore writes. It was opened while the database still let sessions
 * in, and ends at the first error. One thread at a time.
 */
#ifndef RESTORE_SESSION_H
#define RESTORE_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/pg.h"

struct session;

/* Where sessions go: what they need of the server. */
struct session_place {
	char *psql, *pg_restore; /* programs */
	char *known;	    /* settings that the server knows, " a b ", when the
			       programs are newer than it; else NULL */
	char *conninfo;	    /* without password */
	char *password_env; /* "PGPASSWORD=…" or NULL */
};
/* Like c's server, but another database; reader is programs_reader's. Fails:
 * ERR_DATABASE (no programs). */
int session_place_find(struct session_place *p, PGconn *c, const char *database,
    int reader, struct err *e) MUST_USE;
void session_place_free(struct session_place *p); /* wipes; for SCOPED */

/* Connected when this returns. Fails: ERR_DATABASE. */
struct session *session_open(
    const struct session_place *place, struct err *e) MUST_USE;
void session_free(struct session *s);	  /* ends it, whatever it does */
int session_pid(const struct session *s); /* of its server process */
void session_freep(struct session **s);

/* Runs statements and waits until they are done. Fails: ERR_DATABASE with
 * psql's words, ERR_STOPPED. After failure s can only be freed. */
int session_run(struct session *s, const char *sql, struct err *e) MUST_USE;
/* Runs what a pg_restore writes to its standard output, likewise. */
int session_run_output(
    struct session *s, const char *const argv[], struct err *e) MUST_USE;

#endif
