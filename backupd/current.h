/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration that the daemon goes by now. A reload puts a new one in its
 * place; whoever works with the old one keeps it until they let go of it.
 */
#ifndef BACKUPD_CURRENT_H
#define BACKUPD_CURRENT_H

#include "repository/settings.h"

struct current;

/* Reads the file. Owned: current_free. Fails: as settings_read. */
struct current *current_open(const char *path, struct err *e) MUST_USE;
void current_free(struct current *c);
/* Reads the file anew. Fails: as settings_read; the old one then stays. */
int current_reload(struct current *c, struct err *e) MUST_USE;
/* The newest, to be given back with current_drop; never NULL. Any thread. */
const struct settings *current_take(struct current *c);
void current_drop(struct current *c, const struct settings *s);

#endif
