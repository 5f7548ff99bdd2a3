/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of findings. Texts may come from servers and files: they are made fit
 * for one line here, once.
 */
#include "repository/findings.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DETAIL_MAX 600

void
findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].subject);
		free(f->v[i].name);
		free(f->v[i].detail);
		free(f->v[i].hint);
	}
	free(f->v);
	*f = (struct findings){ .n = 0 };
}

static void
add(struct findings *f, enum finding_state state, const char *name,
    const char *hint, const char *detail)
{
	struct finding *one;

	assert(f->subject != NULL);
	assert(state == FINDING_OK || (hint != NULL && hint[0] != '\0'));
	f->v = mem_grow(f->v, f->n + 1, sizeof(*f->v));
	one = &f->v[f->n++];
	*one = (struct finding){ .state = state,
		.kind = ERR_NONE,
		.subject = mem_string(f->subject),
		.name = mem_string(name),
		.detail = mem_string(detail),
		.hint = hint != NULL ? mem_string(hint) : NULL };
	text_clean(one->detail);
	if (one->hint != NULL)
		text_clean(one->hint);
}

static void add_printed(struct findings *f, enum finding_state state,
    const char *name, const char *hint, const char *fmt, va_list ap)
    PRINTF_LIKE(5, 0);

static void
add_printed(struct findings *f, enum finding_state state, const char *name,
    const char *hint, const char *fmt, va_list ap)
{
	char detail[DETAIL_MAX];

	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	text_mend_end(detail);
	add(f, state, name, hint, detail);
}

void
findings_ok(struct findings *f, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_printed(f, FINDING_OK, name, NULL, fmt, ap);
	va_end(ap);
}

void
findings_note(struct findings *f, const char *name, const char *hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_printed(f, FINDING_OK, name, hint, fmt, ap);
	va_end(ap);
}

void
findings_warning(struct findings *f, const char *name, const char *hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_printed(f, FINDING_WARNING, name, hint, fmt, ap);
	va_end(ap);
}

void
findings_error(struct findings *f, const char *name, const char *hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_printed(f, FINDING_ERROR, name, hint, fmt, ap);
	va_end(ap);
}

void
findings_add(struct findings *f, enum finding_state state, const char *name,
    const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_printed(f, state, name, hint, fmt, ap);
	va_end(ap);
}

void
findings_failure(struct findings *f, enum finding_state state, const char *name,
    const struct err *why, const char *hint)
{
	add(f, state, name, why->hint[0] != '\0' ? why->hint : hint, why->text);
	f->v[f->n - 1].kind = why->kind;
}

const char *
finding_state_text(enum finding_state state)
{
	static const char *const words[] = { "ok", "warning", "error" };

	return (words[state]);
}
