/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What verification marked flows in, whole copies flow out to the endpoints
 * that lack them: class by class, so that a manifest is back only after its
 * closure. What is foreign goes first, by the caller's leave.
 */
#include "base/log.h"
#include "base/stop.h"
#include "repository/object.h"
#include "repository/spool.h"
#include "repository/state_backups.h"
#include "repository/verify_impl.h"

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

/* Deleted where versions are kept: it may be whole behind its delete marker.
 * False: it has to be stored again. */
static bool
bring_back(const struct repair *job, const struct state_object *o)
{
	const struct verify_conf *conf = job->v->conf;
	struct repo *r = job->v->repo;
	const struct endpoint *ep = job->c->ep;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct err why = ERR_INIT;

	if (!job->c->hides || conf->unhide == NULL ||
	    (o->missing & (1U << ep->number)) == 0)
		return (false);
	if (conf->unhide(conf->arg, ep, o->name, &why) == 0 &&
	    object_load(r, ep, o, &bytes, &why) == 0 &&
	    spool_confirm(r->state, o, ep->number, &why) == 0)
		return (true);
	log_info("%s at endpoint %s is not brought back: %s", o->name,
	    ep->conf->name, why.text);
	return (false);
}

/* Bytes for it; *found false when nobody has a whole copy. */
static int
find_copy(struct repair *job, const struct state_object *o, struct buf *bytes,
    const char **from, bool *found, struct err *e)
{
	const struct endpoint *ep = job->c->ep;

	*found = object_find(job->v->repo, o, ep->number, bytes, from, e) == 0;
	if (*found)
		return (0);
	if (e->kind != ERR_MISSING)
		return (-1);
	log_warning("%s at endpoint %s is not healed: %s", o->name,
	    ep->conf->name, e->text);
	err_clear(e);
	return (0);
}

static void
note_healed(struct repair *job, const struct state_object *o, const char *from)
{
	log_info("endpoint %s: %s healed from %s", job->c->ep->conf->name,
	    o->name, from);
	json_append_string(job->c->healed, o->name);
	json_append_string(job->c->result->repaired, o->name);
}

/* An endpoint that does not take what heals it is left alone. */
static int
repair_one(const struct state_object *o, void *arg, struct err *e)
{
	struct repair *job = arg;
	struct repo *r = job->v->repo;
	const struct endpoint *ep = job->c->ep;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	const char *from = "behind its delete marker";
	bool may, found;

	if (((o->damaged | o->missing) & (1U << ep->number)) == 0 ||
	    !verify_wants(job->v, o->number))
		return (0);
	if (stop_check(e) < 0 || may_return(job, o, &may, e) < 0)
		return (-1);
	if (!may)
		return (0);
	if (!bring_back(job, o)) {
		if (find_copy(job, o, &bytes, &from, &found, e) < 0)
			return (-1);
		if (!found)
			return (0);
		if (object_store(r, ep, o, &bytes, e) < 0)
			return (-1);
	}
	note_healed(job, o, from);
	return (0);
}

/* --- foreign objects --- */

/* False: it stays a finding. An endpoint that denies it, or is gone, is not
 * asked again: e stays set. */
static bool
remove_one(struct checker *c, const char *name, struct err *e)
{
	const struct verify_conf *conf = c->v->conf;

	if (conf->remove == NULL || e->kind != ERR_NONE)
		return (false);
	if (conf->remove(conf->arg, c->ep, name, e) == 0) {
		log_info("endpoint %s: %s removed: it is foreign",
		    c->ep->conf->name, name);
		json_append_string(c->removed, name);
		json_append_string(c->result->repaired, name);
		return (true);
	}
	log_warning("%s at endpoint %s is not removed: %s%s%s", name,
	    c->ep->conf->name, e->text, e->hint[0] != '\0' ? "; " : "",
	    e->hint);
	if (e->kind == ERR_LOCKED)
		err_clear(e);
	return (false);
}

/* It may be known by now, named by what another endpoint gave: damaged. Judged
 * again, since one bad answer must not cost an object of ours. */
static int
still_foreign(struct checker *c, const char *name, bool *still, struct err *e)
{
	struct state *s = c->v->repo->state;
	enum verify_judgement is;
	struct state_object o;
	bool known;

	*still = false;
	if (state_find(s, name, &o, &known, e) < 0)
		return (-1);
	if (known) {
		json_append_string(c->result->damaged, name);
		return (
		    state_mark(s, o.number, c->ep->number, STATE_DAMAGED, e));
	}
	if (verify_judge(c, name, &is, e) < 0)
		return (-1);
	*still = is == VERIFY_FOREIGN;
	return (0);
}

/* Fails as local state does, or ERR_STOPPED. */
static int
remove_foreign(struct checker *c, struct err *e)
{
	SCOPED(json_freep) struct json *rest = json_array();
	struct json *was = c->result->foreign;
	struct err refused = ERR_INIT;

	for (size_t i = 0; i < json_count(was); i++) {
		const char *name = json_text(json_at(was, i));
		bool still;

		if (stop_check(e) < 0 || still_foreign(c, name, &still, e) < 0)
			return (-1);
		if (still && !remove_one(c, name, &refused))
			json_append_string(rest, name);
		if (refused.kind == ERR_STOPPED) {
			*e = refused;
			return (-1);
		}
	}
	c->result->foreign = rest;
	rest = was;
	return (0);
}

/* --- the whole --- */

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

int
verify_repair_all(struct verify *v, struct err *e)
{
	if (check_not_taken_over(v, e) < 0)
		return (-1);
	progress_phase(v->repo->progress, "repair", 0);
	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		struct verify_endpoint *at = &v->result->at[i];
		const struct endpoint *ep = &v->repo->endpoints[i];

		if (!at->reached)
			continue;
		if (remove_foreign(&v->checkers[i], e) < 0)
			return (-1);
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
