/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What backup and restore both need of PostgreSQL: connections with pg_dump's
 * settings, queries that answer or fail with ERR_DATABASE, quoting, and the
 * client programs of the server's major version. libpq is included by this
 * module's users through here only for the types they need (COPY).
 */
#ifndef BASE_PG_H
#define BASE_PG_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Opens a connection from a conninfo string or URI. database, when not NULL,
 * replaces the dbname in it. Sets application_name=triplicate, and after
 * connecting: search_path '', row_security off, all timeouts 0, DateStyle ISO,
 * IntervalStyle postgres, extra_float_digits 3, synchronize_seqscans off,
 * client_encoding = the database's own. The connection is non-blocking:
 * closing it never waits for the server.
 * Fails: ERR_MISSING (no such database: SQLSTATE 3D000), ERR_DENIED (28xxx),
 * ERR_DATABASE; the text names host, port and database, never the password.
 */
PGconn *pg_connect(
    const char *conninfo, const char *database, struct err *e) MUST_USE;
void pg_close(PGconn *c);
void pg_closep(PGconn **c);
void pg_clearp(PGresult **r);

/* dbname that conninfo names (as libpq would use), allocated. */
char *pg_database_of(const char *conninfo, struct err *e) MUST_USE;
/*
 * "host:port/database" that conninfo leads to, allocated: the same for two
 * spellings of one database (not for two names of one host).
 */
char *pg_place_of(const char *conninfo, struct err *e) MUST_USE;
/*
 * What a child program needs to reach the same server: writes host, port, user
 * into a conninfo *without password* (allocated, for --dbname) with database in
 * place of its own, and the password, when there is one, as "PGPASSWORD=…"
 * into *password_env (allocated, to be wiped by the caller; else NULL).
 */
char *pg_child_conninfo(PGconn *c, const char *database, char **password_env,
    struct err *e) MUST_USE;

/* Runs one command or script that returns no rows. */
int pg_exec(PGconn *c, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(3, 4) MUST_USE;
/* Runs one query with text parameters; the result has status PGRES_TUPLES_OK.
 */
PGresult *pg_query(PGconn *c, const char *sql, int nparams,
    const char *const params[], struct err *e) MUST_USE;
/* The first column of the first row, allocated; NULL with e->kind ERR_NONE when
 * there is no row or it is null. */
char *pg_value(PGconn *c, const char *sql, int nparams,
    const char *const params[], struct err *e);
/*
 * For callers that judge a failure by its SQLSTATE, or begin a COPY: the result
 * of one command whatever its status, of a script the first failed one or the
 * last. NULL: ERR_STOPPED, or the connection is lost.
 */
PGresult *pg_try(PGconn *c, const char *sql, struct err *e) MUST_USE;
/* As PQgetResult, which never blocks then. Fails: ERR_STOPPED. */
int pg_next_result(PGconn *c, PGresult **r, struct err *e) MUST_USE;
/*
 * Sends what libpq holds back; *done tells whether all of it is on its way.
 * Returns after a moment in any case: call it until it is. Connections are
 * non-blocking, so PQputCopyData piles up what is not flushed.
 */
int pg_flush_some(PGconn *c, bool *done, struct err *e) MUST_USE;
/* Fails with the connection's (or the result's) message. Deadlock and
 * serialization failures are ERR_AGAIN; 57014 with stop requested is
 * ERR_STOPPED. */
int pg_fail(PGconn *c, const PGresult *r, struct err *e, const char *what);
/* SQLSTATE of a result, "" when none. */
const char *pg_sqlstate(const PGresult *r);
/* Was e made by pg_fail from a failure of that SQLSTATE? */
bool pg_failed_with(const struct err *e, const char *sqlstate);

/* Quoting by our own hand, for names and values of any bytes: "a""b", 'it''s'
 * (with E'' when a backslash is in it). */
void pg_add_name(struct buf *b, const char *name);
void pg_add_qualified(struct buf *b, const char *schema, const char *name);
void pg_add_literal(struct buf *b, const char *text);

int pg_server_major(PGconn *c); /* 15 */
/*
 * Finds "pg_dump", "pg_restore" or "psql" of a major, a server's own: in
 * /usr/lib/postgresql/MAJOR/bin or anywhere in PATH, else the lowest newer one
 * (*is_newer is set then). One in PATH that doesn't tell its version is passed
 * over. Allocated. Fails: ERR_DATABASE with the package to install, and what is
 * there instead; ERR_STOPPED.
 */
char *pg_program(
    const char *name, int major, bool *is_newer, struct err *e) MUST_USE;

#endif
