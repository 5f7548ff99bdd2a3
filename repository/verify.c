/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every endpoint is checked by a thread of its own: listed, its objects read
 * and compared with their names and signatures and, at the deepest, every chunk
 * opened. What was found flows into local state as marks; repair then goes over
 * the marks, class by class, so that a manifest is back only after its closure.
 */
#include "repository/verify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/gate.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/catalog.h"
#include "repository/endpoint.h"
#include "repository/object.h"
#include "repository/open_pack.h"
#include "repository/replicate.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"

#define AUDITED_BACKUPS                                                        \
	1000 /* named in one audit entry, as far as it holds                   \
	      */
#define AUDITED_OBJECTS 400

/* Which objects are looked at: all, or the closures of some backups. */
struct wanted {
	bool all;
	uint64_t highest;
	uint8_t *bits; /* by object number; owned */
};

struct checker {
	struct verify *v;
	struct endpoint *ep;
	struct verify_endpoint *result;
	pthread_t thread;
	bool started;
	uint64_t expected; /* bytes to read, for the progress */
};

struct verify {
	struct repo *repo;
	const struct verify_conf *conf;
	struct verify_result *result;
	struct wanted wanted;
	struct opener *opener;	/* for VERIFY_DATA */
	struct gate *transfers; /* an object in memory each */
	struct checker checkers[SETTINGS_ENDPOINTS_MAX];
};

/* --- which objects --- */

static void
wanted_add(struct wanted *w, uint64_t number)
{
	if (number <= w->highest)
		w->bits[number / 8] |= (uint8_t)(1U << (number % 8));
}

static bool
wanted_has(const struct wanted *w, uint64_t number)
{
	return (w->all ||
	    (number <= w->highest &&
		(w->bits[number / 8] & (1U << (number % 8))) != 0));
}

static int
add_one(const struct state_object *o, void *arg, struct err *e)
{
	(void)e;
	wanted_add(arg, o->number);
	return (0);
}

static int
add_backup(struct verify *v, const char *id, struct err *e)
{
	char name[OBJECT_NAME_TEXT];
	struct state_object manifest;
	bool found;

	manifest_name(id, name);
	if (state_find(v->repo->state, name, &manifest, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_MISSING, "no backup %s", id));
	wanted_add(&v->wanted, manifest.number);
	return (state_closure_each(
	    v->repo->state, manifest.number, add_one, &v->wanted, e));
}

static int
find_wanted(struct verify *v, struct err *e)
{
	const struct verify_conf *conf = v->conf;

	v->wanted.all = conf->nbackups == 0;
	if (v->wanted.all)
		return (0);
	if (state_highest(v->repo->state, &v->wanted.highest, e) < 0)
		return (-1);
	v->wanted.bits = mem_array(v->wanted.highest / 8 + 1, 1);
	for (size_t i = 0; i < conf->nbackups; i++)
		if (add_backup(v, conf->backups[i], e) < 0)
			return (-1);
	return (0);
}

/* --- one endpoint --- */

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	enum state_seen what;

	return (state_listing_see(arg, entry->name, entry->bytes, &what, e));
}

/* Where config or a writer is damaged, names have to tell who writes. */
static int
check_no_later_writer(struct checker *c, struct err *e)
{
	struct repo *r = c->v->repo;
	struct writer newest;

	if (endpoint_newest_writer(c->ep->store, r->keys, &newest, e) < 0)
		return (-1);
	if (newest.epoch <= r->epoch)
		return (0);
	return (err_set(e, ERR_CORRUPT,
	    "endpoint %s is damaged and names a later writer, %u; it is not touched",
	    c->ep->conf->name, newest.epoch));
}

/* Is it there, and not another repository's? Its lack of a config is a finding
 * like any other. Repair writes, so it stops where another machine does. */
static int
reach(struct checker *c, struct err *e)
{
	struct repo *r = c->v->repo;
	bool repair = c->v->conf->repair;

	if ((repair && store_prepare(c->ep->store, e) < 0) ||
	    endpoint_check_owner(c->ep->store, r->keys, e) < 0)
		return (-1);
	if (!repair || repo_check_endpoint(r, c->ep, e) == 0)
		return (0);
	if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT &&
	    e->kind != ERR_VERSION)
		return (-1);
	err_clear(e);
	return (check_no_later_writer(c, e));
}

static int
list_endpoint(struct checker *c, struct err *e)
{
	struct state_listing_result result;
	SCOPED(state_listing_freep)
	struct state_listing *listing = state_listing_open(
	    c->v->repo->state, c->ep->number, e);

	if (listing == NULL ||
	    store_list(c->ep->store, "", see, listing, e) < 0)
		return (-1);
	return (state_listing_apply(listing, &result, e));
}

static int
found_bad(struct checker *c, const struct state_object *o, enum state_mark mark,
    struct err *e)
{
	json_append_string(
	    mark == STATE_DAMAGED ? c->result->damaged : c->result->missing,
	    o->name);
	return (
	    state_mark(c->v->repo->state, o->number, c->ep->number, mark, e));
}

static int
check_whole_object(
    struct checker *c, const struct state_object *o, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct repo *r = c->v->repo;

	if (object_load(r, c->ep, o, &bytes, e) < 0)
		return (-1);
	c->result->bytes += bytes.n;
	progress_add(r->progress, bytes.n, bytes.n, 1);
	if (c->v->conf->depth != VERIFY_DATA || o->class != STATE_PACK)
		return (0);
	return (open_pack_check(r, c->ep, c->v->opener, &bytes, e));
}

/* Reads one object whole and says what is wrong with it. */
static int
check_bytes(struct checker *c, const struct state_object *o, struct err *e)
{
	int rc;

	if (gate_enter(c->v->transfers, e) < 0)
		return (-1);
	rc = check_whole_object(c, o, e);
	gate_leave(c->v->transfers);
	return (rc);
}

static int
check_object(struct checker *c, const struct state_object *o, struct err *e)
{
	uint32_t bit = 1U << c->ep->number;

	c->result->objects++;
	if ((o->missing & bit) != 0)
		return (found_bad(c, o, STATE_MISSING, e));
	if (c->v->conf->depth == VERIFY_PRESENCE) {
		c->result->bytes += o->bytes;
		return ((o->damaged & bit) != 0
			? found_bad(c, o, STATE_DAMAGED, e)
			: 0);
	}
	if (check_bytes(c, o, e) == 0)
		return ((o->damaged & bit) != 0
			? state_confirm(c->v->repo->state, o->number,
			      c->ep->number, NULL, e)
			: 0);
	if (e->kind == ERR_CORRUPT || e->kind == ERR_VERSION) {
		log_info("%s", e->text);
		err_clear(e);
		return (found_bad(c, o, STATE_DAMAGED, e));
	}
	if (e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	return (found_bad(c, o, STATE_MISSING, e));
}

/* What an endpoint lacks of a backup that it lists. It was never known to be
 * there, as on a machine that was recovered after it was lost; pending it is
 * not, for a manifest goes last. */
struct lacking {
	struct checker *c;
	uint32_t bit;
};

static int
note_lacking(const struct state_object *o, void *arg, struct err *e)
{
	struct lacking *l = arg;

	if (((o->confirmed | o->damaged | o->missing) & l->bit) != 0)
		return (0);
	return (state_mark(l->c->v->repo->state, o->number, l->c->ep->number,
	    STATE_MISSING, e));
}

static int
look_for_lacking(const struct state_object *o, void *arg, struct err *e)
{
	struct checker *c = arg;
	struct lacking l = { c, 1U << c->ep->number };
	uint64_t missing;

	if ((o->confirmed & l.bit) == 0)
		return (0);
	if (state_closure_missing(
		c->v->repo->state, o->number, c->ep->number, &missing, e) < 0)
		return (-1);
	if (missing == 0)
		return (0);
	return (state_closure_each(
	    c->v->repo->state, o->number, note_lacking, &l, e));
}

/* What should be at this endpoint: all but what was never sent there yet. */
static int
check_one(const struct state_object *o, void *arg, struct err *e)
{
	struct checker *c = arg;
	uint32_t expected = o->confirmed | o->damaged | o->missing;

	if ((expected & (1U << c->ep->number)) == 0 ||
	    !wanted_has(&c->v->wanted, o->number))
		return (0);
	if (stop_check(e) < 0)
		return (-1);
	return (check_object(c, o, e));
}

static int
check_endpoint(struct checker *c, struct err *e)
{
	struct state *s = c->v->repo->state;

	if (reach(c, e) < 0 || list_endpoint(c, e) < 0 ||
	    state_each(s, STATE_MANIFEST, look_for_lacking, c, e) != 0)
		return (-1);
	return (state_each(c->v->repo->state, -1, check_one, c, e));
}

/* When it goes away half way, what was found so far stands. */
static void *
run_checker(void *arg)
{
	struct checker *c = arg;
	struct err e = ERR_INIT, ignored = ERR_INIT;

	c->result->reached = check_endpoint(c, &e) == 0;
	if (!c->result->reached)
		c->result->error = e;
	if (state_note_endpoint(
		c->v->repo->state, c->ep->number, e.text, &ignored) < 0)
		log_debug("%s", ignored.text);
	if (c->v->conf->depth != VERIFY_PRESENCE)
		progress_grow(c->v->repo->progress,
		    (int64_t)c->result->bytes - (int64_t)c->expected);
	return (NULL);
}

static bool
is_asked_to_look(const struct verify *v, size_t i)
{
	return (v->conf->which == 0 || (v->conf->which & (1U << i)) != 0);
}

static int
add_expected(const struct state_object *o, void *arg, struct err *e)
{
	struct verify *v = arg;

	(void)e;
	if (!wanted_has(&v->wanted, o->number))
		return (0);
	for (size_t i = 0; i < v->repo->nendpoints; i++)
		if ((o->confirmed & (1U << v->repo->endpoints[i].number)) != 0)
			v->checkers[i].expected += o->bytes;
	return (0);
}

/* By endpoint and in all; 0 where no bytes are read. */
static uint64_t
bytes_to_read(struct verify *v)
{
	struct err ignored = ERR_INIT;
	uint64_t sum = 0;

	if (v->conf->depth == VERIFY_PRESENCE ||
	    state_each(v->repo->state, -1, add_expected, v, &ignored) != 0)
		return (0);
	for (size_t i = 0; i < v->repo->nendpoints; i++)
		if (is_asked_to_look(v, i))
			sum += v->checkers[i].expected;
	return (sum);
}

static int
check_all(struct verify *v, struct err *e)
{
	progress_phase(v->repo->progress, "verify", bytes_to_read(v));
	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		struct checker *c = &v->checkers[i];

		c->v = v;
		c->ep = &v->repo->endpoints[i];
		c->result = &v->result->at[i];
		if (!is_asked_to_look(v, i))
			continue;
		if (pthread_create(&c->thread, NULL, run_checker, c) == 0)
			c->started = true;
		else
			(void)err_set(&c->result->error, ERR_SYSTEM,
			    "cannot start a thread");
	}
	for (size_t i = 0; i < v->repo->nendpoints; i++)
		if (v->checkers[i].started)
			(void)pthread_join(v->checkers[i].thread, NULL);
	return (stop_check(e));
}

/* --- repair --- */

struct repair {
	struct verify *v;
	struct checker *c;
};

/* A manifest is back only where everything that it needs is. */
static int
may_return(
    struct repair *job, const struct state_object *o, bool *may, struct err *e)
{
	uint64_t missing = 0;

	if (o->class == STATE_MANIFEST &&
	    state_closure_missing(job->v->repo->state, o->number,
		job->c->ep->number, &missing, e) < 0)
		return (-1);
	if (missing > 0)
		log_warning(
		    "%s at endpoint %s is not healed: %llu objects that it needs are not whole there",
		    o->name, job->c->ep->conf->name,
		    (unsigned long long)missing);
	*may = missing == 0;
	return (0);
}

/* An endpoint that does not take what heals it is left alone. */
static int
repair_one(const struct state_object *o, void *arg, struct err *e)
{
	struct repair *job = arg;
	struct repo *r = job->v->repo;
	const struct endpoint *ep = job->c->ep;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	const char *from = "";
	bool may;

	if (((o->damaged | o->missing) & (1U << ep->number)) == 0 ||
	    !wanted_has(&job->v->wanted, o->number))
		return (0);
	if (stop_check(e) < 0 || may_return(job, o, &may, e) < 0)
		return (-1);
	if (!may)
		return (0);
	if (object_find(r, o, ep->number, &bytes, &from, e) < 0) {
		if (e->kind != ERR_MISSING)
			return (-1);
		log_warning("%s at endpoint %s is not healed: %s", o->name,
		    ep->conf->name, e->text);
		err_clear(e);
		return (0);
	}
	if (object_store(r, ep, o, &bytes, e) < 0)
		return (-1);
	log_info(
	    "endpoint %s: %s healed from %s", ep->conf->name, o->name, from);
	json_append_string(job->c->result->repaired, o->name);
	return (0);
}

/* What of a list of findings still stands. */
static int
keep_unhealed(struct verify *v, const struct endpoint *ep, struct json **names,
    struct err *e)
{
	SCOPED(json_freep) struct json *rest = json_array();
	struct json *was;

	for (size_t i = 0; i < json_count(*names); i++) {
		const char *name = json_text(json_at(*names, i));
		struct state_object o;
		bool found;

		if (state_find(v->repo->state, name, &o, &found, e) < 0)
			return (-1);
		if (found &&
		    ((o.damaged | o.missing) & (1U << ep->number)) != 0)
			json_append_string(rest, name);
	}
	was = *names;
	*names = rest;
	rest = was;
	return (0);
}

/* Class by class. Fails as the endpoint does, or local state. */
static int
repair_endpoint(struct verify *v, size_t i, struct err *e)
{
	struct repair job = { v, &v->checkers[i] };

	for (int class = 0; class < STATE_CLASSES; class ++)
		if (state_each(v->repo->state, class, repair_one, &job, e) < 0)
			return (-1);
	return (0);
}

static int
repair_all(struct verify *v, struct err *e)
{
	progress_phase(v->repo->progress, "repair", 0);
	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		struct verify_endpoint *at = &v->result->at[i];
		const struct endpoint *ep = &v->repo->endpoints[i];

		if (!at->reached)
			continue;
		if (repair_endpoint(v, i, &at->error) < 0) {
			if (at->error.kind == ERR_STOPPED) {
				*e = at->error;
				return (-1);
			}
			log_warning("endpoint %s is not healed further: %s",
			    ep->conf->name, at->error.text);
		}
		if (keep_unhealed(v, ep, &at->missing, e) < 0 ||
		    keep_unhealed(v, ep, &at->damaged, e) < 0)
			return (-1);
	}
	return (0);
}

/* One endpoint's word that another machine is the writer is enough. */
static int
check_not_taken_over(const struct verify *v, struct err *e)
{
	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		if (v->result->at[i].error.kind != ERR_TAKEN_OVER)
			continue;
		*e = v->result->at[i].error;
		return (-1);
	}
	return (0);
}

/* --- what is told --- */

static bool
is_whole(const struct verify_result *result, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_count(result->at[i].missing) > 0 ||
		    json_count(result->at[i].damaged) > 0)
			return (false);
	return (true);
}

static bool
any_reached(const struct verify_result *result, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (result->at[i].reached)
			return (true);
	return (false);
}

static bool
is_asked_for(const struct verify_conf *conf, const char *id)
{
	for (size_t i = 0; i < conf->nbackups; i++)
		if (strcmp(conf->backups[i], id) == 0)
			return (true);
	return (conf->nbackups == 0);
}

/* Is a copy of it at an endpoint that was looked at? */
static bool
was_looked_at(const struct verify *v, const struct catalog_entry *c)
{
	for (size_t i = 0; i < v->repo->nendpoints; i++)
		if (v->result->at[i].reached && c->at[i] == COPY_STORED)
			return (true);
	return (false);
}

/* The backups that were looked at, by id. */
static int
name_backups(struct verify *v, struct json *into, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };

	if (catalog_read(v->repo, NULL, &all, e) < 0)
		return (-1);
	for (size_t i = 0; i < all.n && json_count(into) < AUDITED_BACKUPS; i++)
		if (is_asked_for(v->conf, all.v[i].m.id) &&
		    was_looked_at(v, &all.v[i]))
			json_append_string(into, all.v[i].m.id);
	return (0);
}

/* By endpoint, the names as far as an entry holds them. */
static void
add_healed(const struct verify *v, struct json *into)
{
	size_t room = AUDITED_OBJECTS;

	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		const struct json *names = v->result->at[i].repaired;
		struct json *list;

		if (json_count(names) == 0)
			continue;
		list = json_array();
		for (size_t k = 0; k < json_count(names) && room > 0; k++) {
			json_append_string(list, json_text(json_at(names, k)));
			room--;
		}
		json_set(into, v->repo->endpoints[i].conf->name, list);
	}
}

/* What was verified and healed, into the audit log of the machine that writes
 * it; others only look. */
static int
record(struct verify *v, struct err *e)
{
	static const char *const depths[] = { "presence", "hash", "data" };
	struct json *detail = json_object(), *backups = json_array(),
		    *objects = json_object();

	json_set_string(detail, "depth", depths[v->conf->depth]);
	json_set_bool(detail, "ok", v->result->ok);
	if (name_backups(v, backups, e) < 0) {
		json_free(detail);
		json_free(backups);
		json_free(objects);
		return (-1);
	}
	json_set(detail, "backups", backups);
	if (audit_log_add(v->repo, "verify", NULL, NULL, detail, e) < 0) {
		json_free(objects);
		return (-1);
	}
	add_healed(v, objects);
	if (json_count(objects) == 0) {
		json_free(objects);
		return (0);
	}
	detail = json_object();
	json_set(detail, "objects", objects);
	return (audit_log_add(v->repo, "heal", NULL, NULL, detail, e));
}

static int
verify_whole(struct verify *v, struct err *e)
{
	struct repo *r = v->repo;

	if (find_wanted(v, e) < 0 || check_all(v, e) < 0 ||
	    (v->conf->repair &&
		(check_not_taken_over(v, e) < 0 || repair_all(v, e) < 0)))
		return (-1);
	if (!any_reached(v->result, r->nendpoints))
		return (0);
	v->result->ok = is_whole(v->result, r->nendpoints);
	if (r->epoch == 0)
		return (0);
	return (record(v, e) < 0 || replicate_audit(r, e) < 0 ? -1 : 0);
}

int
verify_run(struct repo *r, const struct verify_conf *conf,
    struct verify_result *out, struct err *e)
{
	SCOPED(opener_freep) struct opener *opener = NULL;
	struct verify v = { .repo = r, .conf = conf, .result = out };
	int rc;

	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
		out->at[i].missing = json_array();
		out->at[i].damaged = json_array();
		out->at[i].repaired = json_array();
	}
	if (conf->depth == VERIFY_DATA) {
		if (!keys_have_restore(r->keys))
			return (err_set(e, ERR_KEY,
			    "verify --depth data needs the restore key"));
		opener = opener_new(r->keys);
		v.opener = opener;
	}
	v.transfers = gate_new(r->settings->transfers);
	rc = verify_whole(&v, e);
	gate_free(v.transfers);
	free(v.wanted.bits);
	return (rc);
}

void
verify_result_free(struct verify_result *v)
{
	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
		json_free(v->at[i].missing);
		json_free(v->at[i].damaged);
		json_free(v->at[i].repaired);
		v->at[i].missing = v->at[i].damaged = v->at[i].repaired = NULL;
	}
}
