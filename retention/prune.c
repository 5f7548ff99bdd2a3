/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One prune, step by step: what the endpoints say, the plan, removal entries,
 * the sweep of local state, DELETEs. Each step is durable before the next, and
 * looks at what an earlier run may have left.
 */
#include "retention/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/replicate.h"
#include "repository/spool.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_claims.h"
#include "repository/state_sweep.h"
#include "retention/at_each.h"
#include "retention/plan_limits.h"
#include "retention/policy_log.h"
#include "retention/reap.h"
#include "retention/relist.h"
#include "retention/repack.h"

/* No upload takes longer. */
#define FORGET_S     86400
#define LOCK_TRIES   10
#define LOCK_WAIT_MS 100

struct run {
	struct repo *r;
	const struct prune_conf *conf;
	struct prune_result *out;
	int lock;
	uint64_t told; /* the newest entry that tells of what goes */
	struct plan plan;
};

static void
run_free(struct run *x)
{
	plan_free(&x->plan);
	scope_close(&x->lock);
}

void
prune_result_free(struct prune_result *out)
{
	free(out->v);
	out->v = NULL;
	out->n = 0;
}

/* --- alone --- */

/* Who tidies the spool up holds it for a moment. */
static int
take_lock(struct run *x, struct err *e)
{
	SCOPED(scope_free)
	char *path = file_join(x->r->settings->state, REPO_PRUNE_LOCK);

	if (x->r->epoch == 0)
		return (err_set(e, ERR_REFUSED,
		    "this repository is read-only here: only its writer may prune it"));
	for (unsigned i = 0; (x->lock = file_lock(path, e)) < 0; i++) {
		if (e->kind != ERR_LOCKED)
			return (-1);
		if (i == LOCK_TRIES)
			return (err_set(
			    e, ERR_LOCKED, "another prune is under way here"));
		err_clear(e);
		if (clock_sleep_ms(LOCK_WAIT_MS, e) < 0)
			return (-1);
	}
	return (0);
}

/* --- what the endpoints say --- */

static int
look_at(struct repo *r, size_t i, void *arg, struct err *e)
{
	const struct run *x = arg;

	return (relist(r, &r->endpoints[i], x->conf->dry_run, e));
}

static bool
ends_all(enum err_kind kind)
{
	return (kind == ERR_TAKEN_OVER || kind == ERR_REFUSED ||
	    kind == ERR_STOPPED);
}

/* An endpoint that is away is pruned when it is back; one that says that we may
 * not, or that shows what can't be read, ends it for all. */
static int
look_at_all(struct run *x, struct err *e)
{
	struct err errors[SETTINGS_ENDPOINTS_MAX];
	bool all[SETTINGS_ENDPOINTS_MAX];
	struct repo *r = x->r;
	size_t asked = 0;

	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++)
		all[i] = true;
	progress_phase(r->progress, "look", 0);
	at_each(r, all, look_at, x, errors);
	x->out->nendpoints = r->nendpoints;
	for (size_t i = 0; i < r->nendpoints; i++) {
		struct prune_endpoint *at = &x->out->at[i];

		at->ep = &r->endpoints[i];
		at->was_asked = errors[i].kind == ERR_NONE;
		at->error = errors[i];
		asked += at->was_asked;
		if (ends_all(errors[i].kind)) {
			*e = errors[i];
			return (-1);
		}
	}
	if (asked > 0)
		return (0);
	*e = errors[0];
	if (e->kind == ERR_MISSING) /* a folder that is not mounted */
		e->kind = ERR_NETWORK;
	return (err_within(e, "no endpoint answers"));
}

/* --- the plan --- */

static int
add_decision(struct prune_result *out, const struct plan_branch *b,
    const struct plan_entry *entry)
{
	struct prune_decision *d;

	out->v = mem_grow(out->v, out->n + 1, sizeof(*out->v));
	d = &out->v[out->n++];
	memset(d, 0, sizeof(*d));
	memcpy(d->id, entry->known.id, sizeof(d->id));
	memcpy(d->branch, b->name, sizeof(d->branch));
	memcpy(d->reason, entry->verdict.reason, sizeof(d->reason));
	d->keeps = entry->verdict.keeps;
	return (0);
}

static int
check_limits(const struct run *x, const struct plan_branch *b, struct err *e)
{
	char why[PLAN_WHY_TEXT];
	bool allowed;

	if (x->conf->force)
		return (0);
	if (plan_allows(x->r, b, x->plan.now, &allowed, why, e) < 0)
		return (-1);
	if (allowed)
		return (0);
	err_set(e, ERR_REFUSED, "branch %s: %s", b->name, why);
	return (err_hint(e,
	    "'triplicate prune --dry-run --force' shows what would go; --force does it"));
}

/* --- removals that this machine did not write
 * --------------------------------- */

struct elsewhere {
	size_t n, pinned;
	char first[BACKUP_ID_TEXT];
};

static int
count_elsewhere(const char *backup, const struct state_marks *marks, void *arg,
    struct err *e)
{
	struct elsewhere *x = arg;

	(void)e;
	if (x->n++ == 0)
		(void)snprintf(x->first, sizeof(x->first), "%s", backup);
	x->pinned += marks->pinned;
	return (0);
}

/* Backups of all branches that count, and that our own plan keeps; those others
 * remove are among them. */
static size_t
count_good(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->v[i].n; j++)
			n += p->v[i].v[j].verdict.counts &&
			    p->v[i].v[j].verdict.keeps;
	return (n);
}

/*
 * An endpoint has shown entries that remove backups: another machine's, that
 * was the writer meanwhile, or a thief's of the agent key. Few of them are
 * carried out; many, or one that is pinned, a person has to look at.
 */
static int
check_elsewhere(struct run *x, struct err *e)
{
	const struct settings *s = x->r->settings;
	struct elsewhere found = { .n = 0 };
	size_t good = count_good(&x->plan);

	if (state_each_removed_elsewhere(
		x->r->state, count_elsewhere, &found, e) != 0)
		return (-1);
	if (found.n == 0 || x->conf->force ||
	    (found.pinned == 0 && good >= found.n + s->removal_floor &&
		found.n * 100 <= s->removal_percent * good))
		return (0);
	err_set(e, ERR_REFUSED,
	    "entries of the audit log that this machine did not write remove %zu backups (%s%s), %zu of them pinned",
	    found.n, found.first, found.n > 1 ? ", …" : "", found.pinned);
	return (err_hint(e,
	    "was another machine the writer? 'triplicate audit' shows the entries; nothing is deleted until 'prune --force'"));
}

static int
decide(struct run *x, struct err *e)
{
	if (plan_read(x->r, x->conf->now, &x->plan, e) < 0)
		return (-1);
	for (size_t i = 0; i < x->plan.n; i++) {
		const struct plan_branch *b = &x->plan.v[i];

		for (size_t j = b->n; j-- > 0;)
			add_decision(x->out, b, &b->v[j]);
	}
	for (size_t i = 0; i < x->plan.n; i++)
		if (check_limits(x, &x->plan.v[i], e) < 0)
			return (-1);
	return (check_elsewhere(x, e));
}

/* --- removal entries --- */

/* What was decided of it is no longer so. */
static void
keep_after_all(struct run *x, const char *id)
{
	for (size_t i = 0; i < x->out->n; i++) {
		struct prune_decision *d = &x->out->v[i];

		if (strcmp(d->id, id) != 0)
			continue;
		d->keeps = true;
		(void)snprintf(
		    d->reason, sizeof(d->reason), "pinned during this prune");
	}
}

/* The entry, and that the manifest goes, in one transaction; which is also
 * where it is seen whether it was pinned since the plan was made. */
static int
remove_backup(struct run *x, const struct plan_entry *entry, struct err *e)
{
	const struct manifest *m = &entry->backup->m;
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct json *detail = json_object();
	struct state_marks marks;
	uint64_t bytes;

	json_set_string(detail, "reason", entry->verdict.reason);
	json_set_string(detail, "type", m->type);
	json_set_string(detail, "state", m->state);
	json_set_time(detail, "started", m->started);
	json_set_bool(detail, "forced", x->conf->force);
	audit_log_fill(&a, "removal", m->id, m->branch, detail);
	if (stop_check(e) < 0 || (t = state_begin(x->r->state, e)) == NULL ||
	    state_marks_read(t, m->id, &marks, e) < 0)
		return (-1);
	if (marks.pinned) {
		keep_after_all(x, m->id);
		return (0);
	}
	if (audit_log_append(x->r, t, &a, &bytes, e) < 0 ||
	    state_remove_manifest(t, m->id, x->conf->now, e) < 0 ||
	    state_commit(&t, e) < 0)
		return (-1);
	stage_reached("backup removed");
	return (0);
}

/* Only its lock holds it: else it would be renewed for ever. */
static bool
waits_for_lock(const struct plan_entry *entry)
{
	return (entry->verdict.keeps && !entry->verdict.is_chosen &&
	    entry->verdict.until == entry->known.locked_until);
}

static int
carry_out_verdict(struct run *x, const struct plan_entry *entry, struct err *e)
{
	if (!entry->verdict.keeps)
		return (remove_backup(x, entry, e));
	return (state_let_lock_end(x->r->state, entry->known.id,
	    waits_for_lock(entry), x->conf->now, e));
}

static int
remove_backups(struct run *x, struct err *e)
{
	for (size_t i = 0; i < x->plan.n; i++)
		for (size_t j = x->plan.v[i].n; j-- > 0;)
			if (carry_out_verdict(x, &x->plan.v[i].v[j], e) < 0)
				return (-1);
	return (0);
}

/* --- the sweep --- */

static int
fail_unread(const struct state_sweep *sweep, struct err *e)
{
	err_set(e, ERR_REFUSED,
	    "not all is known of what backup %s needs (an index object could not be read), so no pack is deleted",
	    sweep->unread);
	return (err_hint(e,
	    "run 'triplicate verify --repair' when all endpoints can be reached"));
}

/* Files of what goes; one that a crash leaves here is removed when the
 * repository is opened for writing. */
static int
remove_files(struct run *x, const struct state_sweep *sweep, struct err *e)
{
	const char *name = (const char *)sweep->spooled.p;

	for (uint64_t i = 0; i < sweep->files; i++) {
		SCOPED(scope_free)
		char *path = spool_path(x->r->state, name);

		if (path != NULL && file_remove(path, e) < 0)
			return (-1);
		name += strlen(name) + 1;
	}
	return (0);
}

static int
sweep(struct run *x, struct err *e)
{
	SCOPED(state_sweep_free)
	struct state_sweep s = { .now = x->conf->now,
		.grace_s = x->r->settings->prune_grace_s };
	uint64_t dead;

	if (state_claims_clean(x->r->state, &dead, e) < 0)
		return (-1);
	if (dead > 0)
		log_info("claims of %llu jobs that died are dropped",
		    (unsigned long long)dead);
	stage_reached("before the sweep");
	if (state_sweep(x->r->state, &s, e) < 0)
		return (-1);
	if (s.unread[0] != '\0')
		return (fail_unread(&s, e));
	x->out->waiting = s.condemned;
	x->out->waiting_bytes = s.condemned_bytes;
	stage_reached("swept");
	return (remove_files(x, &s, e));
}

/* What a dry run can say: all that would be needed by nobody. */
static int
look_ahead(struct run *x, struct err *e)
{
	SCOPED(state_sweep_free)
	struct state_sweep s = { .now = x->conf->now, .only_looks = true };
	SCOPED(scope_free) char(*without)[BACKUP_ID_TEXT] = NULL;

	without = mem_array(x->out->n + 1, sizeof(*without));
	for (size_t i = 0; i < x->out->n; i++)
		if (!x->out->v[i].keeps)
			memcpy(without[s.nwithout++], x->out->v[i].id,
			    sizeof(*without));
	s.without = (const char(*)[BACKUP_ID_TEXT])without;
	if (state_sweep(x->r->state, &s, e) < 0)
		return (-1);
	x->out->packs_removed = s.going;
	x->out->bytes_freed = s.going_bytes;
	return (0);
}

/* --- DELETEs --- */

struct deleting {
	struct run *x;
	struct remover *remover;
	struct reaped *reaped;
};

static int
reap_at(struct repo *r, size_t i, void *arg, struct err *e)
{
	struct deleting *d = arg;

	return (reap(r, d->remover, d->reaped, d->x->told, &d->x->out->at[i],
	    &r->endpoints[i], e));
}

struct counting {
	struct prune_result *out;
};

static int
count_left(const struct state_object *o, void *arg, struct err *e)
{
	struct counting *c = arg;

	(void)e;
	for (size_t i = 0; i < c->out->nendpoints; i++)
		c->out->at[i].left += (o->deleting >> c->out->at[i].ep->number &
		    1);
	return (0);
}

static int
delete_everywhere(struct run *x, struct err *e)
{
	SCOPED(remover_freep) struct remover *m = remover_new(x->r);
	SCOPED(reaped_freep) struct reaped *reaped = reaped_new();
	struct deleting d = { x, m, reaped };
	struct counting c = { x->out };
	struct err errors[SETTINGS_ENDPOINTS_MAX];
	bool asked[SETTINGS_ENDPOINTS_MAX] = { false };

	for (size_t i = 0; i < x->r->nendpoints; i++)
		asked[i] = x->out->at[i].was_asked;
	progress_phase(x->r->progress, "delete", 0);
	at_each(x->r, asked, reap_at, &d, errors);
	reaped_count(reaped, &x->out->packs_removed, &x->out->bytes_freed);
	if (state_each(x->r->state, -1, count_left, &c, e) != 0)
		return (-1);
	for (size_t i = 0; i < x->r->nendpoints; i++) {
		if (errors[i].kind == ERR_NONE)
			continue;
		x->out->at[i].error = errors[i];
		if (ends_all(errors[i].kind)) {
			*e = errors[i];
			return (-1);
		}
	}
	return (0);
}

/* --- all of it --- */

static unsigned
away(const struct run *x)
{
	unsigned bits = 0;

	for (size_t i = 0; i < x->out->nendpoints; i++)
		if (!x->out->at[i].was_asked)
			bits |= 1U << i;
	return (bits);
}

/* What could not be sent goes with the next run, and is told. */
static void
note_unsent(struct run *x, const struct endpoint_report reports[])
{
	for (size_t i = 0; i < x->out->nendpoints; i++)
		if (x->out->at[i].was_asked &&
		    reports[i].error.kind != ERR_NONE)
			x->out->at[i].error = reports[i].error;
}

/* Entries, and what a repack has written. */
static int
send(struct run *x, struct err *e)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = {
		{ .packs = 0 }
	};
	SCOPED(replicate_freep) struct replicate *rep = NULL;
	unsigned all = (1U << x->r->nendpoints) - 1;

	if (x->out->packs_rewritten == 0)
		return (replicate_audit(x->r, away(x), e));
	rep = replicate_start(x->r, all & ~away(x), 0, e);
	if (rep == NULL || replicate_finish(rep, reports, e) < 0)
		return (-1);
	note_unsent(x, reports);
	return (replicate_check(rep, e));
}

static int
carry_out(struct run *x, struct err *e)
{
	struct repack_result repacked;
	uint64_t forgotten;

	if (policy_log_note(x->r, POLICY_LOG_PRUNED, e) < 0 ||
	    remove_backups(x, e) < 0 ||
	    state_highest(x->r->state, &x->told, e) < 0 || sweep(x, e) < 0 ||
	    repack(x->r, &repacked, e) < 0)
		return (-1);
	x->out->packs_rewritten = repacked.packs;
	if (send(x, e) < 0 || delete_everywhere(x, e) < 0)
		return (-1);
	return (state_forget_gone(
	    x->r->state, x->conf->now - FORGET_S, &forgotten, e));
}

int
prune_run(struct repo *r, const struct prune_conf *conf,
    struct prune_result *out, struct err *e)
{
	SCOPED(run_free)
	struct run x = { .r = r, .conf = conf, .out = out, .lock = -1 };

	if ((!conf->dry_run && take_lock(&x, e) < 0) ||
	    look_at_all(&x, e) < 0 || decide(&x, e) < 0)
		return (-1);
	return (conf->dry_run ? look_ahead(&x, e) : carry_out(&x, e));
}
