/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What folder_sink.c (before the swap) and folder_sink_finish.c (after it)
 * share.
 */
#ifndef RESTORE_FOLDER_SINK_IMPL_H
#define RESTORE_FOLDER_SINK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "restore/folder_sink.h"
#include "restore/owners.h"
#include "restore/paths_file.h"

#define FOLDER_SINK_TEMPORARY ".triplicate-" /* then the id, "-", a number */

struct folder_sink {
	struct folder_sink_conf conf;
	int root;
	struct keyset *wanted; /* paths of the backup */
	struct owners owners;
	int added, replace; /* lists */
	atomic_ulong temporaries;
	pthread_mutex_t lock;
	struct folder_sink_totals
	    totals; /* guarded by lock while threads run */
};

bool folder_sink_has_kind(const struct tree_entry *t);

#endif
