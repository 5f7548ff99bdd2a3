/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the time zone database, "Europe/Brussels": is this one, and what
 * does the database say of it?
 */
#ifndef BASE_ZONE_NAME_H
#define BASE_ZONE_NAME_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * True for a name that the system's time zone database has. A machine without
 * that database can't tell, and takes each that is spelled like one.
 */
bool zone_name_is_known(const char *name);

/* Its file there, appended to out. Fails: ERR_MISSING (no such zone, or no
 * database here), ERR_CORRUPT for one that is too long, or as file_load. */
int zone_name_load(const char *name, struct buf *out, struct err *e) MUST_USE;

#endif
