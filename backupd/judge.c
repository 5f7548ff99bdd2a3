/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thresholds of "a sudden mass". One lost file is a finding about the
 * source and the backup of all the rest is good; hundreds lost at once mean
 * that a disk isn't mounted or the wrong folder was named, and then a backup
 * must not push a good one out.
 */
#include "backupd/judge.h"

#include <inttypes.h>
#include <stdio.h>

#define MASS_COUNT    100
#define MASS_PERCENT  1
#define MASS_AT_LEAST 10 /* for the percentage to mean something */

static bool
is_mass(uint64_t lost, uint64_t referenced)
{
	return (lost > MASS_COUNT ||
	    (lost >= MASS_AT_LEAST && lost * 100 > referenced * MASS_PERCENT));
}

const char *
judge_state(const struct judgement *j, char reason[JUDGE_REASON])
{
	reason[0] = '\0';
	if (j->unreadable > 0) {
		(void)snprintf(reason, JUDGE_REASON, "%s%s", j->worst,
		    j->unreadable > 1 ? " (and others, see warnings)" : "");
		return ("incomplete");
	}
	if (!j->is_accepted && is_mass(j->missing_new, j->referenced)) {
		(void)snprintf(reason, JUDGE_REASON,
		    "%" PRIu64 " of %" PRIu64
		    " attachments are newly missing from the filestore: is it mounted, and the right folder?",
		    j->missing_new, j->referenced);
		return ("incomplete");
	}
	if (j->missing + j->mismatched == 0)
		return ("complete");
	(void)snprintf(reason, JUDGE_REASON,
	    "the source lacks %" PRIu64 " attachments (%" PRIu64
	    " of them newly, %" PRIu64
	    " deleted while the backup ran) and has %" PRIu64 " damaged",
	    j->missing, j->missing_new, j->deleted, j->mismatched);
	return ("degraded");
}

uint64_t
judge_new_missing(
    bool has_earlier, uint64_t referenced, uint64_t missing, uint64_t known)
{
	if (!has_earlier)
		return (missing > referenced / 2 ? missing : 0);
	return (missing > known ? missing - known : 0);
}
