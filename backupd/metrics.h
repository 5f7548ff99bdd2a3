/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus text (exposition format 0.0.4) from the documents that other
 * programs read as well. A pure function.
 */
#ifndef BACKUPD_METRICS_H
#define BACKUPD_METRICS_H

#include "backupd/jobs.h"
#include "base/buf.h"

struct metrics_facts {
	const struct json *status, *backups,
	    *storage;		 /* documents of `status`,
				    `list`, `storage`, or NULL */
	const struct json *jobs; /* jobs_list_json's */
	uint64_t counts[JOB_CANCELLED + 1];
	int64_t now;
	uint64_t memory, descriptors; /* of this process */
};
void metrics_text(const struct metrics_facts *f, struct buf *out);

#endif
