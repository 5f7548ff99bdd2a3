/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one endpoint flow in, local state flows out: first what tells who
 * we are (config, writers, slots), then index objects, which say where every
 * chunk is, then manifests and the audit chain, and last the listing, which
 * confirms what is there. An object that cannot be read is counted and gone
 * around: on the worst day half a repository is better than none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/config_object.h"
#include "repository/index_object.h"
#include "repository/manifest.h"
#include "repository/object.h"
#include "repository/recover_impl.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_replaced.h"

#define RECOVER_BRANCH_MAX 256
#define BAD_COPIES_MAX	   10000

bool
recover_is_objects_fault(const struct err *e)
{
	return (e->kind == ERR_CORRUPT || e->kind == ERR_MISSING ||
	    e->kind == ERR_VERSION || e->kind == ERR_KEY);
}

void
recover_bad_free(struct bad_copies *bad)
{
	free(bad->v);
}

static void
note_bad(struct bad_copies *bad, const char *name, uint8_t endpoint)
{
	struct bad_copy *copy;

	if (bad->n == BAD_COPIES_MAX || strlen(name) >= OBJECT_NAME_TEXT)
		return;
	bad->v = mem_grow(bad->v, bad->n + 1, sizeof(*bad->v));
	copy = &bad->v[bad->n++];
	memcpy(copy->name, name, strlen(name) + 1);
	copy->endpoint = endpoint;
}

static int
take_root(struct recovery *v, const char *name, const struct buf *bytes,
    struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;

	if (object_check(v->repo->keys, name, NULL, bytes->p, bytes->n, e) < 0)
		return (-1);
	if ((t = state_begin(v->repo->state, e)) == NULL ||
	    state_put_root(t, name, bytes->p, bytes->n, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

static int
take_writer(struct recovery *v, const char *name, const struct buf *bytes,
    struct err *e)
{
	struct writer w;

	if (writer_decode(v->repo->keys, name, bytes->p, bytes->n, &w, e) < 0 ||
	    take_root(v, name, bytes, e) < 0)
		return (-1);
	if (w.epoch < v->out->epoch ||
	    (w.epoch == v->out->epoch && w.started < v->out->writer_since))
		return (0);
	v->out->epoch = w.epoch;
	v->out->writer_since = w.started;
	memcpy(v->out->writer_host, w.host, sizeof(w.host));
	return (0);
}

static int
take_index(struct recovery *v, const char *name, const struct buf *bytes,
    struct err *e)
{
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	SCOPED(scope_free) uint64_t *packs = NULL;
	struct sha256 sha;
	uint64_t number;

	if (index_object_decode(
		v->repo->keys, name, bytes->p, bytes->n, &x, e) < 0)
		return (-1);
	packs = mem_array(x.n + 1, sizeof(*packs));
	hash_of(HASH_IS_SHA256, bytes->p, bytes->n, sha.b);
	if ((t = state_begin(v->repo->state, e)) == NULL)
		return (-1);
	for (size_t i = 0; i < x.n; i++)
		if (state_add_pack(t, &x.packs[i], false, false, &packs[i], e) <
		    0)
			return (-1);
	if (state_add_index(
		t, name, &sha, bytes->n, false, packs, x.n, &number, e) < 0 ||
	    (x.replaced.npacks > 0 &&
		state_add_replaced(t, number, &x.replaced, e) < 0))
		return (-1);
	return (state_commit(&t, e));
}

static void
note_branch(struct recover_result *out, const char *branch)
{
	for (size_t i = 0; i < out->nbranches; i++)
		if (strcmp(out->branches[i], branch) == 0)
			return;
	if (out->nbranches == RECOVER_BRANCH_MAX)
		return;
	out->branches = mem_grow(
	    out->branches, out->nbranches + 1, sizeof(*out->branches));
	(void)snprintf(out->branches[out->nbranches++], sizeof(*out->branches),
	    "%s", branch);
}

static int read_entry(
    struct recovery *v, const char *name, bool *first, struct err *e);
static int take_manifest(struct recovery *v, const char *name,
    const struct buf *bytes, struct err *e);

/* Are packs that a manifest uses of an index object known no more? */
static int
lacks_packs(
    struct recovery *v, const struct index_ref *ref, bool *lacks, struct err *e)
{
	SCOPED(scope_free) uint64_t *packs = NULL;
	struct state *s = v->repo->state;
	struct state_object o;
	size_t n = 0;
	bool known;

	*lacks = false;
	if (state_find(s, ref->object, &o, &known, e) < 0 ||
	    (known && state_index_packs(s, o.number, &packs, &n, e) < 0))
		return (-1);
	for (size_t i = 0; i < n && i / 8 < ref->used.n && !*lacks; i++) {
		if ((ref->used.p[i / 8] >> (i % 8) & 1) == 0 ||
		    state_get(s, packs[i], &o, e) == 0)
			continue;
		if (e->kind != ERR_MISSING)
			return (-1);
		err_clear(e);
		*lacks = true;
	}
	return (0);
}

/* An index object outlives packs that nobody needed. Where a backup turns up
 * that does, what it says of them is read again. */
static int
read_forgotten(struct recovery *v, const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->nindexes; i++) {
		bool lacks, first;
		int rc;

		if (lacks_packs(v, &m->indexes[i], &lacks, e) < 0)
			return (-1);
		if (!lacks)
			continue;
		v->take = take_index;
		rc = read_entry(v, m->indexes[i].object, &first, e);
		v->take = take_manifest;
		if (rc < 0 && !recover_is_objects_fault(e))
			return (-1);
		err_clear(e);
	}
	return (0);
}

static int
take_manifest(struct recovery *v, const char *name, const struct buf *bytes,
    struct err *e)
{
	SCOPED(manifest_free) struct manifest m;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	const char *id = name + strlen("backups/");

	manifest_init(&m);
	if (manifest_decode(v->repo->keys, id, bytes->p, bytes->n, &m, e) < 0)
		return (-1);
	if ((t = state_begin(v->repo->state, e)) == NULL ||
	    state_add_manifest(t, &m, bytes->p, bytes->n, e) < 0 ||
	    state_commit(&t, e) < 0)
		return (-1);
	note_branch(v->out, m.branch);
	return (read_forgotten(v, &m, e));
}

static int
take_audit(struct recovery *v, const char *name, const struct buf *bytes,
    struct err *e)
{
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(state_abortp) struct state_txn *t = NULL;

	audit_entry_init(&a);
	if (audit_decode(v->repo->keys, name, bytes->p, bytes->n, &a, e) < 0 ||
	    (t = state_begin(v->repo->state, e)) == NULL ||
	    state_add_audit(t, &a, bytes->p, bytes->n, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* What an endpoint before this one gave is not read again. */
static int
is_read(struct recovery *v, const char *name, bool *read, struct err *e)
{
	SCOPED(scope_free) uint64_t *packs = NULL;
	struct state_object o;
	size_t n;

	if (state_find(v->repo->state, name, &o, read, e) < 0)
		return (-1);
	if (!*read || o.class != STATE_INDEX)
		return (0);
	if (state_index_packs(v->repo->state, o.number, &packs, &n, e) < 0)
		return (-1);
	*read = n > 0;
	return (0);
}

/* A backup that was removed does not come back with an endpoint that was away:
 * the audit log, read before, says so. */
static int
is_removed(struct recovery *v, const char *name, bool *removed, struct err *e)
{
	struct state_marks marks;

	if (v->take != take_manifest)
		return (0);
	if (state_get_marks(
		v->repo->state, name + strlen("backups/"), &marks, e) < 0)
		return (-1);
	*removed = marks.removed;
	return (0);
}

struct entry {
	struct recovery *v;
	const char *name;
};

static int
take_bytes(void *arg, const struct buf *bytes, struct err *e)
{
	const struct entry *entry = arg;
	struct recovery *v = entry->v;

	if (v->take(v, entry->name, bytes, e) < 0)
		return (-1);
	v->taken++;
	if (!v->learns)
		progress_add(v->repo->progress, bytes->n, bytes->n, 1);
	return (0);
}

static int
read_entry(struct recovery *v, const char *name, bool *first, struct err *e)
{
	struct entry entry = { v, name };

	return (object_load_or_first(v->ep->store, name, STORE_OBJECT_MAX,
	    take_bytes, &entry, first, e));
}

/* The listing knows what is hidden; that what is there is bad, only we do. */
static int
take_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	struct recovery *v = arg;
	bool read, first = false;

	if (stop_check(e) < 0 || is_read(v, entry->name, &read, e) < 0 ||
	    (!read && is_removed(v, entry->name, &read, e) < 0))
		return (-1);
	if (read)
		return (0);
	if (read_entry(v, entry->name, &first, e) == 0) {
		if (first && !entry->is_hidden)
			note_bad(v->bad, entry->name, v->ep->number);
		return (0);
	}
	if (!recover_is_objects_fault(e))
		return (-1);
	if (v->learns) /* junk there is met every time */
		log_info("%s is passed over: %s", entry->name, e->text);
	else
		log_warning("%s is left out: %s", entry->name, e->text);
	err_clear(e);
	note_bad(v->bad, entry->name, v->ep->number);
	v->out->damaged++;
	return (0);
}

/* No config in a place that is there, or no place? */
static int
fail_without_config(const struct recovery *v, struct err *e)
{
	if (e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	if (store_probe(v->ep->store, e) == 0)
		return (err_set(e, ERR_MISSING,
		    "endpoint %s: it holds no repository (no config)",
		    v->ep->conf->name));
	if (e->kind == ERR_MISSING)
		e->kind = ERR_NETWORK;
	return (-1);
}

static int
take_config_bytes(void *arg, const struct buf *bytes, struct err *e)
{
	return (take_root(arg, CONFIG_OBJECT_NAME, bytes, e));
}

static int
take_config(struct recovery *v, struct err *e)
{
	bool first;

	if (object_load_or_first(v->ep->store, CONFIG_OBJECT_NAME, CONFIG_MAX,
		take_config_bytes, v, &first, e) < 0)
		return (fail_without_config(v, e));
	if (first)
		note_bad(v->bad, CONFIG_OBJECT_NAME, v->ep->number);
	return (0);
}

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	enum state_seen what;

	return (state_listing_entry(arg, entry, &what, e));
}

/* What was read is confirmed where it is listed. */
static int
confirm_listed(struct recovery *v, struct err *e)
{
	struct state_listing_result result;
	SCOPED(state_listing_freep)
	struct state_listing *listing = state_listing_open(
	    v->repo->state, v->ep->number, e);

	if (listing == NULL ||
	    store_list(v->ep->store, "", see, listing, e) < 0)
		return (-1);
	return (state_listing_apply(listing, &result, e));
}

struct part {
	const char *prefix;
	int (*take)(
	    struct recovery *, const char *, const struct buf *, struct err *);
};

static int
read_parts(
    struct recovery *v, const struct part parts[], size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!v->learns)
			progress_phase(v->repo->progress, parts[i].prefix, 0);
		v->take = parts[i].take;
		if (store_list(
			v->ep->store, parts[i].prefix, take_entry, v, e) < 0)
			return (-1);
	}
	return (0);
}

int
recover_endpoint(struct recovery *v, struct err *e)
{
	static const struct part parts[] = { { "writers/", take_writer },
		{ "keys/", take_root }, { "index/", take_index },
		{ "audit/", take_audit }, { "backups/", take_manifest } };

	if (take_config(v, e) < 0 ||
	    read_parts(v, parts, sizeof(parts) / sizeof(parts[0]), e) < 0)
		return (-1);
	return (confirm_listed(v, e));
}

int
recover_learn(struct repo *r, struct endpoint *ep, uint64_t *n, struct err *e)
{
	/* Not slots: one that was removed would come back. */
	static const struct part parts[] = { { "index/", take_index },
		{ "audit/", take_audit }, { "backups/", take_manifest } };
	SCOPED(recover_bad_free) struct bad_copies bad = { .n = 0 };
	SCOPED(recover_result_free)
	struct recover_result found = { .epoch = 0 };
	struct recovery v = {
		.repo = r, .bad = &bad, .ep = ep, .out = &found, .learns = true
	};

	if (read_parts(&v, parts, sizeof(parts) / sizeof(parts[0]), e) < 0 ||
	    recover_mark_bad(r, &bad, e) < 0)
		return (-1);
	*n = v.taken;
	return (0);
}

struct unknown {
	struct state *state;
	uint64_t n;
};

static int
count_unknown(const struct store_entry *entry, void *arg, struct err *e)
{
	struct unknown *u = arg;
	const char *id = entry->name + strlen("backups/");
	struct state_marks marks;
	struct state_object o;
	bool known;

	if (!format_backup_id_is_good(id))
		return (0);
	if (state_find(u->state, entry->name, &o, &known, e) < 0 ||
	    state_get_marks(u->state, id, &marks, e) < 0)
		return (-1);
	u->n += !known && !marks.removed;
	return (0);
}

int
recover_count_unknown(
    struct repo *r, struct endpoint *ep, uint64_t *n, struct err *e)
{
	struct unknown u = { .state = r->state };

	if (store_list(ep->store, "backups/", count_unknown, &u, e) < 0)
		return (-1);
	*n = u.n;
	return (0);
}
