/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single tables of a backup into a schema of their own beside the live ones,
 * "restored_<utc>". Columns have the types that they had at the source, which
 * a scratch database tells: the archive's own definitions are made there, each
 * table with what it needs and nothing else. Rewriting CREATE TABLE's text for
 * another schema would drag inheritance, defaults and checks on the live tables
 * along; here none of it reaches the live database but names and types.
 */
#ifndef RESTORE_SIDE_TABLES_H
#define RESTORE_SIDE_TABLES_H

#include "restore/restoring.h"
#include "restore/target.h"

/* All tables asked for, or none: it is one transaction. */
int side_tables_restore(struct restoring *j, struct target *t,
    const size_t *places, struct journal *journal, struct restore_result *out,
    struct err *e) MUST_USE;

#endif
