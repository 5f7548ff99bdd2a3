/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of recover*.c share.
 */
#ifndef REPOSITORY_RECOVER_IMPL_H
#define REPOSITORY_RECOVER_IMPL_H

#include "repository/recover.h"

/* Backups, the newest of them, and the audit head, as local state has them. */
int recover_fill_result(
    struct repo *r, struct recover_result *out, struct err *e) MUST_USE;

#endif
