/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts of an audit flow in, a page flows out: the verdict, what is to be
 * looked at, each branch with its calendar and slots, endpoints, what was
 * deleted, the log, and how to check the signature.
 */
#include "retention/audit_html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "retention/audit_calendar.h"
#include "retention/audit_words.h"
#include "retention/html.h"

static const char style[] =
    ":root{--sans:'Source Sans 3','Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;--serif:Charter,'Bitstream Charter','Source Serif 4',Georgia,serif}\n"
    "*{box-sizing:border-box;print-color-adjust:exact;-webkit-print-color-adjust:exact}\n"
    "body{margin:0;background:#fbfaf7;color:#1f1d1a;font:15px/1.5 var(--sans);font-variant-numeric:tabular-nums}\n"
    "main{max-width:60rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}\n"
    "h1,h2,h3{font-family:var(--serif);font-weight:600;line-height:1.25}\n"
    "h1{font-size:1.65rem;margin:.2rem 0 .6rem}h2{font-size:1.3rem;margin:2.4rem 0 .4rem;border-top:1px solid #d8d4cb;padding-top:1.2rem}\n"
    "h3{font-size:1rem;margin:1.2rem 0 .3rem}\n"
    ".kicker{margin:0;font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;color:#6b675f}\n"
    ".meta{color:#6b675f;font-size:.85rem;margin:.2rem 0}\n"
    ".verdict{border-left:6px solid #4c7a58;padding:.1rem 0 .1rem 1.1rem}.verdict.look{border-color:#b5852b}.verdict.damage{border-color:#a8322a}\n"
    "table{border-collapse:collapse;width:100%;font-size:.86rem;margin:.4rem 0}\n"
    "th{text-align:left;font-weight:600;color:#6b675f;border-bottom:1px solid #b9b4a8;padding:.25rem .6rem .25rem 0}\n"
    "td{border-bottom:1px solid #e6e2d9;padding:.3rem .6rem .3rem 0;vertical-align:top}\n"
    "td.n,th.n{text-align:right}.id{font:.78rem ui-monospace,Menlo,Consolas,monospace;color:#6b675f;white-space:nowrap}.hash{white-space:normal;overflow-wrap:anywhere}td:first-child,td.w{white-space:nowrap}\n"
    ".empty td{color:#6b675f}.lack td{color:#a8322a}.hint{display:block;color:#6b675f;font-size:.82rem}\n"
    ".tag{display:inline-block;min-width:4.4rem;font-size:.75rem;font-weight:600;padding:.05rem .45rem;border:1px solid #b9b4a8;border-radius:3px;text-align:center;color:#4a4741}\n"
    ".tag.warning{border-color:#b5852b;color:#7d5a17;background:#fbf3e0}.tag.damage{border-color:#a8322a;color:#a8322a;background:#faeae8}\n"
    ".count{display:flex;gap:2.2rem;flex-wrap:wrap;margin:.6rem 0 .8rem}.count div{line-height:1.3}\n"
    ".count b{display:block;font:600 1.35rem/1.2 var(--serif)}.count span{font-size:.8rem;color:#6b675f}\n"
    "pre{font:.78rem/1.45 ui-monospace,Menlo,Consolas,monospace;background:#f3f0e9;padding:.7rem .9rem;overflow-wrap:anywhere;white-space:pre-wrap;margin:.4rem 0}\n"
    "footer{margin-top:2.5rem;border-top:1px solid #d8d4cb;padding-top:1rem;font-size:.85rem}\n"
    "@media print{@page{size:A4;margin:15mm 14mm}body{background:#fff;font-size:10pt}main{max-width:none;padding:0}"
    "h2,h3{break-after:avoid}tr,svg,.count,pre,.legend{break-inside:avoid}thead{display:table-header-group}h2{margin-top:1.4rem}.days{flex-wrap:nowrap}.legend{font-size:.72rem}.count{gap:1.4rem}.whole{break-inside:avoid}}\n";

/* --- small parts --- */

static const char *
number(uint64_t n, char out[AUDIT_WORD])
{
	(void)snprintf(out, AUDIT_WORD, "%" PRIu64, n);
	return (out);
}

static void
put_count(struct buf *out, const char *value, const char *of_what)
{
	html_put(out, "<div><b>$</b><span>$</span></div>\n", value, of_what);
}

/* --- the top --- */

static void
put_finding(struct buf *out, const struct finding *one)
{
	html_put(out,
	    "<tr><td><span class=\"tag $\">$</span></td><td>$</td><td>$",
	    audit_severity(one), audit_severity(one), one->subject,
	    one->detail);
	if (one->hint != NULL)
		html_put(out, "<span class=\"hint\">$</span>", one->hint);
	buf_add_string(out, "</td></tr>\n");
}

static void
put_findings(const struct audit_facts *f, struct buf *out)
{
	if (f->findings.n == 0)
		return;
	buf_add_string(out,
	    "<table><thead><tr><th></th><th>where</th><th>what, and what to do</th></tr></thead><tbody>\n");
	for (int state = FINDING_ERROR; state >= FINDING_OK; state--)
		for (size_t i = 0; i < f->findings.n; i++)
			if ((int)f->findings.v[i].state == state)
				put_finding(out, &f->findings.v[i]);
	buf_add_string(out, "</tbody></table>\n");
}

static void
put_top(const struct audit_facts *f, struct buf *out)
{
	char now[AUDIT_WORD], since[AUDIT_WORD];

	audit_moment(NULL, f->now, now);
	html_put(out,
	    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	    "<title>Retention audit, $, $</title>\n<style>\n",
	    f->host, now);
	buf_add_string(out, audit_calendar_style());
	buf_add_string(out, style);
	html_put(out,
	    "</style></head><body><main>\n<header class=\"verdict $\">\n"
	    "<p class=\"kicker\">Triplicate retention audit</p>\n<h1>$</h1>\n"
	    "<p class=\"meta\">$, made on $. The audit before it: $.</p></header>\n",
	    audit_verdict_text(f->verdict), f->sentence, now, f->host,
	    audit_moment(NULL, f->last_audit, since));
}

/* --- branches --- */

/* Why it is kept; until when, where that is a date. */
static void
put_reason(const struct audit_branch *b, const struct plan_entry *entry,
    struct buf *out)
{
	char until[AUDIT_WORD];

	html_put(out, "<td>$", entry->verdict.reason);
	if (!entry->verdict.keeps)
		buf_add_string(out,
		    "<span class=\"hint\">goes with the next prune</span>");
	else if (entry->verdict.until != POLICY_FOREVER &&
	    entry->verdict.slot != POLICY_NO_SLOT)
		html_put(out, "<span class=\"hint\">not before $</span>",
		    audit_until(b->plan->zone, entry, until));
	if (entry->known.is_pinned)
		buf_add_string(out, "<span class=\"hint\">pinned</span>");
	buf_add_string(out, "</td>");
}

static void
put_verified(const struct audit_branch *b, const struct catalog_entry *backup,
    struct buf *out)
{
	char when[AUDIT_WORD];

	audit_moment(b->plan->zone, backup->verified, when);
	if (backup->verified == 0)
		buf_add_string(out, "<td>never</td>");
	else
		html_put(out,
		    "<td class=\"w\">$<span class=\"hint\">$</span></td>", when,
		    backup->verified_depth);
}

static void
put_backup_row(const struct audit_facts *f, const struct audit_branch *b,
    const struct plan_entry *entry, struct buf *out)
{
	char place[AUDIT_WORD], when[AUDIT_WORD], copies[AUDIT_WORD],
	    lacking[AUDIT_LINE];

	html_put(out,
	    "<tr><td>$</td><td>$<br><span class=\"id\">$</span></td><td>$$</td><td>$<span class=\"hint\">$</span></td>",
	    audit_place(entry, place),
	    audit_moment(b->plan->zone, entry->known.started, when),
	    entry->known.id, catalog_state(entry->backup),
	    entry->backup->drilled != 0 ? ", restore proven" : "",
	    audit_copies(f, entry, copies), audit_lacking(f, entry, lacking));
	put_verified(b, entry->backup, out);
	put_reason(b, entry, out);
	buf_add_string(out, "</tr>\n");
}

static void
put_missing_rows(const struct audit_branch *b, struct buf *out)
{
	const struct zone *z = b->plan->zone;
	char ranks[AUDIT_WORD], why[AUDIT_LINE];

	for (size_t i = 0; i < b->nmissing; i++)
		html_put(out,
		    "<tr class=\"$\"><td>$</td><td colspan=\"5\">$</td></tr>\n",
		    b->missing[i].is_young ? "empty" : "lack",
		    audit_ranks(&b->missing[i], ranks),
		    audit_emptiness(z, &b->missing[i], why));
}

static void
begin_backups(struct buf *out, const char *first)
{
	html_put(out,
	    "<table><thead><tr><th>$</th><th>backup</th><th>state</th>"
	    "<th>copies</th><th>verified</th><th>kept as</th></tr></thead><tbody>\n",
	    first);
}

static void
put_slots(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	char n[AUDIT_WORD];

	html_put(out, "<h3>The $ slots</h3>\n", number(b->expected, n));
	begin_backups(out, "slot");
	for (size_t i = 0; i < b->nfilled; i++)
		put_backup_row(f, b, b->filled[i], out);
	put_missing_rows(b, out);
	buf_add_string(out, "</tbody></table>\n");
}

static void
put_others(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	if (b->plan->n == b->nfilled)
		return;
	buf_add_string(out, "<h3>Backups without a slot</h3>\n");
	begin_backups(out, "type");
	for (size_t i = 0; i < b->plan->n; i++)
		if (b->plan->v[i].verdict.slot == POLICY_NO_SLOT)
			put_backup_row(f, b, &b->plan->v[i], out);
	buf_add_string(out, "</tbody></table>\n");
}

static void
put_next(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	char when[AUDIT_WORD], started[AUDIT_WORD];

	if (b->nnext == 0)
		return;
	buf_add_string(out,
	    "<h3>What goes next</h3>\n<table><thead><tr><th>about when</th>"
	    "<th>backup of</th><th>why</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < b->nnext; i++)
		html_put(out,
		    "<tr><td>$</td><td>$<br><span class=\"id\">$</span></td><td>$</td></tr>\n",
		    audit_when_next(f, b->plan->zone, &b->next[i], when),
		    audit_moment(b->plan->zone, b->next[i].entry->known.started,
			started),
		    b->next[i].entry->known.id, b->next[i].reason);
	buf_add_string(out, "</tbody></table>\n");
}

static void
put_counts(const struct audit_branch *b, struct buf *out)
{
	const struct zone *z = b->plan->zone;
	char text[AUDIT_WORD];

	buf_add_string(out, "<div class=\"count\">\n");
	(void)snprintf(text, sizeof(text), "%u of %u", b->present, b->expected);
	put_count(out, text, "slots are filled");
	put_count(out,
	    audit_moment(
		z, b->newest != NULL ? b->newest->known.started : 0, text),
	    "newest that counts");
	put_count(out,
	    audit_moment(
		z, b->oldest != NULL ? b->oldest->known.started : 0, text),
	    "oldest that counts");
	put_count(
	    out, audit_moment(z, b->drilled, text), "last proven restore");
	if (b->ngaps > 0)
		put_count(out, number(b->ngaps, text), "days without a backup");
	buf_add_string(out, "</div>\n");
}

static void
put_branch(
    const struct audit_facts *f, const struct audit_branch *b, struct buf *out)
{
	html_put(out,
	    "<section><h2>Branch $</h2>\n<p class=\"meta\">Keeps $, by days of $.</p>\n",
	    b->plan->name, b->policy, zone_name(b->plan->zone));
	put_counts(b, out);
	if (b->plan->n == 0) {
		buf_add_string(
		    out, "<p>Nothing was ever backed up.</p></section>\n");
		return;
	}
	buf_add_string(out, "<div class=\"days\"><div>\n");
	audit_calendar(f, b, out);
	buf_add_string(out, "</div>\n");
	audit_calendar_legend(out);
	buf_add_string(out, "</div>\n");
	put_slots(f, b, out);
	put_others(f, b, out);
	put_next(f, b, out);
	buf_add_string(out, "</section>\n");
}

/* --- endpoints --- */

static void
put_lock(const struct audit_endpoint *at, struct buf *out)
{
	char n[AUDIT_WORD], when[AUDIT_WORD];

	if (!at->locks)
		buf_add_string(out, "<td>not used</td>");
	else if (at->unlocked > 0)
		html_put(out, "<td>$ objects without one</td>",
		    number(at->unlocked, n));
	else
		html_put(out, "<td>until $</td>",
		    audit_moment(NULL, at->weakest, when));
}

static void
put_endpoint(const struct audit_endpoint *at, struct buf *out)
{
	char n[AUDIT_WORD], all[AUDIT_WORD], bytes[AUDIT_WORD],
	    verified[AUDIT_WORD], entries[AUDIT_WORD];

	number(at->chain->entries, entries);
	html_put(out,
	    "<tr><td>$<span class=\"hint\">$</span></td><td>$ of $<span class=\"hint\">$</span></td><td>$</td>",
	    at->ep->conf->name,
	    !at->chain->reached		    ? "away, not looked at"
		: at->chain->is_rolled_back ? "shows an older state"
					    : "reached",
	    number(at->whole, n),
	    number(at->whole + at->pending + at->damaged + at->missing, all),
	    at->damaged + at->missing > 0 ? "some are damaged"
		: at->pending > 0	  ? "some are on their way"
					  : audit_bytes(at->bytes, bytes),
	    audit_verified(NULL, at->verified, at->verified_depth, verified));
	put_lock(at, out);
	html_put(
	    out, "<td>$</td></tr>\n", at->chain->reached ? entries : "unknown");
}

static void
put_endpoints(const struct audit_facts *f, struct buf *out)
{
	buf_add_string(out,
	    "<section class=\"whole\"><h2>Endpoints</h2>\n<table><thead><tr><th>endpoint</th>"
	    "<th>backups whole there</th><th>all of it verified</th>"
	    "<th>weakest lock</th><th>audit entries whole there</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < f->nendpoints; i++)
		put_endpoint(&f->endpoints[i], out);
	buf_add_string(out, "</tbody></table></section>\n");
}

/* --- the log --- */

static void
put_events(const struct audit_events *events, const char *title,
    const char *what, struct buf *out)
{
	char when[AUDIT_WORD], n[AUDIT_WORD];

	html_put(out, "<h3>$</h3>\n", title);
	if (events->n == 0) {
		buf_add_string(out, "<p>Nothing.</p>\n");
		return;
	}
	html_put(out,
	    "<table><thead><tr><th>when (UTC)</th><th>event</th><th>of</th><th>$</th><th>by</th></tr></thead><tbody>\n",
	    what);
	for (size_t i = 0; i < events->n; i++) {
		const struct audit_event *v = &events->v[i];

		audit_moment(NULL, v->when, when);
		when[16] = '\0'; /* without the zone, which the head names */
		html_put(out,
		    "<tr><td>$</td><td>$</td><td>$ <span class=\"id\">$</span></td><td>$</td><td>$</td></tr>\n",
		    when, v->event, v->branch, v->backup, v->text, v->actor);
	}
	buf_add_string(out, "</tbody></table>\n");
	if (events->left_out > 0)
		html_put(
		    out, "<p>And $ more.</p>\n", number(events->left_out, n));
}

static void
put_log(const struct audit_facts *f, struct buf *out)
{
	char text[AUDIT_WORD], head[65];

	buf_add_string(
	    out, "<section><h2>Audit log</h2>\n<div class=\"count\">\n");
	put_count(out, number(f->chain.entries, text), "entries");
	put_count(out, f->chain.ok ? "whole" : "damaged", "chain");
	put_count(out, audit_moment(NULL, f->chain.when, text), "newest entry");
	put_count(out, audit_moment(NULL, f->last_drill, text),
	    f->last_drill != 0 && !f->last_drill_ok ? "last drill, failed"
						    : "last drill");
	buf_add_string(out, "</div>\n");
	hex_of(f->chain.head.b, sizeof(f->chain.head.b), head);
	if (f->chain.seq > 0)
		html_put(out,
		    "<p class=\"meta\">Head: entry $, SHA-256 <span class=\"id hash\">$</span>. Note it: an endpoint that shows an older state can be told by it.</p>\n",
		    number(f->chain.seq, text), head);
	put_events(&f->deletions, "Deleted since the last audit", "why", out);
	put_events(&f->events, "What else happened since then", "what", out);
	buf_add_string(out, "</section>\n");
}

static void
put_foot(const struct audit_facts *f, struct buf *out)
{
	html_put(out,
	    "<footer><p>Repository <span class=\"id\">$</span>, fingerprint of its root key <span class=\"id\">$</span>.</p>\n"
	    "<p>Written to FILE with <b>-o FILE</b>, this report is signed: FILE.sig holds an Ed25519 signature of its very bytes. "
	    "Compare this key with what <b>triplicate key show</b> prints, put it into signing.pem, and check:</p>\n"
	    "<pre>$openssl pkeyutl -verify -pubin -inkey signing.pem -rawin -in FILE -sigfile FILE.sig</pre></footer>\n"
	    "</main></body></html>\n",
	    f->repository, f->fingerprint, f->pem);
}

void
audit_html(const struct audit_facts *f, struct buf *out)
{
	put_top(f, out);
	put_findings(f, out);
	for (size_t i = 0; i < f->nbranches; i++)
		put_branch(f, &f->branches[i], out);
	put_endpoints(f, out);
	put_log(f, out);
	put_foot(f, out);
}
