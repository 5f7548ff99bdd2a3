/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts of branches and endpoints flow in, findings flow out, and with
 * those of the chain the verdict. Where a schedule says what is to be expected,
 * what is not there is a warning; without one it is a note.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "repository/state_sweep.h"
#include "retention/audit_impl.h"

#define DAY_S	      ((int64_t)86400)
#define BEHIND_MOST_S (2 * DAY_S)
#define VERIFIED_S    (35 * DAY_S)
#define UNSCHEDULED_S (2 * DAY_S)

struct judging {
	struct repo *r;
	struct audit_facts *f;
	const struct audit_branch *b;
	bool has_schedule;
};

/* A warning where a schedule says so, else a note. */
static enum finding_state
weight(const struct judging *j)
{
	return (j->has_schedule ? FINDING_WARNING : FINDING_OK);
}

/* --- branches --- */

static void
judge_newest(struct judging *j)
{
	const struct audit_branch *b = j->b;
	uint64_t gap = audit_schedule_gap(b);
	int64_t most = gap != 0 ? 2 * (int64_t)gap : UNSCHEDULED_S;
	char when[CLOCK_TEXT];

	if (b->newest == NULL) {
		if (j->has_schedule ||
		    b->plan->settings->stage == STAGE_PRODUCTION)
			findings_add(&j->f->findings, weight(j), "newest",
			    "set a schedule, or run backup --type daily: only such backups fill slots",
			    "no backup of a scheduled type is whole");
		return;
	}
	if (j->f->now - b->newest->known.started <= most)
		return;
	clock_text(b->newest->known.started, when);
	findings_add(&j->f->findings, weight(j), "newest",
	    "run backup, and find out why none was made",
	    "the newest backup that counts was made at %s", when);
}

static void
judge_slots(struct judging *j)
{
	const struct audit_branch *b = j->b;
	unsigned missing = 0;
	const char *period = NULL;

	for (size_t i = 0; i < b->nmissing; i++)
		if (!b->missing[i].is_young) {
			missing++;
			if (period == NULL)
				period = b->missing[i].period;
		}
	if (missing > 0)
		findings_add(&j->f->findings, weight(j), "slots",
		    "find out why no backup was made then; what was not made can't be made up",
		    "%u of %u slots are empty, though the branch goes back far enough (%s)",
		    missing, b->expected, period);
}

static void
judge_gaps(struct judging *j)
{
	const struct audit_branch *b = j->b;
	char when[CLOCK_TEXT];

	if (b->ngaps == 0)
		return;
	clock_text(b->gaps[0] * DAY_S, when);
	findings_add(&j->f->findings, weight(j), "gap",
	    "find out why no backup was made then",
	    "%zu day%s without a backup, the last %.10s", b->ngaps,
	    b->ngaps == 1 ? "" : "s", when);
}

static void
judge_entry(struct judging *j, const struct plan_entry *entry)
{
	struct findings *f = &j->f->findings;
	unsigned quorum = j->r->settings->write_quorum;

	if (entry->verdict.is_doubtful)
		findings_warning(f, "time",
		    "set the host's clock; it is kept and counts for nothing",
		    "backup %s: %s", entry->known.id, entry->verdict.reason);
	if (entry->verdict.keeps && entry->known.is_whole &&
	    entry->backup->stored < quorum)
		findings_warning(f, "copies",
		    "run sync, or verify --repair where a copy is damaged",
		    "backup %s is whole at %u of %u endpoints", entry->known.id,
		    entry->backup->stored, quorum);
}

static void
judge_tries(struct judging *j)
{
	const struct audit_branch *b = j->b;
	char when[CLOCK_TEXT];

	if (b->failed != 0 &&
	    (b->newest == NULL || b->failed > b->newest->backup->m.finished)) {
		clock_text(b->failed, when);
		findings_warning(&j->f->findings, "failed",
		    "mend the cause and run backup again",
		    "the last backup, at %s, failed", when);
	}
	if (b->drilled == 0 && b->plan->settings->stage == STAGE_PRODUCTION)
		findings_note(&j->f->findings, "drill",
		    "restore one into a staging branch",
		    "no restore was ever proven");
}

static void
judge_branch(struct judging *j)
{
	const struct audit_branch *b = j->b;
	char subject[80];

	(void)snprintf(subject, sizeof(subject), "branch %.64s", b->plan->name);
	j->f->findings.subject = subject;
	j->has_schedule = audit_schedule_gap(b) != 0;
	for (size_t i = 0; i < b->plan->n; i++)
		judge_entry(j, &b->plan->v[i]);
	if (b->plan->settings != NULL) {
		judge_newest(j);
		judge_slots(j);
		judge_gaps(j);
		judge_tries(j);
	}
	j->f->findings.subject = NULL;
}

/* --- endpoints --- */

static void
judge_locks(struct judging *j, const struct audit_endpoint *at)
{
	if (at->unlocked > 0)
		findings_warning(&j->f->findings, "lock",
		    "run sync: it locks anew what is still needed",
		    "%" PRIu64
		    " object%s of kept backups are not known to be locked",
		    at->unlocked, at->unlocked == 1 ? "" : "s");
}

static void
judge_verified(struct judging *j, const struct audit_endpoint *at)
{
	char when[CLOCK_TEXT];

	if (at->whole == 0 || j->f->now - at->verified <= VERIFIED_S)
		return;
	clock_text(at->verified, when);
	findings_note(&j->f->findings, "verified", "run verify",
	    at->verified == 0 ? "it was never verified as a whole"
			      : "it was last verified as a whole at %s",
	    when);
}

static void
judge_endpoint(struct judging *j, const struct audit_endpoint *at)
{
	struct findings *f = &j->f->findings;
	char subject[80];

	(void)snprintf(
	    subject, sizeof(subject), "endpoint %.64s", at->ep->conf->name);
	f->subject = subject;
	if (at->damaged + at->missing > 0)
		findings_error(f, "copies",
		    "verify --repair heals that from another endpoint",
		    "the copies of %u backup%s are damaged or incomplete there",
		    at->damaged + at->missing,
		    at->damaged + at->missing == 1 ? "" : "s");
	if (at->behind > 0 && j->f->now - at->behind_since > BEHIND_MOST_S)
		findings_warning(f, "behind", "run sync",
		    "%" PRIu64 " object%s have waited for it for %" PRId64
		    " days",
		    at->behind, at->behind == 1 ? "" : "s",
		    (j->f->now - at->behind_since) / DAY_S);
	judge_locks(j, at);
	judge_verified(j, at);
	f->subject = NULL;
}

/* --- removals that this machine did not write --- */

static int
judge_removal(const char *backup, const struct state_marks *marks, void *arg,
    struct err *e)
{
	struct findings *f = arg;

	(void)e;
	(void)marks;
	findings_add(f, FINDING_WARNING, "removal",
	    "was another machine the writer? The next prune carries it out, or asks for --force where there are many",
	    "an entry that this machine did not write removes backup %s, which is here",
	    backup);
	return (0);
}

/* --- the verdict --- */

static void
say_well(struct audit_facts *f)
{
	unsigned expected = 0, present = 0;

	for (size_t i = 0; i < f->nbranches; i++)
		if (f->branches[i].plan->n > 0) {
			expected += f->branches[i].expected;
			present += f->branches[i].present;
		}
	(void)snprintf(f->sentence, sizeof(f->sentence),
	    "All is well: %u of %u slots are filled%s, and the audit log of %" PRIu64
	    " entries is whole here and at every endpoint.",
	    present, expected,
	    present < expected ? " and the others are not due yet" : "",
	    f->chain.entries);
}

static void
give_verdict(struct audit_facts *f)
{
	size_t damage = audit_count(f, FINDING_ERROR);
	size_t warnings = audit_count(f, FINDING_WARNING);

	if (damage > 0) {
		f->verdict = AUDIT_DAMAGE;
		(void)snprintf(f->sentence, sizeof(f->sentence),
		    "Damage was found: %zu thing%s to be mended.", damage,
		    damage == 1 ? " is" : "s are");
	} else if (warnings > 0) {
		f->verdict = AUDIT_LOOK;
		(void)snprintf(f->sentence, sizeof(f->sentence),
		    "No damage was found; %zu thing%s to be looked at.",
		    warnings, warnings == 1 ? " is" : "s are");
	} else {
		f->verdict = AUDIT_WELL;
		say_well(f);
	}
}

void
audit_judge(struct repo *r, struct audit_facts *f)
{
	struct judging j = { .r = r, .f = f };
	struct err ignored = ERR_INIT;

	f->findings.subject = "audit log";
	if (state_each_removed_elsewhere(
		r->state, judge_removal, &f->findings, &ignored) != 0)
		findings_add(&f->findings, FINDING_WARNING, "removal", NULL,
		    "%s", ignored.text);
	f->findings.subject = NULL;

	for (size_t i = 0; i < f->nbranches; i++) {
		j.b = &f->branches[i];
		judge_branch(&j);
	}
	for (size_t i = 0; i < f->nendpoints; i++)
		judge_endpoint(&j, &f->endpoints[i]);
	give_verdict(f);
}
