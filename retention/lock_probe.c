/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock is worth something when the bytes are the same after it, when nobody
 * can delete them, and when its date can be moved on. Each is tried, for
 * servers differ in all three.
 */
#include "retention/lock_probe.h"

#include "base/clock.h"
#include "repository/endpoint.h"
#include "retention/probe.h"
#include "storage-drivers/store_drop.h"

#define LOCK_FIRST_S 30
#define LOCK_THEN_S  60

#define HINT_BUCKET                                                            \
	"use a bucket that was made with Object Lock (docs/endpoints.md), or take object-lock out"
#define HINT_SERVER                                                            \
	"this server's Object Lock can't be relied on: update the server, or take object-lock out"

static int
distrust(struct err *e, const struct lock_probe_conf *conf, const char *why)
{
	err_set(e, ERR_CONFIG, "endpoint %s: its locks can't be trusted: %s",
	    store_name(conf->plain), why);
	return (err_hint(e, "%s", HINT_SERVER));
}

/* The bytes of a locked object have to be the same ones. */
static int
compare(const struct lock_probe_conf *conf, const struct probe *p,
    const char *after, struct err *e)
{
	SCOPED(scope_free) char *why = NULL;

	if (probe_compare(conf->plain, p, e) == 0)
		return (0);
	if (e->kind != ERR_CORRUPT && e->kind != ERR_MISSING)
		return (-1);
	why = mem_printf("after %s the object's bytes are %s", after,
	    e->kind == ERR_MISSING ? "gone" : "others");
	return (distrust(e, conf, why));
}

/* A login that may not delete at all is refused as well, which is just as
 * good. */
static int
try_to_delete(
    const struct lock_probe_conf *conf, const struct probe *p, struct err *e)
{
	if (store_drop(conf->deleter, p->name, e) == 0)
		return (distrust(
		    e, conf, "it deletes what is locked when it is told to"));
	if (e->kind != ERR_LOCKED && e->kind != ERR_DENIED)
		return (-1);
	err_clear(e);
	return (0);
}

static int
lock(const struct lock_probe_conf *conf, const struct probe *p, int64_t until,
    struct err *e)
{
	if (store_lock(conf->locker, p->name, until, e) == 0)
		return (0);
	return (err_hint(e, "%s", HINT_BUCKET));
}

int
lock_probe(const struct lock_probe_conf *conf, struct err *e)
{
	SCOPED(probe_free) struct probe p = { .p = NULL };
	struct store_facts facts;
	int64_t now;

	if (store_facts(conf->locker, &facts, e) < 0)
		return (-1);
	if (facts.locks == STORE_NO) {
		err_set(e, ERR_CONFIG,
		    "endpoint %s: object-lock is set, and nothing can be locked there",
		    store_name(conf->plain));
		return (err_hint(e, "%s", HINT_BUCKET));
	}
	now = facts.clock != STORE_NO_TIME ? facts.clock : clock_now();
	probe_new(&p, PROBE_TINY);
	if (store_put(conf->plain, p.name, p.p, p.n, STORE_PUT_NEW, e) < 0 ||
	    lock(conf, &p, now + LOCK_FIRST_S, e) < 0 ||
	    compare(conf, &p, "locking", e) < 0 ||
	    try_to_delete(conf, &p, e) < 0 ||
	    compare(conf, &p, "an attempt to delete it", e) < 0 ||
	    lock(conf, &p, now + LOCK_THEN_S, e) < 0)
		return (-1);
	return (compare(conf, &p, "moving the lock's date", e));
}

int
lock_probe_endpoint(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e)
{
	SCOPED(store_freep) struct store *plain = NULL, *locker = NULL;
	SCOPED(store_freep) struct store *deleter = NULL;
	struct lock_probe_conf probe;

	if (!endpoint_locks(conf))
		return (0);
	plain = endpoint_open_unlocked(conf, give_up_after_s, e);
	if (plain == NULL)
		return (-1);
	locker = endpoint_open_store(conf, give_up_after_s, e);
	if (locker == NULL)
		return (-1);
	deleter = endpoint_open_deleter(conf, give_up_after_s, e);
	if (deleter == NULL)
		return (-1);
	probe = (struct lock_probe_conf){ plain, locker, deleter };
	return (lock_probe(&probe, e));
}
