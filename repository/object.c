/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes flow in from an endpoint or the spool, and only those that the
 * object's own name, hash or signature vouches for flow on. A bad copy is
 * never used and never forgotten: it is marked, and heals later.
 */
#include "repository/object.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "repository/audit.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/index_object.h"
#include "repository/manifest.h"
#include "repository/spool.h"
#include "repository/state_locks.h"

#define DAY_S ((int64_t)86400)

static bool
begins(const char *name, const char *prefix)
{
	return (strncmp(name, prefix, strlen(prefix)) == 0);
}

static bool
is_zero(const struct sha256 *h)
{
	static const struct sha256 zero;

	return (memcmp(h, &zero, sizeof(zero)) == 0);
}

static int
check_pack(const char *name, const struct sha256 *is, struct err *e)
{
	struct sha256 expected;

	if (format_parse_pack_name(name, &expected) &&
	    memcmp(&expected, is, sizeof(expected)) == 0)
		return (0);
	return (
	    err_set(e, ERR_CORRUPT, "%s: its SHA-256 is not its name", name));
}

static int
check_manifest(const struct keys *k, const char *name, const void *p, size_t n,
    struct err *e)
{
	SCOPED(manifest_free) struct manifest m;

	manifest_init(&m);
	return (manifest_decode(k, name + strlen("backups/"), p, n, &m, e));
}

static int
check_audit(const struct keys *k, const char *name, const void *p, size_t n,
    struct err *e)
{
	SCOPED(audit_entry_free) struct audit_entry a;

	audit_entry_init(&a);
	return (audit_decode(k, name, p, n, &a, e));
}

static int
check_index(const struct keys *k, const char *name, const void *p, size_t n,
    struct err *e)
{
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;

	return (index_object_decode(k, name, p, n, &x, e));
}

/* By what its kind says of itself: a seal, a signature, or its name. */
static int
check_kind(const struct keys *k, const char *name, const void *p, size_t n,
    struct err *e)
{
	struct writer w;

	if (begins(name, "index/"))
		return (check_index(k, name, p, n, e));
	if (begins(name, "backups/"))
		return (check_manifest(k, name, p, n, e));
	if (begins(name, "audit/"))
		return (check_audit(k, name, p, n, e));
	if (begins(name, "writers/"))
		return (writer_decode(k, name, p, n, &w, e));
	if (begins(name, "keys/"))
		return (slot_check(k, name + strlen("keys/"), p, n, e));
	if (strcmp(name, CONFIG_OBJECT_NAME) == 0)
		return (config_check(k, p, n, e));
	return (err_set(e, ERR_CORRUPT, "%s: no object of ours", name));
}

int
object_check(const struct keys *k, const char *name, const struct sha256 *known,
    const void *p, size_t n, struct err *e)
{
	struct sha256 is;

	hash_of(HASH_IS_SHA256, p, n, is.b);
	if (begins(name, "packs/"))
		return (check_pack(name, &is, e));
	if (known == NULL || is_zero(known))
		return (check_kind(k, name, p, n, e));
	if (memcmp(known, &is, sizeof(is)) == 0)
		return (0);
	/* A valid older state of it, or another object in its place? */
	if (check_kind(k, name, p, n, e) < 0)
		return (-1);
	return (err_set(e, ERR_CORRUPT,
	    "%s: valid, but not the one that was written", name));
}

static int
check_size(const struct state_object *o, struct err *e)
{
	if (o->bytes > STORE_OBJECT_MAX)
		return (
		    err_set(e, ERR_CORRUPT, "%s: of impossible size", o->name));
	return (0);
}

static size_t
limit_of(const struct state_object *o)
{
	return (o->bytes != 0 ? (size_t)o->bytes : STORE_OBJECT_MAX);
}

/* Bytes that an endpoint gave for an object. */
static int
check_loaded(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, const struct buf *b, struct err *e)
{
	if (o->bytes != 0 && b->n != o->bytes)
		return (err_set(e, ERR_CORRUPT,
		    "endpoint %s: %s: %zu bytes, expected %llu", ep->conf->name,
		    o->name, b->n, (unsigned long long)o->bytes));
	if (object_check(r->keys, o->name, &o->sha, b->p, b->n, e) < 0)
		return (err_within(e, "endpoint %s", ep->conf->name));
	return (0);
}

int
object_load(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, struct buf *out, struct err *e)
{
	out->n = 0;
	if (check_size(o, e) < 0 ||
	    store_load(ep->store, o->name, limit_of(o), out, e) < 0)
		return (-1);
	return (check_loaded(r, ep, o, out, e));
}

int
object_load_first(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, struct buf *out, struct err *e)
{
	out->n = 0;
	if (check_size(o, e) < 0 ||
	    store_load_first(ep->store, o->name, limit_of(o), out, e) < 0)
		return (-1);
	return (check_loaded(r, ep, o, out, e));
}

/* Is the object at fault, rather than the endpoint? */
static bool
may_be_older(const struct err *e)
{
	return (e->kind == ERR_MISSING || e->kind == ERR_CORRUPT ||
	    e->kind == ERR_VERSION || e->kind == ERR_KEY);
}

int
object_load_or_first(struct store *s, const char *name, size_t limit,
    int (*check)(void *arg, const struct buf *bytes, struct err *e), void *arg,
    bool *first, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct err older = ERR_INIT;

	*first = false;
	if (store_load(s, name, limit, &bytes, e) == 0 &&
	    check(arg, &bytes, e) == 0)
		return (0);
	if (!may_be_older(e))
		return (-1);
	bytes.n = 0;
	if (store_load_first(s, name, limit, &bytes, &older) < 0 ||
	    check(arg, &bytes, &older) < 0) {
		if (!may_be_older(&older))
			*e = older;
		return (-1);
	}
	log_warning("endpoint %s: of %s what was stored first is used: %s",
	    store_name(s), name, e->text);
	err_clear(e);
	*first = true;
	return (0);
}

/* What an attempt to read says of the copy there. */
static void
mark_bad(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, const struct err *why)
{
	struct err ignored = ERR_INIT;
	enum state_mark mark = why->kind == ERR_CORRUPT ? STATE_DAMAGED
							: STATE_MISSING;

	if (why->kind != ERR_CORRUPT && why->kind != ERR_MISSING)
		return;
	/* "Missing" is said of an object only where the endpoint is there. */
	if (why->kind == ERR_MISSING && store_probe(ep->store, &ignored) < 0)
		return;
	if (state_mark(r->state, o->number, ep->number, mark, &ignored) < 0)
		log_debug("%s", ignored.text);
}

/* Endpoints that failed the last time are asked last: each call to one may take
 * as long as give-up-after. */
static bool
answered_last(struct repo *r, const struct endpoint *ep)
{
	struct state_endpoint at;
	struct err ignored = ERR_INIT;

	return (state_get_endpoint(r->state, ep->number, &at, &ignored) == 0 &&
	    at.last_error[0] == '\0');
}

/* Bits of r->endpoints[i] that are worth asking, of one sort. */
static uint32_t
places_of(
    struct repo *r, const struct state_object *o, uint8_t except, bool answered)
{
	uint32_t places = 0;

	for (size_t i = 0; i < r->nendpoints; i++) {
		const struct endpoint *ep = &r->endpoints[i];

		if (ep->number != except &&
		    (o->confirmed & (1U << ep->number)) != 0 &&
		    answered_last(r, ep) == answered)
			places |= 1U << i;
	}
	return (places);
}

/* True when one of these endpoints has it whole; last is what the last of them
 * said otherwise. */
static bool
find_at(struct repo *r, const struct state_object *o, uint32_t places,
    struct buf *out, const char **from, struct err *last)
{
	for (size_t i = 0; i < r->nendpoints; i++) {
		const struct endpoint *ep = &r->endpoints[i];

		if ((places & (1U << i)) == 0 || last->kind == ERR_STOPPED)
			continue;
		err_clear(last);
		if (object_load(r, ep, o, out, last) == 0) {
			if (from != NULL)
				*from = ep->conf->name;
			return (true);
		}
		mark_bad(r, ep, o, last);
	}
	return (false);
}

/* True when one that answered kept the bytes that were put first. */
static bool
find_first(struct repo *r, const struct state_object *o, struct buf *out,
    const char **from, struct err *last)
{
	for (size_t i = 0; i < r->nendpoints; i++) {
		const struct endpoint *ep = &r->endpoints[i];
		struct err why = ERR_INIT;

		if (last->kind == ERR_STOPPED)
			return (false);
		if (!answered_last(r, ep))
			continue;
		if (object_load_first(r, ep, o, out, &why) == 0) {
			if (from != NULL)
				*from = ep->conf->name;
			return (true);
		}
		if (why.kind != ERR_MISSING)
			*last = why;
	}
	return (false);
}

int
object_find(struct repo *r, const struct state_object *o, uint8_t except,
    struct buf *out, const char **from, struct err *e)
{
	struct err last = ERR_INIT;

	if (o->spooled && spool_load(r->state, o, out, &last) == 0) {
		if (from != NULL)
			*from = "this machine";
		return (0);
	}
	if (find_at(r, o, places_of(r, o, except, true), out, from, &last) ||
	    find_at(r, o, places_of(r, o, except, false), out, from, &last) ||
	    find_first(r, o, out, from, &last))
		return (0);
	if (last.kind == ERR_STOPPED) {
		*e = last;
		return (-1);
	}
	return (err_set(e, ERR_MISSING, "%s: no whole copy is to be had%s%s",
	    o->name, last.kind != ERR_NONE ? ": " : "", last.text));
}

int
object_store(struct repo *r, const struct endpoint *ep,
    const struct state_object *o, const struct buf *bytes, struct err *e)
{
	int64_t put = clock_now();
	uint64_t there;

	if (store_put(ep->store, o->name, bytes->p, bytes->n, 0, e) < 0 ||
	    store_stat(ep->store, o->name, &there, e) < 0)
		return (-1);
	if (there != bytes->n)
		return (err_set(e, ERR_CORRUPT,
		    "endpoint %s: %s: stored %zu bytes, it says %llu",
		    ep->conf->name, o->name, bytes->n,
		    (unsigned long long)there));
	if (endpoint_locks(ep->conf) &&
	    state_set_lock(r->state, o->number, ep->number,
		put + (int64_t)ep->conf->lock_days * DAY_S, e) < 0)
		return (-1);
	return (spool_confirm(r->state, o, ep->number, e));
}
