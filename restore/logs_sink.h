/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The logs of a backup into a dated folder beside the branch's own.
 */
#ifndef RESTORE_LOGS_SINK_H
#define RESTORE_LOGS_SINK_H

#include "restore/restoring.h"

/* "/var/log/odoo" of "/var/log/odoo/(star).log, …". Allocated; NULL when
 * the patterns name none. */
char *logs_sink_folder(const char *patterns);
int logs_sink_restore(
    struct restoring *j, struct restore_result *out, struct err *e) MUST_USE;

#endif
