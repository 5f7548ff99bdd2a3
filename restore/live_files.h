/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which attachments a live branch needs. A restore that is undone, or a
 * replaced database that goes, takes files away; Odoo may have begun to share
 * them meanwhile, since it writes an attachment only where no file of that name
 * is.
 */
#ifndef RESTORE_LIVE_FILES_H
#define RESTORE_LIVE_FILES_H

#include "base/pg.h"

struct branch_settings;
struct journal;
struct keyset;

/*
 * Adds the keys of all names in the branch's ir_attachment to names. Meanwhile,
 * and until *hold is closed, nobody can add one: transactions that are writing
 * are waited for, as Odoo's own garbage collection does. A branch that has no
 * database, or no attachments, names none; then *hold is NULL.
 * Fails: ERR_DATABASE, also when the table is busy for too long.
 */
int live_files_hold(const struct branch_settings *branch, struct keyset *names,
    PGconn **hold, struct err *e) MUST_USE;

/* Takes back what a restore, whose lists are in folder, added to the branch's
 * files, but for what the branch needs by now. */
int live_files_undo(const struct branch_settings *branch,
    const struct journal *journal, const char *folder, struct err *e) MUST_USE;

#endif
