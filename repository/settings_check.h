/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a configuration says as a whole: does it contradict itself? Each of its
 * settings has been read, and is good by itself.
 */
#ifndef REPOSITORY_SETTINGS_CHECK_H
#define REPOSITORY_SETTINGS_CHECK_H

#include "base/err.h"

struct settings;

/*
 * Fills in the default write quorum. Fails: ERR_CONFIG with file, line and what
 * is expected: something is left out; more copies wanted than endpoints; two
 * things in one place, or one inside another, where a restore or a loss of the
 * one would take the other with it.
 */
int settings_check(struct settings *s, struct err *e) MUST_USE;

#endif
