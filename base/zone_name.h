/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the time zone database, "Europe/Brussels": is this one?
 */
#ifndef BASE_ZONE_NAME_H
#define BASE_ZONE_NAME_H

#include <stdbool.h>

/*
 * True for a name that the system's time zone database has. A machine without
 * that database can't tell, and takes each that is spelled like one.
 */
bool zone_name_is_known(const char *name);

#endif
