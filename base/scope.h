/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ownership made visible: a local marked SCOPED(fn) is released by fn when
 * its block ends, and TAKE(p) hands it out instead. With these two a function
 * returns early without labels. No other file changes control flow by
 * attribute. Also here: memory that the program sizes itself.
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include <stddef.h>
#include <stdio.h>

#define SCOPED(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                                                                \
	__extension__({                                                        \
		__typeof__(p) taken_ =                                         \
		    (p); /* NOLINT(bugprone-macro-parentheses) */              \
		(p) = NULL;                                                    \
		taken_;                                                        \
	})

#define MUST_USE	  __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Releasers for SCOPED: each takes the address of the local. */
void scope_close(int *fd);	/* closes fd unless it is negative */
void scope_free(void *pp);	/* free(*(void **)pp) */
void scope_fclose(FILE **file); /* fclose unless NULL */

/*
 * Memory whose size the program chose. Never NULL: out of memory ends the
 * process with a message (the daemon is crash-only). Contents are zero where
 * the name does not say otherwise. Sizes read from input are compared with a
 * named limit before they come here. Freed with free().
 */
void *mem_new(size_t bytes);
void *mem_array(size_t count, size_t bytes); /* overflow aborts */
void *mem_grow(
    void *p, size_t count, size_t bytes); /* realloc; new part is not zeroed */
char *mem_string(const char *text);
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Ends the process as they do: for a library that has no memory left. */
_Noreturn void mem_out(void);

#endif
