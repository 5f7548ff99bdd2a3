/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint as its users see it: objects with names and bytes. No object is
 * larger than STORE_OBJECT_MAX, so calls deal in buffers, never in streams: a
 * retry is a second call. Names are relative, of [a-z0-9A-Z._-] and '/', never
 * with an empty, "." or ".." part. Deleting is declared elsewhere, in
 * store_drop.h, which only retention/ and tests/ may include.
 * Thread: a store may be used by several threads at once.
 */
#ifndef STORAGE_DRIVERS_STORE_H
#define STORAGE_DRIVERS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define STORE_OBJECT_MAX ((size_t)64 << 20)
#define STORE_NAME_MAX	 200
#define STORE_NO_TIME	 INT64_MIN

enum { STORE_PUT_NEW = 1 }; /* fail with ERR_EXISTS when the name is taken */

struct store;
struct rate;

/* What one [endpoint] section says; strings are the caller's and copied. */
struct store_conf {
	const char *name; /* "fra" */
	const char *url;  /* "file:///srv/backups", or a plain absolute path */
	/* What only some drivers use; NULL when not given. */
	const char *user, *password_file; /* WebDAV, SFTP */
	const char *access_key, *secret_key_file, *secret_key_env,
	    *session_token_file, *region; /* S3 */
	const char *addressing;		  /* S3: "path" or "virtual" */
	const char *identity, *known_hosts, *host_key; /* SFTP */
	const char *ca_file;			       /* TLS */
	const char *lock_mode; /* S3 Object Lock: "compliance" or "governance",
				  or NULL: none */
	unsigned lock_days;    /* of every put, with lock_mode */
	const struct rate *upload_limit; /* NULL: none */
	unsigned timeout_s;		 /* of a silent line */
	unsigned give_up_after_s;	 /* of retrying within one call */
};

/*
 * Builds trace(retry(driver)) for an endpoint. Opening reaches for
 * nothing: a missing folder or a dead host shows in the first call.
 * Fails: ERR_CONFIG for an unknown scheme or a bad URL.
 */
struct store *store_open(const struct store_conf *conf, struct err *e) MUST_USE;
void store_free(struct store *s);
void store_freep(struct store **s);
const char *store_name(const struct store *s); /* the endpoint's */

/*
 * Makes the endpoint's own folder or bucket prefix when it is missing, so that
 * objects can be put (file: one folder, whose parent must be there). Only init,
 * sync and repair call it: a backup never turns an unmounted disk's mount point
 * into a repository. Being there is success.
 */
int store_prepare(struct store *s, struct err *e) MUST_USE;

/*
 * Stores an object. After 0 it is whole and durable. After failure there is
 * either nothing new or a name that no reader accepts, or, where only the
 * answer was lost, the whole object. Repeating is harmless.
 * On some WebDAV servers replacing is not atomic: the name may be missing for a
 * moment; there, in buckets that keep versions (Ceph), and on S3 servers
 * without conditional puts (Swift), two STORE_PUT_NEW at the very same moment
 * may both go well. Fails: ERR_MISSING (the endpoint itself is not there),
 * ERR_FULL, ERR_DENIED, ERR_AGAIN, ERR_NETWORK, ERR_EXISTS with STORE_PUT_NEW.
 */
int store_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e) MUST_USE;
/*
 * Reads exactly n bytes from off. Fails: ERR_MISSING (no such object, or no
 * endpoint: store_probe tells), ERR_CORRUPT when the range is not all there.
 */
int store_get(struct store *s, const char *name, uint64_t off, void *p,
    size_t n, struct err *e) MUST_USE;
/* Size of an object. Fails: ERR_MISSING, as store_get. */
int store_stat(
    struct store *s, const char *name, uint64_t *bytes, struct err *e) MUST_USE;

/* One name of a listing. */
struct store_entry {
	char name[STORE_NAME_MAX];
	uint64_t bytes;
	int64_t modified; /* seconds, the endpoint's clock; STORE_NO_TIME when
			     it gives none */
	bool is_hidden;	  /* somebody deleted it where versions are kept:
			     store_get has nothing, store_load_first has it */
};
/*
 * Calls each for every object whose name begins with prefix (which ends in '/',
 * or is ""), each once, in no stated order; unfinished uploads are not listed.
 * A non-zero answer of each ends the listing and is returned.
 * Fails: ERR_MISSING when the endpoint itself is not there; no object is no
 * failure.
 */
int store_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

/*
 * Does the endpoint itself answer? 0 when it does, whatever it holds; else the
 * error. After an ERR_MISSING it tells a missing object (0) from a missing
 * endpoint (ERR_MISSING again).
 */
int store_probe(struct store *s, struct err *e) MUST_USE;

/* stat and get together: a whole object of at most limit bytes, appended to
 * out. */
int store_load(struct store *s, const char *name, size_t limit, struct buf *out,
    struct err *e) MUST_USE;

/* How many calls at a time the endpoint takes well; 1 or more. */
unsigned store_parallel(struct store *s);

/*
 * --- endpoints that keep versions (S3 with Object Lock) ---
 * Every put there is locked for lock_days: nobody can delete its bytes before,
 * but anybody who may write can put another version, or a delete marker, over
 * them. What was first put under a name is what this program put: names are
 * never used for other bytes (but config's, and a slot's).
 */

/* Moves the date before which the object's newest version can't be deleted; an
 * earlier date than it has changes nothing. Fails: ERR_MISSING, ERR_DENIED,
 * ERR_CONFIG where nothing is locked. */
int store_lock(
    struct store *s, const char *name, int64_t until, struct err *e) MUST_USE;
/* The bytes that were put first under a name, whatever was put or deleted
 * since, appended to out. Fails: ERR_MISSING, also where no versions are kept;
 * ERR_CORRUPT when there are more than limit. */
int store_load_first(struct store *s, const char *name, size_t limit,
    struct buf *out, struct err *e) MUST_USE;

/* What is to be known of an endpoint without writing there. */
enum store_answer { STORE_UNKNOWN, STORE_NO, STORE_YES };
struct store_facts {
	int64_t clock; /* the endpoint's, seconds; STORE_NO_TIME: not told */
	enum store_answer keeps_versions; /* deleted bytes stay */
	enum store_answer locks; /* objects can be locked (Object Lock) */
};
int store_facts(
    struct store *s, struct store_facts *out, struct err *e) MUST_USE;

/* False for names that no driver takes; every call checks it, and fails with
 * ERR_CORRUPT. Names of a listing that are not good are left out of it. */
bool store_name_is_good(const char *name);

#endif
