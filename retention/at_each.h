/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same work at each endpoint, all at once: a slow one delays the end and
 * nobody else.
 */
#ifndef RETENTION_AT_EACH_H
#define RETENTION_AT_EACH_H

#include "repository/repo.h"

/*
 * Calls work for every endpoint of which wanted (by place) says so, each in a
 * thread, and waits for all. errors[i] gets what failed at r->endpoints[i].
 */
void at_each(struct repo *r, const bool wanted[SETTINGS_ENDPOINTS_MAX],
    int (*work)(struct repo *r, size_t i, void *arg, struct err *e), void *arg,
    struct err errors[SETTINGS_ENDPOINTS_MAX]);

#endif
