/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local state's entries and manifests flow in, each opened and its signature
 * checked; lists of them flow out, sorted for all who look for one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/stop.h"
#include "repository/state_backups.h"
#include "retention/chain_impl.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* --- reading --- */

struct reading {
	struct chain *c;
	int (*each)(const struct audit_entry *a, void *arg, struct err *e);
	void *arg;
	size_t links_cap, known_cap, told_cap;
};

/* One place more at the end of a list. */
static void *
one_more(void *v, size_t n, size_t *cap, size_t bytes)
{
	if (n < *cap)
		return (v);
	*cap = *cap == 0 ? 64 : 2 * *cap;
	return (mem_grow(v, *cap, bytes));
}

static uint32_t
places_of(const struct state_object *o)
{
	return (o->confirmed | o->damaged | o->missing);
}

/* Of bytes in local state itself: it was read from an endpoint and checked, or
 * made here, so nothing but damage or a hand explains it. */
static void
tell_unsound(struct chain *c, const char *name, const struct err *why)
{
	if (why->kind == ERR_VERSION)
		findings_warning(c->f, "version",
		    "run the audit with the program that wrote it", "%s: %s",
		    name, why->text);
	else
		findings_error(c->f, "edited",
		    "move the state folder away and run a command: local state is rebuilt from the endpoints",
		    "%s: %s", name, why->text);
}

static void
note_told(struct reading *on, const struct audit_entry *a)
{
	struct chain *c = on->c;
	struct told *t;

	if (strcmp(a->event, "backup") != 0 || a->backup[0] == '\0')
		return;
	c->told = one_more(c->told, c->ntold, &on->told_cap, sizeof(*c->told));
	t = &c->told[c->ntold++];
	*t = (struct told){ .link = c->nlinks - 1,
		.sequence = (uint64_t)json_get_integer(
		    a->detail, "sequence", 0) };
	memcpy(t->id, a->backup, sizeof(t->id));
}

static void
note_link(struct reading *on, const struct state_object *o,
    const struct audit_entry *a)
{
	struct chain *c = on->c;
	struct link *l;

	c->links = one_more(
	    c->links, c->nlinks, &on->links_cap, sizeof(*c->links));
	l = &c->links[c->nlinks++];
	*l = (struct link){ .number = o->number,
		.seq = a->seq,
		.epoch = a->epoch,
		.expected = places_of(o),
		.when = a->when,
		.self = a->self,
		.previous = a->previous };
	memcpy(l->event, a->event, sizeof(l->event));
	note_told(on, a);
}

static int
take_entry(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	struct reading *on = arg;
	SCOPED(audit_entry_free) struct audit_entry a;
	struct err why = ERR_INIT;

	audit_entry_init(&a);
	if (stop_check(e) < 0)
		return (-1);
	if (audit_decode(on->c->repo->keys, o->name, p, n, &a, &why) < 0) {
		tell_unsound(on->c, o->name, &why);
		return (0);
	}
	note_link(on, o, &a);
	return (on->each == NULL ? 0 : on->each(&a, on->arg, e));
}

static void
note_known(struct reading *on, const struct state_object *o,
    const struct manifest *m, bool is_removed)
{
	struct chain *c = on->c;
	struct known *k;

	c->known = one_more(
	    c->known, c->nknown, &on->known_cap, sizeof(*c->known));
	k = &c->known[c->nknown++];
	*k = (struct known){ .number = o->number,
		.sequence = m->sequence,
		.audit_seq = m->audit_seq,
		.epoch = m->epoch,
		.expected = places_of(o),
		.started = m->started,
		.is_removed = is_removed,
		.self = o->sha,
		.previous = m->previous,
		.audit_head = m->audit_head };
	memcpy(k->id, m->id, sizeof(k->id));
}

static int
take_manifest(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	struct reading *on = arg;
	const char *id = o->name + strlen("backups/");
	SCOPED(manifest_free) struct manifest m;
	struct state_marks marks;
	struct err why = ERR_INIT;

	manifest_init(&m);
	if (stop_check(e) < 0)
		return (-1);
	if (manifest_decode_summary(on->c->repo->keys, id, p, n, &m, &why) <
	    0) {
		tell_unsound(on->c, o->name, &why);
		return (0);
	}
	if (state_get_marks(on->c->repo->state, id, &marks, e) < 0)
		return (-1);
	note_known(on, o, &m, marks.removed);
	return (0);
}

static int
by_seq(const void *left, const void *right)
{
	const struct link *a = *(const struct link *const *)left;
	const struct link *b = *(const struct link *const *)right;
	int d = COMPARE(a->seq, b->seq);

	if (d == 0)
		d = COMPARE(a->epoch, b->epoch);
	return (d != 0 ? d : memcmp(&a->self, &b->self, sizeof(a->self)));
}

static int
by_sequence(const void *left, const void *right)
{
	const struct known *a = *(const struct known *const *)left;
	const struct known *b = *(const struct known *const *)right;
	int d = COMPARE(a->sequence, b->sequence);

	return (d != 0 ? d : strcmp(a->id, b->id));
}

static int
told_by_sequence(const void *left, const void *right)
{
	const struct told *a = left, *b = right;
	int d = COMPARE(a->sequence, b->sequence);

	return (d != 0 ? d : strcmp(a->id, b->id));
}

int
chain_read(struct chain *c,
    int (*each)(const struct audit_entry *a, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct reading on = { .c = c, .each = each, .arg = arg };
	struct state_audit_head head;

	c->f->subject = CHAIN_HERE;
	if (state_read_audit_head(c->repo->state, &head, e) < 0 ||
	    state_each_audit(c->repo->state, take_entry, &on, e) != 0 ||
	    state_each_manifest(c->repo->state, take_manifest, &on, e) != 0)
		return (-1);
	c->by_seq = mem_array(c->nlinks + 1, sizeof(struct link *));
	c->by_sequence = mem_array(c->nknown + 1, sizeof(struct known *));
	for (size_t i = 0; i < c->nlinks; i++)
		c->by_seq[i] = &c->links[i];
	for (size_t i = 0; i < c->nknown; i++)
		c->by_sequence[i] = &c->known[i];
	qsort(c->by_seq, c->nlinks, sizeof(struct link *), by_seq);
	qsort(c->by_sequence, c->nknown, sizeof(struct known *), by_sequence);
	if (c->ntold > 0)
		qsort(c->told, c->ntold, sizeof(*c->told), told_by_sequence);
	if (head.seq > 0 && chain_link_of(c, head.seq, &head.sha) == NULL)
		findings_error(c->f, "truncated",
		    "move the state folder away and run a command: local state is rebuilt from the endpoints",
		    "entry %" PRIu64
		    ", which was the newest of the audit log, is gone",
		    head.seq);
	return (0);
}

void
chain_free(struct chain *c)
{
	free(c->links);
	free(c->known);
	free(c->told);
	free(c->by_seq);
	free(c->by_sequence);
}

/* --- looking for one --- */

/* Of "audit/<epoch>-<seq>-<16 hex>": a link to compare with. */
static bool
parse_name(const char *name, struct link *out)
{
	char again[OBJECT_NAME_TEXT], hex[17];
	const char *at = name + strlen("audit/");
	char *end;

	*out = (struct link){ .seq = 0 };
	if (strncmp(name, "audit/", strlen("audit/")) != 0 ||
	    strlen(name) >= sizeof(again))
		return (false);
	out->epoch = (uint32_t)strtoul(at, &end, 10);
	if (*end == '-')
		out->seq = strtoull(end + 1, &end, 10);
	if (*end != '-' || strlen(end + 1) != 16 ||
	    !hex_parse(end + 1, out->self.b, 8))
		return (false);
	/* Only as we write it: no signs, no zeros in front, nothing too big. */
	hex_of(out->self.b, 8, hex);
	(void)snprintf(again, sizeof(again), "audit/%" PRIu32 "-%" PRIu64 "-%s",
	    out->epoch, out->seq, hex);
	return (strcmp(again, name) == 0);
}

static int
by_name(const void *left, const void *right)
{
	const struct link *a = left, *b = right;
	int d = COMPARE(a->epoch, b->epoch);

	if (d == 0)
		d = COMPARE(a->seq, b->seq);
	return (d != 0 ? d : memcmp(a->self.b, b->self.b, 8));
}

const struct link *
chain_link_named(const struct chain *c, const char *name)
{
	struct link key;

	if (c->nlinks == 0 || !parse_name(name, &key))
		return (NULL);
	return (bsearch(&key, c->links, c->nlinks, sizeof(key), by_name));
}

static int
by_id(const void *left, const void *right)
{
	return (strcmp(left, ((const struct known *)right)->id));
}

const struct known *
chain_known_named(const struct chain *c, const char *id)
{
	if (c->nknown == 0)
		return (NULL);
	return (bsearch(id, c->known, c->nknown, sizeof(*c->known), by_id));
}

/* --- in words --- */

const char *
chain_link_text(const struct link *l, char out[CHAIN_LINK_TEXT])
{
	char when[CLOCK_TEXT];

	clock_text(l->when, when);
	(void)snprintf(out, CHAIN_LINK_TEXT, "%" PRIu64 " (%s, %s)", l->seq,
	    l->event, when);
	return (out);
}

const char *
chain_range_text(uint64_t from, uint64_t to, char out[CHAIN_RANGE_TEXT])
{
	if (from == to)
		(void)snprintf(out, CHAIN_RANGE_TEXT, "entry %" PRIu64, from);
	else
		(void)snprintf(out, CHAIN_RANGE_TEXT,
		    "entries %" PRIu64 " to %" PRIu64, from, to);
	return (out);
}
