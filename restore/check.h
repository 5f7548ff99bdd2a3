/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that can refuse before work starts. Reads, changes nothing.
 */
#ifndef RESTORE_CHECK_H
#define RESTORE_CHECK_H

#include "restore/restoring.h"
#include "restore/target.h"

/*
 * What the target's server must have for this database: rights, programs,
 * extensions, altered functions, room. *from_template: the database has to be
 * made from the template that a superuser prepared.
 */
int check_database(struct restoring *j, struct target *t, bool *from_template,
    struct err *e) MUST_USE;
/* The folder can be made or written, and has room for more bytes. */
int check_folder(
    const char *folder, uint64_t bytes, bool force, struct err *e) MUST_USE;
/* The tables asked for are in the backup: their places in the contents'
 * list. Fails: ERR_MISSING. */
int check_tables(struct restoring *j, size_t *places, struct err *e) MUST_USE;

#endif
