/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any object, whatever its kind: are these bytes the ones it should have, and
 * where is a whole copy to be had? What senders, verification and repair share.
 */
#ifndef REPOSITORY_OBJECT_H
#define REPOSITORY_OBJECT_H

#include "repository/repo.h"
#include "repository/state.h"

/*
 * Compares bytes with an object's name, hash or signature; no restore key is
 * needed. Fails: ERR_CORRUPT saying how it differs, ERR_VERSION.
 */
int object_check(const struct keys *k, const char *name,
    const struct sha256 *known, const void *p, size_t n,
    struct err *e) MUST_USE;

/* Reads an object from one endpoint and checks it, replacing out's contents.
 * Fails: ERR_MISSING, ERR_CORRUPT, or the endpoint's error. */
int object_load(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, struct buf *out, struct err *e) MUST_USE;

/* The same of what was put there first, where versions are kept: whole also
 * after the object was overwritten or deleted. */
int object_load_first(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, struct buf *out, struct err *e) MUST_USE;

/*
 * Reads an object that local state doesn't know yet, of at most limit bytes,
 * and hands it to check; when it is missing, or check finds it damaged, does
 * the same with what was put first under its name, where versions are kept, and
 * sets *first. Says so in a warning.
 * Fails: as reading or check did the first time, or the endpoint's error.
 */
int object_load_or_first(struct store *s, const char *name, size_t limit,
    int (*check)(void *arg, const struct buf *bytes, struct err *e), void *arg,
    bool *first, struct err *e) MUST_USE;

/*
 * Finds a whole copy: this machine's own, else that of any endpoint that has
 * one, but for the one with the number except, else what was put first at any
 * endpoint that answered, that one too. Copies found bad on the way are marked,
 * so that they heal. from (may be NULL) gets the name of the place.
 * Fails: ERR_MISSING when there is none, with the last reason; ERR_STOPPED.
 */
int object_find(struct repo *r, const struct state_object *o, uint8_t except,
    struct buf *out, const char **from, struct err *e) MUST_USE;

/* Stores bytes that are the object's at an endpoint, checks that they arrived,
 * and confirms it. */
int object_store(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, const struct buf *bytes,
    struct err *e) MUST_USE;

#endif
