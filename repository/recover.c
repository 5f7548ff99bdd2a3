/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint flows in, local state flows out: first what tells who we are
 * (config, writers, slots), then index objects, which say where every chunk is,
 * then manifests and the audit chain, and last the listing, which confirms what
 * is there. An object that cannot be read is counted and gone around: on the
 * worst day half a repository is better than none.
 */
#include "repository/recover_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/catalog.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/index_object.h"
#include "repository/manifest.h"
#include "repository/object.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"

#define SLOT_NAMES_MAX	   64
#define RECOVER_BRANCH_MAX 256
#define BAD_COPIES_MAX	   10000

/* Is it the object's fault (gone around), or that of the endpoint or of local
 * state (ends the work)? A key of a later epoch than ours opens other objects.
 */
static bool
is_objects_fault(const struct err *e)
{
	return (e->kind == ERR_CORRUPT || e->kind == ERR_MISSING ||
	    e->kind == ERR_VERSION || e->kind == ERR_KEY);
}

/* --- keys --- */

int
recover_keys(struct store *s, struct keys *k, struct err *e)
{
	SCOPED(buf_free) struct buf config = BUF_INIT;

	if (store_load(s, CONFIG_OBJECT_NAME, CONFIG_MAX, &config, e) < 0) {
		if (e->kind == ERR_MISSING)
			(void)err_hint(e,
			    "is this the folder or bucket that holds 'config' and 'packs/'?");
		return (-1);
	}
	return (config_open(k, config.p, config.n, e));
}

struct slot_names {
	size_t n;
	char v[SLOT_NAMES_MAX][OBJECT_NAME_TEXT];
};

static int
take_slot(const struct store_entry *entry, void *arg, struct err *e)
{
	struct slot_names *names = arg;

	(void)e;
	if (names->n < SLOT_NAMES_MAX && strlen(entry->name) < OBJECT_NAME_TEXT)
		memcpy(
		    names->v[names->n++], entry->name, strlen(entry->name) + 1);
	return (0);
}

/* A slot that this passphrase does not open is passed over; e says why. */
static struct keys *
try_slot(struct store *s, const char *object, const struct secret *passphrase,
    struct err *e)
{
	SCOPED(buf_free) struct buf slot = BUF_INIT;

	if (store_load(s, object, SLOT_MAX, &slot, e) < 0)
		return (NULL);
	return (
	    slot_open(object + strlen("keys/"), slot.p, slot.n, passphrase, e));
}

struct keys *
recover_keys_by_passphrase(
    struct store *s, const struct secret *passphrase, struct err *e)
{
	SCOPED(scope_free) struct slot_names *names = mem_new(sizeof(*names));

	if (store_list(s, "keys/", take_slot, names, e) < 0)
		return (NULL);
	if (names->n == 0) {
		(void)err_set(e, ERR_KEY,
		    "endpoint %s holds no passphrase slot", store_name(s));
		(void)err_hint(e, "use --key with the restore key");
		return (NULL);
	}
	for (size_t i = 0; i < names->n; i++) {
		struct keys *k;

		err_clear(e);
		if ((k = try_slot(s, names->v[i], passphrase, e)) != NULL)
			return (k);
		if (e->kind != ERR_KEY && !is_objects_fault(e))
			return (NULL);
		log_debug("%s: %s", names->v[i], e->text);
	}
	e->kind = ERR_KEY;
	return (NULL);
}

/* --- one endpoint into local state --- */

/* Copies that could not be read, to be marked when all is known. */
struct bad_copy {
	char name[OBJECT_NAME_TEXT];
	uint8_t endpoint;
};
struct bad_copies {
	size_t n;
	struct bad_copy *v; /* owned */
};

static void
bad_copies_free(struct bad_copies *bad)
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

struct recovery {
	struct repo *repo; /* keys, state; epoch 0 */
	struct bad_copies *bad;
	struct endpoint *ep;
	struct recover_result *out;
	const char *prefix;
	/* Loads one object of the prefix into state. */
	int (*take)(struct recovery *v, const char *name,
	    const struct buf *bytes, struct err *e);
};

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
		t, name, &sha, bytes->n, false, packs, x.n, &number, e) < 0)
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
	return (0);
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

static int
read_entry(struct recovery *v, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;

	if (store_load(v->ep->store, name, STORE_OBJECT_MAX, &bytes, e) < 0 ||
	    v->take(v, name, &bytes, e) < 0)
		return (-1);
	progress_add(v->repo->progress, bytes.n, bytes.n, 1);
	return (0);
}

static int
take_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	struct recovery *v = arg;
	bool read;

	if (stop_check(e) < 0 || is_read(v, entry->name, &read, e) < 0)
		return (-1);
	if (read || read_entry(v, entry->name, e) == 0)
		return (0);
	if (!is_objects_fault(e))
		return (-1);
	log_warning("%s is left out: %s", entry->name, e->text);
	err_clear(e);
	note_bad(v->bad, entry->name, v->ep->number);
	v->out->damaged++;
	return (0);
}

static int
take_config(struct recovery *v, struct err *e)
{
	SCOPED(buf_free) struct buf config = BUF_INIT;

	if (store_load(
		v->ep->store, CONFIG_OBJECT_NAME, CONFIG_MAX, &config, e) < 0)
		return (-1);
	return (take_root(v, CONFIG_OBJECT_NAME, &config, e));
}

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	enum state_seen what;

	return (state_listing_see(arg, entry->name, entry->bytes, &what, e));
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

static int
recover_endpoint(struct recovery *v, struct err *e)
{
	static const struct {
		const char *prefix;
		int (*take)(struct recovery *, const char *, const struct buf *,
		    struct err *);
	} order[] = { { "writers/", take_writer }, { "keys/", take_root },
		{ "index/", take_index }, { "backups/", take_manifest },
		{ "audit/", take_audit } };

	if (take_config(v, e) < 0)
		return (-1);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		progress_phase(v->repo->progress, order[i].prefix, 0);
		v->take = order[i].take;
		if (store_list(
			v->ep->store, order[i].prefix, take_entry, v, e) < 0)
			return (-1);
	}
	return (confirm_listed(v, e));
}

/* --- the whole --- */

static void
close_endpoints(struct repo *r)
{
	for (size_t i = 0; i < r->nendpoints; i++)
		store_free(r->endpoints[i].store);
	free(r->endpoints);
}

static int
open_endpoints(struct repo *r, const struct settings *s, struct err *e)
{
	const char *names[SETTINGS_ENDPOINTS_MAX];
	uint8_t numbers[SETTINGS_ENDPOINTS_MAX];

	for (size_t i = 0; i < s->nendpoints; i++)
		names[i] = s->endpoints[i].name;
	if (state_configure(r->state, names, s->nendpoints, true, numbers, e) <
	    0)
		return (-1);
	r->endpoints = mem_array(s->nendpoints, sizeof(*r->endpoints));
	for (size_t i = 0; i < s->nendpoints; i++) {
		r->endpoints[i].conf = &s->endpoints[i];
		r->endpoints[i].number = numbers[i];
		r->nendpoints = i + 1;
		if ((r->endpoints[i].store = endpoint_open_store(
			 &s->endpoints[i], s->give_up_after_s, e)) == NULL)
			return (-1);
	}
	return (0);
}

static int
recover_endpoints(struct repo *r, struct recover_result *out,
    struct bad_copies *bad, struct err *e)
{
	unsigned answered = 0;
	struct err last = ERR_INIT;

	for (size_t i = 0; i < r->nendpoints; i++) {
		struct recovery v = { .repo = r,
			.bad = bad,
			.ep = &r->endpoints[i],
			.out = out };

		err_clear(&last);
		if (recover_endpoint(&v, &last) == 0) {
			answered++;
			continue;
		}
		if (last.kind == ERR_STOPPED || last.kind == ERR_FULL) {
			*e = last;
			return (-1);
		}
		log_warning("%s", last.text);
	}
	if (answered > 0)
		return (0);
	*e = last;
	return (-1);
}

/* A listing knows names and sizes; what was read and is bad is known better. */
static int
mark_bad_copies(struct repo *r, const struct bad_copies *bad, struct err *e)
{
	for (size_t i = 0; i < bad->n; i++) {
		struct state_object o;
		bool found;

		if (state_find(r->state, bad->v[i].name, &o, &found, e) < 0 ||
		    (found &&
			state_mark(r->state, o.number, bad->v[i].endpoint,
			    STATE_DAMAGED, e) < 0))
			return (-1);
	}
	return (0);
}

struct index_check {
	struct repo *repo;
	const struct bad_copies *bad;
	struct recover_result *out;
};

/* An index object that a manifest names and no endpoint listed. */
static int
count_unlisted(const struct state_object *o, void *arg, struct err *e)
{
	struct index_check *check = arg;
	SCOPED(scope_free) uint64_t *packs = NULL;
	size_t n;

	if (state_index_packs(check->repo->state, o->number, &packs, &n, e) < 0)
		return (-1);
	if (n > 0)
		return (0);
	for (size_t i = 0; i < check->bad->n; i++)
		if (strcmp(check->bad->v[i].name, o->name) == 0)
			return (0);
	log_warning("%s is nowhere: a backup needs it", o->name);
	check->out->damaged++;
	return (0);
}

int
recover_fill_result(struct repo *r, struct recover_result *out, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct state_audit_head head;

	if (state_read_audit_head(r->state, &head, e) < 0 ||
	    catalog_read(r, NULL, &all, e) < 0)
		return (-1);
	out->backups = all.n;
	out->newest[0] = '\0';
	if (all.n > 0)
		memcpy(out->newest, all.v[0].m.id, sizeof(out->newest));
	out->audit_seq = head.seq;
	out->audit_head = head.sha;
	return (0);
}

static int
fill_state(struct repo *r, struct recover_result *out, struct err *e)
{
	SCOPED(bad_copies_free) struct bad_copies bad = { .n = 0 };
	struct index_check check = { r, &bad, out };

	if (recover_endpoints(r, out, &bad, e) < 0 ||
	    mark_bad_copies(r, &bad, e) < 0 ||
	    state_each(r->state, STATE_INDEX, count_unlisted, &check, e) < 0)
		return (-1);
	return (recover_fill_result(r, out, e));
}

static int
rebuild(const struct settings *s, struct keys *k, struct progress *progress,
    struct recover_result *out, struct err *e)
{
	struct repo r = {
		.settings = s, .keys = k, .lock = -1, .progress = progress
	};
	int rc = -1;

	if (state_create(s->state, keys_repo(k), e) == 0 &&
	    (r.state = state_open(s->state, keys_repo(k), e)) != NULL &&
	    open_endpoints(&r, s, e) == 0)
		rc = fill_state(&r, out, e);
	close_endpoints(&r);
	state_free(r.state);
	return (rc);
}

static int
any_name(const char *name, void *arg, struct err *e)
{
	(void)name;
	(void)arg;
	(void)e;
	return (1);
}

/* Missing, or a folder with nothing in it: what is made here may be removed. */
static int
check_is_free(const char *folder, struct err *e)
{
	int answer;

	if (!file_exists(folder))
		return (0);
	if ((answer = file_each(folder, any_name, NULL, e)) < 0)
		return (err_within(e, "the state folder %s", folder));
	if (answer == 0)
		return (0);
	(void)err_set(
	    e, ERR_REFUSED, "the state folder %s is not empty", folder);
	return (err_hint(e,
	    "move it away first; it may hold backups that no endpoint has yet"));
}

static int
is_part_of_state(const char *name, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return (strcmp(name, "db") == 0 || strcmp(name, "lock") == 0 ? 0 : 1);
}

int
recover_discard(const char *folder, struct err *e)
{
	SCOPED(scope_free) char *db = file_join(folder, "db");
	SCOPED(scope_free) char *lock = file_join(folder, "lock");
	int answer;

	if (!file_exists(folder))
		return (0);
	if ((answer = file_each(folder, is_part_of_state, NULL, e)) < 0)
		return (err_within(e, "the state folder %s", folder));
	if (answer > 0)
		return (err_set(e, ERR_REFUSED,
		    "the state folder %s holds more than an unfinished "
		    "recovery leaves",
		    folder));
	if (file_exists(db) && file_remove_tree(db, e) < 0)
		return (-1);
	return (file_remove(lock, e));
}

int
recover_state(const struct settings *s, struct keys *k,
    struct progress *progress, struct recover_result *out, struct err *e)
{
	struct err ignored = ERR_INIT;

	*out = (struct recover_result){ .epoch = 0 };
	if (check_is_free(s->state, e) < 0)
		return (-1);
	if (rebuild(s, k, progress, out, e) == 0)
		return (0);
	/* A half rebuilt state must not pass for a whole one. */
	if (file_remove_tree(s->state, &ignored) < 0)
		log_warning("%s", ignored.text);
	return (-1);
}

void
recover_result_free(struct recover_result *r)
{
	free(r->branches);
	*r = (struct recover_result){ .epoch = 0 };
}
