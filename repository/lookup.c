/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names flow in, places of copies come out; boxes flow in, checked plaintext
 * comes out. No byte leaves opener_open whose keyed name was not compared.
 */
#include "repository/lookup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "repository/compress.h"
#include "repository/delta.h"
#include "repository/spool.h"
#include "repository/state_chunks.h"

/* Opened keys lie in locked memory, a few pages each. One is made by each
 * backup that stored anything, so this many are seldom met. */
#define OPENER_KEYS_MAX 256

/* --- where copies are --- */

static uint32_t
endpoints_of(const struct repo *r, uint32_t confirmed)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < r->nendpoints; i++)
		if ((confirmed & (uint32_t)1 << r->endpoints[i].number) != 0)
			bits |= (uint32_t)1 << i;
	return (bits);
}

static int
locate(struct repo *r, const struct state_copy *in, struct copy *out,
    struct err *e)
{
	struct state_object pack;

	if (state_get(r->state, in->pack, &pack, e) < 0)
		return (-1);
	memset(out, 0, sizeof(*out));
	out->record = in->record;
	out->offset = in->offset;
	out->pack = pack.sha;
	out->pack_bytes = pack.bytes;
	out->in_spool = pack.spooled;
	out->endpoints = endpoints_of(r, pack.confirmed);
	if (in->record.slot == SEAL_BY_INDEX_KEY)
		return (0);
	return (state_slot(r->state, in->pack, in->record.slot, out->slot, e));
}

int
lookup_copies(struct repo *r, const struct name *name,
    struct copy out[LOOKUP_COPIES_MAX], struct err *e)
{
	struct state_copy found[LOOKUP_COPIES_MAX];
	size_t n;

	if (state_copies(r->state, name, found, &n, e) < 0)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (locate(r, &found[i], &out[i], e) < 0)
			return (-1);
	return ((int)n);
}

/* --- pack keys --- */

struct opened {
	uint8_t slot[SEAL_KEY_SLOT];
	struct pack_key *key;
};

struct opener {
	const struct keys *keys;
	pthread_mutex_t lock;
	size_t n;			       /* guarded by lock */
	struct opened opened[OPENER_KEYS_MAX]; /* never changes once there */
};

struct opener *
opener_new(const struct keys *k)
{
	struct opener *o = mem_new(sizeof(*o));

	o->keys = k;
	pthread_mutex_init(&o->lock, NULL);
	return (o);
}

void
opener_free(struct opener *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->n; i++)
		pack_key_free(o->opened[i].key);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void
opener_freep(struct opener **o)
{
	opener_free(*o);
	*o = NULL;
}

/* With the lock held. *own is set when the caller has to free the key: the
 * table is full. */
static const struct pack_key *
find_key(struct opener *o, const uint8_t slot[SEAL_KEY_SLOT],
    struct pack_key **own, struct err *e)
{
	struct pack_key *key;

	for (size_t i = o->n; i-- > 0;)
		if (memcmp(o->opened[i].slot, slot, SEAL_KEY_SLOT) == 0)
			return (o->opened[i].key);
	if ((key = pack_key_open(o->keys, slot, e)) == NULL)
		return (NULL);
	if (o->n == OPENER_KEYS_MAX) {
		*own = key;
		return (key);
	}
	memcpy(o->opened[o->n].slot, slot, SEAL_KEY_SLOT);
	o->opened[o->n++].key = key;
	return (key);
}

static int
unseal(struct opener *o, const struct copy *c, const void *box, struct buf *out,
    struct err *e)
{
	SCOPED(pack_key_freep) struct pack_key *own = NULL;
	const struct pack_key *key = NULL;

	if (c->record.slot != SEAL_BY_INDEX_KEY) {
		pthread_mutex_lock(&o->lock);
		key = find_key(o, c->slot, &own, e);
		pthread_mutex_unlock(&o->lock);
		if (key == NULL)
			return (-1);
	}
	return (unseal_box(
	    o->keys, key, &c->record, box, c->record.box_bytes, out, e));
}

int
opener_open(struct opener *o, const struct copy *c, const void *box,
    const struct buf *bases, struct buf *out, struct err *e)
{
	SCOPED(buf_free) struct buf sealed = BUF_INIT;
	const struct record *r = &c->record;
	struct name name;
	int failed;

	if ((r->codec == CODEC_DELTA) != (bases != NULL))
		return (err_set(e, ERR_CORRUPT,
		    "a delta without bases, or bases without a delta"));
	if (unseal(o, c, box, &sealed, e) < 0)
		return (-1);
	if (bases != NULL)
		failed = delta_expand(sealed.p, sealed.n, bases->p, bases->n,
		    r->plain_bytes, out, e);
	else
		failed = expand_chunk(
		    r->codec, sealed.p, sealed.n, r->plain_bytes, out, e);
	if (failed < 0)
		return (-1);
	seal_name(o->keys, out->p, out->n, &name);
	if (!name_equals(&name, &r->name))
		return (err_set(e, ERR_CORRUPT,
		    "a chunk's contents are not what its name says"));
	return (0);
}

/* --- the spool --- */

int
lookup_spooled(struct repo *r, const char *object, struct buf *out, bool *found,
    struct err *e)
{
	struct state_object o;

	if (state_find(r->state, object, &o, found, e) < 0)
		return (-1);
	if (!*found || !o.spooled) {
		*found = false;
		return (0);
	}
	if (spool_load(r->state, &o, out, e) == 0)
		return (0);
	/* An endpoint may have what this machine has lost. */
	if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT)
		return (-1);
	err_clear(e);
	*found = false;
	return (0);
}

char *
lookup_spooled_path(struct repo *r, const struct sha256 *pack)
{
	SCOPED(scope_free) char *path = NULL;
	char object[OBJECT_NAME_TEXT];

	format_pack_name(pack, object);
	path = spool_path(r->state, object);
	return (path != NULL && file_exists(path) ? TAKE(path) : NULL);
}

void
lookup_report_damage(
    struct repo *r, const struct endpoint *ep, const char *object, bool missing)
{
	struct err e = ERR_INIT;
	struct state_object o;
	bool found;

	log_warning("endpoint %s: %s is %s", ep->conf->name, object,
	    missing ? "missing" : "damaged");
	if (state_find(r->state, object, &o, &found, &e) < 0 ||
	    (found &&
		state_mark(r->state, o.number, ep->number,
		    missing ? STATE_MISSING : STATE_DAMAGED, &e) < 0))
		log_warning("it could not be noted: %s", e.text);
}
