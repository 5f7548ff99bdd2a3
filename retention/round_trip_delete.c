/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who can delete at an endpoint: the login that writes, which better can't when
 * there is another one for it, and that other one. What the server answers is
 * compared with what is there afterwards.
 */
#include "base/log.h"
#include "retention/round_trip_impl.h"
#include "storage-drivers/store_drop.h"

enum deletion {
	DELETED,
	REFUSED, /* and it is there still */
	HIDDEN,	 /* refused, and yet readers find it no more */
	LOCKED,	 /* by a rule of the bucket's own */
	FAILED
};

static enum deletion
try_to_delete(struct trip *t, struct store *by, struct err *why)
{
	struct err there = ERR_INIT;
	uint64_t bytes;
	bool dropped = store_drop(by, t->tiny.name, why) == 0;
	bool found = store_stat(
			 t->conf->writer, t->tiny.name, &bytes, &there) == 0;

	if (!found && there.kind != ERR_MISSING) {
		*why = there;
		return (FAILED);
	}
	if (dropped && !found)
		return (DELETED);
	if (dropped) {
		err_set(why, ERR_CORRUPT,
		    "it says that the object is deleted, and has it still");
		return (FAILED);
	}
	if (why->kind != ERR_DENIED && why->kind != ERR_LOCKED)
		return (FAILED);
	return (!found ? HIDDEN : why->kind == ERR_LOCKED ? LOCKED : REFUSED);
}

/* The bucket locks what is put by itself, so this probe stays for a while. */
static void
judge_locked(struct trip *t, const struct err *why)
{
	findings_note(t->f, "delete",
	    "probes go with a later doctor, when their locks have ended",
	    "the bucket locks all that is put, this probe too: %s", why->text);
}

/* There is one login. */
static void
judge_only_login(struct trip *t, enum deletion how, const struct err *why)
{
	static const char hint[] =
	    "give prune and repair a login of their own (delete-user, delete-access-key, …: docs/endpoints.md), or this one the right";

	switch (how) {
	case DELETED:
		findings_ok(t->f, "delete",
		    "this host's login deletes; there is none of its own for it");
		break;
	case LOCKED: judge_locked(t, why); break;
	case REFUSED:
	case HIDDEN:
	case FAILED:
		findings_warning(t->f, "delete", hint,
		    "nothing can be deleted there, old backups stay for ever: %s",
		    why->text);
		break;
	}
}

/* There is another login for it: this one must not be able to. */
static void
judge_writer(struct trip *t, enum deletion how, const struct err *why)
{
	static const char hint[] =
	    "take the right to delete from this login, at the server (docs/endpoints.md)";

	switch (how) {
	case DELETED:
		findings_warning(t->f, "delete", hint,
		    "the backup host's login can delete: a thief of it can, too");
		break;
	case HIDDEN:
		findings_warning(t->f, "delete", hint,
		    "the backup host's login can hide objects behind a delete marker: a thief of it can, too");
		break;
	case REFUSED:
		findings_ok(t->f, "delete",
		    "refused to the backup host's login, as it should be");
		break;
	case LOCKED: judge_locked(t, why); break;
	case FAILED:
		findings_failure(t->f, FINDING_WARNING, "delete", why, hint);
		break;
	}
}

static void
judge_deleter(struct trip *t, enum deletion how, const struct err *why)
{
	switch (how) {
	case DELETED: findings_ok(t->f, "delete login", "it deletes"); break;
	case LOCKED: judge_locked(t, why); break;
	case REFUSED:
	case HIDDEN:
	case FAILED:
		findings_failure(t->f, FINDING_ERROR, "delete login", why,
		    "prune and repair need it: correct delete-… of this endpoint, or what that login may do there");
		break;
	}
}

static enum store_answer
answer_of(enum deletion how)
{
	return (how == DELETED			  ? STORE_YES
		: how == REFUSED || how == HIDDEN ? STORE_NO
						  : STORE_UNKNOWN);
}

/*
 * Can a login that may not delete put other bytes under a name? Then what it
 * wrote is not safe from who has it, unless the server keeps versions.
 */
static void
try_to_overwrite(struct trip *t)
{
	SCOPED(probe_free) struct probe other = { .p = NULL };
	struct err ignored = ERR_INIT;

	if (t->facts.keeps_versions == STORE_YES)
		return;
	probe_new(&other, t->tiny.n);
	if (store_put(t->conf->writer, t->tiny.name, other.p, other.n, 0,
		&ignored) == 0)
		findings_note(t->f, "overwriting",
		    "against that helps what the login can't reach: Object Lock, or snapshots at the server (docs/endpoints.md)",
		    "the backup host's login can't delete, but it can put other bytes in place of its objects");
}

int
trip_delete(struct trip *t, struct err *e)
{
	struct store *w = t->conf->writer;
	struct err why = ERR_INIT;
	enum deletion how = try_to_delete(t, w, &why);

	if (why.kind == ERR_STOPPED) {
		*e = why;
		return (-1);
	}
	t->out->can_delete = answer_of(how);
	if (t->conf->deleter == NULL) {
		judge_only_login(t, how, &why);
		return (how == DELETED ? 0 : 1);
	}
	judge_writer(t, how, &why);
	err_clear(&why);
	if (how == REFUSED)
		try_to_overwrite(t);
	if (how == DELETED &&
	    store_put(w, t->tiny.name, t->tiny.p, t->tiny.n, 0, &why) < 0)
		return (trip_fails(t, "write", &why, e));
	how = try_to_delete(t, t->conf->deleter, &why);
	if (why.kind == ERR_STOPPED) {
		*e = why;
		return (-1);
	}
	t->out->deleter_can_delete = answer_of(how);
	judge_deleter(t, how, &why);
	return (how == DELETED ? 0 : 1);
}
