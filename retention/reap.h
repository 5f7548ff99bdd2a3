/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DELETE, at one endpoint: what local state says is to be deleted there.
 */
#ifndef RETENTION_REAP_H
#define RETENTION_REAP_H

#include "retention/prune.h"
#include "retention/remove.h"

/* What deleting has freed, of one copy, over all endpoints. */
struct reaped;
struct reaped *reaped_new(void);
void reaped_free(struct reaped *x);
void reaped_freep(struct reaped **x);
void reaped_count(struct reaped *x, uint64_t *packs, uint64_t *bytes);

/*
 * Manifests first, and none before the entries up to the object numbered told,
 * which tell of removals, are there; then packs, then index objects; as many at
 * a time as the endpoint takes. What is locked stays on the list. Whether
 * another machine took over is asked before, and every two seconds. Fails:
 * ERR_TAKEN_OVER, ERR_DENIED, ERR_STOPPED, or the endpoint's error; what is
 * deleted by then is noted. Thread: one for each endpoint.
 */
int reap(struct repo *r, struct remover *m, struct reaped *x, uint64_t told,
    struct prune_endpoint *out, struct endpoint *ep, struct err *e) MUST_USE;

#endif
