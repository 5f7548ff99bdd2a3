/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was looked at, how it is, and how to mend what is not well: a list that
 * grows while somebody looks around. What is not well always has a hint.
 * Thread: one at a time.
 */
#ifndef REPOSITORY_FINDINGS_H
#define REPOSITORY_FINDINGS_H

#include <stddef.h>

#include "base/err.h"

enum finding_state { FINDING_OK, FINDING_WARNING, FINDING_ERROR };

struct finding {
	enum finding_state state;
	enum err_kind kind; /* of the failure that was met, or ERR_NONE */
	char *subject;	    /* "endpoint fra" */
	char *name;	    /* "delete" */
	char *detail;	    /* one line */
	char *hint;	    /* what to do, or NULL */
};
/* {0} is an empty list. */
struct findings {
	size_t n;
	struct finding *v;
	const char *subject; /* of what is added next; borrowed */
};

void findings_free(struct findings *f); /* also for SCOPED */

void findings_ok(struct findings *f, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Well as it is, and yet there is something to do, or to know. */
void findings_note(struct findings *f, const char *name, const char *hint,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void findings_warning(struct findings *f, const char *name, const char *hint,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void findings_error(struct findings *f, const char *name, const char *hint,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Of a state that the caller has weighed. */
void findings_add(struct findings *f, enum finding_state state,
    const char *name, const char *hint, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* A failure that was met, with its own hint, or this one where it has none. */
void findings_failure(struct findings *f, enum finding_state state,
    const char *name, const struct err *why, const char *hint);

/* "ok", "warning", "error" */
const char *finding_state_text(enum finding_state state);

#endif
