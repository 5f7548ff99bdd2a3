/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can an endpoint's locks be trusted? Tried with one tiny object, which stays
 * for a minute, until its lock ends; the next doctor takes it away.
 */
#ifndef RETENTION_LOCK_PROBE_H
#define RETENTION_LOCK_PROBE_H

#include "repository/settings.h"
#include "storage-drivers/store.h"

struct lock_probe_conf {
	struct store *plain;   /* puts without a lock */
	struct store *locker;  /* the endpoint as it will be used */
	struct store *deleter; /* with the login that deletes */
};

/*
 * Puts an object, locks it, compares it (a server may take the request for a
 * new object), tries to delete it, moves the lock's date, compares it again.
 * Fails: ERR_CONFIG when the endpoint can't lock, or its locks can't be
 * trusted, saying how; the endpoint's errors.
 */
int lock_probe(const struct lock_probe_conf *conf, struct err *e) MUST_USE;

/* The same with an endpoint's settings. 0 where nothing is to be locked. */
int lock_probe_endpoint(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e) MUST_USE;

#endif
