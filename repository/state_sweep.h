/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How objects leave (DESIGN 3.7): a manifest by a removal entry; a pack or
 * index object that no backup and no claim needs is condemned, and goes when
 * it was for long enough. What goes is known no longer, in the same
 * transaction, but for a list of endpoints to which a DELETE is still to be
 * sent; when that is empty it is forgotten. Every step is a transaction of its
 * own, so a crash between leaves something to do and nothing to undo.
 */
#ifndef REPOSITORY_STATE_SWEEP_H
#define REPOSITORY_STATE_SWEEP_H

#include "repository/state_backups.h"

/* --- it begins to go --- */

/*
 * A step of the batch that writes the removal entry. A manifest that goes
 * already is left as it is. Fails: ERR_MISSING when there is none.
 */
int state_remove_manifest(struct state_txn *t, const char *backup, int64_t now,
    struct err *e) MUST_USE;
/* An endpoint lists a manifest that was removed, and that local state has no
 * longer or lets go (it was away): it goes there, too, if it does not already.
 */
int state_remove_manifest_at(struct state *s, const char *backup,
    uint64_t bytes, uint8_t endpoint, int64_t now, struct err *e) MUST_USE;

/*
 * Backups that an audit entry removes, and that local state has all the same:
 * it is not this machine that wrote it. each gets their ids; a non-zero answer
 * ends it and is returned. The next sweep lets them go.
 */
int state_each_removed_elsewhere(struct state *s,
    int (*each)(const char *backup, const struct state_marks *marks, void *arg,
	struct err *e),
    void *arg, struct err *e) MUST_USE;

/* The rule lets a backup go when its lock ends: that is not renewed any more.
 * Or it does not, after all. */
int state_let_lock_end(struct state *s, const char *backup, bool ends,
    int64_t now, struct err *e) MUST_USE;

/* Backups that have gone since a repack looked last; and n of them are looked
 * at. */
int state_removed_since(struct state *s, uint64_t *n, struct err *e) MUST_USE;
int state_looked_at_removed(
    struct state *s, uint64_t n, struct err *e) MUST_USE;

struct state_sweep {
	/* in */
	int64_t now;
	uint64_t grace_s;
	bool only_looks; /* changes nothing: counts what would be */
	size_t nwithout; /* as if these backups were removed already */
	const char (*without)[BACKUP_ID_TEXT]; /* the caller's */
	/* out */
	char unread[BACKUP_ID_TEXT]; /* a backup whose needs are not all known:
					nothing was swept. "": none */
	uint64_t condemned, condemned_bytes; /* packs that wait */
	uint64_t going, going_bytes;	     /* packs that go now */
	uint64_t files;			     /* of them and index objects */
	struct buf spooled; /* names of those that have a file in the spool,
			       each with its NUL; owned */
};
/*
 * In one transaction: what a backup or a claim needs is condemned no longer,
 * the rest is; what has been condemned for grace_s begins to go. Clean claims
 * of dead jobs before.
 */
int state_sweep(
    struct state *s, struct state_sweep *sweep, struct err *e) MUST_USE;
void state_sweep_free(struct state_sweep *sweep); /* also for SCOPED */

/*
 * After local state was rebuilt: packs and index objects that old index objects
 * speak of, that are nowhere and that no backup needs, count as gone. Else they
 * would be pending for ever.
 */
int state_drop_absent(struct state *s, int64_t now, struct err *e) MUST_USE;

/* Is an object condemned, or a backup to go when its lock ends? Then the lock
 * is not renewed. */
int state_is_condemned(
    struct state *s, uint64_t number, bool *is, struct err *e) MUST_USE;

/* --- DELETE, endpoint by endpoint --- */

/* The next object of a class that is to be deleted at an endpoint, after the
 * number after (0: the first). *found tells. */
int state_next_deleting(struct state *s, uint8_t endpoint,
    enum state_class class, uint64_t after, struct state_object *out,
    bool *found, struct err *e) MUST_USE;
/* It is gone there. */
int state_deleted(
    struct state *s, uint64_t number, uint8_t endpoint, struct err *e) MUST_USE;

/* --- it is gone --- */

/*
 * Forgets what began to go before a moment and is to be deleted nowhere any
 * more, some at a time. Until then an upload that ends late is noted in its
 * record. *n gets how many.
 */
int state_forget_gone(
    struct state *s, int64_t before, uint64_t *n, struct err *e) MUST_USE;

#endif
