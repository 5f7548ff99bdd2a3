/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What filestore.c (before the swap) and filestore_finish.c (after it) share.
 */
#ifndef RESTORE_FILESTORE_IMPL_H
#define RESTORE_FILESTORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "restore/filestore.h"
#include "restore/owners.h"
#include "restore/paths_file.h"

#define FILESTORE_TEMPORARY ".triplicate-" /* then the id, "-", a number */

struct filestore {
	struct filestore_conf conf;
	int root;
	struct keyset *wanted; /* paths of the backup */
	struct owners owners;
	int added, replace; /* lists */
	atomic_ulong temporaries;
	pthread_mutex_t lock;
	struct filestore_totals totals; /* guarded by lock while threads run */
};

bool filestore_has_kind(const struct tree_entry *t);

#endif
