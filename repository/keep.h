/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a branch's keep setting means: how many hours, days, weeks, months and
 * years keep a backup. Whom that lets go is retention's.
 */
#ifndef REPOSITORY_KEEP_H
#define REPOSITORY_KEEP_H

#include <stdbool.h>

#define KEEP_MOST    9999 /* of each */
#define KEEP_DEFAULT "7 daily, 4 weekly, 3 monthly"
#define KEEP_EXPECTED                                                          \
	KEEP_DEFAULT ", or some of these; hourly and yearly as well"
#define KEEP_TEXT 80

struct keep {
	unsigned hourly, daily, weekly, monthly, yearly;
};

/*
 * Reads "24 hourly, 7 daily, 4 weekly, 3 monthly, 2 yearly": each at most once,
 * in any order, what is left out is 0, and not all of them 0. False when text
 * is anything else; *out is then as it was.
 */
bool keep_parse(const char *text, struct keep *out);
/* The same back, without what is 0. */
void keep_text(const struct keep *k, char out[KEEP_TEXT]);

#endif
