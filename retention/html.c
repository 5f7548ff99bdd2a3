/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shapes and texts flow in, markup flows out.
 */
#include "retention/html.h"

#include <stdarg.h>
#include <string.h>

void
html_text(struct buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		switch (*p) {
		case '&': buf_add_string(out, "&amp;"); break;
		case '<': buf_add_string(out, "&lt;"); break;
		case '>': buf_add_string(out, "&gt;"); break;
		case '"': buf_add_string(out, "&quot;"); break;
		case '\'': buf_add_string(out, "&#39;"); break;
		default: buf_add(out, p, 1); break;
		}
}

void
html_put(struct buf *out, const char *shape, ...)
{
	va_list ap;

	va_start(ap, shape);
	for (;;) {
		size_t n = strcspn(shape, "$");

		buf_add(out, shape, n);
		shape += n;
		if (*shape == '\0')
			break;
		shape++;
		html_text(out, va_arg(ap, const char *));
	}
	va_end(ap);
}
