/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for the journal on standard error: "level text". The one global of the
 * program. Never keys, never URLs with credentials, never attachment names
 * above debug.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERRORS, LOG_WARNINGS, LOG_INFOS, LOG_DEBUGS };

void log_set_level(enum log_level most); /* default LOG_WARNINGS */
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
