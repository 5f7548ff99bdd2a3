/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint: listed, its objects read and compared with their names and
 * signatures and, at the deepest, every chunk opened. What was found flows into
 * the endpoint's result, and into local state as marks.
 */
#include "base/gate.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/endpoint.h"
#include "repository/object.h"
#include "repository/open_pack.h"
#include "repository/recover.h"
#include "repository/state_backups.h"
#include "repository/verify_impl.h"

struct looking {
	struct checker *c;
	struct state_listing *listing;
};

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	struct looking *at = arg;
	enum state_seen what;

	if (state_listing_entry(at->listing, entry, &what, e) < 0)
		return (-1);
	if (what == STATE_SEEN_HIDDEN)
		at->c->hides = true;
	if (what == STATE_SEEN_UNKNOWN && at->c->v->wanted.all)
		verify_note_unknown(at->c, entry->name);
	return (0);
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

/* Before anything there is judged, so that a damaged pack of a backup which an
 * older local state has forgotten is healed, never taken for foreign. */
static int
learn(struct checker *c, struct err *e)
{
	uint64_t n;

	if (!c->v->conf->repair)
		return (0);
	return (recover_learn(c->v->repo, c->ep, &n, e));
}

static int
list_endpoint(struct checker *c, struct err *e)
{
	struct state_listing_result result;
	SCOPED(state_listing_freep)
	struct state_listing *listing = state_listing_open(
	    c->v->repo->state, c->ep->number, e);
	struct looking at = { c, listing };

	if (listing == NULL || store_list(c->ep->store, "", see, &at, e) < 0)
		return (-1);
	return (state_listing_apply(listing, &result, e));
}

/* What a prune has begun to remove since is rightly missing. */
static int
is_going_meanwhile(
    struct checker *c, const struct state_object *o, bool *going, struct err *e)
{
	struct state_object now;
	bool found;

	if (state_find(c->v->repo->state, o->name, &now, &found, e) < 0)
		return (-1);
	*going = !found || now.is_going;
	return (0);
}

static int
found_bad(struct checker *c, const struct state_object *o, enum state_mark mark,
    struct err *e)
{
	bool going;

	if (is_going_meanwhile(c, o, &going, e) < 0)
		return (-1);
	if (going)
		return (0);
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
	    !verify_wants(c->v, o->number))
		return (0);
	if (stop_check(e) < 0)
		return (-1);
	return (check_object(c, o, e));
}

static int
check_endpoint(struct checker *c, struct err *e)
{
	struct state *s = c->v->repo->state;

	if (reach(c, e) < 0 || learn(c, e) < 0 || list_endpoint(c, e) < 0 ||
	    state_each(s, STATE_MANIFEST, look_for_lacking, c, e) != 0 ||
	    verify_judge_unknown(c, e) < 0)
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
	if (!verify_wants(v, o->number))
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

int
verify_check_all(struct verify *v, struct err *e)
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
