/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint: its audit/ and backups/ are listed, every entry is read and
 * compared with local state's, and what local state does not know is opened
 * with our keys. What was seen flows out, a byte an entry; nothing is judged
 * here, for several endpoints are looked at at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/lanes.h"
#include "repository/object.h"
#include "repository/state_backups.h"
#include "retention/chain_impl.h"

#define BACKUPS "backups/"

/* --- whose is it? --- */

/* Damage is no reason not to look: all the more. */
static int
check_owner(struct look *l, struct err *e)
{
	enum err_kind why;

	if (repo_check_endpoint(l->c->repo, l->ep, &l->config) == 0)
		return (0);
	why = l->config.kind;
	if (why == ERR_MISSING)
		return (store_probe(l->ep->store, e));
	if (why == ERR_TAKEN_OVER || why == ERR_CORRUPT || why == ERR_VERSION ||
	    why == ERR_KEY)
		return (0);
	*e = l->config;
	return (-1);
}

/* --- the listing --- */

static void
note_stranger(struct look *l, const struct store_entry *entry)
{
	struct stranger *s;

	if (l->nstrangers == CHAIN_STRANGERS_MAX ||
	    strlen(entry->name) >= sizeof(s->name)) {
		l->left_out++;
		return;
	}
	if ((l->nstrangers & (l->nstrangers - 1)) == 0)
		l->strangers = mem_grow(l->strangers,
		    l->nstrangers == 0 ? 1 : 2 * l->nstrangers,
		    sizeof(*l->strangers));
	s = &l->strangers[l->nstrangers++];
	*s = (struct stranger){ .is = CHAIN_UNREAD,
		.is_hidden = entry->is_hidden };
	memcpy(s->name, entry->name, strlen(entry->name) + 1);
}

/* Where a name stands among local state's, or NULL. */
static uint8_t *
place_of(const struct look *l, const char *name)
{
	const struct link *link;
	const struct known *known;

	if (strncmp(name, BACKUPS, strlen(BACKUPS)) == 0) {
		known = chain_known_named(l->c, name + strlen(BACKUPS));
		return (known == NULL ? NULL : &l->known[known - l->c->known]);
	}
	link = chain_link_named(l->c, name);
	return (link == NULL ? NULL : &l->links[link - l->c->links]);
}

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	struct look *l = arg;
	uint8_t *place = place_of(l, entry->name);

	(void)e;
	if (place == NULL)
		note_stranger(l, entry);
	else if (!entry->is_hidden)
		*place = CHAIN_SEEN;
	else if (*place == CHAIN_UNSEEN)
		*place = CHAIN_HIDDEN;
	return (0);
}

/* --- the entries --- */

/* In any lane: each has a byte of its own. */
static int
read_entry(void *arg, const struct state_object *o, struct err *e)
{
	struct look *l = arg;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	uint8_t *place = place_of(l, o->name);
	struct sha256 is;

	if (stop_check(e) < 0)
		return (-1);
	if (store_load(l->ep->store, o->name, AUDIT_MAX, &bytes, e) < 0) {
		if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT)
			return (-1);
		*place = e->kind == ERR_MISSING ? CHAIN_UNSEEN : CHAIN_EDITED;
		err_clear(e);
		return (0);
	}
	hash_of(HASH_IS_SHA256, bytes.p, bytes.n, is.b);
	*place = memcmp(&is, &o->sha, sizeof(is)) == 0 ? CHAIN_WHOLE
						       : CHAIN_EDITED;
	return (0);
}

static int
give_entries(struct look *l, struct lanes *lanes, struct err *e)
{
	for (size_t i = 0; i < l->c->nlinks; i++) {
		struct state_object o;

		if (l->links[i] != CHAIN_SEEN)
			continue;
		if (state_get(l->c->repo->state, l->c->links[i].number, &o, e) <
			0 ||
		    lanes_give(lanes, &o, e) < 0)
			return (-1);
	}
	return (lanes_drain(lanes, e));
}

static int
read_entries(struct look *l, struct err *e)
{
	unsigned n = store_parallel(l->ep->store);
	SCOPED(lanes_freep)
	struct lanes *lanes = lanes_new(
	    n > LANES_MAX ? LANES_MAX : n, read_entry, l);

	return (give_entries(l, lanes, e));
}

/* --- strangers --- */

/* It became known since, as a backup goes on meanwhile; or it was removed. */
static int
is_explained(
    const struct look *l, const struct stranger *s, bool *yes, struct err *e)
{
	struct state *state = l->c->repo->state;
	const char *id = s->name + strlen(BACKUPS);
	struct state_marks marks;
	struct state_object o;

	if (state_find(state, s->name, &o, yes, e) < 0)
		return (-1);
	if (*yes || strncmp(s->name, BACKUPS, strlen(BACKUPS)) != 0 ||
	    !format_backup_id_is_good(id))
		return (0);
	if (state_get_marks(state, id, &marks, e) < 0)
		return (-1);
	*yes = marks.removed;
	return (0);
}

static int
load_stranger(
    struct look *l, const struct stranger *s, struct buf *out, struct err *e)
{
	if (s->is_hidden)
		return (store_load_first(
		    l->ep->store, s->name, MANIFEST_MAX, out, e));
	return (store_load(l->ep->store, s->name, MANIFEST_MAX, out, e));
}

static int
open_stranger(struct look *l, struct stranger *s, struct err *e)
{
	const struct keys *k = l->c->repo->keys;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	SCOPED(audit_entry_free) struct audit_entry a;

	audit_entry_init(&a);
	if (load_stranger(l, s, &bytes, e) < 0)
		return (-1);
	if (strncmp(s->name, BACKUPS, strlen(BACKUPS)) == 0)
		return (object_check(k, s->name, NULL, bytes.p, bytes.n, e));
	if (audit_decode(k, s->name, bytes.p, bytes.n, &a, e) < 0)
		return (-1);
	s->seq = a.seq;
	s->epoch = a.epoch;
	return (0);
}

static int
judge_stranger(struct look *l, struct stranger *s, struct err *e)
{
	bool explained;

	if (stop_check(e) < 0 || is_explained(l, s, &explained, e) < 0)
		return (-1);
	if (explained)
		return (0);
	if (open_stranger(l, s, e) == 0) {
		s->is = CHAIN_OURS;
		return (0);
	}
	if (e->kind == ERR_CORRUPT)
		s->is = CHAIN_FOREIGN;
	else if (e->kind != ERR_MISSING && e->kind != ERR_VERSION &&
	    e->kind != ERR_KEY)
		return (-1);
	log_info("endpoint %s: %s is unknown here: %s", l->ep->conf->name,
	    s->name, e->text);
	err_clear(e);
	return (0);
}

/* --- the whole --- */

static int
look(struct look *l, struct err *e)
{
	struct store *s = l->ep->store;

	if (check_owner(l, e) < 0 || store_list(s, "audit/", see, l, e) < 0 ||
	    store_list(s, BACKUPS, see, l, e) < 0 || read_entries(l, e) < 0)
		return (-1);
	for (size_t i = 0; i < l->nstrangers; i++)
		if (judge_stranger(l, &l->strangers[i], e) < 0)
			return (-1);
	return (0);
}

void
chain_look(struct look *l)
{
	l->links = mem_new(l->c->nlinks + 1);
	l->known = mem_new(l->c->nknown + 1);
	(void)look(l, &l->away);
}

void
chain_look_free(struct look *l)
{
	free(l->links);
	free(l->known);
	free(l->strangers);
}
