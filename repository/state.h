/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local state: one LMDB environment in <state>/db. It knows every object of
 * the repository, at which endpoints each is confirmed or still to be sent,
 * and where every chunk is. All of it can be rebuilt from an endpoint, except
 * what is only in the spool.
 *
 * What always holds:
 *  - an object is known here only after its bytes are durable on this machine
 *    (a file in the spool, or, for the small kinds, in the same transaction)
 *    or at an endpoint;
 *  - an object that is known is, at every configured endpoint, either
 *    confirmed or pending, never neither;
 *  - a commit is durable when it returns.
 *
 * Calls that take a struct state make their own short transaction. Calls that
 * take a struct state_txn are steps of a batch between state_begin and
 * state_commit. state_chunks.h, state_backups.h and spool.h go on from here.
 * Thread: a struct state is for all threads; a struct state_txn for one. Write
 * transactions of all threads and processes take turns, so no thread calls a
 * writing function while it holds a state_txn of its own.
 * Fails, all: ERR_CORRUPT (with the hint to run recover), ERR_FULL, ERR_SYSTEM.
 */
#ifndef REPOSITORY_STATE_H
#define REPOSITORY_STATE_H

#include "repository/format.h"

#define STATE_ENDPOINTS_MAX 32 /* names ever used and not forgotten */

struct state;
struct state_txn;

/* --- the environment --- */

/*
 * Makes the state folder (0700) and an empty environment for a repository; one
 * that is there for the same repository is left as it is. Fails: ERR_CONFIG on
 * a network file system, ERR_EXISTS for another repository's.
 */
int state_create(
    const char *folder, const struct repo_id *repo, struct err *e) MUST_USE;
/*
 * Fails: ERR_MISSING "no repository here: run init or recover", ERR_CORRUPT,
 * ERR_KEY when repo is not NULL and the state is another's, ERR_VERSION.
 */
struct state *state_open(
    const char *folder, const struct repo_id *repo, struct err *e) MUST_USE;
void state_free(struct state *s);
void state_freep(struct state **s);

/*
 * A database that was not closed in order is walked through before it is used,
 * by program, run as "program STATE_CHECK_WORD FOLDER BYTES", which answers
 * with state_check_main: a damaged page may end who reads it with a signal.
 * Without a program this process walks itself. Set once, before any thread.
 */
#define STATE_CHECK_WORD "--check-local-state"
void state_set_checker(const char *program);
int state_check_main(const char *folder, const char *map_bytes);
const char *state_folder(const struct state *s);

/* A batch. state_commit ends t and sets it to NULL, also when it fails. */
struct state_txn *state_begin(struct state *s, struct err *e) MUST_USE;
int state_commit(struct state_txn **t, struct err *e) MUST_USE;
void state_abort(struct state_txn *t);
void state_abortp(struct state_txn **t); /* a SCOPED releaser */

/* Who writes. epoch 0: recovered, read-only. */
struct state_writer {
	uint32_t epoch;
	uint8_t id[8];
	int64_t started;
};
int state_get_writer(
    struct state *s, struct state_writer *w, struct err *e) MUST_USE;
int state_set_writer(
    struct state_txn *t, const struct state_writer *w, struct err *e) MUST_USE;
/* Was it rebuilt by itself (and not by an operator's recover)? */
int state_set_rebuilt(struct state_txn *t, struct err *e) MUST_USE;
int state_was_rebuilt(struct state *s, bool *rebuilt, struct err *e) MUST_USE;

/* --- endpoints: a name keeps its number, 0 to STATE_ENDPOINTS_MAX - 1 --- */

/*
 * Gives each name its number. With settle, the names become the configured
 * endpoints: whatever is not confirmed at a newly configured one becomes
 * pending for it, and one that is no longer configured holds nothing in the
 * spool. (Readers do not settle: another configuration must not undo the
 * writer's.)
 */
int state_configure(struct state *s, const char *const names[], size_t n,
    bool settle, uint8_t numbers[], struct err *e) MUST_USE;
/* A bit for each configured endpoint's number. */
int state_configured(struct state *s, uint32_t *mask, struct err *e) MUST_USE;

struct state_endpoint {
	char name[64];
	bool configured;
	int64_t listed;	      /* when its newest whole listing began, 0 never */
	int64_t reached;      /* when it last answered, 0 never */
	char last_error[200]; /* of the last try, or "" */
};
int state_get_endpoint(struct state *s, uint8_t number,
    struct state_endpoint *out, struct err *e) MUST_USE;
/* text "": it answered. */
int state_note_endpoint(
    struct state *s, uint8_t number, const char *text, struct err *e) MUST_USE;

/* --- objects --- */

/* In the order in which they are sent to an endpoint. */
enum state_class {
	STATE_ROOT,	/* config, writers/, keys/; bytes kept here */
	STATE_PACK,	/* spooled as a file */
	STATE_INDEX,	/* spooled as a file */
	STATE_AUDIT,	/* bytes kept here */
	STATE_MANIFEST, /* bytes kept here */
};
#define STATE_CLASSES 5

struct state_object {
	char name[OBJECT_NAME_TEXT];
	uint64_t number; /* from 1, in the order in which they became known */
	uint8_t class;	 /* enum state_class */
	bool spooled;	 /* this machine has its bytes: see spool_load */
	uint64_t bytes;
	struct sha256 sha; /* of its bytes; zeros when not known */
	int64_t created;
	/* bit n: at the endpoint with number n */
	uint32_t confirmed, pending, damaged, missing;
	/* It goes (state_sweep.h): none of these any more, but a DELETE is to
	 * be sent to the endpoints in deleting. */
	bool is_going;
	uint32_t deleting;
};
/* *found tells; *out is filled when it is. */
int state_find(struct state *s, const char *name, struct state_object *out,
    bool *found, struct err *e) MUST_USE;
int state_get(struct state *s, uint64_t number, struct state_object *out,
    struct err *e) MUST_USE; /* ERR_MISSING */
/*
 * Every object of a class (or -1: all) by number; a non-zero answer ends it and
 * is returned. No transaction is open during each; what became known after the
 * walk began is left out.
 */
int state_each(struct state *s, int class,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

/*
 * Adds config, a writer or a slot, or replaces its bytes: pending at every
 * configured endpoint again when they differ.
 */
int state_put_root(struct state_txn *t, const char *name, const void *p,
    size_t n, struct err *e) MUST_USE;
/* A slot is gone everywhere. */
int state_forget_root(
    struct state_txn *t, const char *name, struct err *e) MUST_USE;
/* The bytes of a ROOT, AUDIT or MANIFEST object, appended to out. Fails:
 * ERR_MISSING. */
int state_body(
    struct state *s, uint64_t number, struct buf *out, struct err *e) MUST_USE;

/* --- what is where --- */

/*
 * The object is whole at an endpoint: confirmed, no longer pending, damaged or
 * missing. *let_go (may be NULL) is set when every configured endpoint has a
 * pack or index object now, and the spool need not hold it: the caller removes
 * its file (spool_confirm does both).
 */
int state_confirm(struct state *s, uint64_t number, uint8_t endpoint,
    bool *let_go, struct err *e) MUST_USE;
enum state_mark { STATE_DAMAGED, STATE_MISSING };
/* The object was found damaged or missing there: not confirmed, pending. */
int state_mark(struct state *s, uint64_t number, uint8_t endpoint,
    enum state_mark mark, struct err *e) MUST_USE;
/* Sets or takes the spooled flag (the file came or went). */
int state_set_spooled(
    struct state *s, uint64_t number, bool spooled, struct err *e) MUST_USE;
/*
 * Takes the spooled flag of a pack or index object that at least least (1 or
 * more) configured endpoints have, and for which only endpoints in without (a
 * bit a number) still wait. *let_go tells; the caller then removes its file.
 */
int state_let_go(struct state *s, uint64_t number, unsigned least,
    uint32_t without, bool *let_go, struct err *e) MUST_USE;

/*
 * The first object pending at an endpoint in sending order, after *after (NULL:
 * from the start). *found tells. Whether a manifest may go is another question:
 * state_closure_missing.
 */
int state_next_pending(struct state *s, uint8_t endpoint,
    const struct state_object *after, struct state_object *out, bool *found,
    struct err *e) MUST_USE;

/* Objects and bytes, for endpoints by number. Packs count packs alone. */
struct state_tally {
	uint64_t objects[STATE_ENDPOINTS_MAX], bytes[STATE_ENDPOINTS_MAX];
	uint64_t pending_packs[STATE_ENDPOINTS_MAX],
	    pending_objects[STATE_ENDPOINTS_MAX],
	    pending_audits[STATE_ENDPOINTS_MAX], /* of them */
	    pending_bytes[STATE_ENDPOINTS_MAX];
	/* When the oldest object that waits became known; 0: none waits. */
	int64_t pending_since[STATE_ENDPOINTS_MAX];
	uint64_t damaged[STATE_ENDPOINTS_MAX], missing[STATE_ENDPOINTS_MAX];
	uint64_t spool_packs, spool_objects, spool_bytes; /* files */
};
int state_tally(
    struct state *s, struct state_tally *out, struct err *e) MUST_USE;
/* Bytes of the spool's files, without a walk. */
int state_spool_bytes(struct state *s, uint64_t *bytes, struct err *e) MUST_USE;

/* --- listings: what an endpoint says it has, against what we think --- */

struct state_listing;
/* Begins: remembers what is confirmed there now. 4 bits an object. */
struct state_listing *state_listing_open(
    struct state *s, uint8_t endpoint, struct err *e) MUST_USE;
void state_listing_free(struct state_listing *l);
void state_listing_freep(struct state_listing **l);
enum state_seen {
	STATE_SEEN,	    /* known, and of the right size */
	STATE_SEEN_DAMAGED, /* known, of another size */
	STATE_SEEN_UNKNOWN, /* not ours, or not known here */
	STATE_SEEN_HIDDEN   /* known or not, deleted where versions are kept */
};
/* One entry of a listing; one that is hidden there is missing. Fails as
 * state_find. */
struct store_entry;
int state_listing_entry(struct state_listing *l,
    const struct store_entry *entry, enum state_seen *what,
    struct err *e) MUST_USE;
struct state_listing_result {
	uint64_t
	    confirmed; /* were pending, not marked damaged, and are there */
	uint64_t lost; /* were confirmed, are missing or cut: pending now */
};
/*
 * Ends a whole listing: objects confirmed when it began that were not seen
 * become missing, those seen with another size damaged, and both pending;
 * pending ones that were seen become confirmed (a lost answer, a recovered
 * state). Spool files that no one needs any more are left to spool_sweep.
 */
int state_listing_apply(struct state_listing *l,
    struct state_listing_result *out, struct err *e) MUST_USE;

/* --- waiting, within this process --- */

/* Goes up whenever an object was added, confirmed, marked or let go. */
uint64_t state_changes(struct state *s);
/* Waits until it differs from seen, at most wait_ms. Fails: ERR_STOPPED. */
int state_wait(
    struct state *s, uint64_t seen, unsigned wait_ms, struct err *e) MUST_USE;
/* Wakes all who wait (a sender was set aside, a flow ends). */
void state_wake(struct state *s);

#endif
