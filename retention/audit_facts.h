/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that a retention audit says, gathered into one place from the plan, the
 * chain and local state; audit_text.h, audit_json.h and audit_html.h only put
 * it into words. Nothing is changed.
 *
 * Slots. A policy has as many as it names ("7 daily, 4 weekly, 3 monthly": 14).
 * A period without a backup uses no slot, so a slot is empty for one of two
 * reasons, told apart by what an unbroken series would have filled: one backup
 * a day since the branch's first, pruned day by day. Empty slots that such a
 * series would have filled are missing since the end of the period that it
 * would have filled them with; the others are young: the branch does not go
 * back that far yet. Days without a backup between the oldest kept daily one
 * and now are gaps, whether or not they cost a slot.
 */
#ifndef RETENTION_AUDIT_FACTS_H
#define RETENTION_AUDIT_FACTS_H

#include "repository/findings.h"
#include "retention/chain.h"
#include "retention/plan.h"

#define AUDIT_NEXT_MOST	   8   /* removals that are foretold a branch */
#define AUDIT_NEXT_DAYS	   45  /* so far ahead */
#define AUDIT_EVENTS_MOST  500 /* listed; more are counted */
#define AUDIT_EVENT_TEXT   160
#define AUDIT_VERDICT_TEXT 300

/* A slot with no backup in it; several of one kind that are young are one. */
struct audit_missing {
	enum policy_slot kind;
	unsigned from, to; /* ranks */
	bool is_young;
	char period[POLICY_PERIOD_TEXT]; /* "" when young */
	int64_t since;			 /* the period's end; 0 when young */
};

/* What goes next. */
struct audit_next {
	const struct plan_entry *entry;
	int64_t at; /* about when; not after the audit: with the next prune */
	char reason[POLICY_REASON_TEXT];
};

struct audit_branch {
	const struct plan_branch *plan; /* its n is 0 when nothing was ever
					   backed up */
	char policy[POLICY_REASON_TEXT];
	unsigned expected, present; /* slots */
	size_t nfilled, nmissing, ngaps, nnext;
	const struct plan_entry **filled; /* newest first; owned */
	struct audit_missing *missing;	  /* owned */
	int64_t *gaps; /* local day numbers, newest first; owned */
	struct audit_next next[AUDIT_NEXT_MOST];
	/* That count, by their time; NULL when there is none. */
	const struct plan_entry *oldest, *newest;
	int64_t first; /* when the branch was first backed up, 0 never */
	int64_t drilled, failed; /* last proven restore, last failed try; 0 */
};

struct audit_endpoint {
	const struct endpoint *ep;
	const struct chain_endpoint *chain;
	unsigned whole, pending, damaged, missing; /* backups */
	const struct plan_entry *oldest, *newest;  /* whole there */
	int64_t verified;	 /* when all of it last was, 0 never known */
	char verified_depth[12]; /* how deep */
	bool locks;
	uint64_t unlocked; /* objects of kept backups, without a lock now */
	int64_t weakest;   /* the earliest date of the others, 0 none */
	uint64_t objects, bytes, behind;
	int64_t behind_since;
	int64_t reached; /* when it last answered, before this audit */
};

/* Something that happened since the last audit. */
struct audit_event {
	int64_t when;
	uint64_t seq;
	char event[24], backup[BACKUP_ID_TEXT], branch[64], actor[128];
	char text[AUDIT_EVENT_TEXT]; /* why, what */
	int64_t started;	     /* of a removed backup, 0 not told */
};
struct audit_events {
	size_t n, left_out;
	struct audit_event *v; /* oldest first; owned */
};

enum audit_verdict { AUDIT_WELL, AUDIT_LOOK, AUDIT_DAMAGE };

struct audit_facts {
	int64_t now;
	char repository[33], fingerprint[17], host[64];
	char pem[KEYS_PEM_TEXT]; /* what a signature is checked with */
	enum audit_verdict verdict;
	char sentence[AUDIT_VERDICT_TEXT]; /* the verdict in words */
	struct plan plan;
	struct chain_result chain;
	struct findings findings;
	size_t nbranches, nendpoints;
	struct audit_branch *branches; /* by name; owned */
	struct audit_endpoint endpoints[SETTINGS_ENDPOINTS_MAX];
	int64_t last_audit, last_drill; /* 0 never */
	bool last_drill_ok;
	char last_drill_backup[BACKUP_ID_TEXT];
	struct audit_events deletions, events;
	bool may_write; /* this machine is the writer, and knows its chain */
};

/*
 * Fails: as plan_read and chain_check; never for what is found, which is in
 * findings and makes the verdict.
 */
int audit_facts_read(struct repo *r, int64_t now, struct audit_facts *out,
    struct err *e) MUST_USE;
void audit_facts_free(struct audit_facts *f); /* also a SCOPED releaser */

/* "well", "look", "damage" */
const char *audit_verdict_text(enum audit_verdict v);
/* "note", "warning", "damage" */
const char *audit_severity(const struct finding *f);
/* How many findings of a state. */
size_t audit_count(const struct audit_facts *f, enum finding_state state);

#endif
