/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that are put to try an endpoint out, and go again: probes/<16 hex>,
 * of random bytes. They have a folder of their own, so that listing them does
 * not list the repository; no reader looks there.
 */
#ifndef RETENTION_PROBE_H
#define RETENTION_PROBE_H

#include "storage-drivers/store.h"

#define PROBE_FOLDER "probes/"
#define PROBE_NAME   24 /* bytes, with its NUL */
#define PROBE_TINY   ((size_t)64)
#define PROBE_OLD_S  600 /* then whoever put it is gone */

struct probe {
	char name[PROBE_NAME];
	size_t n;
	uint8_t *p;
};
/* A name of its own and n random bytes; nothing is put yet. */
void probe_new(struct probe *p, size_t n);
void probe_free(struct probe *p); /* also for SCOPED */

/* Is it there, with these very bytes? Fails: ERR_MISSING, ERR_CORRUPT, the
 * endpoint's errors. */
int probe_compare(
    struct store *s, const struct probe *p, struct err *e) MUST_USE;

/*
 * Removes probes that are older than PROBE_OLD_S, which a killed run left, or
 * which were locked then. Those that stay, stay: nothing rests on it. now is by
 * the endpoint's clock. Returns how many went.
 */
size_t probe_sweep(struct store *lister, struct store *deleter, int64_t now);

#endif
