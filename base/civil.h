/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Days since 1970-01-01 as year, month and day, and back, by the calendar of
 * today for all times. Of any zone: a day is a number here.
 */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdint.h>

#define CIVIL_DAY_S INT64_C(86400)

struct civil {
	int64_t year;
	unsigned month, day; /* from 1 */
};
struct civil civil_of(int64_t days);
/* Month 13 is the January after it, and a day past the end of its month one of
 * the next. */
int64_t civil_days(int64_t year, unsigned month, unsigned day);

/* a / b rounded down, so that the second before 1970 is of day -1; b > 0. */
int64_t civil_floor_div(int64_t a, int64_t b);

#endif
