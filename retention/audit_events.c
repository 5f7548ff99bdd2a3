/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log flows by, oldest first; out of it: what was deleted and what
 * else happened since the last audit, the last drill, and when each branch was
 * first backed up and each endpoint last verified.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "retention/audit_impl.h"

static bool
is(const struct audit_entry *a, const char *event)
{
	return (strcmp(a->event, event) == 0);
}

/* --- lists --- */

static void
forget(struct audit_events *l)
{
	free(l->v);
	*l = (struct audit_events){ .n = 0 };
}

/* NULL when there are too many. */
static struct audit_event *
add(struct audit_events *l, const struct audit_entry *a)
{
	struct audit_event *one;

	if (l->n == AUDIT_EVENTS_MOST) {
		l->left_out++;
		return (NULL);
	}
	l->v = mem_grow(l->v, l->n + 1, sizeof(*l->v));
	one = &l->v[l->n++];
	*one = (struct audit_event){ .when = a->when, .seq = a->seq };
	memcpy(one->event, a->event, sizeof(one->event));
	memcpy(one->backup, a->backup, sizeof(one->backup));
	memcpy(one->branch, a->branch, sizeof(one->branch));
	memcpy(one->actor, a->actor, sizeof(one->actor));
	return (one);
}

static void
put_text(char *out, size_t room, const char *text)
{
	(void)snprintf(out, room, "%s", text == NULL ? "" : text);
	text_mend_end(out);
	text_clean(out);
}

/* --- what was deleted --- */

static void
take_removal(struct audit_facts *f, const struct audit_entry *a)
{
	const struct json *list = json_get(a->detail, "backups");
	const char *started = json_get_string(a->detail, "started");
	size_t n = a->backup[0] != '\0' ? 1 : json_count(list);

	for (size_t i = 0; i < n; i++) {
		const char *id = a->backup[0] != '\0'
		    ? a->backup
		    : json_text(json_at(list, i));
		struct audit_event *one = add(&f->deletions, a);

		if (one == NULL)
			continue;
		put_text(one->backup, sizeof(one->backup), id);
		put_text(one->text, sizeof(one->text),
		    json_get_string(a->detail, "reason"));
		if (started == NULL || !clock_parse(started, &one->started))
			one->started = 0;
	}
}

/* Objects that were no object of ours, by endpoint. */
static void
take_heal(struct audit_facts *f, const struct audit_entry *a)
{
	const struct json *removed = json_get(a->detail, "removed");

	for (size_t i = 0; i < json_count(removed); i++) {
		const char *endpoint = json_key_at(removed, i);
		struct audit_event *one = add(&f->deletions, a);
		size_t n;

		if (one == NULL || endpoint == NULL)
			continue;
		n = json_count(json_get(removed, endpoint));
		(void)snprintf(one->text, sizeof(one->text),
		    "endpoint %.64s: %zu foreign object%s removed", endpoint, n,
		    n == 1 ? "" : "s");
		text_clean(one->text);
	}
}

static void
take_deletions(struct audit_facts *f, const struct audit_entry *a)
{
	const char *act = json_get_string(a->detail, "act");
	struct audit_event *one;

	if (is(a, "removal"))
		take_removal(f, a);
	else if (is(a, "heal"))
		take_heal(f, a);
	else if (is(a, "key") && act != NULL && strcmp(act, "remove") == 0 &&
	    (one = add(&f->deletions, a)) != NULL)
		(void)snprintf(one->text, sizeof(one->text),
		    "passphrase slot %.32s removed",
		    json_get_string(a->detail, "slot") != NULL
			? json_get_string(a->detail, "slot")
			: "");
}

/* --- what else happened --- */

/* The detail in a few words: the texts, numbers and truths of its first level.
 */
struct wording {
	char *out;
	size_t room;
};

static void
add_word(const char *key, const struct json *value, void *arg)
{
	struct wording *w = arg;
	SCOPED(buf_free) struct buf text = BUF_INIT;
	size_t n = strlen(w->out);

	if (json_text(value) != NULL)
		buf_add_string(&text, json_text(value));
	else if (json_count(value) == 0)
		json_write(value, false, &text);
	else
		buf_printf(&text, "%zu", json_count(value));
	(void)snprintf(w->out + n, w->room - n, "%s%s %s", n > 0 ? ", " : "",
	    key, buf_text(&text));
}

static void
take_event(struct audit_facts *f, const struct audit_entry *a)
{
	struct audit_event *one = add(&f->events, a);
	struct wording w;

	if (one == NULL)
		return;
	w = (struct wording){ one->text, sizeof(one->text) };
	json_each(a->detail, add_word, &w);
	text_mend_end(one->text);
	text_clean(one->text);
}

/* --- newest ones --- */

static struct audit_branch *
branch_of(struct audit_facts *f, const char *name)
{
	for (size_t i = 0; i < f->nbranches; i++)
		if (strcmp(f->branches[i].plan->name, name) == 0)
			return (&f->branches[i]);
	return (NULL);
}

static bool
is_one_of(const char *text, const char *const words[], size_t n)
{
	for (size_t i = 0; text != NULL && i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return (true);
	return (false);
}

/* As the policy counts them: whole ones of scheduled types. */
static bool
counts(const struct audit_entry *a)
{
	static const char *const whole[] = { "complete", "degraded" };
	static const char *const unscheduled[] = { "manual", "update",
		"pre-restore", "pre-upgrade" };

	return (is_one_of(json_get_string(a->detail, "state"), whole, 2) &&
	    !is_one_of(json_get_string(a->detail, "type"), unscheduled, 4));
}

static void
take_backup(struct audit_facts *f, const struct audit_entry *a)
{
	struct audit_branch *b = branch_of(f, a->branch);

	if (b == NULL)
		return;
	if (a->backup[0] == '\0')
		b->failed = a->when;
	else if (counts(a) && b->first == 0)
		b->first = a->when;
}

static void
take_drill(struct audit_facts *f, const struct audit_entry *a)
{
	bool ok = json_get_bool(
	    a->detail, is(a, "drill") ? "ok" : "proven", false);

	/* A restore that proves nothing is no drill that failed. */
	if (!is(a, "drill") && !ok)
		return;
	f->last_drill = a->when;
	f->last_drill_ok = ok;
	memcpy(f->last_drill_backup, a->backup, sizeof(a->backup));
}

/* {"endpoints":{NAME:whole}} of a verification of all there is. */
static void
take_verify(struct audit_facts *f, const struct audit_entry *a)
{
	const struct json *endpoints = json_get(a->detail, "endpoints");
	const char *depth = json_get_string(a->detail, "depth");

	if (!json_get_bool(a->detail, "all", false) || depth == NULL)
		return;
	for (size_t i = 0; i < f->nendpoints; i++) {
		struct audit_endpoint *at = &f->endpoints[i];

		if (!json_get_bool(endpoints, at->ep->conf->name, false))
			continue;
		at->verified = a->when;
		put_text(at->verified_depth, sizeof(at->verified_depth), depth);
	}
}

int
audit_events_take(const struct audit_entry *a, void *arg, struct err *e)
{
	struct audit_facts *f = arg;

	(void)e;
	if (is(a, "audit")) {
		f->last_audit = a->when;
		forget(&f->deletions);
		forget(&f->events);
		return (0);
	}
	take_deletions(f, a);
	if (!is(a, "removal"))
		take_event(f, a);
	if (is(a, "backup"))
		take_backup(f, a);
	else if (is(a, "drill") || is(a, "restore"))
		take_drill(f, a);
	else if (is(a, "verify"))
		take_verify(f, a);
	return (0);
}
