/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A listing of backups/ flows in; local state that knows all of them, and the
 * ones that should be gone, flows out.
 */
#include "retention/relist.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "repository/recover.h"
#include "repository/state_backups.h"
#include "repository/state_sweep.h"

#define FOLDER "backups/"

struct looking {
	struct repo *r;
	struct endpoint *ep;
	bool only_looks;
	uint64_t unknown;
	char unknown_id[BACKUP_ID_TEXT]; /* the first of them */
};

static int
note_removed(struct looking *l, const struct store_entry *entry, struct err *e)
{
	if (l->only_looks)
		return (0);
	return (
	    state_remove_manifest_at(l->r->state, entry->name + strlen(FOLDER),
		entry->bytes, l->ep->number, clock_now(), e));
}

static int
note_known(struct looking *l, const struct store_entry *entry,
    const struct state_object *o, struct err *e)
{
	if (l->only_looks || entry->modified == STORE_NO_TIME)
		return (0);
	return (
	    state_note_received(l->r->state, o->number, entry->modified, e));
}

/* What somebody deleted where versions are kept still counts: it is kept. */
static int
look(const struct store_entry *entry, void *arg, struct err *e)
{
	struct looking *l = arg;
	const char *id = entry->name + strlen(FOLDER);
	struct state_marks marks;
	struct state_object o;
	bool known;

	if (!format_backup_id_is_good(id))
		return (0);
	if (state_find(l->r->state, entry->name, &o, &known, e) < 0 ||
	    state_get_marks(l->r->state, id, &marks, e) < 0)
		return (-1);
	/* Whether a removal that was learnt is carried out is not for here. */
	if (known && !o.is_going)
		return (note_known(l, entry, &o, e));
	if (marks.removed)
		return (note_removed(l, entry, e));
	if (l->unknown++ == 0)
		memcpy(l->unknown_id, id, strlen(id) + 1);
	return (0);
}

static int
list_backups(struct looking *l, struct err *e)
{
	l->unknown = 0;
	return (store_list(l->ep->store, FOLDER, look, l, e) < 0 ? -1 : 0);
}

static int
fail_unreadable(const struct looking *l, struct err *e)
{
	err_set(e, ERR_REFUSED,
	    "endpoint %s lists backup %s, which can't be read: what it needs is not known, so nothing is deleted",
	    l->ep->conf->name, l->unknown_id);
	return (err_hint(e,
	    "run 'triplicate verify --repair': it heals it from another endpoint, or takes it away when it is not ours"));
}

int
relist(struct repo *r, struct endpoint *ep, bool only_looks, struct err *e)
{
	struct looking l = { .r = r, .ep = ep, .only_looks = only_looks };
	uint64_t learnt;

	if (repo_check_endpoint(r, ep, e) < 0 ||
	    (!only_looks && recover_learn(r, ep, &learnt, e) < 0) ||
	    list_backups(&l, e) < 0)
		return (-1);
	if (l.unknown == 0)
		return (0);
	if (only_looks) {
		log_warning(
		    "endpoint %s holds %llu backups that this machine does not know: a prune takes them in first",
		    ep->conf->name, (unsigned long long)l.unknown);
		return (0);
	}
	return (fail_unreadable(&l, e));
}
