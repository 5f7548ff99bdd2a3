/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan, then the chain with its events, then branches and endpoints, each
 * from what was read before it; last what is to be looked at, and the verdict.
 */
#include "retention/audit_facts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "retention/audit_impl.h"

const char *
audit_verdict_text(enum audit_verdict v)
{
	static const char *const words[] = { "well", "look", "damage" };

	return (words[v]);
}

const char *
audit_severity(const struct finding *f)
{
	static const char *const words[] = { "note", "warning", "damage" };

	return (words[f->state]);
}

size_t
audit_count(const struct audit_facts *f, enum finding_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < f->findings.n; i++)
		n += f->findings.v[i].state == state;
	return (n);
}

void
audit_facts_free(struct audit_facts *f)
{
	for (size_t i = 0; i < f->nbranches; i++) {
		free(f->branches[i].filled);
		free(f->branches[i].missing);
		free(f->branches[i].gaps);
	}
	free(f->branches);
	free(f->deletions.v);
	free(f->events.v);
	findings_free(&f->findings);
	plan_free(&f->plan);
	*f = (struct audit_facts){ .now = 0 };
}

/* --- branches --- */

static void
name_branches(struct audit_facts *f)
{
	f->nbranches = f->plan.n;
	f->branches = mem_array(f->plan.n + 1, sizeof(*f->branches));
	for (size_t i = 0; i < f->plan.n; i++)
		f->branches[i].plan = &f->plan.v[i];
}

static void
fill_branch(struct audit_branch *b, int64_t now)
{
	audit_slots_fill(b, now);
	for (size_t i = 0; i < b->plan->n; i++)
		if (b->plan->v[i].backup->drilled > b->drilled)
			b->drilled = b->plan->v[i].backup->drilled;
}

/* --- the whole --- */

static void
fill_heading(struct repo *r, int64_t now, struct audit_facts *f)
{
	f->now = now;
	keys_repo_text(r->keys, f->repository);
	keys_fingerprint(r->keys, f->fingerprint);
	keys_signing_pem(r->keys, f->pem);
	if (gethostname(f->host, sizeof(f->host) - 1) != 0)
		f->host[0] = '\0';
	f->nendpoints = r->nendpoints;
	for (size_t i = 0; i < r->nendpoints; i++) {
		f->endpoints[i].ep = &r->endpoints[i];
		f->endpoints[i].chain = &f->chain.at[i];
	}
}

int
audit_facts_read(
    struct repo *r, int64_t now, struct audit_facts *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	fill_heading(r, now, out);
	if (plan_read(r, now, &out->plan, e) < 0)
		return (-1);
	name_branches(out);
	if (chain_check(
		r, audit_events_take, out, &out->findings, &out->chain, e) < 0)
		return (-1);
	for (size_t i = 0; i < out->nbranches; i++)
		fill_branch(&out->branches[i], now);
	if (audit_endpoints_fill(r, out, e) < 0)
		return (-1);
	audit_judge(r, out);
	out->may_write = r->epoch != 0 && !out->chain.is_behind;
	return (0);
}
