/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calendar is counted in eras of 400 years that begin on the 1st of March,
 * which puts the leap day last. 719468 days lie between that origin and 1970.
 */
#include "base/civil.h"

#define ORIGIN	  719468
#define ERA_YEARS 400
#define ERA_DAYS  INT64_C(146097)

int64_t
civil_floor_div(int64_t a, int64_t b)
{
	return (a / b - (a % b < 0 ? 1 : 0));
}

struct civil
civil_of(int64_t days)
{
	int64_t era = civil_floor_div(days + ORIGIN, ERA_DAYS);
	int64_t day = days + ORIGIN - era * ERA_DAYS;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned of_year = (unsigned)(day -
	    (365 * year + year / 4 - year / 100));
	unsigned march = (5 * of_year + 2) / 153;
	struct civil c;

	c.month = march < 10 ? march + 3 : march - 9;
	c.day = of_year - (153 * march + 2) / 5 + 1;
	c.year = year + era * ERA_YEARS + (c.month <= 2 ? 1 : 0);
	return (c);
}

int64_t
civil_days(int64_t year, unsigned month, unsigned day)
{
	int64_t from_march = year - (month <= 2 ? 1 : 0);
	int64_t era = civil_floor_div(from_march, ERA_YEARS);
	int64_t of_era = from_march - era * ERA_YEARS;
	unsigned march = month > 2 ? month - 3 : month + 9;
	int64_t of_year = (int64_t)((153 * march + 2) / 5) + day - 1;

	return (era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - ORIGIN);
}
