/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the author of the next driver. A driver fills struct store_ops and
 * embeds struct store as its first member; wrappers (retry, trace, fault)
 * are drivers themselves that hold another store. The promises are
 * those of store.h; tests/drivers/suite.c checks every one of them. A driver
 * does not retry, does not log, and maps its library's errors in one place.
 */
#ifndef STORAGE_DRIVERS_STORE_IMPL_H
#define STORAGE_DRIVERS_STORE_IMPL_H

#include "storage-drivers/store.h"

struct store_ops {
	const char *scheme; /* "file" */
	unsigned parallel;  /* calls that an endpoint takes at a time; 0: of a
			       wrapper, as many as what it wraps */
	int (*prepare)(struct store *s, struct err *e);
	int (*put)(struct store *s, const char *name, const void *p, size_t n,
	    unsigned flags, struct err *e);
	int (*get)(struct store *s, const char *name, uint64_t off, void *p,
	    size_t n, struct err *e);
	int (*stat)(
	    struct store *s, const char *name, uint64_t *bytes, struct err *e);
	int (*list)(struct store *s, const char *prefix,
	    int (*each)(
		const struct store_entry *entry, void *arg, struct err *e),
	    void *arg, struct err *e);
	int (*drop)(struct store *s, const char *name, struct err *e);
	/* Where versions are kept, all three; NULL elsewhere. */
	int (*lock)(
	    struct store *s, const char *name, int64_t until, struct err *e);
	int (*load_first)(struct store *s, const char *name, size_t limit,
	    struct buf *out, struct err *e);
	int (*unhide)(struct store *s, const char *name, struct err *e);
	/* NULL: nothing is known. out is all unknown before the call. */
	int (*facts)(struct store *s, struct store_facts *out, struct err *e);
	struct store *(*inner)(struct store *s); /* what a wrapper wraps */
	void (*free)(struct store *s);
};

struct store {
	const struct store_ops *ops;
	char *name; /* the endpoint's; owned */
};

/* The uppermost of a stack whose ops have the calls about versions, or NULL. */
struct store *store_with_versions(struct store *s);

/* Drivers. Each returns a store of one reference. */
struct store *store_file_new(
    const struct store_conf *conf, const char *path, struct err *e) MUST_USE;
struct store *store_s3_new(
    const struct store_conf *conf, bool is_secure, struct err *e) MUST_USE;
struct store *store_webdav_new(
    const struct store_conf *conf, bool is_secure, struct err *e) MUST_USE;
struct store *store_sftp_new(
    const struct store_conf *conf, struct err *e) MUST_USE;
struct store *store_ram_new(const char *name); /* the reference, for tests */

/* Wrappers: each owns the store it wraps. */
struct store *store_with_retry(struct store *inner, unsigned give_up_after_s);
struct store *store_with_trace(struct store *inner); /* a debug line a call */

/*
 * What retry and pace go by. Tests hand in a clock that no one waits for; the
 * makers above take base/clock.
 */
struct store_clock {
	uint64_t (*ticks_ms)(void);
	int (*sleep_ms)(unsigned wait_ms, struct err *e); /* ERR_STOPPED */
};
struct store *store_with_retry_by(struct store *inner, unsigned give_up_after_s,
    const struct store_clock *clock);

/*
 * Tests: fails, damages or ends on purpose. Rules are tried in order for each
 * call; the first whose op and name match and whose counter has come acts.
 */
enum store_fault_action {
	FAULT_FAIL,	  /* the call fails with kind, nothing done */
	FAULT_FAIL_AFTER, /* the call is done, then fails with kind */
	FAULT_FLIP,	  /* get: one bit of the answer is flipped */
	FAULT_TRUNCATE	  /* put: only half is stored, and 0 returned */
};
struct store_fault {
	const char *op;	   /* "prepare", "put", "get", "stat", "list", "drop",
			      "*"; FLIP acts on get, TRUNCATE on put alone */
	const char *match; /* part of the name (list: of the prefix), or "" */
	unsigned skip;	   /* let this many matching calls pass first */
	unsigned count;	   /* then act on this many */
	enum store_fault_action action;
	enum err_kind kind;
};
struct store *store_with_faults(
    struct store *inner, const struct store_fault *rules, size_t n);

#endif
