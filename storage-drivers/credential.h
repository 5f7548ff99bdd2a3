/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A password or secret key as an [endpoint] names it: in a file or in the
 * environment, never in the configuration or on a command line. It is read
 * when it is first needed, so that an endpoint whose file is missing fails
 * alone.
 */
#ifndef STORAGE_DRIVERS_CREDENTIAL_H
#define STORAGE_DRIVERS_CREDENTIAL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/secret.h"

#define CREDENTIAL_MAX 4096

struct credential {
	const char *setting;   /* "secret-key-file", for messages */
	char *file, *variable; /* owned; one of them, or neither */
	pthread_mutex_t lock;
	/* guarded by lock until it is read */
	bool is_read;
	struct secret value;
};

/* Owns: copies file and variable, either of which may be NULL. */
void credential_init(struct credential *c, const char *setting,
    const char *file, const char *variable);
void credential_free(struct credential *c);

/*
 * The value without the line end after it; the caller only looks at it.
 * Fails: ERR_CONFIG when there is none, or none that could be read.
 * Thread: any.
 */
const struct secret *credential_value(
    struct credential *c, struct err *e) MUST_USE;

#endif
