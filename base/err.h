/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong, in words for people and a kind for programs. Every function
 * that can fail returns 0 or -1 (a pointer or NULL) and fills its caller's
 * struct err, which is always the last parameter and never NULL. It is fixed
 * in size and lives on the stack, so that failing needs no memory. Who handles
 * an error logs it, once; who passes it on adds what the callee did not know.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/scope.h"

/* What can the caller do about it? One table in cli/ maps kinds to exits. */
enum err_kind {
	ERR_NONE,
	ERR_USAGE,	/* wrong words on the command line or in a request */
	ERR_CONFIG,	/* the operator must change a setting */
	ERR_MISSING,	/* the named thing is not there */
	ERR_EXISTS,	/* the named thing is there already */
	ERR_DENIED,	/* credentials or permissions refused */
	ERR_AGAIN,	/* transient: worth another try later */
	ERR_FULL,	/* no space, or over quota */
	ERR_CORRUPT,	/* authentic bytes expected, something else found */
	ERR_VERSION,	/* valid, but written by a newer program */
	ERR_LOCKED,	/* another job on this machine holds it */
	ERR_TAKEN_OVER, /* another machine is the writer now */
	ERR_KEY,	/* wrong or missing key */
	ERR_REFUSED,	/* confirmation or safety limit */
	ERR_STOPPED,	/* cancelled on request */
	ERR_QUORUM,	/* stored, but not at enough endpoints */
	ERR_DATABASE,	/* PostgreSQL or its client programs said no */
	ERR_SOURCE,	/* something that is there could not be read */
	ERR_NETWORK,	/* the line or the peer, after all retries */
	ERR_SYSTEM	/* none of the above; see sys */
};

struct err {
	enum err_kind kind;
	int sys;	/* errno at the point of failure, or 0 */
	char text[500]; /* "outer: inner: cause", one line, no secrets */
	char hint[200]; /* what to do next, or "" */
};

/* Start value of every local struct err. */
#define ERR_INIT                                                               \
	{                                                                      \
		.kind = ERR_NONE                                               \
	}

/*
 * Record a failure (control characters become '?', what does not fit is cut).
 * All return -1, so that callers can return them. err_errno picks the kind
 * from errno: ENOENT MISSING, EEXIST EXISTS, EACCES/EPERM/EROFS DENIED,
 * ENOSPC/EDQUOT FULL, EINTR/EAGAIN AGAIN, else SYSTEM.
 */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
int err_errno(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Put context in front of a failure that is on its way up. */
int err_within(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Say what to do next; replaces an earlier hint. */
int err_hint(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Forget the failure: after this e is as ERR_INIT. */
void err_clear(struct err *e);

/* The one retry policy: is doing the same thing again worth it? */
bool err_is_transient(const struct err *e); /* AGAIN, NETWORK */

#endif
