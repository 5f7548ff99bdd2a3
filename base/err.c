/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A failure's kind and words go in, a struct err of one clean line comes out.
 * Every text is built in a buffer of its own first, because callers quote an
 * earlier e->text in the new one.
 */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static_assert(
    sizeof(((struct err *)NULL)->text) > sizeof(((struct err *)NULL)->hint),
    "one scratch buffer serves both");
#define SCRATCH	 sizeof(((struct err *)NULL)->text)
#define STRERROR 128

/* Formats into room bytes of out: cut, mended, cleaned. */
static void PRINTF_LIKE(3, 0)
    format(char *out, size_t room, const char *fmt, va_list ap)
{
	int n = vsnprintf(out, room, fmt, ap);

	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= room)
		text_mend_end(out);
	text_clean(out);
}

/* "a: b" into e->text; both were cleaned already. */
static void
put_joined(struct err *e, const char *a, const char *b)
{
	char joined[SCRATCH];
	int n = snprintf(joined, sizeof(joined), "%s: %s", a, b);

	if (n < 0 || (size_t)n >= sizeof(joined))
		text_mend_end(joined);
	memcpy(e->text, joined, sizeof(joined));
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	char text[SCRATCH];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->kind = kind;
	e->sys = 0;
	e->hint[0] = '\0';
	memcpy(e->text, text, sizeof(text));
	return (-1);
}

/* What a caller can do about an errno. */
static enum err_kind
kind_of(int sys)
{
	switch (sys) {
	case ENOENT: return (ERR_MISSING);
	case EEXIST: return (ERR_EXISTS);
	case EACCES:
	case EPERM:
	case EROFS: return (ERR_DENIED);
	case ENOSPC:
	case EDQUOT: return (ERR_FULL);
	case EINTR:
	case EAGAIN: return (ERR_AGAIN);
	default: return (ERR_SYSTEM);
	}
}

int
err_errno(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	char text[SCRATCH], why[STRERROR];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->kind = kind_of(sys);
	e->sys = sys;
	e->hint[0] = '\0';
	put_joined(e, text, strerror_r(sys, why, sizeof(why)));
	return (-1);
}

int
err_within(struct err *e, const char *fmt, ...)
{
	char text[SCRATCH], inner[SCRATCH];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(inner, e->text, sizeof(inner));
	put_joined(e, text, inner);
	return (-1);
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	char hint[sizeof(e->hint)];
	va_list ap;

	va_start(ap, fmt);
	format(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	memcpy(e->hint, hint, sizeof(hint));
	return (-1);
}

void
err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
	e->hint[0] = '\0';
}

bool
err_is_transient(const struct err *e)
{
	return (e->kind == ERR_AGAIN || e->kind == ERR_NETWORK);
}
