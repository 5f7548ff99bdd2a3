/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of spool*.c share.
 */
#ifndef REPOSITORY_SPOOL_IMPL_H
#define REPOSITORY_SPOOL_IMPL_H

#include "repository/spool.h"

/* <state>/spool/<kind>, allocated. */
char *spool_folder(struct state *s, const char *kind);
/* Moves a file to spool/damaged, with a warning. */
int spool_set_aside(
    struct state *s, const char *path, const char *why, struct err *e) MUST_USE;
/* Are these the object's bytes? Fails: ERR_CORRUPT. */
int spool_check_bytes(
    const struct state_object *o, const struct buf *b, struct err *e) MUST_USE;
/* Removes the file of an object that no longer counts as spooled. */
int spool_remove(struct state *s, const char *object, struct err *e) MUST_USE;

#endif
