/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where tests write: below TMPDIR, which run-check.sh sets to a file system in
 * memory where there is one, else below /tmp.
 */
#ifndef TESTS_UNIT_PLACE_H
#define TESTS_UNIT_PLACE_H

/* A new, empty folder. Allocated; the test fails without one. */
char *place_new(void);

#endif
