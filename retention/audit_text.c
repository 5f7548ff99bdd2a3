/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts of an audit flow in, lines flow out, the verdict first. Texts from
 * outside are made fit for a line where the facts are gathered; names of
 * branches and endpoints are what the configuration allows.
 */
#include "retention/audit_text.h"

#include <inttypes.h>
#include <string.h>

#include "retention/audit_words.h"

static void
put_findings(const struct audit_facts *f, struct buf *out)
{
	for (int state = FINDING_ERROR; state >= FINDING_OK; state--)
		for (size_t i = 0; i < f->findings.n; i++) {
			const struct finding *one = &f->findings.v[i];

			if ((int)one->state != state)
				continue;
			buf_printf(out, "  %-8s %s: %s\n", audit_severity(one),
			    one->subject, one->detail);
			if (one->hint != NULL)
				buf_printf(out, "           %s\n", one->hint);
		}
}

/* --- branches --- */

static void
put_backup(const struct audit_facts *f, const struct audit_branch *b,
    const struct plan_entry *entry, struct buf *out)
{
	const struct zone *z = b->plan->zone;
	char place[AUDIT_WORD], when[AUDIT_WORD], copies[AUDIT_WORD],
	    until[AUDIT_WORD], lacking[AUDIT_LINE];

	audit_lacking(f, entry, lacking);
	buf_printf(out,
	    "    %-12s %s  %s  %-10s %s copies%s%s%s, %s%s, until %s\n",
	    audit_place(entry, place),
	    audit_moment(z, entry->known.started, when), entry->known.id,
	    catalog_state(entry->backup), audit_copies(f, entry, copies),
	    lacking[0] != '\0' ? " (" : "", lacking,
	    lacking[0] != '\0' ? ")" : "",
	    entry->backup->verified != 0 ? "verified" : "not verified",
	    entry->known.is_pinned ? ", pinned" : "",
	    audit_until(z, entry, until));
}

static void
put_missing(const struct audit_branch *b, struct buf *out)
{
	const struct zone *z = b->plan->zone;
	char ranks[AUDIT_WORD], why[AUDIT_LINE];

	for (size_t i = 0; i < b->nmissing; i++)
		buf_printf(out, "    %-12s %s\n",
		    audit_ranks(&b->missing[i], ranks),
		    audit_emptiness(z, &b->missing[i], why));
}

static void
put_others(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < b->plan->n; i++) {
		if (b->plan->v[i].verdict.slot != POLICY_NO_SLOT)
			continue;
		if (!any)
			buf_add_string(out, "  without a slot\n");
		any = true;
		put_backup(f, b, &b->plan->v[i], out);
	}
}

static void
put_gaps(const struct audit_branch *b, struct buf *out)
{
	char day[AUDIT_WORD];

	if (b->ngaps == 0)
		return;
	buf_add_string(out, "  days without a backup:");
	for (size_t i = 0; i < b->ngaps && i < 10; i++)
		buf_printf(out, " %s", audit_day(b->gaps[i], day));
	if (b->ngaps > 10)
		buf_printf(out, " and %zu more", b->ngaps - 10);
	buf_add_string(out, "\n");
}

static void
put_next(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	char when[AUDIT_WORD];

	if (b->nnext > 0)
		buf_add_string(out, "  next to go\n");
	for (size_t i = 0; i < b->nnext; i++)
		buf_printf(out, "    %-21s %s  %s\n",
		    audit_when_next(f, b->plan->zone, &b->next[i], when),
		    b->next[i].entry->known.id, b->next[i].reason);
}

static void
put_branch(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	char oldest[AUDIT_WORD], newest[AUDIT_WORD], drilled[AUDIT_WORD];
	const struct zone *z = b->plan->zone;

	buf_printf(out, "\nbranch %s: keeps %s, by days of %s\n", b->plan->name,
	    b->policy, zone_name(z));
	buf_printf(
	    out, "  %u of %u slots are filled\n", b->present, b->expected);
	if (b->oldest != NULL)
		buf_printf(out, "  oldest %s, newest %s, restore proven %s\n",
		    audit_moment(z, b->oldest->known.started, oldest),
		    audit_moment(z, b->newest->known.started, newest),
		    audit_moment(z, b->drilled, drilled));
	for (size_t i = 0; i < b->nfilled; i++)
		put_backup(f, b, b->filled[i], out);
	put_missing(b, out);
	put_others(f, b, out);
	put_gaps(b, out);
	put_next(f, b, out);
}

/* --- endpoints --- */

static void
put_endpoint(const struct audit_facts *f, const struct audit_endpoint *at,
    struct buf *out)
{
	char bytes[AUDIT_WORD], verified[AUDIT_WORD], lock[AUDIT_WORD];

	(void)f;
	buf_printf(out, "\nendpoint %s: %s\n", at->ep->conf->name,
	    at->chain->reached ? "reached" : "away, not looked at");
	buf_printf(out,
	    "  backups: %u whole, %u pending, %u damaged, %u with something missing; %s\n",
	    at->whole, at->pending, at->damaged, at->missing,
	    audit_bytes(at->bytes, bytes));
	if (at->chain->reached)
		buf_printf(out,
		    "  audit log: %" PRIu64 " entries whole, newest %" PRIu64
		    "\n",
		    at->chain->entries, at->chain->newest);
	buf_printf(out, "  all of it verified: %s\n",
	    audit_verified(NULL, at->verified, at->verified_depth, verified));
	if (at->locks)
		buf_printf(out,
		    "  locks: %" PRIu64
		    " objects without one, the weakest until %s\n",
		    at->unlocked, audit_moment(NULL, at->weakest, lock));
}

/* --- the log --- */

static void
put_events(
    const struct audit_events *events, const char *title, struct buf *out)
{
	char when[AUDIT_WORD];

	buf_printf(out, "\n%s: %s\n", title, events->n == 0 ? "none" : "");
	for (size_t i = 0; i < events->n; i++) {
		const struct audit_event *v = &events->v[i];

		buf_printf(out, "  %s  %-9s %s%s%s%s%s%s\n",
		    audit_moment(NULL, v->when, when), v->event, v->backup,
		    v->backup[0] != '\0' ? " " : "",
		    v->branch[0] != '\0' ? v->branch : "",
		    v->branch[0] != '\0' ? " " : "",
		    v->text[0] != '\0' ? v->text : "", "");
	}
	if (events->left_out > 0)
		buf_printf(out, "  and %zu more\n", events->left_out);
}

static void
put_chain(const struct audit_facts *f, struct buf *out)
{
	char head[65], when[AUDIT_WORD];

	hex_of(f->chain.head.b, sizeof(f->chain.head.b), head);
	buf_printf(out, "\naudit log: %" PRIu64 " entries, %s\n",
	    f->chain.entries, f->chain.ok ? "whole" : "DAMAGED");
	if (f->chain.seq > 0)
		buf_printf(out, "  newest: %" PRIu64 ", %s\n  head:   %s\n",
		    f->chain.seq, audit_moment(NULL, f->chain.when, when),
		    head);
	buf_printf(out, "  last drill or proven restore: %s%s%s%s\n",
	    audit_moment(NULL, f->last_drill, when),
	    f->last_drill == 0	   ? ""
		: f->last_drill_ok ? ", proven, "
				   : ", FAILED, ",
	    f->last_drill == 0 ? "" : "backup ",
	    f->last_drill == 0 ? "" : f->last_drill_backup);
}

static void
put_foot(const struct audit_facts *f, struct buf *out)
{
	buf_printf(out,
	    "\nrepository %s, fingerprint %s\n"
	    "A report that was written to FILE is signed in FILE.sig (Ed25519). With this\n"
	    "key in signing.pem, as 'triplicate key show' prints it:\n%s"
	    "  openssl pkeyutl -verify -pubin -inkey signing.pem -rawin -in FILE -sigfile FILE.sig\n",
	    f->repository, f->fingerprint, f->pem);
}

void
audit_text(const struct audit_facts *f, struct buf *out)
{
	char when[AUDIT_WORD], since[AUDIT_WORD];

	buf_printf(out, "%s\n\nretention audit of %s, %s\n", f->sentence,
	    f->host, audit_moment(NULL, f->now, when));
	put_findings(f, out);
	for (size_t i = 0; i < f->nbranches; i++)
		put_branch(f, &f->branches[i], out);
	for (size_t i = 0; i < f->nendpoints; i++)
		put_endpoint(f, &f->endpoints[i], out);
	put_chain(f, out);
	buf_printf(out, "\nlast audit: %s\n",
	    audit_moment(NULL, f->last_audit, since));
	put_events(&f->deletions, "deleted since then", out);
	put_events(&f->events, "what else happened", out);
	put_foot(f, out);
}
