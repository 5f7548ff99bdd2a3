/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What no dump carries, and what a restore compares itself with: the database's
 * own properties, extensions, counts, foreign keys, roles. Read in the
 * snapshot; kept in the manifest's private part.
 */
#ifndef BACKUPD_FACTS_H
#define BACKUPD_FACTS_H

#include "base/json.h"
#include "base/pg.h"

/*
 * The keys "server" to "tablespaces" of the facts, set in into.
 * Fails: ERR_DATABASE.
 */
int facts_read(PGconn *c, struct json *into, struct err *e) MUST_USE;

/* The rows of a result as an array of objects: the columns' names are the keys,
 * their types decide between text, integer and true or false. */
struct json *facts_rows(const PGresult *r);

/* "15.20" of a server, at most size bytes. */
void facts_server_version(PGconn *c, char *out, size_t size);

#endif
