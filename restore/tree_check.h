/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a backup's tree one that a file system could have? What is signed may
 * still be hostile, and a contradiction is refused before anything is written.
 */
#ifndef RESTORE_TREE_CHECK_H
#define RESTORE_TREE_CHECK_H

#include "restore/contents.h"

/*
 * Every name once, nothing below a file or link, every file as long as its
 * stream. folder takes files without a name meanwhile.
 * Fails: ERR_CORRUPT, naming what contradicts.
 */
int tree_check(struct contents *c, const char *folder, struct err *e) MUST_USE;

#endif
