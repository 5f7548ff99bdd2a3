/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An endpoint tried out, there and back: what a backup, a restore and a prune
 * will ask of it is asked of it now, with objects that go again. In retention/
 * because it deletes; nothing but its own probes.
 */
#ifndef RETENTION_ROUND_TRIP_H
#define RETENTION_ROUND_TRIP_H

#include "repository/findings.h"
#include "repository/settings.h"
#include "storage-drivers/store.h"

/* What a caller who has looked already says as well; here only when it fails.
 */
#define ROUND_TRIP_REACH "reach"

struct round_trip_conf {
	struct store *writer;  /* as backups do, but nothing is locked */
	struct store *deleter; /* the login that deletes, or NULL: the same */
	bool locks;	       /* object-lock is set */
};

/* What was measured. -1 and STORE_UNKNOWN: it did not come to that. */
struct round_trip {
	int64_t latency_ms; /* a small read on a line that is open */
	int64_t upload_bytes_s, download_bytes_s;
	int64_t clock_skew_s; /* the endpoint's clock less ours */
	bool knows_skew;
	enum store_answer versions, object_lock;
	enum store_answer can_delete; /* the login that writes */
	enum store_answer deleter_can_delete;
};

/*
 * Adds what was found to findings of the current subject. An endpoint that
 * fails is a finding. Fails: ERR_STOPPED alone.
 */
int round_trip(const struct round_trip_conf *conf, struct findings *f,
    struct round_trip *out, struct err *e) MUST_USE;

/* What helps against an endpoint's failure whose maker had no advice. */
const char *round_trip_advice(const struct err *why);

#endif
