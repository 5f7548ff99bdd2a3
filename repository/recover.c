/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint flows in, local state flows out: first what tells who we are
 * (config, writers, slots), then index objects, which say where every chunk is,
 * then manifests and the audit chain, and last the listing, which confirms what
 * is there. An object that cannot be read is counted and gone around: on the
 * worst day half a repository is better than none.
 */
#include "repository/recover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/stop.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/index_object.h"
#include "repository/manifest.h"
#include "repository/object.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"

#define SLOT_NAMES_MAX	   64
#define RECOVER_BRANCH_MAX 256

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
		SCOPED(buf_free) struct buf slot = BUF_INIT;
		const char *name = names->v[i] + strlen("keys/");
		struct keys *k;

		err_clear(e);
		if (store_load(s, names->v[i], SLOT_MAX, &slot, e) == 0 &&
		    (k = slot_open(name, slot.p, slot.n, passphrase, e)) !=
			NULL)
			return (k);
	}
	return (NULL);
}

/* --- one endpoint into local state --- */

struct recovery {
	struct repo *repo; /* keys, state; epoch 0 */
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
	if (w.epoch < v->out->epoch)
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
	bool found;
	struct state_object known;

	manifest_init(&m);
	if (manifest_decode(v->repo->keys, id, bytes->p, bytes->n, &m, e) < 0 ||
	    state_find(v->repo->state, name, &known, &found, e) < 0)
		return (-1);
	if ((t = state_begin(v->repo->state, e)) == NULL ||
	    state_add_manifest(t, &m, bytes->p, bytes->n, e) < 0 ||
	    state_commit(&t, e) < 0)
		return (-1);
	v->out->backups += !found;
	if (strcmp(m.id, v->out->newest) > 0)
		memcpy(v->out->newest, m.id, sizeof(m.id));
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

/* Is it state's trouble (ends the work) or the object's (gone around)? */
static bool
is_objects_fault(const struct err *e)
{
	return (e->kind == ERR_CORRUPT || e->kind == ERR_MISSING ||
	    e->kind == ERR_VERSION);
}

static int
take_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	struct recovery *v = arg;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;

	if (stop_check(e) < 0)
		return (-1);
	if (strlen(entry->name) < OBJECT_NAME_TEXT &&
	    store_load(
		v->ep->store, entry->name, STORE_OBJECT_MAX, &bytes, e) == 0 &&
	    v->take(v, entry->name, &bytes, e) == 0) {
		progress_add(v->repo->progress, bytes.n, bytes.n, 1);
		return (0);
	}
	if (e->kind != ERR_NONE && !is_objects_fault(e))
		return (-1);
	log_warning("%s is left out: %s", entry->name, e->text);
	err_clear(e);
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
recover_endpoints(struct repo *r, struct recover_result *out, struct err *e)
{
	unsigned answered = 0;
	struct err last = ERR_INIT;

	for (size_t i = 0; i < r->nendpoints; i++) {
		struct recovery v = {
			.repo = r, .ep = &r->endpoints[i], .out = out
		};

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

static int
fill_result(struct repo *r, struct recover_result *out, struct err *e)
{
	struct state_audit_head head;

	if (state_read_audit_head(r->state, &head, e) < 0)
		return (-1);
	out->audit_seq = head.seq;
	out->audit_head = head.sha;
	return (0);
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
	    open_endpoints(&r, s, e) == 0 && recover_endpoints(&r, out, e) == 0)
		rc = fill_result(&r, out, e);
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

int
recover_state(const struct settings *s, struct keys *k,
    struct progress *progress, struct recover_result *out, struct err *e)
{
	struct err ignored = ERR_INIT;

	*out = (struct recover_result){ .epoch = 0 };
	if (file_exists(s->state) &&
	    file_each(s->state, any_name, NULL, &ignored) > 0) {
		(void)err_set(e, ERR_REFUSED,
		    "the state folder %s is not empty", s->state);
		return (err_hint(e,
		    "move it away first; it may hold backups that no endpoint has yet"));
	}
	if (rebuild(s, k, progress, out, e) == 0)
		return (0);
	/* A half rebuilt state must not pass for a whole one. */
	if (file_remove_tree(s->state, &ignored) < 0)
		log_warning("%s", ignored.text);
	return (-1);
}

/* --- take-over --- */

/* The highest epoch that any endpoint, or our own state, knows. */
static int
highest_epoch(struct repo *r, uint32_t *epoch, struct err *e)
{
	struct err last = ERR_INIT;
	unsigned answered = 0;

	*epoch = r->epoch;
	for (size_t i = 0; i < r->nendpoints; i++) {
		struct writer found;

		err_clear(&last);
		if (endpoint_newest_writer(
			r->endpoints[i].store, r->keys, &found, &last) < 0)
			continue;
		answered++;
		if (found.epoch > *epoch)
			*epoch = found.epoch;
	}
	if (answered >= r->settings->write_quorum)
		return (0);
	return (err_set(e, ERR_QUORUM,
	    "take-over needs %u endpoints, %u answered%s%s",
	    r->settings->write_quorum, answered,
	    last.kind != ERR_NONE ? "; last: " : "", last.text));
}

/* Our claim at every endpoint that can be reached; a quorum makes it true. */
static int
put_writer(struct repo *r, const struct writer *w, struct err *e)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	char name[OBJECT_NAME_TEXT];
	unsigned stored = 0;
	struct err last = ERR_INIT;
	struct state_writer mine = { .epoch = w->epoch, .started = w->started };

	writer_name(w, name);
	writer_encode(r->keys, w, &object);
	for (size_t i = 0; i < r->nendpoints; i++) {
		err_clear(&last);
		stored += store_put(r->endpoints[i].store, name, object.p,
			      object.n, STORE_PUT_NEW, &last) == 0;
	}
	if (stored < r->settings->write_quorum)
		return (err_set(e, ERR_QUORUM,
		    "take-over reached %u endpoints of %u; last: %s", stored,
		    r->settings->write_quorum, last.text));
	memcpy(mine.id, w->id, sizeof(mine.id));
	if ((t = state_begin(r->state, e)) == NULL ||
	    state_put_root(t, name, object.p, object.n, e) < 0 ||
	    state_set_writer(t, &mine, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

int
recover_take_over(
    const struct settings *s, struct recover_result *out, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = repo_open(s, REPO_READ, 0, e);
	struct writer w = { .started = clock_now() };
	uint32_t highest;

	if (r == NULL || highest_epoch(r, &highest, e) < 0)
		return (-1);
	w.epoch = highest + 1;
	random_bytes(w.id, sizeof(w.id));
	if (gethostname(w.host, sizeof(w.host) - 1) < 0)
		(void)strcpy(w.host, "unknown");
	if (put_writer(r, &w, e) < 0)
		return (-1);
	out->epoch = w.epoch;
	out->writer_since = w.started;
	memcpy(out->writer_host, w.host, sizeof(w.host));
	return (0);
}

void
recover_result_free(struct recover_result *r)
{
	free(r->branches);
	*r = (struct recover_result){ .epoch = 0 };
}
