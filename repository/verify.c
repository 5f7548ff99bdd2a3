/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run of verification: which objects are looked at, the endpoints looked at
 * (verify_check.c), what they lack healed (verify_repair.c), and what is told
 * of it to the caller and the audit log.
 */
#include "repository/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/gate.h"
#include "repository/audit_log.h"
#include "repository/catalog.h"
#include "repository/open_pack.h"
#include "repository/replicate.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/verify_impl.h"

#define AUDITED_BACKUPS                                                        \
	1000 /* named in one audit entry, as far as it holds                   \
	      */
#define AUDITED_BYTES ((size_t)30 << 10) /* of names in one audit entry */

/* --- which objects --- */

static void
wanted_add(struct wanted *w, uint64_t number)
{
	if (number <= w->highest)
		w->bits[number / 8] |= (uint8_t)(1U << (number % 8));
}

bool
verify_wants(const struct verify *v, uint64_t number)
{
	const struct wanted *w = &v->wanted;

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

/* --- what is told --- */

static bool
is_whole(const struct verify_endpoint v[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_count(v[i].missing) > 0 ||
		    json_count(v[i].damaged) > 0 ||
		    json_count(v[i].foreign) > 0)
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

/* The endpoints that were looked at, and whether each is whole. */
static struct json *
name_endpoints(const struct verify *v)
{
	struct json *o = json_object();

	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		const struct verify_endpoint *at = &v->result->at[i];

		if (at->reached)
			json_set_bool(o, v->repo->endpoints[i].conf->name,
			    is_whole(at, 1));
	}
	return (o);
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

/* An endpoint's names, as far as an entry holds them. */
static void
add_names(struct json *into, const char *endpoint, const struct json *names,
    size_t *room)
{
	struct json *list;

	if (json_count(names) == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < json_count(names); i++) {
		const char *name = json_text(json_at(names, i));
		size_t bytes = strlen(name) + strlen("\"\",");

		if (bytes > *room)
			break;
		*room -= bytes;
		json_append_string(list, name);
	}
	json_set(into, endpoint, list);
}

/* NULL when nothing was healed. */
static struct json *
describe_healing(const struct verify *v)
{
	struct json *objects = json_object(), *removed = json_object(), *detail;
	size_t room = AUDITED_BYTES;

	for (size_t i = 0; i < v->repo->nendpoints; i++) {
		const struct checker *c = &v->checkers[i];
		const char *name = v->repo->endpoints[i].conf->name;

		add_names(objects, name, c->healed, &room);
		add_names(removed, name, c->removed, &room);
	}
	if (json_count(objects) + json_count(removed) == 0) {
		json_free(objects);
		json_free(removed);
		return (NULL);
	}
	detail = json_object();
	json_set(detail, "objects", objects);
	if (json_count(removed) > 0)
		json_set(detail, "removed", removed);
	else
		json_free(removed);
	return (detail);
}

/* What was verified and healed, into the audit log of the machine that writes
 * it; others only look. */
static int
record(struct verify *v, struct err *e)
{
	static const char *const depths[] = { "presence", "hash", "data" };
	struct json *detail = json_object(), *backups = json_array(), *healing;

	json_set_string(detail, "depth", depths[v->conf->depth]);
	json_set_bool(detail, "ok", v->result->ok);
	json_set_bool(detail, "all", v->conf->nbackups == 0);
	json_set(detail, "endpoints", name_endpoints(v));
	if (name_backups(v, backups, e) < 0) {
		json_free(detail);
		json_free(backups);
		return (-1);
	}
	json_set(detail, "backups", backups);
	if (audit_log_add(v->repo, "verify", NULL, NULL, detail, e) < 0)
		return (-1);
	if ((healing = describe_healing(v)) == NULL)
		return (0);
	return (audit_log_add(v->repo, "heal", NULL, NULL, healing, e));
}

static int
verify_whole(struct verify *v, struct err *e)
{
	struct repo *r = v->repo;

	if (find_wanted(v, e) < 0 || verify_check_all(v, e) < 0 ||
	    (v->conf->repair && verify_repair_all(v, e) < 0))
		return (-1);
	if (!any_reached(v->result, r->nendpoints))
		return (0);
	v->result->ok = is_whole(v->result->at, r->nendpoints);
	if (r->epoch == 0)
		return (0);
	return (record(v, e) < 0 || replicate_audit(r, 0, e) < 0 ? -1 : 0);
}

static void
verify_begin(struct verify *v)
{
	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
		struct verify_endpoint *at = &v->result->at[i];

		at->missing = json_array();
		at->damaged = json_array();
		at->foreign = json_array();
		at->repaired = json_array();
		v->checkers[i].healed = json_array();
		v->checkers[i].removed = json_array();
	}
	v->transfers = gate_new(v->repo->settings->transfers);
}

/* The result is the caller's. */
static void
verify_end(struct verify *v)
{
	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
		buf_free(&v->checkers[i].unknown);
		json_free(v->checkers[i].healed);
		json_free(v->checkers[i].removed);
	}
	gate_free(v->transfers);
	opener_free(v->opener);
	free(v->wanted.bits);
}

int
verify_run(struct repo *r, const struct verify_conf *conf,
    struct verify_result *out, struct err *e)
{
	SCOPED(verify_end)
	struct verify v = { .repo = r, .conf = conf, .result = out };

	verify_begin(&v);
	if (conf->depth == VERIFY_DATA) {
		if (!keys_have_restore(r->keys))
			return (err_set(e, ERR_KEY,
			    "verify --depth data needs the restore key"));
		v.opener = opener_new(r->keys);
	}
	return (verify_whole(&v, e));
}

void
verify_result_free(struct verify_result *v)
{
	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++) {
		json_free(v->at[i].missing);
		json_free(v->at[i].damaged);
		json_free(v->at[i].foreign);
		json_free(v->at[i].repaired);
		v->at[i].missing = v->at[i].damaged = NULL;
		v->at[i].foreign = v->at[i].repaired = NULL;
	}
}
