/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a branch's keep setting means: how many days, weeks and months keep a
 * backup. Whom that lets go is retention's.
 */
#ifndef REPOSITORY_KEEP_H
#define REPOSITORY_KEEP_H

#include <stdbool.h>

#define KEEP_MOST     9999 /* of each */
#define KEEP_EXPECTED "7 daily, 4 weekly, 3 monthly, or some of these"

struct keep {
	unsigned daily, weekly, monthly;
};

/*
 * Reads "7 daily, 4 weekly, 3 monthly": each at most once, in any order, what
 * is left out is 0, and not all of them 0. False when text is anything else;
 * *out is then as it was.
 */
bool keep_parse(const char *text, struct keep *out);

#endif
