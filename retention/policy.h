/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backups of one branch are kept, and why (DESIGN 3.7). A pure function:
 * what is known of the backups flows in, a verdict for each flows out. It reads
 * no clock, no disk and no setting.
 *
 * The rule, over backups that count (complete or degraded, of a scheduled type,
 * with a believable time), in local dates of the zone, by "started":
 *   hourly   of each of the newest hours that have a backup, the newest one (an
 *            hour that comes twice is two);
 *   daily    of each of the newest days that have one, the newest one;
 *   weekly   among those older than the oldest kept daily, without ISO weeks
 *            that contain a kept daily: of each of the newest weeks that have
 *            one, the newest one;
 *   monthly  among those older than the oldest kept so far, without months that
 *            contain a kept one: of each of the newest months, the oldest one;
 *   yearly   the same with years.
 * A period without a backup uses no slot. Besides, keep-within keeps all that
 * are young enough; manual, update, pre-restore and pre-upgrade backups, and
 * incomplete ones, have a lifetime and neither count nor use slots.
 */
#ifndef RETENTION_POLICY_H
#define RETENTION_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/zone.h"
#include "repository/format.h"
#include "repository/keep.h"

#define POLICY_REASON_TEXT 160
#define POLICY_PERIOD_TEXT 16  /* "2026-W46", "2026-11-22T02" */
#define POLICY_LATE_S	   900 /* "started" after it was received */
#define POLICY_FOREVER	   INT64_MAX

struct policy {
	struct keep keep;
	uint64_t keep_within_s; /* 0: not at all */
	uint64_t keep_manual_s, keep_update_s, keep_pre_restore_s,
	    keep_pre_upgrade_s;
	const struct zone *zone; /* of days, weeks, months; the caller's */
};

/* What is known of a backup. */
struct policy_backup {
	char id[BACKUP_ID_TEXT];
	char type[24];
	bool is_whole;	   /* complete or degraded, be it pending; not
			      incomplete */
	bool is_pending;   /* fewer endpoints than the quorum have it: it is
			      kept, and does not count yet */
	int64_t started;   /* as signed */
	int64_t received;  /* the earliest that an endpoint's listing gives for
			      its manifest, else when it was written here */
	uint64_t sequence; /* of its manifest */
	bool is_pinned;
	int64_t locked_until; /* the latest at any endpoint, 0 not locked */
	/*
	 * Its time has to be later than this one, too: the newest "started" of
	 * earlier backups that were removed since, 0 none. Without it, what was
	 * dated back would count as soon as those that show it are gone.
	 */
	int64_t not_before;
};

enum policy_slot {
	POLICY_NO_SLOT,
	POLICY_HOURLY,
	POLICY_DAILY,
	POLICY_WEEKLY,
	POLICY_MONTHLY,
	POLICY_YEARLY
};
#define POLICY_SLOTS 6
const char *policy_slot_text(enum policy_slot slot); /* "daily" */

struct policy_verdict {
	bool is_chosen; /* the rule, keep-within or its lifetime keeps it */
	bool keeps;	/* it stays: chosen, pinned, locked, newest, or its time
			   is in doubt */
	bool counts;	/* for the slots, and as a good backup */
	bool is_doubtful; /* its time breaks the rule of DESIGN 3.7: a finding
			   */
	enum policy_slot slot; /* which it fills */
	unsigned rank;	       /* 1 for the newest of its slot's kind; of
				  several slots, the one that keeps longest */
	char period[POLICY_PERIOD_TEXT]; /* that it stands for */
	int64_t until; /* when its lifetime or lock ends; POLICY_FOREVER when
			  only newer backups (or an unpin) let it go */
	/* "weekly 2 of 4: newest backup of ISO week 2026-W46"; and of one that
	 * goes, why no slot is its own */
	char reason[POLICY_REASON_TEXT];
};

/*
 * Judges all n backups of one branch at a moment. out[i] is of b[i], in
 * whatever order they stand. The newest backup that counts is always kept.
 */
void policy_judge(const struct policy *p, const struct policy_backup *b,
    size_t n, int64_t now, struct policy_verdict *out);

/* Whether so much may go at once. */
struct policy_limits {
	unsigned removal_percent; /* of the counting backups, 0-100 */
	unsigned removal_floor;	  /* so many counting ones must be left */
};
/*
 * Is it safe to carry out the verdicts? before is the policy under which the
 * branch was pruned last (or p itself, when it never was): what would have gone
 * under it day by day until the newest backup came, had every prune been run,
 * is not held against this one. False: why[] says what would go, how many of
 * how many, what to look at (the clock, the keep setting), and that --force
 * does it all the same.
 */
bool policy_allows(const struct policy *p, const struct policy *before,
    const struct policy_limits *limits, const struct policy_backup *b, size_t n,
    int64_t now, char *why, size_t why_bytes);

/*
 * The future: what prune run once a day would leave at a later moment, if the
 * branch goes on being backed up once a day at the local time of day of its
 * newest counting backup. out (allocated, the caller's to free, with *nout
 * entries) holds the real and the expected backups, oldest first, as if already
 * pruned day by day up to then; verdicts[i] is of out[i]; expected ones have an
 * id "YYYYMMDDTHHMMSSZ-expected". Work is bounded: at most 20,000 days.
 * False when "at" lies before now or too far ahead.
 */
struct policy_future {
	size_t n;
	struct policy_backup *b;	 /* owned */
	struct policy_verdict *verdicts; /* owned */
};
bool policy_at(const struct policy *p, const struct policy_backup *b, size_t n,
    int64_t now, int64_t at, struct policy_future *out);
void policy_future_free(struct policy_future *f);

#endif
