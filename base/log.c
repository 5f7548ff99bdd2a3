/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A level and words come in, one line goes to standard error in one write, so
 * that lines of several threads never mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

#define LOG_LINE 2048

static atomic_int level = LOG_WARNINGS;

void
log_set_level(enum log_level most)
{
	atomic_store(&level, (int)most);
}

static void PRINTF_LIKE(3, 0)
    line(enum log_level of, const char *name, const char *fmt, va_list ap)
{
	char text[LOG_LINE - 16], out[LOG_LINE];
	int n;

	if ((int)of > atomic_load(&level))
		return;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		text_mend_end(text);
	text_clean(text);
	n = snprintf(out, sizeof(out), "%s: %s\n", name, text);
	if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
		return; /* nobody is left to tell */
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(LOG_ERRORS, "error", fmt, ap);
	va_end(ap);
}

void
log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(LOG_WARNINGS, "warning", fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(LOG_INFOS, "info", fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(LOG_DEBUGS, "debug", fmt, ap);
	va_end(ap);
}
