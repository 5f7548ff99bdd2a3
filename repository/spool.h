/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool: packs and index objects on local disk that endpoints still wait
 * for, <state>/spool/packs/<64 hex> and <state>/spool/index/<name>. A file is
 * durable before the transaction that makes its object known, and is removed
 * after the transaction that says no one needs it; so a crash between leaves a
 * file too many, never one too few, and spool_recover sorts that out. The small
 * kinds (config, writers, slots, audit entries, manifests) have their bytes in
 * local state itself: one transaction, nothing to sort out.
 */
#ifndef REPOSITORY_SPOOL_H
#define REPOSITORY_SPOOL_H

#include "repository/repo.h"
#include "repository/state.h"

/* Makes the file of a pack or index object durable; the transaction that adds
 * the object comes next. Fails: ERR_FULL. */
int spool_save(struct state *s, const char *object, const void *p, size_t n,
    struct err *e) MUST_USE;
/*
 * The bytes of an object that this machine has (o->spooled), of any class,
 * replacing out's contents and checked against its hash. Fails: ERR_MISSING
 * when it was let go; ERR_CORRUPT when the file is damaged: it is then moved
 * to spool/damaged and the object no longer counts as spooled.
 */
int spool_load(struct state *s, const struct state_object *o, struct buf *out,
    struct err *e) MUST_USE;
/*
 * The same to be sent and no more: a file is mapped instead of copied, so that
 * objects in flight take no memory of their own.
 */
struct spool_view {
	struct buf bytes; /* not to be changed, nor freed by itself */
	size_t mapped;	  /* bytes that are, or 0 */
};
int spool_view(struct state *s, const struct state_object *o,
    struct spool_view *out, struct err *e) MUST_USE;
void spool_view_free(struct spool_view *v); /* also a SCOPED releaser */
/* Path of a spooled pack's or index object's file, allocated; it need not be
 * there. NULL for other objects. */
char *spool_path(struct state *s, const char *object);

/* state_confirm, and the file is removed when no endpoint waits for it. */
int spool_confirm(struct state *s, const struct state_object *o,
    uint8_t endpoint, struct err *e) MUST_USE;
/* Lets go of every file that all configured endpoints have (after a listing, or
 * when an endpoint left the configuration). */
int spool_sweep(struct state *s, struct err *e) MUST_USE;
/*
 * At repo_open for writing: adopts packs that state does not know, removes
 * unfinished and unneeded files, moves unreadable ones to spool/damaged with a
 * warning, and takes the spooled flag from objects whose file is gone.
 */
int spool_recover(struct repo *r, struct err *e) MUST_USE;

/*
 * Back-pressure. A sender says when it works for an endpoint and when it has
 * set it aside or ended; spool_wait_room waits while the spool is over its
 * limit and senders work. Packs that a quorum of the endpoints has, and that
 * only endpoints without a sender still wait for, are let go to make room:
 * those catch up from another endpoint.
 * Fails: ERR_FULL when no sender can make room, ERR_STOPPED.
 */
void spool_sender(struct repo *r, const struct endpoint *ep, bool works);
int spool_wait_room(struct repo *r, uint64_t bytes, struct err *e) MUST_USE;

#endif
