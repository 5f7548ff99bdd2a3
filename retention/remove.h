/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What healing may not do itself: taking away foreign objects, and the delete
 * markers in front of our own. The calls fit struct verify_conf.
 */
#ifndef RETENTION_REMOVE_H
#define RETENTION_REMOVE_H

#include "repository/repo.h"

/*
 * Opens nothing yet: an endpoint with a login of its own for deleting is opened
 * with it when first needed, at others the repository's own store is used.
 * r must outlive it. Thread: for any number.
 */
struct remover *remover_new(struct repo *r);
void remover_free(struct remover *m);
void remover_freep(struct remover **m);

/*
 * remover is the struct remover; ep one of its repository's. Both fail with a
 * hint where one helps: ERR_LOCKED (until when), ERR_DENIED; or as the endpoint
 * does.
 */
int remover_drop(void *remover, const struct endpoint *ep, const char *name,
    struct err *e) MUST_USE;
/* Fails also: ERR_MISSING when nothing is hidden under that name. */
int remover_unhide(void *remover, const struct endpoint *ep, const char *name,
    struct err *e) MUST_USE;

#endif
