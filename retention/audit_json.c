/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts of an audit flow in, a document flows out.
 */
#include "retention/audit_json.h"

#include <string.h>

#include "retention/audit_words.h"

/* Moments that may not be there are null. */
static void
set_moment(struct json *o, const char *key, int64_t when)
{
	if (when == 0)
		json_set_null(o, key);
	else
		json_set_time(o, key, when);
}

static void
set_text(struct json *o, const char *key, const char *text)
{
	json_set_string(o, key, text[0] != '\0' ? text : NULL);
}

static void
set_id(struct json *o, const char *key, const struct plan_entry *entry)
{
	json_set_string(o, key, entry != NULL ? entry->known.id : NULL);
}

/* --- branches --- */

static struct json *
backup_json(const struct plan_entry *entry)
{
	const struct policy_verdict *v = &entry->verdict;
	struct json *o = json_object();

	json_set_string(o, "slot",
	    v->slot != POLICY_NO_SLOT ? policy_slot_text(v->slot) : NULL);
	if (v->slot != POLICY_NO_SLOT)
		json_set_integer(o, "rank", v->rank);
	set_text(o, "period", v->period);
	json_set_string(o, "backup", entry->known.id);
	json_set_string(o, "type", entry->known.type);
	json_set_string(o, "state", catalog_state(entry->backup));
	json_set_time(o, "started", entry->known.started);
	json_set_integer(o, "copies", entry->backup->stored);
	json_set_bool(o, "keeps", v->keeps);
	json_set_bool(o, "counts", v->counts);
	json_set_bool(o, "pinned", entry->known.is_pinned);
	json_set_string(o, "reason", v->reason);
	if (v->until == POLICY_FOREVER)
		json_set_null(o, "until");
	else
		set_moment(o, "until", v->until);
	set_moment(o, "locked_until", entry->known.locked_until);
	set_moment(o, "verified", entry->backup->verified);
	set_text(o, "verified_depth", entry->backup->verified_depth);
	set_moment(o, "drilled", entry->backup->drilled);
	return (o);
}

/* One for each empty slot. */
static struct json *
missing_json(const struct audit_branch *b)
{
	struct json *list = json_array();

	for (size_t i = 0; i < b->nmissing; i++) {
		const struct audit_missing *m = &b->missing[i];

		for (unsigned rank = m->from; rank <= m->to; rank++) {
			struct json *o = json_object();

			json_set_string(o, "slot", policy_slot_text(m->kind));
			json_set_integer(o, "rank", rank);
			json_set_bool(o, "young", m->is_young);
			set_text(o, "period", m->period);
			set_moment(o, "since", m->since);
			json_append(list, o);
		}
	}
	return (list);
}

static struct json *
gaps_json(const struct audit_branch *b)
{
	struct json *list = json_array();
	char day[AUDIT_WORD];

	for (size_t i = 0; i < b->ngaps; i++)
		json_append_string(list, audit_day(b->gaps[i], day));
	return (list);
}

static struct json *
next_json(const struct audit_branch *b)
{
	struct json *list = json_array();

	for (size_t i = 0; i < b->nnext; i++) {
		struct json *o = json_object();

		json_set_string(o, "backup", b->next[i].entry->known.id);
		json_set_time(o, "at", b->next[i].at);
		json_set_string(o, "reason", b->next[i].reason);
		json_append(list, o);
	}
	return (list);
}

static struct json *
branch_json(const struct audit_branch *b)
{
	struct json *o = json_object(), *slots = json_array(),
		    *others = json_array();

	json_set_string(o, "policy", b->policy);
	json_set_bool(o, "configured", b->plan->settings != NULL);
	json_set_string(o, "zone", zone_name(b->plan->zone));
	json_set_integer(o, "expected", b->expected);
	json_set_integer(o, "present", b->present);
	json_set(o, "missing", missing_json(b));
	set_id(o, "oldest", b->oldest);
	set_id(o, "newest", b->newest);
	set_moment(o, "first", b->first);
	set_moment(o, "last_drill", b->drilled);
	for (size_t i = 0; i < b->plan->n; i++)
		json_append(b->plan->v[i].verdict.slot != POLICY_NO_SLOT
			? slots
			: others,
		    backup_json(&b->plan->v[i]));
	json_set(o, "slots", slots);
	json_set(o, "others", others);
	json_set(o, "gaps", gaps_json(b));
	json_set(o, "next", next_json(b));
	return (o);
}

/* --- endpoints --- */

static struct json *
copies_json(const struct audit_facts *f, size_t i)
{
	struct json *o = json_object();

	for (size_t k = 0; k < f->plan.n; k++)
		for (size_t m = 0; m < f->plan.v[k].n; m++) {
			const struct plan_entry *entry = &f->plan.v[k].v[m];

			json_set_string(o, entry->known.id,
			    copy_state_text(entry->backup->at[i]));
		}
	return (o);
}

static struct json *
endpoint_json(const struct audit_facts *f, size_t i)
{
	const struct audit_endpoint *at = &f->endpoints[i];
	struct json *o = json_object(), *lock = NULL;

	json_set_bool(o, "reached", at->chain->reached);
	set_text(o, "error", at->chain->error.text);
	json_set_integer(o, "whole", at->whole);
	json_set_integer(o, "pending", at->pending);
	json_set_integer(o, "damaged", at->damaged);
	json_set_integer(o, "missing", at->missing);
	set_id(o, "oldest", at->oldest);
	set_id(o, "newest", at->newest);
	set_moment(o, "verified", at->verified);
	set_text(o, "verified_depth", at->verified_depth);
	json_set_integer(o, "objects", (int64_t)at->objects);
	json_set_integer(o, "bytes", (int64_t)at->bytes);
	json_set_integer(o, "behind_objects", (int64_t)at->behind);
	json_set_integer(o, "audit_entries", (int64_t)at->chain->entries);
	json_set_integer(o, "audit_newest", (int64_t)at->chain->newest);
	json_set_integer(o, "unknown", (int64_t)at->chain->unknown);
	json_set_bool(o, "rolled_back", at->chain->is_rolled_back);
	if (at->locks) {
		lock = json_object();
		json_set_integer(lock, "unlocked", (int64_t)at->unlocked);
		set_moment(lock, "weakest", at->weakest);
		json_set(o, "lock", lock);
	} else
		json_set_null(o, "lock");
	json_set(o, "backups", copies_json(f, i));
	return (o);
}

/* --- the log --- */

static struct json *
events_json(const struct audit_events *events)
{
	struct json *list = json_array();

	for (size_t i = 0; i < events->n; i++) {
		const struct audit_event *v = &events->v[i];
		struct json *o = json_object();

		json_set_integer(o, "seq", (int64_t)v->seq);
		json_set_time(o, "when", v->when);
		json_set_string(o, "event", v->event);
		set_text(o, "backup", v->backup);
		set_text(o, "branch", v->branch);
		set_text(o, "actor", v->actor);
		set_text(o, "text", v->text);
		if (v->started != 0)
			json_set_time(o, "started", v->started);
		json_append(list, o);
	}
	return (list);
}

static struct json *
chain_json(const struct audit_facts *f)
{
	struct json *o = json_object();
	char head[65];

	hex_of(f->chain.head.b, sizeof(f->chain.head.b), head);
	json_set_integer(o, "entries", (int64_t)f->chain.entries);
	json_set_bool(o, "ok", f->chain.ok);
	json_set_integer(o, "epoch", f->chain.epoch);
	json_set_integer(o, "seq", (int64_t)f->chain.seq);
	json_set_string(o, "head", f->chain.seq > 0 ? head : NULL);
	set_moment(o, "when", f->chain.when);
	return (o);
}

static struct json *
findings_json(const struct audit_facts *f)
{
	struct json *list = json_array();

	for (size_t i = 0; i < f->findings.n; i++) {
		const struct finding *one = &f->findings.v[i];
		SCOPED(scope_free)
		char *text = mem_printf("%s: %s", one->subject, one->detail);
		struct json *o = json_object();

		json_set_string(o, "severity", audit_severity(one));
		json_set_string(o, "text", text);
		json_set_string(o, "where", one->subject);
		json_set_string(o, "what", one->name);
		json_set_string(o, "hint", one->hint);
		json_append(list, o);
	}
	return (list);
}

static struct json *
drill_json(const struct audit_facts *f)
{
	struct json *o;

	if (f->last_drill == 0)
		return (json_null());
	o = json_object();
	json_set_time(o, "when", f->last_drill);
	json_set_bool(o, "ok", f->last_drill_ok);
	set_text(o, "backup", f->last_drill_backup);
	return (o);
}

struct json *
audit_json(const struct audit_facts *f)
{
	struct json *o = json_object(), *branches = json_object(),
		    *endpoints = json_object();

	json_set_bool(o, "ok", f->verdict == AUDIT_WELL);
	json_set_string(o, "verdict", audit_verdict_text(f->verdict));
	json_set_string(o, "sentence", f->sentence);
	json_set_time(o, "time", f->now);
	set_moment(o, "since", f->last_audit);
	json_set_string(o, "repository", f->repository);
	set_text(o, "host", f->host);
	for (size_t i = 0; i < f->nbranches; i++)
		json_set(branches, f->branches[i].plan->name,
		    branch_json(&f->branches[i]));
	for (size_t i = 0; i < f->nendpoints; i++)
		json_set(endpoints, f->endpoints[i].ep->conf->name,
		    endpoint_json(f, i));
	json_set(o, "branches", branches);
	json_set(o, "endpoints", endpoints);
	json_set(o, "chain", chain_json(f));
	json_set(o, "last_drill", drill_json(f));
	json_set(o, "deletions", events_json(&f->deletions));
	json_set_integer(
	    o, "deletions_left_out", (int64_t)f->deletions.left_out);
	json_set(o, "events", events_json(&f->events));
	json_set_integer(o, "events_left_out", (int64_t)f->events.left_out);
	json_set(o, "findings", findings_json(f));
	json_set_string(o, "signing_key", f->pem);
	return (o);
}
