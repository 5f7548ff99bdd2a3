/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Releasers for SCOPED locals, and memory whose size the program chose. There
 * is no way on without memory for one's own structures, so the process ends
 * with a message and is started again into a consistent state.
 */
#include "base/scope.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
scope_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
scope_free(void *pp)
{
	void *p;

	/* pp is the address of a pointer of any type: copied, not cast. */
	memcpy(&p, pp, sizeof(p));
	free(p);
}

void
scope_fclose(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
	*file = NULL;
}

/* No memory is left for formatting: a fixed text and the end. */
_Noreturn void
mem_out(void)
{
	static const char text[] = "error: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
	abort();
}

void *
mem_new(size_t bytes)
{
	void *p = calloc(1, bytes > 0 ? bytes : 1);

	if (p == NULL)
		mem_out();
	return (p);
}

/* count * bytes, or the end of the process. */
static size_t
product(size_t count, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(count, bytes, &all))
		mem_out();
	return (all);
}

void *
mem_array(size_t count, size_t bytes)
{
	return (mem_new(product(count, bytes)));
}

void *
mem_grow(void *p, size_t count, size_t bytes)
{
	size_t all = product(count, bytes);
	void *grown = realloc(p, all > 0 ? all : 1);

	if (grown == NULL)
		mem_out();
	return (grown);
}

char *
mem_string(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = mem_new(n);

	memcpy(copy, text, n);
	return (copy);
}

char *
mem_printf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_out();
	return (text);
}
